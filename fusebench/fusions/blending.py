"""Blending: a meta-learner that is fitted on one held-out part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.fusions._stacked import StackedFusion
from fusebench.fusions.base import Context, Floats


@dataclass(kw_only=True)
class Blending(StackedFusion):
    """Fit the final estimator of stacking on the predictions of a held-out part alone.

    Parameters
    ----------
    final_estimator, passthrough, features, meta_learner, feature_weighted
        As in ``stacking``.
    holdout : float, default=0.2
        Share of the rows that the final estimator sees, in (0, 1).

    Notes
    -----
    Whole inner folds are held out, the last ones, until they make that share: one fold of five is predicted by members
    fitted once, on the other four, as in a plain blend. Without inner folds a random part is held out, drawn with
    ``random_state``.

    References
    ----------
    .. [1] A. Toescher, M. Jahrer, R. M. Bell, The BigChaos solution to the Netflix grand prize, 2009.
    """

    holdout: Annotated[float, Field(gt=0, lt=1)] = 0.2

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Fit the final estimator on the held-out rows.

        Raises
        ------
        FitError
            If the held-out rows hold one class only.
        """
        rows = self._held_out(len(y), context)
        return super().fit(P[rows], y[rows], context.take(rows))

    def _held_out(self, n_samples: int, context: Context) -> NDArray[Any]:
        due = max(1, round(self.holdout * n_samples))
        if context.fold is None or len(np.unique(context.fold)) < 2:
            order = np.random.default_rng(context.random_state).permutation(n_samples)
            return np.sort(order[:due])
        chosen = np.zeros(n_samples, dtype=bool)
        # Up to rounding: of 150 rows in folds of 30, a fifth is one fold and never two.
        for fold in np.unique(context.fold)[:0:-1]:
            if chosen.sum() >= 0.9 * due:
                break
            chosen |= context.fold == fold
        return np.flatnonzero(chosen)
