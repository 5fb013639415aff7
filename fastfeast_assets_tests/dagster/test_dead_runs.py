"""A run that does not prove that it lives is failed; one that does is left alone."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import LiteralString

import dagster as dg
import psycopg
import pytest

from fastfeast_assets.automation import dead_runs
from fastfeast_assets.automation.claims import COMMAND_TAG
from fastfeast_assets.automation.dead_runs import close_dead_runs, has_unfinished_runs
from fastfeast_assets.automation.ingest import ingest_pending
from fastfeast_assets.automation.instance import open_instance
from fastfeast_assets.automation.proof import APPLICATION_NAME, Proof
from fastfeast_assets.automation.storage import ProvedRunStorage, ProvingRunLauncher
from fastfeast_assets.settings import Settings
from fastfeast_assets.warehouse.server import dagster_storage_url
from fastfeast_assets_tests.waiting import until

STARTED = dg.DagsterRunStatus.STARTED
FAILURE = dg.DagsterRunStatus.FAILURE
END = (
    "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
    " where application_name = %s and datname = current_database()"
)
AGE = (
    "update runs set update_timestamp = (now() at time zone 'utc') - interval '51 s'"
    " where run_id = any(%s)"
)


@dg.op
def look(context: dg.OpExecutionContext) -> None:
    """Tell who lives, from within a run."""
    alive = storage_of(context.instance).living([context.run_id])
    context.add_output_metadata({"lives": context.run_id in alive})


@dg.job
def looking() -> None:
    """A job without any resource of the platform."""
    look()


@pytest.fixture
def kept(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance of the settings: what it knows is in PostgreSQL."""
    with open_instance(settings) as instance:
        yield instance


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_runs, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(dead_runs, "LOOK_SECONDS", 0.1)


def storage_of(instance: dg.DagsterInstance) -> ProvedRunStorage:
    storage = instance.run_storage
    assert isinstance(storage, ProvedRunStorage)
    return storage


def run_of(
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus = STARTED,
    tags: dict[str, str] | None = None,
) -> str:
    """A run that counts as being at work and that nobody executes."""
    return instance.create_run_for_job(looking, status=status, tags=tags).run_id


def status_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def execute(settings: Settings, statement: LiteralString, values: Sequence[object]) -> int:
    """How many rows a statement on Dagster's storage is about."""
    with psycopg.connect(dagster_storage_url(settings), autocommit=True) as connection:
        return connection.execute(statement, values).rowcount


def test_any_run_proves_that_it_lives_until_it_ends(kept: dg.DagsterInstance) -> None:
    result = looking.execute_in_process(instance=kept)
    (output,) = [event for event in result.all_events if event.is_successful_output]
    assert output.step_output_data.metadata["lives"].value is True
    assert storage_of(kept).living([result.run_id]) == set()


@pytest.mark.usefixtures("impatient")
def test_a_silent_run_is_failed_and_one_that_lives_is_not(
    settings: Settings, kept: dg.DagsterInstance
) -> None:
    dead, alive = run_of(kept), run_of(kept)
    proof = Proof(dagster_storage_url(settings), alive)
    proof.hold()
    told: list[str] = []
    close_dead_runs(kept, on_wait=told.append)
    assert (status_of(kept, dead), status_of(kept, alive)) == (FAILURE, STARTED)
    assert len(told) == 1
    proof.release()
    assert has_unfinished_runs(settings)
    close_dead_runs(kept)
    assert status_of(kept, alive) == FAILURE
    assert not has_unfinished_runs(settings)


@pytest.mark.usefixtures("impatient")
def test_each_status_comes_to_its_end(settings: Settings, kept: dg.DagsterInstance) -> None:
    status = dg.DagsterRunStatus
    canceling = run_of(kept, status.CANCELING)
    young, old = run_of(kept, status.STARTING), run_of(kept, status.STARTING)
    created = run_of(kept, status.NOT_STARTED)
    assert execute(settings, AGE, [[old, created]]) == 2
    close_dead_runs(kept)
    assert status_of(kept, canceling) == status.CANCELED
    assert status_of(kept, old) == status_of(kept, created) == FAILURE
    assert status_of(kept, young) == status.STARTING


def test_a_lost_connection_does_not_end_a_proof(
    settings: Settings, kept: dg.DagsterInstance
) -> None:
    """As by a restart of the server; the run itself may have noticed nothing."""
    run_id = run_of(kept)
    proof = Proof(dagster_storage_url(settings), run_id)
    proof.hold()
    assert execute(settings, END, [APPLICATION_NAME]) == 1
    until(lambda: storage_of(kept).living([run_id]), "the proof is taken up again", 10)
    proof.release()
    assert storage_of(kept).living([run_id]) == set()


def test_a_killed_process_proves_nothing(settings: Settings, kept: dg.DagsterInstance) -> None:
    run_id = run_of(kept)
    url = dagster_storage_url(settings)
    code = (
        "from fastfeast_assets.automation.proof import Proof\n"
        f"Proof({url!r}, {run_id!r}).hold(); print('held', flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    assert storage_of(kept).living([run_id]) == {run_id}
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    until(lambda: not storage_of(kept).living([run_id]), "the proof ends", 10)


def test_dagsters_monitoring_asks_after_the_proof(
    settings: Settings, kept: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = kept.run_launcher
    assert launcher.supports_check_run_worker_health
    run = kept.get_run_by_id(run_of(kept))
    assert run is not None
    proof = Proof(dagster_storage_url(settings), run.run_id)
    proof.hold()
    assert launcher.check_run_worker_health(run).status.value == "RUNNING"
    proof.release()
    assert launcher.check_run_worker_health(run).status.value == "RUNNING", "it may come back"
    assert isinstance(launcher, ProvingRunLauncher)
    monkeypatch.setattr(launcher._watch, "_patience_seconds", 0.0)
    assert launcher.check_run_worker_health(run).status.value == "NOT_FOUND"


def test_an_ingestion_with_nothing_to_do_closes_what_died_before(
    settings: Settings, kept: dg.DagsterInstance
) -> None:
    """Killed between its last row and the end of its run: nothing is pending, the run is open."""
    settings.landing_directory.mkdir(exist_ok=True)
    dead = run_of(kept, tags=COMMAND_TAG)
    begun = run_of(kept, dg.DagsterRunStatus.NOT_STARTED, COMMAND_TAG)
    assert ingest_pending(settings).is_success
    assert status_of(kept, dead) == status_of(kept, begun) == FAILURE
