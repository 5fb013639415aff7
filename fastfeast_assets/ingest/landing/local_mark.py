"""The id that lies in a landing zone on a disk: reading it, and putting it there.

It goes where the zone goes, and every home that sees the zone sees it.
"""

from __future__ import annotations

import os
import stat
import tempfile

from fastfeast_assets.ingest.landing.identity import MARK_FILE, IdentityUnreadableError
from fastfeast_assets.settings import LANDING_ID, LANDING_ID_TERMS

LONGEST = 4096
EVERYBODY_READS = 0o644
ABOUT = """\
# The line above tells this landing zone from others: a warehouse takes files from its own alone.
# Keep it when the zone moves. Take it out of a copy that is to be a zone of its own.
"""


def read_mark(root: str) -> str | None:
    """The id in a directory; None where there is none.

    Raises:
        IdentityUnreadableError: What stands there is none, or may not be read.
    """
    path = os.path.join(root, MARK_FILE)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            text = stream.read(LONGEST) if is_file else b""
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}; grant read access to a file of its own"
        raise IdentityUnreadableError(problem) from error
    mark = text.partition(b"\n")[0].decode("ascii", "replace").strip()
    if LANDING_ID.fullmatch(mark) is None:
        raise IdentityUnreadableError(
            f"{path} holds no id of a landing zone ({LANDING_ID_TERMS}): restore its first line,"
            " which `landing` in ops.identity tells, or take the file away"
        )
    return mark


def leave_mark(root: str, mark: str) -> bool:
    """Put an id into a directory that has none, all of it or nothing.

    Returns:
        Whether an id lies there now, this one or one that somebody was quicker with.
    """
    try:
        descriptor, fresh = tempfile.mkstemp(dir=root, prefix=f"{MARK_FILE}.")
    except OSError:
        return False
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            os.fchmod(descriptor, EVERYBODY_READS)
            stream.write(f"{mark}\n{ABOUT}")
            stream.flush()
            os.fsync(descriptor)
        # Unlike a rename, this never takes the place of another one.
        os.link(fresh, os.path.join(root, MARK_FILE))
    except FileExistsError:
        return True
    except OSError:
        return False
    finally:
        os.unlink(fresh)
    return True
