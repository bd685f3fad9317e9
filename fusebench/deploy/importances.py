"""How much worse a model gets when one feature is shuffled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fusebench import api, metrics
from fusebench.deploy.choosing import check_model, estimator_of, on_dataset, problem_of
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.tasks.data import DataFolders, ProblemData
from fusebench.errors import FitError, FitsFailedError, UndecidableError, UsageError
from fusebench.results import Importance, Results

if TYPE_CHECKING:
    import pandas as pd


def importances(
    loaded: api.LoadedSpec,
    place: api.Settings,
    *,
    model: str,
    dataset: str | None = None,
    target: str | None = None,
    n_repeats: int = 5,
    of_run: Results | None = None,
) -> tuple[Importance, ...]:
    """Return how much worse a model scores on held-out rows when one feature's values are shuffled among them.

    The model is fitted anew on the training part of every outer split of repeat 0, because fitted models are not
    stored, and scored by the ranking metric on the test part.

    Parameters
    ----------
    model, dataset, target
        As in `fit`.
    n_repeats : int, default=5
        Shuffles of each feature per split, > 0.
    of_run : Results, optional
        A run whose data these must be.

    Returns
    -------
    tuple of Importance
        The most important feature first; of equals, the first column.

    Raises
    ------
    UsageError
        If there is no such model, dataset or target, or `n_repeats` is not positive.
    UndecidableError
        If the data are not those of the run any more.
    FitsFailedError
        If a fit failed.

    Notes
    -----
    Per split each member is fitted once, and five times more where the fusion learns; then n_features * n_repeats
    predictions of the test part. Features that carry the same are each unimportant by this measure.

    References
    ----------
    .. [1] L. Breiman, Random forests, Machine Learning 45(1), 2001, section 10.
    """
    from fusebench.estimators._model import RowsToFit
    from fusebench.estimators.fused import fit_dataset

    if n_repeats < 1:
        raise UsageError(f"n_repeats: got {n_repeats}, expected at least 1")
    planned = api.make_plan(on_dataset(loaded, dataset), place)
    problem = problem_of(planned.plan.blueprint.problems, target)
    check_model(planned.plan.blueprint, problem, model)
    if of_run is not None:
        _check_data(problem, of_run)
    data = ProblemData(problem, DataFolders(planned.store.root)(problem.data_key))
    rows = RowsToFit(data.X, data.y, data.groups, data.weights, data.text)
    falls = []
    for split in (one for one in problem.scheme.outer if one[0] == 0):
        train, test = data.splits.outer[split]
        estimator = estimator_of(planned.loaded, problem, model, None, data.text, place.n_jobs)
        try:
            fit_dataset(estimator, rows.take(train), target_type=problem.target_type, classes=data.classes)
            falls.append(_falls(estimator, data.X.iloc[test], data.y[test], problem, (split[1], n_repeats)))
        except (FitError, ValueError, TypeError, ArithmeticError, RuntimeError, MemoryError) as error:
            raise FitsFailedError(f"{problem.dataset}: '{model}' on fold {split[1]} failed: {error}") from error
    mean = np.mean(falls, axis=0)
    sd = np.std(falls, axis=0, ddof=1) if len(falls) > 1 else None
    names = [str(name) for name in data.X.columns]
    where = (problem.dataset, problem.target, model)
    return tuple(
        Importance(*where, names[at], float(mean[at]), None if sd is None else float(sd[at]), problem.metrics[0])
        for at in np.argsort(-mean, kind="stable").tolist()
    )


def importance(loaded: api.LoadedSpec, place: api.Settings, **asked: Any) -> pd.DataFrame:
    """Return `importances` as a frame: ``feature``, ``importance``, ``sd`` and ``metric``."""
    import pandas as pd

    columns = ("feature", "importance", "sd", "metric")
    found = pd.DataFrame(importances(loaded, place, **asked), columns=list(Importance._fields))[list(columns)]
    return found.astype({"sd": float})


def _check_data(problem: PredictionProblem, run: Results) -> None:
    there = {(one.name, one.target): one.fingerprint for one in run.datasets}
    if there.get((problem.dataset, problem.target)) != problem.fingerprint:
        raise UndecidableError(
            f"{problem.dataset}: the data are not those of the run any more; run the benchmark again, then ask"
        )


def _falls(
    estimator: Any, X: pd.DataFrame, y: Any, problem: PredictionProblem, fold_and_repeats: tuple[int, int]
) -> Any:
    """Return the mean fall of the score per feature of some held-out rows."""

    def score(rows: pd.DataFrame) -> float:
        said = estimator._answer_rows(rows)
        return float(metrics.score(problem.metrics[0], y, said.labels, said.proba, problem.n_classes))

    fold, n_repeats = fold_and_repeats
    X = X.reset_index(drop=True)
    whole, falls = score(X), np.zeros(X.shape[1])
    for at, name in enumerate(X.columns):
        for repeat in range(n_repeats):
            order = np.random.default_rng([fold, at, repeat]).permutation(len(X))
            shuffled = X.assign(**{str(name): X.iloc[order, at].reset_index(drop=True)})
            falls[at] += (whole - score(shuffled)) / n_repeats
    return falls
