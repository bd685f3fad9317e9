"""Every durable write and read goes through here, one countable operation at a time.

``FUSEBENCH_FAULT=kill:K``, ``enospc:K`` or ``eio:K`` makes operation number K of this process die, find the disk
full, or fail. It exists so that tests can stop a run at each place where it could be stopped.
"""

from __future__ import annotations

import errno
import itertools
import mmap
import os
import shutil
import signal
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from fusebench.errors import StorageError

FAULT = "FUSEBENCH_FAULT"
SYNC_THREADS = 16
GATHERED_BYTES = 1 << 16
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
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
        write_together({str(path): chunks}, scratch)


def write_together(files: Mapping[str, Iterable[bytes | memoryview]], scratch: Path | None = None) -> None:
    """Write several files durably, syncing each folder once: all of them are aside before the first is renamed.

    Raises
    ------
    OSError
        If one cannot be written; what was aside is removed.
    """
    asides: list[tuple[str, str]] = []
    aside_folder = "" if scratch is None else str(scratch)
    # Names are text: path objects would cost as much as all else here.
    places = [(path, *os.path.split(path)) for path in files]
    folders = {Path(folder) for folder in {folder for _, folder, _ in places}}  # Path("") is where we are
    count = _operation if os.environ.get(FAULT) else _no_operation
    try:
        changed = folders.union(*(make_folder(folder) for folder in folders | ({scratch} if scratch else set())))
        with ExitStack() as opened:
            descriptors = []
            for path, folder, name in places:
                aside = f"{aside_folder or folder or '.'}/.{name}.{os.getpid()}-{next(_names)}.tmp"
                asides.append((aside, path))
                count()
                descriptor = os.open(aside, NEW, 0o666)
                opened.callback(os.close, descriptor)
                descriptors.append(descriptor)
                for chunk in _gathered(files[path]):
                    count()
                    _write(descriptor, chunk)
            _sync(descriptors)
        for aside, target in asides:
            rename(aside, target)
        sync_folders(changed)
    except BaseException:
        for aside, _ in asides:
            with suppress(OSError):
                os.unlink(aside)  # noqa: PTH108 - as above
        raise


def _gathered(chunks: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Yield chunks with small neighbours joined: each costs a call."""
    small: list[bytes | memoryview] = []
    size = 0
    for chunk in chunks:
        if size + len(chunk) > GATHERED_BYTES and small:
            yield b"".join(small)
            small, size = [], 0
        small.append(chunk)
        size += len(chunk)
    if small:
        yield b"".join(small) if len(small) > 1 else small[0]


def _write(descriptor: int, chunk: bytes | memoryview) -> None:
    """Write all of a chunk, of which the system may take a part at a time."""
    left = memoryview(chunk)
    while left:
        left = left[os.write(descriptor, left) :]


def make_folder(folder: Path) -> set[Path]:
    """Make a folder and those above it; return the folders to sync so that the new names survive a power cut."""
    changed = set()
    above = folder
    while not above.is_dir():
        above = above.parent
        changed.add(above)
    if changed:
        folder.mkdir(parents=True, exist_ok=True)
    return changed


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that must not exist; at the end its bytes are synced."""
    with _open_new(path) as file:
        yield file
        file.flush()
        _sync([file.fileno()])


def _open_new(path: Path) -> BinaryIO:
    _operation()
    return path.open("xb")


def _sync(descriptors: Sequence[int]) -> None:
    """Sync several files at once: the disk commits them together, so that 64 wait little longer than one."""
    if os.environ.get(FAULT):
        for _ in descriptors:
            _operation()
    if len(descriptors) < 2:
        _sync_one_by_one(descriptors)
        return
    shares = [descriptors[n::SYNC_THREADS] for n in range(min(SYNC_THREADS, len(descriptors)))]
    try:
        list(_syncers(os.getpid()).map(_sync_one_by_one, shares))
    except RuntimeError:  # no new thread may be started here: one after the other is as safe
        _sync_one_by_one(descriptors)


def _sync_one_by_one(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.fsync(descriptor)


@cache
def _syncers(pid: int) -> ThreadPoolExecutor:
    """Return the threads that sync for one process: a fork inherits the name of a pool, not its threads."""
    return ThreadPoolExecutor(SYNC_THREADS, f"sync-{pid}")


def publish_folder(aside: Path, folder: Path) -> None:
    """Give a folder of synced files its final name; where that is taken already, the new one is removed.

    Raises
    ------
    OSError
        If the disk failed.
    """
    changed = make_folder(folder.parent) | {folder.parent}
    sync_folders([aside])
    try:
        rename(aside, folder)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
    sync_folders(changed)


def rename(aside: Path | str, path: Path | str) -> None:
    """Give a file its final name, replacing what has it."""
    _operation()
    os.replace(aside, path)  # noqa: PTH105 - names come as text where many are renamed


def sync_folders(folders: Iterable[Path]) -> None:
    """Make the names in folders survive a power cut."""
    descriptors: list[int] = []
    try:
        descriptors.extend(os.open(folder, os.O_RDONLY) for folder in sorted(map(str, folders)))
        _sync(descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes; see `require_file`."""
    _operation()
    require_file(path)
    return path.read_bytes()


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """Return a file's text; see `require_file`.

    Raises
    ------
    UnicodeDecodeError
        If its bytes are not in that encoding.
    """
    return read_bytes(path).decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def require_file(path: Path) -> None:
    """Raise where a pipe or a device stands in the place of a file: reading it would not end.

    Raises
    ------
    OSError
        If it is one, or is not there.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # that of a folder is an error of its own
        raise OSError(errno.EINVAL, "is a pipe or a device, expected a file", str(path))


class NoFileError(OSError):
    """A pipe, a device or a folder stands in the place of a file."""


def read_or_map(path: Path | str, map_above: int) -> bytes | mmap.mmap:
    """Return a file's bytes, of one with more than so many without reading them yet.

    Raises
    ------
    NoFileError
        If it is no file; a pipe is not waited for.
    """
    _operation()
    try:
        descriptor = os.open(path, READ)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise NoFileError(errno.EINVAL, "is not a file", str(path)) from error
        raise
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NoFileError(errno.EINVAL, "is not a file", str(path))
        if found.st_size > map_above:
            return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as file:
            return file.readall()
    finally:
        os.close(descriptor)


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
        try:
            probe.write_bytes(b"?")  # a full disk makes empty files all the same
        finally:
            probe.unlink(missing_ok=True)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's errors into ones that name the file and what to do."""
    try:
        yield
    except OSError as error:
        raise storage_error(path, error) from error


def storage_error(path: Path, error: OSError) -> StorageError:
    """Return an error of the operating system as one that names the file and what to do."""
    return StorageError(f"{error.filename or path}: {_advice(error)}")


def _advice(error: OSError) -> str:
    reason = error.strerror or str(error)
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"{reason}; free some space (`fusebench cache gc`) and run the same command again"
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return f"{reason}; name another folder with --out or --store"
        case errno.ENOENT:
            return f"{reason}; check the name"
        case errno.ENOTDIR:
            return f"{reason}; a part of the name is a file, name another folder"
        case errno.EISDIR:
            return f"{reason}; name a file"
        case errno.ENAMETOOLONG:
            return f"{reason}; give a shorter one"
        case _:
            return f"{reason}; what was finished before is kept, run the same command again"


def _no_operation() -> None:
    """Count nothing: no fault is asked for."""


def _operation() -> None:
    fault = os.environ.get(FAULT)
    if not fault:
        return
    kind, _, at = fault.partition(":")
    if next(_counter) != int(at):
        return
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    code = _fault_errors[kind]
    raise OSError(code, os.strerror(code))
