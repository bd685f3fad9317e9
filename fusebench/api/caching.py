"""The store itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fusebench import spec as specs
from fusebench.engine import maintenance
from fusebench.errors import UsageError


def cache_info(root: Path) -> dict[str, Any]:
    """Return a store's path, number of entries, bytes and datasets."""
    return maintenance.info(root)


def cache_verify(root: Path) -> tuple[int, int]:
    """Return how many entries are sound and how many were damaged."""
    return maintenance.verify(root)


def cache_gc(root: Path, max_size: str | None) -> dict[str, int]:
    """Make a store smaller; see `fusebench.engine.maintenance.gc`."""
    try:
        limit = None if max_size is None else specs.size(max_size)
    except ValueError as error:
        raise UsageError(f"--max-size: {error}") from error
    return maintenance.gc(root, limit)


def cache_clear(root: Path) -> dict[str, int]:
    """Empty a store."""
    return maintenance.clear(root)
