# The platform in an image: the packages of requirements/runtime.txt and the wheel, nothing of the
# checkout. What it writes is in /var/lib/fastfeast. See docs/guides/operate.md.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/fastfeast && python -m venv /opt/build
COPY requirements/ requirements/
RUN /opt/fastfeast/bin/python -m pip install --no-deps --only-binary :all: --require-hashes --requirement requirements/runtime.txt \
    && /opt/build/bin/python -m pip install --no-deps --only-binary :all: --require-hashes --requirement requirements/build.txt
COPY pyproject.toml setup.py README.md dagster.yaml workspace.yaml ./
COPY deploy/package/ deploy/package/
COPY dbt_project/ dbt_project/
COPY fastfeast_assets/ fastfeast_assets/
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/dist . \
    && /opt/fastfeast/bin/python -m pip install --no-deps /tmp/dist/*.whl

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 fastfeast \
    && useradd --uid 10001 --gid fastfeast --create-home --shell /usr/sbin/nologin fastfeast \
    && install -d -o fastfeast -g fastfeast -m 0700 /var/lib/fastfeast
COPY --from=build /opt/fastfeast /opt/fastfeast
ENV PATH=/opt/fastfeast/bin:$PATH FASTFEAST_HOME=/var/lib/fastfeast PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/fastfeast
VOLUME /var/lib/fastfeast
EXPOSE 3000
# Of the console; a command that ends, such as `ingest`, is not asked.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:3000/server_info', timeout=5)"]
ENTRYPOINT ["fastfeast"]
CMD ["dev", "--host", "0.0.0.0"]
