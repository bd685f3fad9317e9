"""For trees that take no missing numbers: a code per category."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.encoders._in_place import _InPlace
from fusebench.encoders._numbers import NumberBlock

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.encoders._columns import Columns
    from fusebench.encoders.base import NumberEncoder


@dataclass(kw_only=True)
class OrdinalImputed(_InPlace):
    """As ``ordinal``, and a missing number becomes the training median."""

    numbers_: NumberBlock = field(init=False, repr=False)

    def fit(self, X: pd.DataFrame, y: NDArray[Any] | None = None, *, target_type: str = "binary") -> Self:
        """Learn from training rows; see `Encoder.fit`."""
        super().fit(X, y, target_type=target_type)
        self.numbers_ = NumberBlock("none").fit(super().transform(X))
        return self

    def on_numbers(self, columns: Columns) -> NumberEncoder | None:
        """Fill in what is missing; see `Encoder.on_numbers`."""
        super().on_numbers(columns)
        self.numbers_ = NumberBlock("none")
        return self.numbers_

    def transform(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the encoded rows, shape (n_samples, n_features)."""
        return self.numbers_.transform(super().transform(X))
