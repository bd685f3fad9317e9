"""Fill in, scale: what is done to the block of numbers."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

Scaling = Literal["none", "standard", "unit"]


class NumberBlock:
    """Numbers without missing values, scaled or not.

    Missing values become the training median, 0 where a column holds none. The steps are scikit-learn's own
    ``SimpleImputer``, ``StandardScaler`` and ``MinMaxScaler``, on one matrix.

    Parameters
    ----------
    scaling : {"none", "standard", "unit"}
        ``standard``: zero mean and unit variance; ``unit``: the training range is 0 to 1, and values outside it are
        clipped.
    """

    def __init__(self, scaling: Scaling) -> None:
        self.scaling = scaling
        self.medians: NDArray[np.float64] = np.empty(0)
        self.shift: NDArray[np.float64] | float = 0.0
        self.scale: NDArray[np.float64] | float = 1.0

    def fit(self, values: NDArray[np.float64]) -> Self:
        """Learn the medians and the scale from values of shape (n_samples, n_columns)."""
        if not values.shape[1]:
            return self
        self.medians = _medians(values)
        if self.scaling != "none":
            from sklearn.preprocessing import MinMaxScaler, StandardScaler

            filled = self._filled(values)
            if self.scaling == "standard":
                standard = StandardScaler().fit(filled)
                self.shift, self.scale = standard.mean_, standard.scale_
            else:
                unit = MinMaxScaler().fit(filled)
                self.shift, self.scale = unit.min_, unit.scale_
        return self

    def transform(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values filled in and scaled, same shape."""
        if not values.shape[1]:
            return values
        filled = self._filled(values)
        # The scalers' own arithmetic, without their checks, which take longer than it on small data.
        if self.scaling == "standard":
            return np.asarray((filled - self.shift) / self.scale)
        return np.clip(filled * self.scale + self.shift, 0.0, 1.0) if self.scaling == "unit" else filled

    def _filled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        missing = np.isnan(values)
        return np.where(missing, self.medians, values) if missing.any() else values


def _medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if not np.isnan(values).any():
        return np.asarray(np.median(values, axis=0))
    from sklearn.impute import SimpleImputer

    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    return np.asarray(imputer.fit(values).statistics_)
