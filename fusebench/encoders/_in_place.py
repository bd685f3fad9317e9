"""Encoders that leave every column where it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.encoders._categories import Categories
from fusebench.encoders._columns import DATE_PARTS, Columns, as_frame, date_parts, number, numbers, series
from fusebench.encoders._numbers import AsTheyAre
from fusebench.encoders._text import N_DIMENSIONS, TextBlock
from fusebench.encoders.base import Encoder, NumberEncoder, as_matrix

if TYPE_CHECKING:
    import pandas as pd


@dataclass(kw_only=True)
class _InPlace(Encoder):
    """Numbers as they are, categories as codes, dates as parts, in the frame's order; text at the end."""

    absent: ClassVar[float] = -1.0
    """What stands for a missing or unseen category."""
    columns_: Columns = field(init=False, repr=False)
    values_: dict[int, Categories] = field(init=False, repr=False)
    text_: TextBlock = field(init=False, repr=False)

    def fit(self, X: pd.DataFrame, y: NDArray[Any] | None = None, *, target_type: str = "binary") -> Self:
        """Learn from training rows; see `Encoder.fit`."""
        X = as_frame(X)
        self.columns_ = Columns.of(X, self.text)
        self.values_ = {position: Categories(X.iloc[:, position]) for position in self.columns_.categories}
        if self.columns_.text:
            self.text_ = TextBlock(N_DIMENSIONS, self.random_state).fit(X, self.columns_.text)
        return self

    def transform(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the encoded rows, shape (n_samples, n_features)."""
        columns = self.columns_
        X = columns.of_frame(as_frame(X))
        if columns.plain:
            return numbers(X, columns)
        parts = [self._column(one, at) for at, one in enumerate(series(X)) if at not in columns.text]
        if columns.text:
            parts.append(self.text_.transform(X, columns.text))
        return as_matrix(np.hstack(parts)) if parts else np.empty((len(X), 0))

    def on_numbers(self, columns: Columns) -> NumberEncoder | None:
        """Hand numbers over as they are; see `Encoder.on_numbers`."""
        self.columns_, self.values_ = columns, {}
        return AsTheyAre()

    def _column(self, column: pd.Series[Any], position: int) -> NDArray[np.float64]:
        if position in self.columns_.dates:
            return date_parts(column)
        if position not in self.values_:
            return number(column)[:, None]
        codes = self.values_[position].codes(column)
        return np.where(codes < 0, self.absent, codes)[:, None]

    def _category_columns(self) -> tuple[int, ...]:
        """Return where the codes stand in the matrix."""
        found, at = [], 0
        for position in range(len(self.columns_.names)):
            if position in self.values_:
                found.append(at)
            at += len(DATE_PARTS) if position in self.columns_.dates else int(position not in self.columns_.text)
        return tuple(found)
