"""What a dataset looks like, in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fusebench.datasets.base import Dataset, Target
    from fusebench.spec.model import DatasetSpec

KINDS = {"i": "whole numbers", "f": "numbers", "b": "booleans", "M": "dates", "O": "text or categories"}


def describe(spec: DatasetSpec, dataset: Dataset) -> str:
    """Return shape, types, missing cells, targets, licence, citation and warnings."""
    X = dataset.X
    kinds = Counter(KINDS.get(dtype.kind, "other") for dtype in X.dtypes)
    lines = [
        f"{spec.name} (dataset)",
        "",
        f"rows       {len(X):,}",
        f"features   {X.shape[1]:,}: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}",
        f"missing    {int(X.isna().to_numpy().sum()):,} cells",
        *(_target_line(target) for target in dataset.targets),
        f"source     {spec.source}",
        f"licence    {spec.licence or 'not stated'}",
        f"citation   {spec.citation or 'not stated'}",
        f"tags       {', '.join(spec.tags) or 'none'}",
    ]
    lines.extend(f"warning    {note}" for note in dataset.notes)
    return "\n".join(lines)


def _target_line(target: Target) -> str:
    if target.classes is None:
        present = target.y[np.isfinite(target.y)]
        return f"target     {target.name}: continuous, {present.min():g} to {present.max():g}"
    counts = np.bincount(target.y[target.y >= 0], minlength=len(target.classes))
    shown = [f"{label} {n / counts.sum():.1%}" for label, n in zip(target.classes[:8], counts, strict=False)]
    more = ", ..." if len(target.classes) > 8 else ""
    return f"target     {target.name}: {len(target.classes)} classes ({', '.join(shown)}{more})"
