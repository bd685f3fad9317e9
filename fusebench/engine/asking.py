"""Members asked for rows that no split has: everything behind them is fitted once more, on the rows in hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.engine.blueprint import Blueprint
from fusebench.engine.fusing import (
    FeatureRows,
    LearnerFitter,
    Predictions,
    Tensor,
    fuse_context,
    make_fusion,
    predict_with,
    stack_predictions,
)
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.splits import Rows
from fusebench.errors import FitError


@dataclass
class FreshAnswers:
    """Models on some rows of one outer split's training part, fitted when they are first asked.

    Parameters
    ----------
    blueprint : Blueprint
    problem : PredictionProblem
    data : FeatureRows
    rows : ndarray of shape (n_samples,)
        The rows in hand, among the problem's.
    y : ndarray of shape (n_samples,)
    fold : ndarray of shape (n_samples,)
        Their inner folds.
    tensor : callable
        From names of members to their stored predictions on this split.
    place : ndarray of shape (n_samples,)
        Where the rows stand in the out-of-fold predictions of that tensor.
    """

    blueprint: Blueprint
    problem: PredictionProblem
    data: FeatureRows
    rows: Rows
    y: NDArray[Any]
    fold: NDArray[Any]
    tensor: Callable[[tuple[str, ...]], Tensor]
    place: Rows
    _answered: dict[tuple[str, int], Predictions] = field(default_factory=dict)

    def of(self, model: str, X: Any) -> Predictions:
        """Return the predictions of new rows; each learner is fitted once however many fusions use it."""
        key = (model, id(X))
        if key not in self._answered:
            answer = self._of_learner if model in self.blueprint.learners else self._of_fusion
            self._answered[key] = answer(model, X)
        return self._answered[key]

    def _of_learner(self, model: str, X: Any) -> Predictions:
        if self.blueprint.is_given(model):
            raise FitError(f"the predictions of '{model}' were made elsewhere: it cannot be asked for new rows")
        problem = self.problem
        fit = LearnerFitter(self.blueprint.random_state, problem.n_threads, problem.classes, self.data.text)
        fitted = fit(
            self.blueprint.learners[model],
            self.data.X.iloc[self.rows],
            self.y,
            target_type=problem.target_type,
            n_classes=problem.n_classes,
            groups=None if self.data.groups is None else self.data.groups[self.rows],
        )
        answer: Predictions = fitted.answer(X)
        return answer

    def _of_fusion(self, model: str, X: Any) -> Predictions:
        members = self.blueprint.members_on(model, self.problem)
        tensor = self.tensor(members)
        P, labels = tensor.oof[self.place], tensor.oof_labels[self.place]
        context = fuse_context(self.blueprint, self.problem, self.data, members, self.rows, labels, self.fold)
        spec = self.blueprint.fusions[model].spec
        fusion = make_fusion(spec).fit(P, self.y, context)
        if fusion.uses_members == "always":
            new, said = stack_predictions([self.of(member, X) for member in members])
        else:
            new, said = (np.zeros((len(X), *array.shape[1:]), array.dtype) for array in (P, labels))
        there = replace(context, X=X, labels=said, fold=None, groups=None)
        return predict_with(fusion, new, there)
