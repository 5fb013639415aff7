"""The dbt command as a child that does not outlive the process which started it.

Belongs here: the console script `fastfeast-dbt`, which becomes dbt. Nothing is imported that takes
time: it is started at every transform.
"""

import os
import signal
import sys
from pathlib import Path

# linux/prctl.h: the signal that a process gets when its parent ends; what it becomes keeps it.
PR_SET_PDEATHSIG = 1
SECRETS = (
    "FASTFEAST_PII_KEY",
    "FASTFEAST_PII_KEY_PREVIOUS",
    "FASTFEAST_WAREHOUSE_URL",
    "FASTFEAST_DAGSTER_URL",
)


def main() -> None:
    """Become dbt with the same arguments; on Linux it is killed when its parent ends.

    Elsewhere, and for what is left of a killed transform on the server, `ops.hold_transform` sees
    to it that no further model is built.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # Nothing that dbt does needs them.
    for name in SECRETS:
        os.environ.pop(name, None)
    dbt = Path(sys.executable).parent / "dbt"
    os.execv(dbt, [os.fspath(dbt), *sys.argv[1:]])  # noqa: S606 - no shell is wanted
