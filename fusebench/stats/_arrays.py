"""What the methods share: rounding of scores and differences, and checks of their input."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Equal scores can differ in their last bits (scipy issue 17667): differences are rounded before zeros and ties are
# sought.
DECIMALS = 12
ZERO = 1e-12


def finite(values: ArrayLike, name: str) -> Floats:
    """Return values as floats; raise ValueError when one is not finite."""
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} values that are not")
    return array


def rounded(values: Floats) -> Floats:
    """Return values rounded to 12 decimals, without negative zeros."""
    result: Floats = np.round(values, DECIMALS) + 0.0
    return result


def average_ranks(values: Floats) -> Floats:
    """Return 1-based ranks along the last axis, smallest first, ties averaged; O(n log n) a row."""
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-1)
    size = values.shape[-1]
    position = np.broadcast_to(np.arange(size), values.shape)
    new = np.ones(values.shape, dtype=bool)
    new[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    last = np.ones(values.shape, dtype=bool)
    last[..., :-1] = new[..., 1:]
    start = np.maximum.accumulate(np.where(new, position, 0), axis=-1)
    end = np.flip(np.minimum.accumulate(np.flip(np.where(last, position, size - 1), -1), axis=-1), -1)
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (start + end) / 2 + 1, axis=-1)
    return ranks
