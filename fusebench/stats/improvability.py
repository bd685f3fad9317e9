"""Improvability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusebench.stats._arrays import Floats
from fusebench.stats._tasks import divide, mean_over_tasks


def improvability(errors: Sequence[Floats]) -> Floats:
    r"""Return by which share each error would fall if the best model were used.

    Parameters
    ----------
    errors : sequence of ndarray of shape (n_splits, n_models)
        One array per dataset; lower is better.

    Returns
    -------
    ndarray of shape (n_models,)

    Notes
    -----
    :math:`1 - best / error`, and 0 where both are 0.
    Mean over splits, then datasets. O(n_splits * n_models log n_models) a dataset.

    References
    ----------
    .. [1] N. Erickson et al., TabArena: a living benchmark for machine learning on tabular data, NeurIPS 2025.
    """
    return mean_over_tasks(errors, lambda e: np.where(e != 0, 1 - divide(e.min(axis=1, keepdims=True), e), 0.0))
