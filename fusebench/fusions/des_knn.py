"""DES-KNN: of the members that are accurate around the row, the most diverse vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from fusebench.fusions._dynamic import DynamicSelection, Region, local_accuracy
from fusebench.fusions.base import Context, Floats


@dataclass(kw_only=True)
class DesKnn(DynamicSelection):
    """Let the most diverse of the most accurate members around a row vote.

    Parameters
    ----------
    k : int, default=7
        Neighbours, > 0; all rows where there are fewer.
    voting : {"hard", "soft"}, default="hard"
        Whether the chosen members' labels or their probabilities are averaged.
    pct_accuracy : float, default=0.5
        Share of the members that are accurate, rounded down, at least one.
    pct_diversity : float, default=0.3
        Share of all members that vote, rounded up, at most as many as are accurate.
    diversity : {"double_fault", "q_statistic", "ratio"}, default="double_fault"
        How alike two members' errors on the neighbours are: how often both are wrong; the association of their hits;
        how often one is wrong for each time that both are. For regression, the mean product of their errors in place of
        all three.
    space, encode, dfp
        As in ``knora_e``.

    Notes
    -----
    A member's diversity is the sum over all other members. Ties, in accuracy and in diversity: the first
    member. Classes on which all members agree are taken as they are. O(n_samples * (n_rows * n_columns + k *
    n_members^2)).

    References
    ----------
    .. [1] R. G. F. Soares et al., Using accuracy and diversity to select classifiers to build ensembles, IJCNN 2006.
    .. [2] L. I. Kuncheva, C. J. Whitaker, Measures of diversity in classifier ensembles and their relationship with the
       ensemble accuracy, Machine Learning 51(2), 2003.
    """

    voting: Literal["hard", "soft"] = "hard"
    pct_accuracy: Annotated[float, Field(gt=0, le=1)] = 0.5
    pct_diversity: Annotated[float, Field(gt=0, le=1)] = 0.3
    diversity: Literal["double_fault", "q_statistic", "ratio"] = "double_fault"

    def _learn(self, P: Floats, context: Context) -> None:
        if not context.is_classification:
            self.signed_ = np.asarray(context.labels, dtype=np.float64) - self.y_[:, None]

    def _competence(self, region: Region) -> Floats:
        return local_accuracy(self, region)

    def _weights(self, competence: Floats, region: Region) -> Floats:
        n_members = competence.shape[1]
        n_accurate = max(1, int(n_members * self.pct_accuracy))
        n_diverse = min(n_accurate, max(1, int(np.ceil(n_members * self.pct_diversity))))
        accurate = np.argsort(-competence, axis=1, kind="stable")[:, :n_accurate]
        among = np.take_along_axis(self._diversity(region), np.sort(accurate, axis=1), axis=1)
        order = np.argsort(-among, axis=1, kind="stable")[:, :n_diverse]
        weights = np.zeros_like(competence)
        np.put_along_axis(weights, np.take_along_axis(np.sort(accurate, axis=1), order, axis=1), 1.0, axis=1)
        return weights

    def _diversity(self, region: Region) -> Floats:
        """Return each member's diversity from all others on the neighbours, shape (n_samples, n_members)."""
        if hasattr(self, "errors_"):
            signed = self.signed_[region.neighbours]
            return _off_diagonal(-np.einsum("nki,nkj->nij", signed, signed) / self.k_)
        wrong = (~self._near_hits(region)).astype(np.float64)
        both_wrong = np.einsum("nki,nkj->nij", wrong, wrong)
        if self.diversity == "double_fault":
            return _off_diagonal(-both_wrong)
        n_wrong = wrong.sum(axis=1)
        first = n_wrong[:, :, None] - both_wrong
        second = n_wrong[:, None, :] - both_wrong
        both_right = self.k_ - first - second - both_wrong
        if self.diversity == "ratio":
            # No common error at all is the largest diversity that k neighbours can show.
            return _off_diagonal(np.where(both_wrong > 0, (first + second) / np.maximum(both_wrong, 1), self.k_ + 1.0))
        same, different = both_right * both_wrong, first * second
        total = same + different
        # Q is 1 for members that err together; less is more diverse.
        return _off_diagonal(-np.where(total > 0, (same - different) / np.where(total > 0, total, 1), 0.0))


def _off_diagonal(table: Floats) -> Floats:
    """Return the row sums of square tables without their diagonals."""
    return np.asarray(table.sum(axis=2) - np.einsum("nii->ni", table))
