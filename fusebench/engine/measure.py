"""What one piece of work cost this process."""

from __future__ import annotations

import io
import os
import pickle
import re
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
PEAK = re.compile(rb"^VmHWM:\s*(\d+) kB", re.MULTILINE)
LONGEST_STATUS = 1 << 16


class Measured:
    """Measure CPU seconds, wall seconds and peak resident memory of a block.

    Attributes
    ----------
    cpu, wall : float
        Seconds of this process (all its threads), and by the clock.
    peak_memory : int or None
        Bytes resident at most; None where the platform cannot say.
    """

    cpu = 0.0
    wall = 0.0
    peak_memory: int | None = None

    def __enter__(self) -> Self:
        _reset_peak_memory()
        self._wall = time.perf_counter()
        self._cpu = time.process_time()
        return self

    def __exit__(self, *error: object) -> None:
        self.cpu = time.process_time() - self._cpu
        self.wall = time.perf_counter() - self._wall
        self.peak_memory = _peak_memory()

    def plus(self, other: Measured) -> Measured:
        """Return the cost of this block and another one together."""
        both = Measured()
        both.cpu, both.wall = self.cpu + other.cpu, self.wall + other.wall
        both.peak_memory = max((one for one in (self.peak_memory, other.peak_memory) if one is not None), default=None)
        return both


class _Counter(io.RawIOBase):
    """Counts what is written and keeps nothing."""

    size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.size += size
        return size


def model_bytes(model: object) -> int | None:
    """Return the size of a fitted model as pickled, or None when it cannot be pickled.

    Nothing is kept and nothing is ever read back.
    """
    counter = _Counter()
    try:
        pickle.dump(model, counter, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
    return counter.size


def _reset_peak_memory() -> None:
    with suppress(OSError, AttributeError):  # of a system that does not tell, or has no such call
        os.pwrite(_descriptor(CLEAR, os.O_WRONLY), b"5", 0)


def _peak_memory() -> int | None:
    try:
        told = os.pread(_descriptor(STATUS, os.O_RDONLY), LONGEST_STATUS, 0)
    except (OSError, AttributeError):
        return None
    found = PEAK.search(told)
    return int(found[1]) * 1024 if found else None


def _descriptor(path: Path, how: int) -> int:
    """Return a descriptor that stays open: to open it takes longer than all else here. A fork opens its own."""
    descriptor, known = _opened(path, how, os.getpid())
    try:
        is_ours = _identity(descriptor) == known
    except OSError:
        is_ours = False
    if not is_ours:  # an estimator closed it, and its number may be that of a file of its own by now
        _opened.cache_clear()
        descriptor, _ = _opened(path, how, os.getpid())
    return descriptor


@lru_cache(maxsize=2)  # of this process; what a fork inherited is forgotten
def _opened(path: Path, how: int, _: int) -> tuple[int, tuple[int, int]]:
    descriptor = os.open(path, how | os.O_CLOEXEC)
    return descriptor, _identity(descriptor)


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino
