"""Every durable write and read of the engine goes through here, one countable operation at a time.

``FUSEBENCH_FAULT=kill:K``, ``enospc:K`` or ``eio:K`` makes operation number K of this process die, find the disk
full, or fail. It exists so that tests can stop a run at each place where it could be stopped.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fusebench.errors import StorageError

_counter = itertools.count(1)
_names = itertools.count(1)
_fault_errors = {"enospc": errno.ENOSPC, "eio": errno.EIO}


def write_durably(path: Path, chunks: Iterable[bytes | memoryview], scratch: Path | None = None) -> None:
    """Write a file so that after a power cut it is whole or absent.

    The bytes go to a file aside, which is synced and then renamed; last the folder is synced.

    Parameters
    ----------
    path : Path
        The final name; its folder is made when it is missing.
    chunks : iterable of bytes
        The content.
    scratch : Path, optional
        Folder for the file aside, on the same file system; the target's own folder by default.

    Raises
    ------
    StorageError
        If the disk is full, read-only or broken.
    """
    with storage_errors(path):
        aside = write_aside(path, chunks, scratch)
        rename(aside, path)
        sync_folder(path.parent)


def write_aside(path: Path, chunks: Iterable[bytes | memoryview], scratch: Path | None = None) -> Path:
    """Write and sync a file beside its final place; return its temporary name."""
    folder = scratch or path.parent
    folder.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{path.name}.{os.getpid()}-{next(_names)}.tmp"
    try:
        _operation()
        with aside.open("xb") as file:
            for chunk in chunks:
                _operation()
                file.write(chunk)
            file.flush()
            _operation()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise
    return aside


def rename(aside: Path, path: Path) -> None:
    """Give a file its final name, replacing what has it."""
    _operation()
    aside.replace(path)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    _operation()
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes."""
    _operation()
    return path.read_bytes()


def ensure_writable(folder: Path) -> None:
    """Make a folder and prove that a file can be made in it.

    Raises
    ------
    StorageError
        If it is a file, read-only, or on a full disk.
    """
    probe = folder / f".probe-{os.getpid()}-{threading.get_ident()}"
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _operation()
        probe.write_bytes(b"")
        probe.unlink()


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's errors into ones that name the file and what to do."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: {_advice(error)}") from error


def _advice(error: OSError) -> str:
    reason = error.strerror or str(error)
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"{reason}; free some space (`fusebench cache gc`) and run the same command again"
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return f"{reason}; name another folder with --out or --store"
        case _:
            return f"{reason}; what was finished before is kept, run the same command again"


def _operation() -> None:
    fault = os.environ.get("FUSEBENCH_FAULT")
    if not fault:
        return
    kind, _, at = fault.partition(":")
    if next(_counter) != int(at):
        return
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    code = _fault_errors[kind]
    raise OSError(code, os.strerror(code))
