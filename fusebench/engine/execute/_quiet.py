"""The first thing that the fork server imports: what it and the processes forked from it say goes to a file.

A library that does not find the memory it needs, or a worker that cannot be told its work, would write a traceback into
the middle of a run. The run reads what was said, and says why no worker can start.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

SAID = "FUSEBENCH_SAID"  # the variable that names the file
MOST = 4096  # bytes of it that are looked at


def last_line(path: Path) -> str:
    """Return the last line that was said, empty where nothing was."""
    try:
        lines = path.read_bytes()[-MOST:].decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _write_to(path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 2)
    os.close(descriptor)


if os.environ.get(SAID):
    with suppress(OSError):
        _write_to(os.environ[SAID])
