"""OLA: the member that is best around the row answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fusebench.fusions._dynamic import DynamicSelection, Region, local_accuracy, only_best
from fusebench.fusions.base import Floats


@dataclass(kw_only=True)
class Ola(DynamicSelection):
    """Let the member with the highest accuracy on a row's neighbours answer (overall local accuracy).

    For regression, the one with the smallest mean squared error on them.

    Parameters
    ----------
    k : int, default=7
        Neighbours, > 0; all rows where there are fewer.
    space : {"features", "predictions"}, default="features"
        Where neighbours are sought: among encoded features, or among the members' predictions.
    encode : str or mapping, default="linear"
        The encoder of the features; ``linear`` fills in missing values, scales numbers and spreads categories. ``none``
        for raw numbers.
    dfp : bool, default=False
        Whether members that are right on one class only around a row are left out there (dynamic frienemy pruning).

    Notes
    -----
    Ties: the first member. Classes on which all members agree are taken as they are, with the mean of their
    probabilities. O(n_samples * n_rows * n_columns) for the search, at most.

    References
    ----------
    .. [1] K. Woods, W. P. Kegelmeyer, K. Bowyer, Combination of multiple classifiers using local accuracy estimates,
       IEEE TPAMI 19(4), 1997.
    .. [2] N. Rooney et al., Dynamic integration of regression models, MCS 2004 (regression).
    """

    single: ClassVar[bool] = True

    def _competence(self, region: Region) -> Floats:
        return local_accuracy(self, region)

    def _weights(self, competence: Floats, region: Region) -> Floats:
        return only_best(competence)
