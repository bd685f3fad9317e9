"""Digests that name results by everything that can change them."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

CORE_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn")
TOP_LEVEL = {"sklearn": "scikit-learn"}


def digest(*parts: Any) -> str:
    """Return the SHA-256 of the canonical JSON of plain data."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def library_version(distribution: str) -> str:
    """Return the installed version of a distribution, empty when there is none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def versions(*top_level: str) -> dict[str, str]:
    """Return the versions of the core libraries and of some more top-level packages."""
    wanted = {*CORE_LIBRARIES, *(TOP_LEVEL.get(name, name) for name in top_level)}
    return {name: library_version(name) for name in sorted(wanted)}


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if hasattr(value, "items"):
        return dict(value.items())
    raise TypeError(f"{type(value).__name__} is not plain data")
