"""The rows of the training part that early stopping watches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

VALIDATION_FRACTION = 0.1


def validation_rows(
    y: NDArray[Any], *, stratify: bool, random_state: int | None, groups: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Choose the rows that early stopping watches and that are not fitted.

    A tenth of the rows: of every class for classification, whole groups where there are groups. A class whose rows
    would all be chosen keeps them in training (with the whole of their groups).

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Classes or values.
    stratify : bool
        Whether `y` holds classes.
    random_state : int or None
        The seed.
    groups : ndarray of shape (n_samples,), optional
        The group of each row.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
        True for the rows to watch; none when there are fewer than 2 rows or groups.
    """
    rng = np.random.default_rng(random_state)
    units = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    chosen = _draw(units, y if stratify and groups is None else np.zeros(len(y)), rng)
    if stratify:
        lost = np.setdiff1d(y, y[~chosen])
        chosen &= ~np.isin(units, units[np.isin(y, lost)])
    return chosen


def _draw(units: NDArray[Any], strata: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Return the rows of a tenth of the units, drawn at random within each stratum."""
    chosen = np.zeros(len(units), dtype=bool)
    for stratum in np.unique(strata):
        members = rng.permutation(np.unique(units[strata == stratum]))
        size = max(1, round(VALIDATION_FRACTION * len(members)))
        if len(members) > 1:
            chosen |= np.isin(units, members[:size])
    return chosen
