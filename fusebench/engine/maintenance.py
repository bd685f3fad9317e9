"""Look after a store: how large it is, whether it is sound, and making it smaller."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from fusebench.engine.execute.local import spare_scratch
from fusebench.engine.store import Store
from fusebench.errors import UsageError

MARKERS = ("objects", "data", "tables", "tmp", "corrupt", "costs.json")


def info(root: Path) -> dict[str, Any]:
    """Return a store's path, number of entries, bytes and datasets."""
    store = _existing(root)
    files = [path for path in root.rglob("*") if path.is_file()]
    datasets = sum(1 for _ in (root / "data").glob("*"))
    return {
        "path": str(root),
        "entries": store.count(),
        "bytes": sum(path.stat().st_size for path in files),
        "datasets": datasets,
    }


def verify(root: Path) -> tuple[int, int]:
    """Read every entry; return how many are sound and how many were damaged and set aside."""
    store = _existing(root)
    bad: list[Path] = []
    store.on_corrupt = bad.append
    good = sum(store.get(key) is not None for key in list(store.keys()))
    return good, len(bad)


def gc(root: Path, max_bytes: int | None) -> dict[str, int]:
    """Remove leftovers of crashed runs, what is damaged or of another layout, and the oldest entries above a size."""
    store = _existing(root)
    before = _total(root)
    spare_scratch(root)
    for leftover in (root / "corrupt", *store.strange_folders()):
        shutil.rmtree(leftover, ignore_errors=True)
    entries = 0
    if max_bytes is not None:
        aged = sorted((path.stat().st_mtime_ns, path) for path in map(store.path, list(store.keys())))
        excess = _total(root) - max_bytes
        for _, path in aged:
            if excess <= 0:
                break
            excess -= path.stat().st_size
            path.unlink(missing_ok=True)
            entries += 1
    return {"entries": entries, "bytes": before - _total(root)}


def clear(root: Path) -> dict[str, int]:
    """Remove everything that a store holds, and nothing else in its folder."""
    store = _existing(root)
    removed = {"entries": store.count(), "bytes": _total(root)}
    for name in MARKERS:
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return removed


def _existing(root: Path) -> Store:
    if not root.is_dir():
        raise UsageError(f"{root}: there is no store here; name one with --store")
    return Store(root)


def _total(root: Path) -> int:
    paths = (path for name in MARKERS for path in [root / name, *(root / name).rglob("*")])
    return sum(path.stat().st_size for path in paths if path.is_file())
