"""A table of predictions that were made elsewhere: one row per id, and per model labels, values or probabilities.

A model is either one column ``<model>`` of labels or values, or one column ``<model>:<class>`` of probabilities per
class. An empty label, or a row whose probabilities are all empty, is an abstention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fusebench.datasets._answers import SHOWN, Answers, Classes, ModelColumns, listed, number
from fusebench.datasets._labels import as_text, refuse_repeats
from fusebench.datasets._tables import existing, read_table
from fusebench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Joined:
    """A model's predictions for the rows of a dataset.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_classes + 1) or (n_samples, 1)
        Probabilities and then the label's code, -1 for an abstention; or values.
    folds : ndarray of str of shape (n_samples,) or None
        The table's own folds.
    notes : tuple of str
        What a reader should know.
    """

    values: NDArray[np.floating[Any]]
    folds: NDArray[np.str_] | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class PredictionTable:
    """The table as text.

    Parameters
    ----------
    name : str
        What messages call it.
    frame : DataFrame of str
        Empty cells are empty strings.
    id, y_true, fold : str
        Names of the columns that are no model.
    others : tuple of str
        More such columns.
    """

    name: str
    frame: pd.DataFrame
    id: str = "id"
    y_true: str = "y_true"
    fold: str = "fold"
    others: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        columns = list(self.frame.columns)
        for wanted in (self.id, *self.others):
            if wanted not in columns:
                near = get_close_matches(wanted, columns, n=1)
                meant = f"did you mean {near[0]!r}? " if near else ""
                raise self._error(f"there is no column {wanted!r}; {meant}The columns are {listed(columns)}")
        empty = np.flatnonzero(self.frame[self.id] == "")
        if len(empty):
            rows = ", ".join(str(at + 1) for at in empty[:SHOWN])
            raise self._error(f"{len(empty)} rows have no {self.id!r} (data row {rows})")
        refuse_repeats(self.ids, f"{self.name}: column {self.id!r}")
        if self.has_folds:
            self._check_folds()

    @property
    def ids(self) -> list[str]:
        """What the rows are called."""
        return list(self.frame[self.id])

    @property
    def has_targets(self) -> bool:
        """Whether the true answers are in it."""
        return self.y_true in self.frame.columns

    @property
    def has_folds(self) -> bool:
        """Whether it has a fold column."""
        return self.fold in self.frame.columns

    @cached_property
    def columns(self) -> list[str]:
        """The columns that hold predictions."""
        apart = {self.id, self.y_true, self.fold, *self.others}
        return [one for one in self.frame.columns if one not in apart]

    def answers(self, column: str) -> list[str]:
        """Return the different texts of a column, sorted, without the empty one."""
        return sorted(set(self.frame[column]) - {""})

    def models(self, known: Sequence[str] | None) -> dict[str, ModelColumns]:
        """Return the models and their columns, in the order of the table.

        Parameters
        ----------
        known : sequence of str, optional
            Labels that tell ``<model>:<class>`` from a model whose name holds a colon; None where values are predicted.

        Raises
        ------
        DataError
            If a model has both kinds of columns, or a column names an unknown class.
        """
        found: dict[str, ModelColumns] = {}
        classes = None if known is None else Classes(known)
        for column in self.columns:
            split = None if classes is None else self._split(column, classes)
            if split is None:
                found[column] = ModelColumns(column, found.get(column, ModelColumns()).proba)
                continue
            model, label = split
            before = found.get(model, ModelColumns())
            if label in dict(before.proba):
                raise self._error(f"columns {dict(before.proba)[label]!r} and {column!r} are for the same class")
            found[model] = ModelColumns(before.labels, (*before.proba, (label, column)))
        for model, one in found.items():
            if one.labels is not None and one.proba:
                raise self._error(
                    f"model {model!r} has a column of labels and columns of probabilities ({one.proba[0][1]!r}); "
                    "keep one kind"
                )
        return found

    def join(self, ids: Sequence[str], classes: Sequence[str], model: str) -> Joined:
        """Return a model's predictions in the order of a dataset's rows.

        Parameters
        ----------
        ids : sequence of n_samples str
            What the dataset's rows are called.
        classes : sequence of str
            The dataset's labels; empty for regression.
        model : str
            One of `models`.

        Raises
        ------
        DataError
            If a row has no prediction, or one that cannot be used.
        """
        columns = self.models(classes or None)[model]
        rows, notes = self._rows(ids)
        chosen = self.frame.iloc[rows]
        reader = Answers(self.name, model, chosen, ids, notes)
        values: NDArray[np.floating[Any]]
        if not classes:
            values = reader.values(columns)
        elif columns.proba:
            values = reader.probabilities(columns, Classes(classes))
        else:
            values = reader.labels(columns, Classes(classes))
        folds = np.array(chosen[self.fold], dtype=np.str_) if self.has_folds else None
        return Joined(values, folds, tuple(notes))

    def _rows(self, ids: Sequence[str]) -> tuple[NDArray[np.intp], list[str]]:
        """Return the table's row of each id, and notes."""
        own, wanted = self.ids, list(ids)
        if all(one.isascii() and one.isdecimal() for one in (*own, *wanted)):
            # Readers of data take "007" for the number 7.
            own, wanted = [str(int(one)) for one in own], [str(int(one)) for one in wanted]
            refuse_repeats(own, f"{self.name}: column {self.id!r}")
        rows = pd.Index(own).get_indexer(pd.Index(wanted))
        lost = np.flatnonzero(rows < 0)
        if len(lost):
            raise self._error(
                f"{len(lost)} of {len(ids)} rows of the dataset have no prediction (ids "
                f"{listed([ids[at] for at in lost[:SHOWN]])}{', ...' if len(lost) > SHOWN else ''}); "
                "add them: an empty label is an abstention"
            )
        extra = len(own) - len(ids)
        return rows, [f"{extra} rows of predictions belong to no row of the dataset"] if extra else []

    def _split(self, column: str, known: Classes) -> tuple[str, str] | None:
        """Return model and class of a column of probabilities, None for a column of labels."""
        cuts = [at for at, one in enumerate(column) if one == ":" and at > 0]
        for at in cuts:
            if (code := known.code(column[at + 1 :].strip())) >= 0:
                return column[:at].strip(), known.labels[code]
        answers = self.answers(column)
        if not cuts or any(one in known for one in answers) or not _are_shares(answers):
            return None
        unknown = column[cuts[-1] + 1 :]
        near = get_close_matches(unknown, known.labels, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise self._error(
            f"column {column!r} holds probabilities of {unknown!r}, which is no known class; {meant}"
            f"The classes are {listed(known.labels)}; declare others as `classes`"
        )

    def _check_folds(self) -> None:
        values = list(self.frame[self.fold])
        if "" in values:
            at = self.ids[values.index("")]
            raise self._error(f"column {self.fold!r} is empty for id {at!r}; every row needs a fold")
        if len(set(values)) < 2:
            raise self._error(f"column {self.fold!r} holds one fold only ({values[0]!r}), expected two or more")

    def _error(self, message: str) -> DataError:
        return DataError(f"{self.name}: {message}")


def read_predictions(
    path: Path,
    name: str,
    *,
    id_column: str = "id",
    y_true: str = "y_true",
    fold: str = "fold",
    others: Sequence[str] = (),
) -> PredictionTable:
    """Read a table of predictions, every cell as text.

    Raises
    ------
    DataError
        If it is no table, or its ids or folds cannot be used.
    """
    frame = read_table(existing(path, name), name, (), {"as_text": True})
    # A table that was saved with its row numbers has a column without a name.
    unnamed = [one for n, one in enumerate(map(str, frame.columns)) if one in {"", f"Unnamed: {n}"}]
    frame = frame.drop(columns=unnamed)
    text = pd.DataFrame({str(one).strip(): _cells(frame[one]) for one in frame.columns}, dtype=object)
    if text.shape[1] < frame.shape[1]:
        raise DataError(f"{name}: {path} has two columns whose names differ in spaces only; rename one")
    if not len(text):
        raise DataError(f"{name}: {path} has no rows")
    return PredictionTable(name, text, id_column, y_true, fold, tuple(others))


def _cells(column: pd.Series[Any]) -> list[str]:
    present = column[column.notna()]
    found = dict(zip(present.index, as_text(present), strict=True))
    return [found.get(at, "") for at in column.index]


def _are_shares(answers: Sequence[str]) -> bool:
    values = [number(one) for one in answers]
    return bool(values) and all(one is not None and 0 <= one <= 1 for one in values)
