"""For boosters with categories and missing values of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.encoders._in_place import _InPlace

if TYPE_CHECKING:
    import pandas as pd


@dataclass(kw_only=True)
class Native(_InPlace):
    """As ``ordinal``, but a missing or unseen category is NaN, and the learner is told which columns are categories.

    XGBoost, LightGBM and HistGradientBoosting split such columns by sets of categories and send NaN where it helps.
    """

    absent = np.nan

    def fit(self, X: pd.DataFrame, y: NDArray[Any] | None = None, *, target_type: str = "binary") -> Self:
        """Learn from training rows; see `Encoder.fit`."""
        super().fit(X, y, target_type=target_type)
        self.categorical_ = self._category_columns()
        return self
