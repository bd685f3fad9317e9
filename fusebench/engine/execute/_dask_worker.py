"""What a Dask worker does: unpacks datasets and results that travelled to it, and runs batches on them."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fusebench.engine.execute._shortcuts import take_shortcuts
from fusebench.engine.execute._worker import attempt, sealed
from fusebench.engine.store import Entry
from fusebench.engine.tasks.workbench import Workbench


@dataclass(frozen=True)
class Files:
    """A saved dataset on its way to a worker."""

    data_key: str
    files: Mapping[str, bytes]


class _Given:
    """The stored results that came with a batch."""

    def __init__(self) -> None:
        self.entries: Mapping[str, Entry] = {}

    def get(self, key: str, *_kinds: str) -> Entry | None:
        return self.entries.get(key)


class _Unpacked:
    """Maps a dataset's key to a folder on this worker, written once."""

    def __init__(self) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="fusebench-"))
        self._owner = os.getpid()

    def add(self, files: Files) -> None:
        folder = self(files.data_key)
        if folder.exists():
            return
        aside = folder.with_name(f"{folder.name}.{os.getpid()}.{time.time_ns()}")
        aside.mkdir()
        for name, content in files.files.items():
            (aside / name).write_bytes(content)
        try:
            aside.rename(folder)
        except OSError:  # another thread of this worker was quicker
            shutil.rmtree(aside)

    def __call__(self, data_key: str) -> Path:
        return self._root / data_key


_benches: dict[int, tuple[Any, Workbench, _Given, _Unpacked]] = {}


def run_batch(blueprint: Any, data: Mapping[str, Any], packed: bytes) -> bytes:
    """Run a batch on a Dask worker; one thread per fit, as locally.

    What it takes and what it gives travel as bytes, which Dask does not look into.
    """
    import threading
    import warnings

    from threadpoolctl import threadpool_limits

    _take_shortcuts()
    batch, entries = pickle.loads(packed)  # noqa: S301 - from the process that owns the run
    slot = threading.get_ident()
    if slot not in _benches or _benches[slot][0] is not blueprint:
        given, unpacked = _Given(), _Unpacked()
        _benches[slot] = (blueprint, Workbench(blueprint, given, unpacked), given, unpacked)
    _, workbench, given, unpacked = _benches[slot]
    for files in data.values():
        unpacked.add(files)
    given.entries = entries
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pickle.dumps([sealed(attempt(workbench, key, item)) for key, item in batch], protocol=5)


@cache
def _take_shortcuts() -> None:
    """Take them once a process."""
    take_shortcuts()
