"""Rescaled loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusebench.stats._arrays import Floats
from fusebench.stats._tasks import divide, mean_over_tasks


def rescaled_loss(errors: Sequence[Floats]) -> Floats:
    r"""Return errors rescaled so that the best model has 0 and the worst 1.

    Parameters
    ----------
    errors : sequence of ndarray of shape (n_splits, n_models)
        One array per dataset; lower is better.

    Returns
    -------
    ndarray of shape (n_models,)

    Notes
    -----
    :math:`(error - min) / (max - min)`, and 0 where all are equal.
    Mean over splits, then datasets. O(n_splits * n_models log n_models) a dataset.

    References
    ----------
    .. [1] N. Erickson et al., TabArena: a living benchmark for machine learning on tabular data, NeurIPS 2025.
    """
    return mean_over_tasks(errors, lambda e: divide(e - e.min(axis=1, keepdims=True), np.ptp(e, axis=1, keepdims=True)))
