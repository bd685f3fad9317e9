"""A saved model's predictions of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench import datasets, io, report
from fusebench.engine.columns import Column
from fusebench.estimators import saved
from fusebench.estimators._columns import select

if TYPE_CHECKING:
    import pandas as pd


def as_csv(predictions: pd.DataFrame) -> str:
    """Return predictions as CSV: full floats, no text that a spreadsheet would run."""
    return report.as_csv(list(predictions.columns), predictions.astype(object).itertuples(index=False, name=None))


def write_text(text: str, path: Path) -> None:
    """Write a file whole or not at all."""
    io.write_durably(path, [text.encode()])


def predict(
    model: Path, table: Path, *, delimiter: str | None = None, trusted: Sequence[str] = ()
) -> tuple[pd.DataFrame, list[str]]:
    """Return a saved model's predictions of a table in a file, and notes about what differed from training.

    Returns
    -------
    DataFrame of shape (n_samples, 1 + n_classes)
        ``prediction``, and for classes ``probability:<class>``.
    list of str

    Raises
    ------
    ModelError
        If the model file cannot be trusted or read.
    DataError
        If the table cannot be read, lacks a column, or holds a value of another kind.
    """
    import pandas as pd

    if model.suffix.lower() == ".onnx":
        found, answer, before = _exported(model)
    else:
        found, answer, before = _saved(model, trusted)
    columns, facts = found
    frame = datasets.read_file(
        table,
        "data",
        na_values=[str(one) for one in facts.get("na_values", ())],
        delimiter=delimiter or str(facts.get("delimiter", ",")),
        as_text=[column.name for column in columns if column.kind in {"category", "text"}],
    )
    target = str(facts.get("target", ""))
    if target not in {column.name for column in columns}:
        frame = frame.drop(columns=target, errors="ignore")
    labels, proba, classes, notes = answer(frame, str(table))
    if proba is None:
        return pd.DataFrame({"prediction": labels}), [*before, *notes]
    shares = {f"probability:{label}": proba[:, n] for n, label in enumerate(classes)}
    return pd.DataFrame({"prediction": labels, **shares}), [*before, *notes]


Answer = tuple[Any, Any, Sequence[Any], list[str]]
"""Labels, probabilities, classes and notes."""
Opened = tuple[tuple[Sequence[Column], Mapping[str, Any]], Callable[["pd.DataFrame", str], Answer], Sequence[str]]
"""The columns and facts of a model, what answers a raw table, and notes."""


def _saved(model: Path, trusted: Sequence[str]) -> Opened:
    from fusebench.estimators.fused import predict_table

    found = saved.read(model, trusted=trusted)

    def answer(frame: pd.DataFrame, where: str) -> Answer:
        said, notes = predict_table(found.model, frame, where)
        if said.proba is None:
            return said.labels, None, (), notes
        classes = found.model.classes_
        return classes[said.labels], said.proba, classes, notes

    return (found.model.columns_, found.facts), answer, found.notes


def _exported(model: Path) -> Opened:
    from fusebench import export

    found = export.read(model)

    def answer(frame: pd.DataFrame, where: str) -> Answer:
        chosen, ignored = select(frame, found.columns, where)
        rows, unseen = found.form.conform(chosen, where)
        labels, proba = found.answer(rows)
        n_classes = 0 if proba is None else proba.shape[1]
        return labels, proba, found.facts.get("classes") or range(n_classes), [*ignored, *unseen]

    return (found.columns, found.facts), answer, ()
