"""Retention as a job: the command `fastfeast prune`, recorded as a run."""

import os
import subprocess
import sys

import dagster as dg

from fastfeast_assets.assets.resources import Platform
from fastfeast_assets.automation.jobs import RETENTION_JOB

COMMAND = ("-m", "fastfeast_assets.cli", "prune", "--yes")
OUTPUT_CHARACTERS = 5000


def build_retention_job() -> dg.JobDefinition:
    """The job of one step; it fails when something could not be pruned."""

    @dg.op(description="Take out what is old: raw months, settled quarantine, attempts, runs.")
    def prune(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
        settings = platform.settings
        places = {
            "FASTFEAST_HOME": str(settings.home),
            "FASTFEAST_LANDING": str(settings.landing),
        }
        done = subprocess.run(  # noqa: S603
            [sys.executable, *COMMAND],
            env={**os.environ, **places},
            capture_output=True,
            text=True,
            check=False,
        )
        output = (done.stdout + done.stderr)[-OUTPUT_CHARACTERS:]
        context.log.info(output)
        if done.returncode:
            raise dg.Failure(f"fastfeast prune ended with {done.returncode}: {output}")

    @dg.job(name=RETENTION_JOB, description="Old rows, attempts and runs leave.")
    def retention() -> None:
        prune()

    return retention
