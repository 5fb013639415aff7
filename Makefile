# Everything a developer or an operator types; `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
STAMP := .venv/.installed
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder
DEBIAN := /usr/lib/postgresql/15/bin/postgres /usr/sbin/pgbouncer /usr/sbin/nginx /usr/bin/htpasswd /usr/bin/chromium
# As root, or as a person who may become it.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
APT := $(AS_ROOT) apt-get update --quiet && $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends
SOURCES := fastfeast_assets fastfeast_assets_tests bench deploy/package setup.py
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header

.PHONY: help
help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: $(STAMP) .env dbt_project/target/manifest.json  ## Make .venv from the lock and .env with a random key

$(STAMP): requirements/lock.txt pyproject.toml
	@echo "Installing pinned packages into .venv (a minute or two the first time) ..."
	python3 -m venv .venv
	$(BIN)/python -m pip install -qq --no-deps --require-hashes --requirement requirements/lock.txt
	$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

.env: .env.example
	@test -f $@ || { umask 077; sed "s/^FASTFEAST_PII_KEY=$$/FASTFEAST_PII_KEY=$$(python3 -c 'import secrets; print(secrets.token_hex(32))')/" $< > $@; echo "Wrote .env with a random PII key."; }
	@touch $@

dbt_project/target/manifest.json: $(STAMP) $(shell find dbt_project -name '*.sql' -o -name '*.yml' -not -path '*/target/*' 2>/dev/null)
	@$(BIN)/dbt --quiet parse --project-dir dbt_project --profiles-dir dbt_project

.PHONY: demo
demo: setup  ## One simulated day through everything, with a summary
	@$(BIN)/fastfeast demo

.PHONY: dev
dev: setup  ## The operators' console: dagster dev on http://127.0.0.1:3000
	@$(BIN)/fastfeast dev

.PHONY: lint
lint: setup  ## Style, types, SQL, architecture, contracts, licences, image, definitions
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m fastfeast_assets.contracts.generate --check
	$(BIN)/python deploy/package/licences.py --check
	$(BIN)/hadolint Dockerfile
	@ls fastfeast_assets/contracts/sources/*.odcs.yaml | xargs -P 2 -I{} sh -c 'out=$$($(BIN)/datacontract lint {} 2>&1) || { echo "$$out"; exit 255; }'
	$(BIN)/sqlfluff lint --processes 2 --config dbt_project/.sqlfluff dbt_project/models dbt_project/tests
	$(BIN)/dbt --quiet --warn-error parse --no-partial-parse --project-dir dbt_project --profiles-dir dbt_project
	@# In a home of its own: with dagster.yaml it would start the server.
	home=$$(mktemp -d) && DAGSTER_HOME=$$home $(BIN)/dagster definitions validate --workspace workspace.yaml && rm -r $$home

.PHONY: format
format: setup  ## Format Python and SQL
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/sqlfluff fix --config dbt_project/.sqlfluff dbt_project/models dbt_project/tests

.PHONY: generate
generate: setup  ## Render what comes from the contracts (dbt sources, data dictionary)
	$(BIN)/python -m fastfeast_assets.contracts.generate

.PHONY: snapshot
snapshot: setup  ## Write the list of assets, checks, jobs, schedules and sensors again
	UPDATE_SNAPSHOT=1 $(BIN)/pytest --quiet fastfeast_assets_tests/dagster/test_real_definitions.py -k snapshot

.PHONY: test
test: lint  ## Lint, types and every test but those of test-all
	$(BIN)/pytest $(PARALLEL) -m "not (long or debian15 or browser or kill)"

.PHONY: test-fast
test-fast: setup  ## The tests that need no database, in about a minute
	$(BIN)/pytest -n 2 --quiet fastfeast_assets_tests/unit

.PHONY: test-all
test-all: test $(DEBIAN)  ## Also long ones, kills, and Debian's PostgreSQL 15, PgBouncer, nginx and Chromium (installed if missing)
	$(BIN)/pytest $(PARALLEL) -m "long or debian15"
	$(BIN)/pytest -m "kill or browser"

.PHONY: test-kill
test-kill: setup  ## Kill consoles and ingestions at work, as often as FASTFEAST_KILLS and FASTFEAST_CONSOLE_KILLS say
	$(BIN)/pytest -m kill

.PHONY: test-histories
test-histories: setup  ## A hundred random histories against references that forget nothing, for an hour
	FASTFEAST_HISTORIES=100 $(BIN)/pytest -n 2 fastfeast_assets_tests/property/test_laws.py fastfeast_assets_tests/property/test_history.py

.PHONY: release-fixture
release-fixture: setup  ## Keep the warehouse of this version, by which later ones are tried; when it is released
	$(BIN)/python -m fastfeast_assets_tests.releases.make

.PHONY: screenshots
screenshots: setup /usr/bin/chromium  ## Take the pictures of docs/images again
	SCREENSHOTS_TO=docs/images $(BIN)/pytest -m browser

/usr/lib/postgresql/15/bin/postgres:
	$(APT) postgresql-15

/usr/sbin/pgbouncer:
	$(APT) pgbouncer

/usr/sbin/nginx:
	$(APT) nginx-light

/usr/bin/htpasswd:
	$(APT) apache2-utils

/usr/bin/chromium:
	$(APT) chromium fonts-liberation

.PHONY: wheel
wheel: setup  ## Build dist/fastfeast_assets-*.whl, which holds all that running needs
	@# What an earlier build left would go along.
	rm -rf build
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

.PHONY: sbom
sbom: setup  ## Write dist/fastfeast.cdx.json, the bill of materials (CycloneDX) of the runtime lock
	$(BIN)/python deploy/package/sbom.py dist/fastfeast.cdx.json

.PHONY: licences
licences: setup  ## List the licences of what the runtime lock installs
	$(BIN)/python deploy/package/licences.py

.PHONY: lock
lock: $(STAMP)  ## Pin packages from pyproject.toml, keeping versions; UPGRADE=--upgrade takes new ones
	$(COMPILE) $(UPGRADE) --all-extras --output-file requirements/lock.txt pyproject.toml
	$(COMPILE) --extra s3 --constraint requirements/lock.txt --output-file requirements/runtime.txt pyproject.toml
	echo 'setuptools>=75' | $(COMPILE) --constraint requirements/lock.txt --output-file requirements/build.txt -
