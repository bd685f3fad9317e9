"""Fit the chosen model of a benchmark on all rows of a dataset."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fusebench import api
from fusebench import spec as specs
from fusebench.deploy.choosing import check_model, estimator_of, on_dataset, problem_of
from fusebench.deploy.savable import check_exportable, check_savable
from fusebench.deploy.saving import Form
from fusebench.engine.blueprint import Blueprint
from fusebench.engine.execute._run import Progress
from fusebench.engine.fusing import Predictions
from fusebench.engine.layouts import hold_predictions
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.splits import Part
from fusebench.engine.tasks.data import DataFolders, ProblemData
from fusebench.engine.tasks.items import FitItem
from fusebench.errors import FitError, FitsFailedError


@dataclass(frozen=True)
class Winner:
    """A model fitted on all rows of a dataset.

    Parameters
    ----------
    model : FusedClassifier or FusedRegressor
    facts : mapping
        What to keep with it in its file.
    n_fitted, n_stored : int
        Fits of learners that were made, and out-of-fold predictions that came from the store.
    rows : DataFrame of shape (n_samples, n_features)
        What it was fitted on, to check a saved copy on.
    """

    model: Any
    facts: dict[str, Any]
    n_fitted: int
    n_stored: int
    rows: Any


def fit(
    loaded: api.LoadedSpec,
    place: api.Settings,
    *,
    model: str,
    dataset: str | None = None,
    target: str | None = None,
    progress: Callable[[Blueprint], Progress] | None = None,
    trusted: Sequence[str] = (),
    form: Form | None = "skops",
) -> Winner:
    """Fit a model of a benchmark on all rows of one of its datasets.

    The out-of-fold predictions that a fusion learns from are those of repeat 0's outer folds: after a run they are in
    the store, and each member is fitted once.

    Parameters
    ----------
    model : str
        The id of a fusion, a learner or a reference of the spec.
    dataset, target : str, optional
        Needed where the spec, or the dataset, has several.
    progress : callable, optional
        Returns what is told of the fits of a blueprint.
    trusted : sequence of str, optional
        Types beyond the allow-list that the model may hold.
    form : {"skops", "onnx"} or None, default="skops"
        The kind of file that will be written; None for none, then members may be such that cannot be saved.

    Raises
    ------
    UsageError
        If there is no such model, dataset or target.
    ModelError
        If a member has no form that is safe to save; before anything is fitted.
    MissingExtraError
        If the form needs an extra that is not installed.
    FitsFailedError
        If a fit failed.
    """
    from fusebench.engine.held_out import HeldOut
    from fusebench.estimators._model import Needs, RowsToFit
    from fusebench.estimators.fused import fit_dataset

    planned = api.make_plan(on_dataset(loaded, dataset), place)
    spec, blueprint = planned.loaded.spec, planned.plan.blueprint
    problem = problem_of(blueprint.problems, target)
    check_model(blueprint, problem, model)
    needs = Needs.of(blueprint, problem, model)
    if form is not None:
        (check_savable if form == "skops" else check_exportable)(blueprint, needs.answering, trusted)
    data = ProblemData(problem, DataFolders(planned.store.root)(problem.data_key))
    outer = [data.splits.outer[split] for split in problem.scheme.outer if split[0] == 0]
    watched = [name for name in needs.watched if name in blueprint.learners]
    refit = spec.cv.refit
    stored = _Stored(planned, problem, HeldOut.of(outer)) if refit else None
    sizes = [len(split.test) for split in outer]
    n_made = _run_missing(planned, place, problem, watched, sizes, progress) if refit else len(watched) * len(outer)
    estimator = estimator_of(planned.loaded, problem, model, _folds(outer, problem.n_samples), data.text, place.n_jobs)
    rows = RowsToFit(data.X, data.y, data.groups, data.weights, data.text)
    try:
        fit_dataset(estimator, rows, target_type=problem.target_type, classes=data.classes, stored=stored)
    except (FitError, ValueError, TypeError, ArithmeticError, RuntimeError, MemoryError) as error:
        raise FitsFailedError(f"{problem.dataset}: fitting '{model}' on all rows failed: {error}") from error
    answering = sum(name in blueprint.learners for name in needs.answering)
    facts = _facts(planned, problem, model)
    n_stored = len(watched) * len(outer) - n_made
    return Winner(estimator, facts, n_made + (answering if refit else 0), n_stored, data.X)


def _folds(outer: Sequence[Any], n_samples: int) -> Any:
    """Return the outer folds as an estimator's `cv`: a splitter where they partition the rows."""
    from sklearn.model_selection import PredefinedSplit

    test_fold = np.full(n_samples, -1)
    for n, split in enumerate(outer):
        test_fold[split.test] = n
    is_partition = all(len(train) + len(test) == n_samples for train, test in outer) and test_fold.min() >= 0
    return PredefinedSplit(test_fold) if is_partition else [tuple(split) for split in outer]


@dataclass(frozen=True)
class _Stored:
    """Out-of-fold predictions from the store."""

    planned: api.PreparedRun
    problem: PredictionProblem
    held: Any

    def __call__(self, learner: str) -> Predictions:
        pieces = []
        blueprint = self.planned.plan.blueprint
        for fold, positions in enumerate(self.held.positions):
            part = Part(0, fold)
            entry = self.planned.store.get(blueprint.fit_key(self.problem, learner, part), "fit")
            if entry is None:
                raise FitsFailedError(f"the predictions of '{learner}' on fold {fold} are not in the store; run again")
            q = blueprint.stored_at(self.problem, learner, part, predicting=fold)
            pieces.append((positions, Predictions.read(entry, q)))
        return Predictions.assemble(pieces, len(self.held.rows))


def _run_missing(
    planned: api.PreparedRun,
    place: api.Settings,
    problem: PredictionProblem,
    watched: Sequence[str],
    sizes: Sequence[int],
    progress: Callable[[Blueprint], Progress] | None,
) -> int:
    """Fit what the store lacks of some learners' outer folds of repeat 0; return how many fits that were."""
    blueprint = planned.plan.blueprint
    missing = {}
    for name, (fold, n_rows) in itertools.product(watched, enumerate(sizes)):
        part = Part(0, fold)
        key, q = blueprint.fit_key(problem, name, part), blueprint.stored_at(problem, name, part, predicting=fold)
        entry = planned.store.get(key, "fit")
        if place.fresh or entry is None or not hold_predictions(entry.arrays, q, n_rows, problem.n_classes):
            missing[key] = planned.plan.tasks[key]
    if not missing:
        return 0
    told = api.SilentProgress() if progress is None else progress(blueprint)
    outcomes = api.execute(replace(planned, missing=missing), place, told)
    if outcomes.interrupted is not None:
        raise outcomes.interrupted
    for key, failed in outcomes.failed.items():
        item = planned.plan.tasks[key].item
        if isinstance(item, FitItem):
            where = f"'{item.learner}' on fold {item.part.fold} of {problem.dataset}"
            raise FitsFailedError(f"{where} failed: {failed.reason}: {failed.detail}; no model was made")
    return len(missing)


def _facts(planned: api.PreparedRun, problem: PredictionProblem, model: str) -> dict[str, Any]:
    (dataset,) = planned.loaded.spec.datasets
    return {
        "dataset": problem.dataset,
        "target": problem.target,
        "target_type": problem.target_type,
        "classes": list(problem.classes),
        "model": model,
        "n_samples": problem.n_samples,
        "fingerprint": problem.fingerprint,
        "na_values": list(dataset.na_values),
        "delimiter": str(dataset.options.get("delimiter", ",")),
        "spec": specs.to_mapping(planned.loaded.spec),
    }
