"""LCA: the member whose answer is most often right around the row answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from fusebench.fusions._dynamic import DynamicSelection, Region, only_best
from fusebench.fusions.base import Context, Floats


@dataclass(kw_only=True)
class Lca(DynamicSelection):
    """Let the member answer whose class is most trusted around the row (local class accuracy).

    Parameters
    ----------
    k, space, encode, dfp
        As in ``ola``.
    among : {"target", "predicted"}, default="target"
        Which neighbours count for a member that answers with a class: those that have this class, as in DESlib, or
        those that the member gives this class, as in the paper.

    Notes
    -----
    A member's competence is its accuracy on those neighbours, 0 where there is none. Ties: the first
    member. Classes on which all members agree are taken as they are, with the mean of their probabilities.
    Classification only. O(n_samples * n_rows * n_columns) for the search, at most.

    References
    ----------
    .. [1] K. Woods, W. P. Kegelmeyer, K. Bowyer, Combination of multiple classifiers using local accuracy estimates,
       IEEE TPAMI 19(4), 1997.
    """

    target_types: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    single: ClassVar[bool] = True

    among: Literal["target", "predicted"] = "target"

    def _learn(self, P: Floats, context: Context) -> None:
        self.labels_ = np.asarray(context.labels).copy()

    def _competence(self, region: Region) -> Floats:
        y, hits = self.y_[region.neighbours][:, :, None], self._near_hits(region)
        answers = region.labels[:, None, :]
        # A member gave a neighbour the class in question where it is a hit of that class, or a miss that says so.
        counts = (y == answers) if self.among == "target" else (self.labels_[region.neighbours] == answers)
        n_counted = counts.sum(axis=1)
        return np.asarray((hits & counts).sum(axis=1) / np.maximum(n_counted, 1))

    def _weights(self, competence: Floats, region: Region) -> Floats:
        return only_best(competence)
