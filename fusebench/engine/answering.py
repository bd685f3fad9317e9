"""How a fitted model answers rows: in a saved model, and where a run measures what answers cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusebench.engine.blueprint import Blueprint
from fusebench.engine.columns import Column, Form
from fusebench.engine.fusing import Predictions, fuse_context, predict_with, stack_predictions
from fusebench.engine.problem import PredictionProblem
from fusebench.fusions.cascade import Cascade

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.fusions.base import Context, Fusion


class Answering:
    """A fitted model, ready: what does not depend on the rows is looked up once.

    Parameters
    ----------
    model : str
        The learner or fusion that answers.
    learners : mapping of str to sequence
        Fitted learners, each with ``answer(X)``; the mean of several is taken.
    fusions : mapping of str to Fusion
        Fitted.
    dtypes : mapping of str to str
        The kind of numbers in the prediction tensor that each fusion was fitted on.
    blueprint : Blueprint
    problem : PredictionProblem
    columns : iterable of Column
        Of the rows that it was fitted on.
    members : mapping of str to tuple of str, optional
        Of each fusion, where it was fitted without those that failed.
    """

    def __init__(
        self,
        model: str,
        learners: Mapping[str, Sequence[Any]],
        fusions: Mapping[str, Fusion],
        dtypes: Mapping[str, str],
        blueprint: Blueprint,
        problem: PredictionProblem,
        columns: Iterable[Column] = (),
        members: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.model, self.learners, self.fusions, self.dtypes = model, learners, fusions, dtypes
        self.problem, self.form = problem, Form(columns)
        self._members = members or {name: blueprint.members_on(name, problem) for name in fusions}
        self._contexts = {name: _without_rows(blueprint, problem, self._members[name], self.form) for name in fusions}

    def answer(self, X: pd.DataFrame) -> Predictions:
        """Return the model's predictions of rows in the form of the training rows.

        Notes
        -----
        Every member predicts once; of a cascade only the rows that reach it.
        """
        return self._answer(self.model, X, {})

    def labels(self, X: pd.DataFrame, classes: NDArray[Any] | None) -> NDArray[Any]:
        """Return labels (or values) as a user sees them, shape (n_samples,)."""
        said = self.answer(X).labels
        return np.asarray(said if classes is None else classes[said])

    def _answer(self, name: str, X: pd.DataFrame, known: dict[str, Predictions]) -> Predictions:
        """Return what a learner or a fusion says of all rows; `known` holds what was said already."""
        if name not in known:
            known[name] = (
                Predictions.mean([one.answer(X) for one in self.learners[name]])
                if name in self.learners
                else self._fuse(name, X, known)
            )
        return known[name]

    def _fuse(self, name: str, X: pd.DataFrame, known: dict[str, Predictions]) -> Predictions:
        fusion, members, n_samples = self.fusions[name], self._members[name], len(X)
        asked = fusion.used(len(members)) if fusion.uses_members == "always" else ()
        if isinstance(fusion, Cascade):
            answers = self._ask_in_turn(name, fusion, asked, X, known)
        else:
            answers = [None] * len(members)
            for at in asked:
                answers[at] = self._answer(members[at], X, known)
        P, labels = stack_members(answers, self.problem, n_samples)
        if name in self.dtypes and any(one is None for one in answers):
            P = P.astype(self.dtypes[name])
        return predict_with(fusion, P, self._context(name, X, labels))

    def _ask_in_turn(
        self, name: str, cascade: Cascade, asked: Sequence[int], X: pd.DataFrame, known: dict[str, Predictions]
    ) -> list[Predictions | None]:
        """Ask members for the rows that those before them left open."""
        members, n_samples = self._members[name], len(X)
        answers: list[Predictions | None] = [None] * len(members)
        open_rows = np.arange(n_samples)
        for at in asked:
            if len(open_rows) == n_samples:
                answers[at] = self._answer(members[at], X, known)
            else:
                said = self._answer(members[at], X.iloc[open_rows], {})
                answers[at] = said.spread(open_rows, n_samples)
            P, labels = stack_members(answers, self.problem, n_samples)
            open_rows = open_rows[~cascade.answered(P, self._context(name, X, labels), at)[open_rows]]
            if not len(open_rows):
                break
        return answers

    def _context(self, name: str, X: pd.DataFrame, labels: NDArray[Any]) -> Context:
        return replace(self._contexts[name], X=X, labels=labels)


@dataclass(frozen=True)
class _NoRows:
    """What a context is made of where it holds no rows."""

    text: tuple[str, ...]
    X: Any = field(default=None, init=False)
    groups: None = field(default=None, init=False)


def _without_rows(blueprint: Blueprint, problem: PredictionProblem, members: tuple[str, ...], form: Form) -> Context:
    none = np.empty(0, dtype=np.intp)
    return fuse_context(blueprint, problem, _NoRows(form.text), members, none, none, None, with_features=False)


def stack_members(
    members: Sequence[Predictions | None], problem: PredictionProblem, n_samples: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the prediction tensor and the labels of members; zeros stand for those that nobody looks at."""
    if not any(one is None for one in members):
        return stack_predictions([one for one in members if one is not None])
    shape = (n_samples, *([problem.n_classes] if problem.is_classification else []))
    kind = np.intp if problem.is_classification else np.float64
    if all(one is None for one in members):
        # Zeros that take no memory.
        tensor = np.broadcast_to(np.float64(0), (n_samples, len(members), *shape[1:]))
        return tensor, np.broadcast_to(kind(0), (n_samples, len(members)))
    nobody = Predictions(np.zeros(n_samples, kind), np.zeros(shape) if problem.is_classification else None)
    return stack_predictions([nobody if one is None else one for one in members])
