"""Adaptive: choose the fusion or the learner that suits the data, and the simpler one in doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.errors import FitError
from fusebench.fusions.base import Context, Floats, Fusion


@dataclass(kw_only=True)
class Adaptive(Fusion):
    """Choose one member by cross-validation on the out-of-fold predictions, by the one-standard-error rule.

    Members are the candidates: all learners and all other fusions, unless named. Fusions that fit models of their own
    (bagging, distillation, ...) have to be named, because they are fitted again for every inner fold then.

    Parameters
    ----------
    standard_errors : float, default=1.0
        How many standard errors behind the best a simpler candidate may be; 0 chooses the best.

    Notes
    -----
    Candidates are scored on each of the k inner folds. For a fusion, those are scores of the fusion fitted on the other
    inner folds. The best has the highest mean. Of the candidates whose mean difference to it, d, is at most
    `standard_errors` times ``sqrt(s^2 (1/k + 1/(k-1)))``, with s^2 the variance of the fold differences (Nadeau and
    Bengio's correction), the one with the fewest learners is chosen; then the cheapest by declared cost, where all have
    one; then the first. Folds that hold one class only are left out. With fewer than two folds left, the best on all
    rows is chosen.

    References
    ----------
    .. [1] L. Breiman et al., Classification and Regression Trees, 1984, section 3.4.3 (one standard error).
    .. [2] C. Nadeau, Y. Bengio, Inference for the generalization error, Machine Learning 52(3), 2003.
    """

    default_members: ClassVar[Literal["learners", "everything"]] = "everything"

    standard_errors: Annotated[float, Field(ge=0)] = 1.0

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Choose a candidate.

        Raises
        ------
        FitError
            If no candidate has a score.
        """
        self.members_ = context.members
        self.scores_ = _fold_scores(P, y, context)
        means = self.scores_.mean(axis=0)
        if not np.isfinite(means).any():
            raise FitError(f"no candidate has a finite {context.metric} out of fold: {', '.join(context.members)}")
        candidates = self._close_to_best(means)
        self.best_ = min((int(at) for at in np.flatnonzero(means == np.nanmax(means))), key=_simplicity(context))
        self.chosen_ = min(candidates, key=_simplicity(context))
        return self

    def _close_to_best(self, means: Floats) -> list[int]:
        best = int(np.nanargmax(means))
        n_folds = len(self.scores_)
        differences = self.scores_[:, [best]] - self.scores_
        behind = differences.mean(axis=0)
        if n_folds < 2:
            return [int(at) for at in np.flatnonzero(behind <= 0)]
        # Rounded, because differences of equal scores leave rounding errors (1e-12 of a score is nothing).
        variance = np.round(differences, 12).var(axis=0, ddof=1)
        error = np.sqrt(variance * (1 / n_folds + 1 / (n_folds - 1)))
        return [int(at) for at in np.flatnonzero(behind <= self.standard_errors * error + 1e-12)]

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return the chosen member's probabilities, shape (n_samples, n_classes)."""
        return P[:, self.chosen_].copy()

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return the chosen member's own class codes or values, shape (n_samples,)."""
        return context.labels[:, self.chosen_].copy()

    def used(self, n_members: int) -> tuple[int, ...]:
        """Return the chosen member; see `Fusion.used`."""
        return (self.chosen_,)

    def explain(self) -> dict[str, Any]:
        """Return the choice, the candidate with the best mean score, and all mean scores (null where undefined)."""
        means = self.scores_.mean(axis=0)
        return {
            "weights": [float(at == self.chosen_) for at in range(len(self.members_))],
            "members_used": [self.members_[self.chosen_]],
            "best": self.members_[self.best_],
            "mean_scores": [float(mean) if np.isfinite(mean) else None for mean in means],
        }


def _fold_scores(P: Floats, y: NDArray[Any], context: Context) -> Floats:
    """Return scores of shape (n_folds, n_members); one row of scores on all rows where there are too few folds."""
    everything = np.ones(len(y), dtype=bool)
    folds = [] if context.fold is None else [context.fold == fold for fold in np.unique(context.fold)]
    if context.is_classification:
        folds = [rows for rows in folds if len(np.unique(y[rows])) > 1]
    scores = [
        [
            context.score(y[rows], context.labels[rows, member], P[rows, member] if P.ndim == 3 else None)
            for member in range(P.shape[1])
        ]
        for rows in (folds if len(folds) > 1 else [everything])
    ]
    return np.asarray(scores, dtype=np.float64)


def _simplicity(context: Context) -> Any:
    """Return a sort key of members: number of learners, declared cost where all declare one, place in the spec."""
    comparable = all(member in context.costs for member in context.members)

    def key(member: int) -> tuple[int, float, int]:
        name = context.members[member]
        return context.sizes.get(name, 1), context.costs[name] if comparable else 0.0, member

    return key
