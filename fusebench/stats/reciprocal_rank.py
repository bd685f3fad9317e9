"""Mean reciprocal rank."""

from __future__ import annotations

from collections.abc import Sequence

from fusebench.stats._arrays import Floats, average_ranks
from fusebench.stats._tasks import mean_over_tasks


def reciprocal_rank(errors: Sequence[Floats]) -> Floats:
    r"""Return the mean of 1 / rank.

    Parameters
    ----------
    errors : sequence of ndarray of shape (n_splits, n_models)
        One array per dataset; lower is better.

    Returns
    -------
    ndarray of shape (n_models,)

    Notes
    -----
    Ties averaged. Its inverse is the harmonic mean rank.
    Mean over splits, then datasets. O(n_splits * n_models log n_models) a dataset.

    References
    ----------
    .. [1] N. Erickson et al., TabArena: a living benchmark for machine learning on tabular data, NeurIPS 2025.
    """
    return mean_over_tasks(errors, lambda e: 1 / average_ranks(e))
