"""Encoders that lay a block of numbers, a block of categories and a block of text side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.encoders._columns import Columns, as_frame, numbers
from fusebench.encoders._numbers import NumberBlock, Scaling
from fusebench.encoders._onehot import OneHotBlock
from fusebench.encoders._text import TextBlock
from fusebench.encoders.base import Encoder, NumberEncoder, as_matrix

if TYPE_CHECKING:
    import pandas as pd


@dataclass(kw_only=True)
class _Stacked(Encoder):
    """Numbers (and parts of dates), then indicators of categories, then TF-IDF of text."""

    scaling: ClassVar[Scaling] = "standard"
    columns_: Columns = field(init=False, repr=False)
    numbers_: NumberBlock = field(init=False, repr=False)
    categories_: Any = field(init=False, repr=False)
    text_: Any = field(init=False, repr=False)

    def fit(self, X: pd.DataFrame, y: NDArray[Any] | None = None, *, target_type: str = "binary") -> Self:
        """Learn from training rows; see `Encoder.fit`."""
        X = as_frame(X)
        self.columns_ = Columns.of(X, self._text_columns(X))
        self.numbers_ = NumberBlock(self.scaling).fit(numbers(X, self.columns_))
        if self.columns_.categories:
            self.categories_ = OneHotBlock().fit(X, self.columns_.categories)
        if self.columns_.text:
            self.text_ = self._text_block().fit(X, self.columns_.text)
        return self

    def transform(self, X: pd.DataFrame) -> Any:
        """Return the encoded rows; CSR with text, or with more than 1,000 indicators."""
        columns = self.columns_
        X = columns.of_frame(as_frame(X))
        parts = [self.numbers_.transform(numbers(X, columns))]
        if columns.categories:
            parts.append(self.categories_.transform(X, columns.categories))
        if columns.text:
            parts.append(self.text_.transform(X, columns.text))
        return stack(parts)

    def on_numbers(self, columns: Columns) -> NumberEncoder | None:
        """Return the block of numbers; see `Encoder.on_numbers`."""
        self.columns_, self.numbers_ = columns, NumberBlock(self.scaling)
        return self.numbers_

    def _text_columns(self, X: pd.DataFrame) -> Sequence[Any]:
        return self.text

    def _text_block(self) -> Any:
        return TextBlock()

    def as_transformer(self, X: pd.DataFrame, *, target_type: str = "binary") -> Any:
        """Return the scikit-learn steps that one would write by hand; see `Encoder.as_transformer`.

        For text, dates, and columns with pandas' own number types, this encoder itself, wrapped.
        """
        from fusebench.encoders._adapter import by_hand

        X = as_frame(X)
        return by_hand(Columns.of(X, self._text_columns(X)), self.scaling) or super().as_transformer(X)


@dataclass(kw_only=True)
class _TextFirst(_Stacked):
    """An encoder for text: where the dataset names no text columns, all that are neither numbers nor dates."""

    def on_numbers(self, columns: Columns) -> NumberEncoder | None:
        """Return None: it is not made for numbers alone."""
        return None

    def _text_columns(self, X: pd.DataFrame) -> Sequence[Any]:
        if self.text:
            return self.text
        found = Columns.of(X)
        return [found.names[position] for position in found.categories]


def stack(parts: list[Any]) -> Any:
    """Return blocks side by side: dense when all are, CSR when one is sparse."""
    parts = [part for part in parts if part.shape[1]] or parts[:1]
    if len(parts) == 1:
        return parts[0]
    if any(hasattr(part, "toarray") for part in parts):
        from scipy.sparse import csr_matrix, hstack

        return hstack([csr_matrix(part) for part in parts], format="csr")
    return as_matrix(np.hstack(parts))
