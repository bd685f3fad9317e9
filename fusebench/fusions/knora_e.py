"""KNORA-E: the members that are right on all of a row's nearest neighbours vote."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusebench.fusions._dynamic import HitSelection, Region
from fusebench.fusions.base import Floats


@dataclass(kw_only=True)
class KnoraE(HitSelection):
    """Let those members vote that are right on the longest run of nearest neighbours (KNORA-Eliminate).

    Parameters
    ----------
    k : int, default=7
        Neighbours, > 0; all rows where there are fewer.
    voting : {"hard", "soft"}, default="hard"
        Whether the chosen members' labels or their probabilities are averaged. Soft probabilities are the better ones
        for log loss.
    tolerance : float, optional
        For regression: the largest absolute error, in units of the target, that counts as right; by default the median
        of all members' out-of-fold errors.
    space : {"features", "predictions"}, default="features"
        Where neighbours are sought: among encoded features, or among the members' predictions.
    encode : str or mapping, default="linear"
        The encoder of the features; ``linear`` fills in missing values, scales numbers and spreads categories. ``none``
        for raw numbers.
    dfp : bool, default=False
        Whether members that are right on one class only around a row are left out there (dynamic frienemy pruning).

    Notes
    -----
    With the hits h_1, h_2, ... of a member from the nearest neighbour on, its competence is the number of
    leading ones; all members of the largest competence count the same, which are all members where none gets the
    nearest neighbour right. Classes on which all members agree are taken as they are, with the mean of their
    probabilities. Neighbours at equal distance: the first row. O(n_samples * n_rows * n_columns) for the search, at
    most.

    References
    ----------
    .. [1] A. H. R. Ko, R. Sabourin, A. S. Britto, From dynamic classifier selection to dynamic ensemble selection,
       Pattern Recognition 41(5), 2008.
    .. [2] D. V. R. Oliveira, G. D. C. Cavalcanti, R. Sabourin, Online pruning of base classifiers for dynamic ensemble
       selection, Pattern Recognition 72, 2017.
    """

    def _competence(self, region: Region) -> Floats:
        return np.asarray(np.logical_and.accumulate(self._near_hits(region), axis=1).sum(axis=1), dtype=np.float64)

    def _weights(self, competence: Floats, region: Region) -> Floats:
        return np.asarray(competence == competence.max(axis=1, keepdims=True), dtype=np.float64)
