"""What one piece of work cost this process."""

from __future__ import annotations

import io
import pickle
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


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
    with suppress(OSError):
        CLEAR.write_text("5")


def _peak_memory() -> int | None:
    try:
        text = STATUS.read_text()
    except OSError:
        return None
    line = next((line for line in text.splitlines() if line.startswith("VmHWM")), None)
    return int(line.split()[1]) * 1024 if line else None
