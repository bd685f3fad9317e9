"""The numbers as they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.encoders._columns import Columns, as_frame, numbers
from fusebench.encoders._numbers import AsTheyAre
from fusebench.encoders.base import Encoder, NumberEncoder
from fusebench.errors import FitError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(kw_only=True)
class NoEncoder(Encoder):
    """Hand over numeric columns as they are; missing values stay NaN, booleans become 0 and 1.

    A column that is not numeric is an error: name another encoder for it.
    """

    columns_: Columns = field(init=False, repr=False)

    def fit(self, X: pd.DataFrame, y: NDArray[Any] | None = None, *, target_type: str = "binary") -> Self:
        """Check that every column is a number."""
        X = as_frame(X)
        columns = Columns.of(X, self.text)
        other = sorted((*columns.categories, *columns.dates, *columns.text))
        if other:
            names = ", ".join(f"'{columns.names[position]}'" for position in other[:5])
            raise FitError(f"encode: none needs numeric columns, got {names}; name an encoder or leave it at 'auto'")
        self.columns_ = columns
        return self

    def transform(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the values, shape (n_samples, n_columns)."""
        return numbers(self.columns_.of_frame(as_frame(X)), self.columns_)

    def on_numbers(self, columns: Columns) -> NumberEncoder | None:
        """Hand numbers over as they are; see `Encoder.on_numbers`."""
        self.columns_ = columns
        return AsTheyAre()

    def as_transformer(self, X: pd.DataFrame, *, target_type: str = "binary") -> Any:
        """Return ``"passthrough"``."""
        return "passthrough"
