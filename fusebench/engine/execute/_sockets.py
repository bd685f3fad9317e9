"""The folder of the fork server's socket: it goes when its run ends, or, after a kill, when the next run begins."""

from __future__ import annotations

import atexit
import multiprocessing as mp
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PREFIX = "fusebench-run-"
LONGEST_FOLDER = 60  # bytes; the name of a folder and a socket in it adds some 45, and all may have 107
YOUNG_SECONDS = 60  # a folder that was made moments ago may not be locked yet


def make_socket_folder() -> Path:
    """Make the folder in which this process puts its sockets, once, and remove those of runs that were killed.

    It lies in /tmp where the folder for temporary files has a longer name than a socket may have, and is locked while
    the process lives: process numbers say nothing to another container that shares the folder.
    """
    settings: dict[str, Any] = mp.current_process()._config  # type: ignore[attr-defined]  # there is no public name
    if settings.get("tempdir") is None:
        parent = Path(tempfile.gettempdir())
        if len(os.fsencode(parent)) > LONGEST_FOLDER:
            parent = Path("/tmp")  # noqa: S108 - what is made in it has a random name and belongs to this user alone
        _sweep(parent)
        settings["tempdir"] = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
        _lock(os.open(settings["tempdir"], os.O_RDONLY))  # the kernel takes it back when the process ends
        atexit.register(_remove, settings["tempdir"], os.getpid())
    return Path(settings["tempdir"])


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # a fork of it may end before
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove the folders of this user's runs that are gone. O(names in the parent folder)."""
    with suppress(OSError):
        names = [entry.path for entry in os.scandir(parent) if entry.name.startswith(PREFIX)]
        for path in names:
            with suppress(OSError), _opened(path) as descriptor:
                found = os.fstat(descriptor)
                abandoned = abs(time.time() - found.st_mtime) > YOUNG_SECONDS
                if abandoned and found.st_uid == os.geteuid() and _lock(descriptor):
                    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock an open folder; return whether nobody else has it. No lock is waited for."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
