"""What a dataset looks like, in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fusebench.datasets._notes import n_duplicates
from fusebench.errors import printable

if TYPE_CHECKING:
    from fusebench.datasets.base import Dataset, Target
    from fusebench.spec.model import DatasetSpec

KINDS = {"i": "whole numbers", "f": "numbers", "b": "booleans", "M": "dates"}
MOST_COLUMNS = 40
WIDTH = 32


def describe(spec: DatasetSpec, dataset: Dataset, *, licence: str = "", citation: str = "") -> str:
    """Return shape, columns, missing cells, targets, duplicates, licence, citation and warnings.

    Parameters
    ----------
    licence, citation : str, default=""
        What the source says, for an entry that says nothing.
    """
    X = dataset.X
    kinds = Counter(_kind(X[label], label in dataset.text) for label in X.columns)
    missing = X.isna().sum()
    where = f" in {int((missing > 0).sum())} of {X.shape[1]} columns" if missing.any() else ""
    lines = [
        f"{spec.name} (dataset)",
        "",
        f"rows        {len(X):,}",
        f"features    {X.shape[1]:,}: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}",
        f"missing     {int(missing.sum()):,} cells{where}",
        f"duplicates  {n_duplicates(X):,} rows repeat another row's features",
        *(_target_line(target) for target in dataset.targets),
        *_roles(spec, dataset),
        f"source      {_source(spec)}",
        f"licence     {spec.licence or licence or 'not stated'}",
        f"citation    {spec.citation or citation or 'not stated'}",
        f"tags        {', '.join(spec.tags) or 'none'}",
        *(f"warning     {note}" for note in dataset.notes),
        "",
        *_table(X, dataset.text),
    ]
    return printable("\n".join(lines))


def _kind(column: pd.Series[Any], is_text: bool) -> str:
    if is_text:
        return "text"
    return "categories" if isinstance(column.dtype, pd.CategoricalDtype) else KINDS.get(column.dtype.kind, "other")


def _roles(spec: DatasetSpec, dataset: Dataset) -> list[str]:
    found = []
    if dataset.groups is not None:
        found.append(f"group       {spec.group}: {len(np.unique(dataset.groups)):,} groups; use cv.type group")
    if spec.time is not None:
        found.append(f"time        {spec.time}: rows are in its order; use cv.type time_series")
    if dataset.weights is not None:
        found.append(f"weights     {spec.weights}")
    return found


def _source(spec: DatasetSpec) -> str:
    names = {"package": ("package", "version"), "file": ("path",), "openml": ("id",)}
    shown = [str(spec.options[key]) for key in names.get(str(spec.source), ()) if key in spec.options]
    return " ".join([str(spec.source), *shown])


def _target_line(target: Target) -> str:
    missing = "" if target.missing is None else f", {int(target.missing.sum()):,} missing"
    if target.classes is None:
        present = target.y[np.isfinite(target.y)]
        return f"target      {target.name}: continuous, {present.min():g} to {present.max():g}{missing}"
    counts = np.bincount(target.y[target.y >= 0], minlength=len(target.classes))
    shown = [f"{label} {n / counts.sum():.1%}" for label, n in zip(target.classes[:8], counts, strict=False)]
    more = ", ..." if len(target.classes) > 8 else ""
    return f"target      {target.name}: {len(target.classes)} classes ({', '.join(shown)}{more}){missing}"


def _table(X: pd.DataFrame, text: tuple[str, ...]) -> list[str]:
    rows = [("column", "kind", "missing", "distinct", "values")]
    for label in X.columns[:MOST_COLUMNS]:
        column = X[label]
        rows.append(
            (
                _short(str(label)),
                _kind(column, label in text),
                str(int(column.isna().sum())),
                str(column.nunique()),
                _values(column, label in text),
            )
        )
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]) - 1)]
    lines = ["  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]) for row in rows]
    if X.shape[1] > MOST_COLUMNS:
        lines.append(f"... and {X.shape[1] - MOST_COLUMNS} more columns")
    return lines


def _values(column: pd.Series[Any], is_text: bool) -> str:
    present = column.dropna()
    if not len(present):
        return "all missing"
    if is_text:
        return _short(str(present.iloc[0]))
    if isinstance(column.dtype, pd.CategoricalDtype):
        most = present.value_counts().index[:3]
        return ", ".join(_short(str(one)) for one in most) + (", ..." if len(column.cat.categories) > 3 else "")
    low, high = present.min(), present.max()
    if column.dtype.kind == "M":
        return f"{low.date()} to {high.date()}"
    return f"{low} to {high}" if column.dtype.kind == "b" else f"{low:g} to {high:g}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."
