"""META-DES: a learner judges from a row's surroundings which members are right on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.errors import FitError
from fusebench.fusions._dynamic import DynamicSelection, Region, all_where_none, blocks
from fusebench.fusions._neighbours import Neighbours, Rows
from fusebench.fusions._space import profiles
from fusebench.fusions.base import Context, Floats
from fusebench.spec.model import LearnerSpec

EDGES = np.linspace(0.1, 1, 10)
"""Where the naive Bayes classifier's features are cut."""


@dataclass(kw_only=True)
class MetaDes(DynamicSelection):
    """Let those members vote that a classifier of (row, member) pairs calls competent.

    Parameters
    ----------
    k : int, default=7
        Neighbours, > 0; all other rows where there are fewer.
    kp : int, default=5
        Rows with the most similar predictions of all members that are looked at too, > 0.
    hc : float, default=1.0
        Largest share of members that are right on a row, or wrong, for the pairs of this row to be learned from; in
        [0.5, 1].
    selection_threshold : float, default=0.5
        Smallest probability of being right of a member that votes (exclusive), in [0.5, 1).
    mode : {"selection", "weighting", "hybrid"}, default="selection"
        The chosen members vote alike; all vote with their probability of being right; the chosen vote with it.
    meta_classifier : learner, optional
        Written like a learner; by default multinomial naive Bayes on features cut into ten steps.
    voting : {"hard", "soft"}, default="hard"
        Whether labels or probabilities are averaged.
    space, encode, dfp
        As in ``knora_e``.

    Notes
    -----
    Features of a pair: whether the member is right on each of the k neighbours, its probability of the true
    class of each, its accuracy on them, whether it is right on each of the kp rows of similar predictions, and its
    largest probability. The classifier learns from the out-of-fold rows, each left out of its own neighbours. Where no
    member is competent, all vote. Classes on which all members agree are taken as they are. Classification only.
    O(n_samples * n_rows * n_columns) for the searches, at most.

    References
    ----------
    .. [1] R. M. O. Cruz et al., META-DES: A dynamic ensemble selection framework using meta-learning, Pattern
       Recognition 48(5), 2015.
    """

    target_types: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})

    kp: Annotated[int, Field(gt=0)] = 5
    hc: Annotated[float, Field(ge=0.5, le=1)] = 1.0
    selection_threshold: Annotated[float, Field(ge=0.5, lt=1)] = 0.5
    mode: Literal["selection", "weighting", "hybrid"] = "selection"
    meta_classifier: LearnerSpec | None = None
    voting: Literal["hard", "soft"] = "hard"

    def _learn(self, P: Floats, context: Context) -> None:
        if len(P) < 2:
            raise FitError(f"meta_des needs at least 2 out-of-fold rows, got {len(P)}")
        self.k_, self.kp_ = min(self.k, len(P) - 1), min(self.kp, len(P) - 1)
        self.true_ = P[np.arange(len(P)), :, self.y_.astype(np.intp)].astype(np.float64)
        self.profiles_ = Neighbours(profiles(P))
        rows = self._informative()
        self.judge_: Callable[[Floats], Floats] = _Unanimous(float(self.hits_[rows].all()))
        if len(np.unique(self.hits_[rows])) == 2:
            tables = (self._features_of_fit(P, rows[block]) for block in blocks(len(rows)))
            targets = (self.hits_[rows[block]].reshape(-1) for block in blocks(len(rows)))
            if self.meta_classifier is None:
                self.judge_ = _NaiveBayes().fit(tables, targets)
            else:
                self.judge_ = _Learned(
                    context.fit_learner(
                        self.meta_classifier,
                        np.vstack(list(tables)),
                        np.concatenate(list(targets)).astype(np.int64),
                        target_type="binary",
                        n_classes=2,
                        random_state=context.random_state,
                    )
                )

    def _informative(self) -> Rows:
        """Return the rows on which the members do not agree too much on being right or wrong; all where none."""
        right = self.hits_.mean(axis=1)
        rows = np.flatnonzero((right < self.hc) | (right > 1 - self.hc))
        return rows if len(rows) else np.arange(len(right))

    def _features_of_fit(self, P: Floats, rows: Rows) -> Floats:
        near = self.space_.find_others(rows, self.k_)
        similar = self.profiles_.find(self.profiles_.points[rows], self.kp_, own=rows)
        return self._features(P[rows], near, similar)

    def _features(self, P: Floats, near: Rows, similar: Rows) -> Floats:
        """Return one row per (row, member) pair, members fastest, shape (n_samples * n_members, 2 k + kp + 2)."""
        hits, true = self.hits_[near], self.true_[near]
        parts = [
            hits.swapaxes(1, 2),
            true.swapaxes(1, 2),
            hits.mean(axis=1)[:, :, None],
            self.hits_[similar].swapaxes(1, 2),
            P.max(axis=2)[:, :, None],
        ]
        table = np.concatenate(parts, axis=2)
        return np.asarray(table.reshape(-1, table.shape[2]))

    def _competence(self, region: Region) -> Floats:
        similar = self.profiles_.find(profiles(region.P), self.kp_)
        return self.judge_(self._features(region.P, region.neighbours, similar)).reshape(region.labels.shape)

    def _weights(self, competence: Floats, region: Region) -> Floats:
        chosen = all_where_none(competence > self.selection_threshold).astype(bool)
        if self.mode == "selection":
            return chosen.astype(np.float64)
        return all_where_none(competence if self.mode == "weighting" else np.where(chosen, competence, 0.0))


class _NaiveBayes:
    """Multinomial naive Bayes on cut features."""

    def fit(self, tables: Any, targets: Any) -> _NaiveBayes:
        from sklearn.naive_bayes import MultinomialNB

        self.model = MultinomialNB()
        for table, target in zip(tables, targets, strict=True):
            self.model.partial_fit(np.digitize(table, EDGES), target, classes=[False, True])
        return self

    def __call__(self, table: Floats) -> Floats:
        return np.asarray(self.model.predict_proba(np.digitize(table, EDGES))[:, 1])


@dataclass(frozen=True)
class _Learned:
    """A learner that was named."""

    fitted: Any

    def __call__(self, table: Floats) -> Floats:
        return np.asarray(self.fitted.predict_proba(table)[:, 1])


@dataclass(frozen=True)
class _Unanimous:
    """The members were all right, or all wrong, on every row: nothing tells them apart."""

    share: float

    def __call__(self, table: Floats) -> NDArray[Any]:
        return np.full(len(table), self.share)
