"""From the cells of one model's columns to probabilities and labels, or values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fusebench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUM_TOLERANCE = 0.01  # rows within it are scaled to 1: rounding is no mistake
SHOWN = 3


class Classes:
    """Known labels, and the code of a cell's text; ``1.0`` is ``1`` where every label is a number."""

    def __init__(self, labels: Iterable[str]) -> None:
        self.labels = tuple(labels)
        self._code = {label: code for code, label in enumerate(self.labels)}
        numbers = [number(label) for label in self.labels]
        self._by_number = {} if None in numbers else {one: code for code, one in enumerate(numbers)}

    def __contains__(self, text: str) -> bool:
        return self.code(text) >= 0

    def code(self, text: str) -> int:
        """Return the code of a label, -1 for one that is not known."""
        found = self._code.get(text, -1)
        if found < 0 and self._by_number and (value := number(text)) is not None:
            return self._by_number.get(value, -1)
        return found


def number(text: str) -> float | None:
    """Return the finite number that a text is, None for any other text."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


@dataclass(frozen=True)
class ModelColumns:
    """Where a model's predictions stand: in one column, or in one per class.

    Parameters
    ----------
    labels : str, optional
        The column of labels or values.
    proba : tuple of (class, column)
        The columns of probabilities.
    """

    labels: str | None = None
    proba: tuple[tuple[str, str], ...] = ()


@dataclass
class Answers:
    """Reads one model's cells of some rows.

    Parameters
    ----------
    where : str
        What messages begin with.
    model : str
    rows : DataFrame of str
        The rows in the order wanted.
    ids : sequence of str
        What they are called.
    notes : list of str
        What was done otherwise than asked is added here.
    """

    where: str
    model: str
    rows: pd.DataFrame
    ids: Sequence[str]
    notes: list[str]

    def values(self, columns: ModelColumns) -> NDArray[np.float64]:
        """Return values, shape (n_samples, 1).

        Raises
        ------
        DataError
            If a cell is no finite number.
        """
        everyone = np.ones(len(self.rows), dtype=bool)
        return self._numbers(str(columns.labels), "a value", everyone)[:, None]

    def labels(self, columns: ModelColumns, known: Classes) -> NDArray[np.float32]:
        """Return certain probabilities and the label's code, shape (n_samples, n_classes + 1).

        Raises
        ------
        DataError
            If no answer is a known class.
        """
        texts = self.rows[str(columns.labels)]
        codes = texts.map({one: known.code(one) for one in texts.unique()}).to_numpy(dtype=np.intp)
        empty = (texts == "").to_numpy(dtype=bool)
        unknown = list(texts[(codes < 0) & ~empty])
        if (codes < 0).all():
            got = f"none of its answers is a class, such as {_short(unknown[0])}" if unknown else "it has no answers"
            raise self._error(f"{got}; the classes are {listed(known.labels)}")
        if empty.any():
            self.notes.append(f"{int(empty.sum())} empty answers count as abstentions")
        if unknown:
            shown = ", ".join(map(_short, sorted(set(unknown))[:SHOWN]))
            self.notes.append(f"{len(unknown)} answers outside the known classes count as abstentions: {shown}")
        # Single precision holds 0, 1 and an equal share well enough, in half the space.
        found = np.zeros((len(codes), len(known.labels) + 1), dtype=np.float32)
        said = codes >= 0
        found[np.flatnonzero(said), codes[said]] = 1
        found[~said, :-1] = 1 / len(known.labels)
        found[:, -1] = codes
        return found

    def probabilities(self, columns: ModelColumns, known: Classes) -> NDArray[np.float64]:
        """Return probabilities and the code of the first of the most probable, shape (n_samples, n_classes + 1).

        Raises
        ------
        DataError
            If a cell is no probability, or a row does not sum to 1.
        """
        cells = self.rows[[column for _, column in columns.proba]]
        said = ~(cells == "").all(axis=1).to_numpy(dtype=bool)
        found = np.zeros((len(cells), len(known.labels) + 1))
        for label, column in columns.proba:
            found[said, known.code(label)] = self._numbers(column, "a probability", said)
        self._check(found[:, :-1], said)
        lacking = [label for label in known.labels if label not in dict(columns.proba)]
        if lacking:
            self.notes.append(f"there are no columns for the classes {listed(lacking)}: their probability is 0")
        if not said.all():
            self.notes.append(f"{int((~said).sum())} rows without probabilities count as abstentions")
        found[~said, :-1] = 1
        found[:, :-1] /= found[:, :-1].sum(axis=1, keepdims=True)
        found[:, -1] = np.where(said, found[:, :-1].argmax(axis=1), -1)
        return found

    def _check(self, proba: NDArray[np.float64], said: NDArray[np.bool_]) -> None:
        outside = said & ((proba < 0) | (proba > 1)).any(axis=1)
        if outside.any():
            at = int(np.flatnonzero(outside)[0])
            worst = proba[at].min() if proba[at].min() < 0 else proba[at].max()
            raise self._error(
                f"{int(outside.sum())} rows hold a probability outside 0 to 1, first id {_short(self.ids[at])} "
                f"({worst:.6g})"
            )
        distance = np.where(said, np.abs(proba.sum(axis=1) - 1), 0)
        if (distance > SUM_TOLERANCE).any():
            at = int(np.flatnonzero(distance > SUM_TOLERANCE)[0])
            raise self._error(
                f"the probabilities of {int((distance > SUM_TOLERANCE).sum())} rows do not sum to 1, first id "
                f"{_short(self.ids[at])} (they sum to {proba[at].sum():.6g})"
            )
        if distance.max(initial=0) > 1e-6:
            self.notes.append("probabilities that were rounded are scaled to sum to 1")

    def _numbers(self, column: str, noun: str, said: NDArray[np.bool_]) -> NDArray[np.float64]:
        texts = self.rows[column][said]
        values = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64)
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            text, at = texts.iloc[int(wrong[0])], int(np.flatnonzero(said)[wrong[0]])
            got = _short(text) if text else "an empty cell"
            raise self._error(
                f"column {_short(column)}, id {_short(self.ids[at])}: got {got}, expected {noun} (a finite number)"
            )
        return values

    def _error(self, message: str) -> DataError:
        return DataError(f"{self.where}: model {_short(self.model)}: {message}")


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")


def listed(names: Sequence[str]) -> str:
    """Return names as they may be shown."""
    return ", ".join(map(_short, names[:10])) + (", ..." if len(names) > 10 else "")
