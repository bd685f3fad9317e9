"""The mean over splits, then over datasets, that TabArena's measures share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fusebench.stats._arrays import Floats, finite


def mean_over_tasks(errors: Sequence[Floats], measure: Callable[[Floats], Floats]) -> Floats:
    """Return the mean of a measure over splits, then datasets.

    Parameters
    ----------
    errors : sequence of ndarray of shape (n_splits, n_models)
        One array per dataset; lower is better.
    measure : callable
        From errors (n_splits, n_models) to values of the same shape.
    """
    result: Floats = np.mean([measure(finite(one, "errors")).mean(axis=0) for one in errors], axis=0)
    return result


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """Divide; 0 / 0 is 0."""
    return np.divide(
        numerator, denominator, out=np.zeros(np.broadcast(numerator, denominator).shape), where=denominator != 0
    )
