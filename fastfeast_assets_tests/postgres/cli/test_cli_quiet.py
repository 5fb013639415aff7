"""What libraries print goes to the log, at every level; what a command prints does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os, pathlib, subprocess, sys
from fastfeast_assets.commands.quiet import quiet
print("before")
try:
    with quiet(pathlib.Path(sys.argv[1])) as terminal:
        os.write(1, b"descriptor\\n")
        print("stream", file=sys.stderr)
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
        terminal.out.write("result\\n")
        terminal.err.write("progress\\n")
        1 / 0
except ZeroDivisionError:
    os.write(2, b"restored\\n")
print("after")
"""


def test_descriptors_and_children_lead_to_the_log_and_back(tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, log],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "before\nresult\nafter\n"
    assert done.stderr == "progress\nrestored\n"
    assert sorted(log.read_text().split()) == ["child", "descriptor", "stream"]
