"""Ranks of models on each dataset."""

from __future__ import annotations

from numpy.typing import ArrayLike

from fusebench.stats._arrays import Floats, average_ranks, finite, rounded


def ranks(scores: ArrayLike) -> Floats:
    """Rank the models on each dataset, 1 is best, ties averaged.

    Parameters
    ----------
    scores : array-like of shape (n_datasets, n_models)
        Higher is better. Rounded to 12 decimals before ties are sought.

    Returns
    -------
    ndarray of shape (n_datasets, n_models)

    Raises
    ------
    ValueError
        If a score is not finite.

    Notes
    -----
    O(n_datasets * n_models * log n_models).
    """
    return average_ranks(-rounded(finite(scores, "scores")))
