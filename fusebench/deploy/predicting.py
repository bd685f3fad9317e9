"""A saved model's predictions of a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fusebench import datasets, io, report
from fusebench.estimators import saved

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

    from fusebench.estimators.fused import predict_table

    found = saved.read(model, trusted=trusted)
    facts = found.facts
    as_text = [column.name for column in found.model.columns_ if column.kind in {"category", "text"}]
    frame = datasets.read_file(
        table,
        "data",
        na_values=[str(one) for one in facts.get("na_values", ())],
        delimiter=delimiter or str(facts.get("delimiter", ",")),
        as_text=as_text,
    )
    target = str(facts.get("target", ""))
    if target not in {column.name for column in found.model.columns_}:
        frame = frame.drop(columns=target, errors="ignore")
    answers, notes = predict_table(found.model, frame, str(table))
    if answers.proba is None:
        return pd.DataFrame({"prediction": answers.labels}), [*found.notes, *notes]
    labels = found.model.classes_
    columns = {f"probability:{label}": answers.proba[:, n] for n, label in enumerate(labels)}
    return pd.DataFrame({"prediction": labels[answers.labels], **columns}), [*found.notes, *notes]
