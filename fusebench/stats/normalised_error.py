"""Normalised error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusebench.stats._arrays import Floats
from fusebench.stats._tasks import mean_over_tasks


def normalised_error(errors: Sequence[Floats]) -> Floats:
    r"""Return errors rescaled so that the best model has 0 and the median one 1, clipped to [0, 1].

    Parameters
    ----------
    errors : sequence of ndarray of shape (n_splits, n_models)
        One array per dataset; lower is better.

    Returns
    -------
    ndarray of shape (n_models,)

    Notes
    -----
    :math:`clip((error - min) / max(median - min, 10^{-5}), 0, 1)`.
    Mean over splits, then datasets. O(n_splits * n_models log n_models) a dataset.

    References
    ----------
    .. [1] N. Erickson et al., TabArena: a living benchmark for machine learning on tabular data, NeurIPS 2025.
    """
    return mean_over_tasks(errors, _normalised)


def _normalised(errors: Floats) -> Floats:
    best = errors.min(axis=1, keepdims=True)
    middle = np.median(errors, axis=1, keepdims=True)
    result: Floats = np.clip((errors - best) / np.maximum(middle - best, 1e-5), 0.0, 1.0)
    return result
