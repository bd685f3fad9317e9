"""A fitted fusion with its fitted members: fit on rows, predict other rows, as the benchmark does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusebench.engine.answering import Answering, stack_members
from fusebench.engine.blueprint import Blueprint
from fusebench.engine.columns import Column
from fusebench.engine.fusing import (
    LearnerFitter,
    Predictions,
    Tensor,
    fuse_context,
    make_fusion,
    out_of_fold,
)
from fusebench.engine.held_out import Folds, HeldOut
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.splits import Rows
from fusebench.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.fusions.base import Fusion

OutOfFold = Callable[[str], Predictions]


@dataclass(frozen=True)
class RowsToFit:
    """Rows of a prediction problem in memory.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
        Class codes or values.
    groups, weights : ndarray of shape (n_samples,), optional
    text : tuple of str
        Columns of free text.
    """

    X: pd.DataFrame
    y: NDArray[Any]
    groups: NDArray[Any] | None = None
    weights: NDArray[Any] | None = None
    text: tuple[str, ...] = ()

    def in_memory(self) -> RowsToFit:
        """Return a copy that no file backs.

        joblib 1.6 hands a frame whose values are a transposed memory map to its workers with rows and columns mixed up.
        """
        return replace(self, X=self.X.copy(deep=True), y=np.array(self.y))

    def take(self, rows: Rows) -> RowsToFit:
        """Return some of the rows."""
        return RowsToFit(
            self.X.iloc[rows],
            self.y[rows],
            None if self.groups is None else self.groups[rows],
            None if self.weights is None else self.weights[rows],
            self.text,
        )


@dataclass
class FittedModel:
    """What predicts.

    Parameters
    ----------
    model : str
        The id of the model that answers.
    learners : mapping of str to list
        One fitted learner each, or one per fold where they are not refitted.
    fusions : mapping of str to Fusion
        Fitted, members first.
    dtypes : mapping of str to str
        The kind of numbers in the prediction tensor that each fusion was fitted on.
    """

    model: str
    learners: dict[str, list[Any]] = field(default_factory=dict)
    fusions: dict[str, Fusion] = field(default_factory=dict)
    dtypes: dict[str, str] = field(default_factory=dict)

    def keep_used(self, blueprint: Blueprint, problem: PredictionProblem) -> None:
        """Forget the learners and fusions whose predictions the model does not read."""
        kept: dict[str, None] = {}
        waiting = [self.model]
        while waiting:
            name = waiting.pop()
            kept[name] = None
            if name in self.fusions:
                members = blueprint.members_on(name, problem)
                waiting += [members[at] for at in self.fusions[name].used(len(members))]
        self.learners = {name: fitted for name, fitted in self.learners.items() if name in kept}
        self.fusions = {name: fusion for name, fusion in self.fusions.items() if name in kept}

    def answering(self, blueprint: Blueprint, problem: PredictionProblem, columns: Sequence[Column]) -> Answering:
        """Return the model ready to answer rows with these columns."""
        return Answering(self.model, self.learners, self.fusions, self.dtypes, blueprint, problem, columns)


@dataclass(frozen=True)
class Needs:
    """What fitting one model takes.

    Parameters
    ----------
    answering : tuple of str
        Learners and fusions that predict with it.
    watched : tuple of str
        Learners and fusions whose out-of-fold predictions something learns from.
    """

    answering: tuple[str, ...]
    watched: tuple[str, ...]

    @classmethod
    def of(cls, blueprint: Blueprint, problem: PredictionProblem, model: str) -> Needs:
        """Follow the members of a model."""
        answering: dict[str, None] = {}
        watched: dict[str, None] = {}

        def uses(name: str) -> str:
            return blueprint.fusion_class(blueprint.fusions[name].spec.type).uses_members

        def answer(name: str) -> None:
            if name in blueprint.fusions and uses(name) == "always":
                for member in blueprint.members_on(name, problem):
                    answer(member)
            answering[name] = None

        def watch(name: str) -> None:
            if name in blueprint.fusions and uses(name) != "never":
                for member in blueprint.members_on(name, problem):
                    watch(member)
            watched[name] = None

        answer(model)
        for name in answering:
            learns = name in blueprint.fusions and make_fusion(blueprint.fusions[name].spec).learns
            if learns and uses(name) != "never":
                for member in blueprint.members_on(name, problem):
                    watch(member)
        return cls(tuple(answering), tuple(watched))


@dataclass(frozen=True)
class Fitter:
    """Fits a model and what it needs.

    Parameters
    ----------
    blueprint : Blueprint
    problem : PredictionProblem
    data : RowsToFit
    folds : sequence of (training rows, held-out rows)
        The inner folds.
    refit : bool
        Whether every learner is fitted again on all rows; otherwise its models of the folds are averaged.
    n_jobs : int, optional
        As in joblib.
    """

    blueprint: Blueprint
    problem: PredictionProblem
    data: RowsToFit
    folds: Folds
    refit: bool = True
    n_jobs: int | None = None

    def fit(self, model: str, stored: OutOfFold | None = None) -> FittedModel:
        """Fit a model.

        Parameters
        ----------
        model : str
            A learner, a fusion or a reference.
        stored : callable, optional
            Returns a learner's out-of-fold predictions of the held-out rows, in their order; without it every learner
            that something learns from is fitted once per fold.

        Notes
        -----
        Each learner is fitted once on all rows and, where something learns from it, once per fold.
        """
        needs = Needs.of(self.blueprint, self.problem, model)
        held = HeldOut.of(self.folds)
        answering = [name for name in needs.answering if name in self.blueprint.learners]
        watched = [name for name in needs.watched if name in self.blueprint.learners]
        if held.repeats and len(watched) < len(needs.watched):
            raise UsageError("cv: a row is held out more than once; a fusion that has fusions as members needs folds")
        by_fold = [*(watched if stored is None else ()), *(() if self.refit else answering)]
        jobs = [(name, -1) for name in answering if self.refit]
        jobs += [(name, n) for name in dict.fromkeys(by_fold) for n in range(len(self.folds))]
        fitted = dict(zip(jobs, self._run(jobs), strict=True))
        kept = (-1,) if self.refit else range(len(self.folds))
        found = FittedModel(model, {name: [fitted[name, n] for n in kept] for name in answering})
        oof = {name: stored(name) if stored else self._out_of_fold(name, fitted, held) for name in watched}
        self._fit_fusions(found, needs, held, oof)
        found.keep_used(self.blueprint, self.problem)
        return found

    def _run(self, jobs: Sequence[tuple[str, int]]) -> list[Any]:
        from joblib import Parallel, delayed

        own = self if self.n_jobs in {None, 1} else replace(self, data=self.data.in_memory())
        return list(Parallel(n_jobs=self.n_jobs)(delayed(own._fit_one)(name, n) for name, n in jobs))

    def _fit_one(self, name: str, fold: int) -> Any:
        from threadpoolctl import threadpool_limits

        part = self.data if fold < 0 else self.data.take(self.folds[fold][0])
        fit = LearnerFitter(self.blueprint.random_state, self.problem.n_threads, self.problem.classes, part.text)
        with threadpool_limits(self.problem.n_threads):
            return fit(
                self.blueprint.learners[name],
                part.X,
                part.y,
                target_type=self.problem.target_type,
                n_classes=self.problem.n_classes,
                sample_weight=part.weights,
                groups=part.groups,
            )

    def _out_of_fold(self, name: str, fitted: Mapping[tuple[str, int], Any], held: HeldOut) -> Predictions:
        pieces = [
            (held.positions[n], fitted[name, n].answer(self.data.X.iloc[rows]))
            for n, (_, rows) in enumerate(self.folds)
        ]
        return Predictions.assemble(pieces, len(held.rows))

    def _fit_fusions(self, found: FittedModel, needs: Needs, held: HeldOut, oof: dict[str, Predictions]) -> None:
        """Fit the fusions, members first, on out-of-fold predictions."""
        y = self.data.y[held.rows]
        for name in self.blueprint.fusions:
            if name not in needs.answering and name not in needs.watched:
                continue
            members = self.blueprint.members_on(name, self.problem)
            P, labels = stack_members([oof.get(one) for one in members], self.problem, len(y))
            context = fuse_context(self.blueprint, self.problem, self.data, members, held.rows, labels, held.fold)
            spec = self.blueprint.fusions[name].spec
            if name in needs.answering:
                found.dtypes[name] = P.dtype.str
                found.fusions[name] = make_fusion(spec).fit(P, y, context)
            if name in needs.watched:
                oof[name] = out_of_fold(spec, Tensor(P, labels, P[:0], labels[:0]), y, context)
