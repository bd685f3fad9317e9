"""Fill in, scale: what is done to the block of numbers."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

Scaling = Literal["none", "standard", "unit"]


class NumberBlock:
    """Numbers without missing values, scaled or not.

    Missing values become the training median, 0 where a column holds none. The steps are those of scikit-learn's
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
            self.shift, self.scale = (_standard if self.scaling == "standard" else _unit)(self._filled(values))
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


class AsTheyAre:
    """Numbers that are handed over as they are, missing values too."""

    def fit(self, _: NDArray[np.float64]) -> Self:
        """Learn nothing."""
        return self

    @staticmethod
    def transform(values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values."""
        return values


def _standard(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and the deviation of each column, which is 1 for a column that varies by rounding alone.

    What ``StandardScaler`` computes, in the same bits, without its checks, which take ten times as long on small data:
    the variance by the corrected two-pass algorithm, over n. O(n_samples n_columns).

    References
    ----------
    .. [1] T. F. Chan, G. H. Golub, R. J. LeVeque, Algorithms for computing the sample variance: analysis and
       recommendations, The American Statistician 37(3), 1983, eq. 1.7.
    """
    n, rounding = np.float64(len(values)), np.finfo(np.float64).eps
    mean = values.sum(axis=0) / n
    away = values - mean
    correction = away.sum(axis=0)
    away **= 2
    variance = (away.sum(axis=0) - correction**2 / n) / n
    is_constant = variance <= n * rounding * variance + (n * mean * rounding) ** 2
    return mean, np.where(is_constant, 1.0, np.sqrt(variance))


def _unit(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what to add to each column, and what to multiply it by before."""
    from sklearn.preprocessing import MinMaxScaler

    unit = MinMaxScaler().fit(values)
    return unit.min_, unit.scale_


def _medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(values) and not np.isnan(values).any():
        # As NumPy's median, whose checks take twice as long on small data.
        lower, upper = (len(values) - 1) // 2, len(values) // 2
        parted = np.partition(values, lower if lower == upper else (lower, upper), axis=0)
        return np.asarray(parted[lower] if lower == upper else parted[lower : upper + 1].mean(axis=0))
    from sklearn.impute import SimpleImputer

    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    return np.asarray(imputer.fit(values).statistics_)
