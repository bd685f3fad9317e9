"""What entries of each kind hold, so that one that somebody made up is a miss and not an error somewhere else.

A layout is a type, a list of one layout (a list of such), a tuple of layouts (a list of just these), or a mapping of
layouts: of the keys that must be there, or of ``str`` where any key may be.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import UnionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBER = int | float
FOLDS = re.compile(r"\d+(-\d+)?")  # of a repeat, or of an outer split
MEASURED = {"cpu": NUMBER, "wall": NUMBER, "predict": NUMBER, "bytes": NUMBER | None, "peak_memory": NUMBER | None}
WHERE_PRESENT = {
    "latency": {str: NUMBER},
    "among": {str: NUMBER},
    "checks": {str: NUMBER},
    "explain": dict,
    "deployed": [str],
}
TARGET = {"name": str, "target_type": str, "classes": [str], "n_samples": int}
KINDS: Mapping[str, tuple[Any, ...]] = {
    "checked": ({},),
    "dataset": (
        {
            "data_key": str, "fingerprint": str, "preprocessing": str, "n_rows": int, "n_features": int,
            "numeric": bool, "has_groups": bool, "n_folds": int, "notes": [str], "targets": [TARGET],
        },
    ),
    "folds": ({"folds": [(int, int, str, int, int)], "notes": [str]},),
    "given": ({"values": str, "own folds": bool, "notes": [str]}, {}),
    "fit": ({**MEASURED, "notes": [str], "part": (int, int, int)},),
    "fuse": (MEASURED,),
    "score": (
        {
            "scores": [(int, int, str, NUMBER)],
            "costs": [(int, int, int, NUMBER, NUMBER, NUMBER, NUMBER | None, NUMBER | None)],
            "explanations": [(int, int, dict)], "failures": [(int, int, str, str, str)],
            "notes": [str], "total": (int, NUMBER, NUMBER),
        },
    ),
    "explain": (
        {"members": [str], "shapley": {str: [NUMBER]}, "leave_one_out": {str: [NUMBER]}, "error": {str: [NUMBER]}},
        {"bins": {str: ([NUMBER], [NUMBER], [NUMBER], NUMBER)}, "pairs": [list], "wins": {str: (int, int, int)}},
        {"pairs": [list]},
    ),
}  # fmt: skip


def holds(value: Any, layout: Any) -> bool:
    """Whether plain JSON data is laid out so; a number must be finite."""
    match layout:
        case type() | UnionType():
            return isinstance(value, layout) and (not isinstance(value, float) or math.isfinite(value))
        case [one] if isinstance(layout, list):
            return isinstance(value, list) and all(holds(item, one) for item in value)
        case tuple():
            return isinstance(value, list) and len(value) == len(layout) and all(map(holds, value, layout))
    if not isinstance(value, dict):
        return False
    if str in layout:
        return all(holds(item, layout[str]) for item in value.values())
    return all(key in value and holds(value[key], own) for key, own in layout.items())


def is_entry(kind: str, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Whether an entry of a kind holds what those who read it look for; a kind that nobody knows holds anything."""
    match kind:
        case "fit" | "fuse" if not _are_predictions(arrays):
            return False
        case "folds" if not all(FOLDS.fullmatch(name) and array.ndim == 1 for name, array in arrays.items()):
            return False
        case "given" if "values" not in meta and "values" not in arrays:
            return False
    if not all(holds(meta[name], layout) for name, layout in WHERE_PRESENT.items() if name in meta):
        return False
    return kind not in KINDS or any(holds(meta, layout) for layout in KINDS[kind])


def hold_predictions(arrays: Mapping[str, NDArray[Any]], q: int, n_rows: int, n_classes: int) -> bool:
    """Whether arrays hold, under the number q, what a model may say of so many rows; no classes means values."""
    labels, proba = arrays.get(f"labels{q}"), arrays.get(f"proba{q}")
    if labels is None or labels.shape != (n_rows,):
        return False
    if not n_classes:
        return proba is None and labels.dtype.kind in "iuf" and bool(np.isfinite(labels).all())
    if proba is None or labels.dtype.kind not in "iu" or proba.dtype.kind != "f" or proba.shape != (n_rows, n_classes):
        return False
    own = labels.min(initial=0) >= -1 and labels.max(initial=0) < n_classes
    return bool(own and np.isfinite(proba).all())


def _are_predictions(arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Whether arrays are labels and, of the same rows, probabilities; the first labels are there."""
    for name, array in arrays.items():
        labels = array if name.startswith("labels") else arrays.get(name.replace("proba", "labels", 1))
        if labels is None or labels.ndim != 1 or array.shape[:1] != labels.shape:
            return False
        if array.ndim != (1 if name.startswith("labels") else 2):
            return False
    return "labels0" in arrays
