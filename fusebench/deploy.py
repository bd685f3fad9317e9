"""Use the winner: fit the chosen model of a benchmark on all rows, save it, predict a table with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fusebench import api, datasets, io, learners, metrics, report
from fusebench import spec as specs
from fusebench.engine.blueprint import ORACLE, Blueprint
from fusebench.engine.execute._run import Progress
from fusebench.engine.fusing import Predictions
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.splits import Part
from fusebench.engine.tasks.data import DataFolders, ProblemData
from fusebench.engine.tasks.items import FitItem
from fusebench.errors import FitError, FitsFailedError, ModelError, StorageError, UsageError
from fusebench.estimators import saved
from fusebench.spec.model import LearnerSpec

if TYPE_CHECKING:
    import pandas as pd

SAFE_LIBRARIES = frozenset({"sklearn", "xgboost", "lightgbm", "catboost", "torch", "fusebench"})
PACKED = frozenset({"half", "int8", "magnitude"})  # put layers of other kinds into a network
N_CHECKED = 100  # rows whose predictions must be the same after saving
N_VERIFIED = 10_000  # rows, evenly spaced, on which an exported model is set beside the original
Form = Literal["skops", "onnx"]
FORMS: dict[str, Form] = {".skops": "skops", ".onnx": "onnx"}


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
    from fusebench.estimators._model import HeldOut, Needs, RowsToFit
    from fusebench.estimators.fused import fit_dataset

    planned = api.make_plan(_on_dataset(loaded, dataset), place)
    spec, blueprint = planned.loaded.spec, planned.plan.blueprint
    problem = _problem(blueprint.problems, target)
    _check_model(blueprint, problem, model)
    needs = Needs.of(blueprint, problem, model)
    if form is not None:
        (_check_savable if form == "skops" else _check_exportable)(blueprint, needs.answering, trusted)
    data = ProblemData(problem, DataFolders(planned.store.root)(problem.data_key))
    outer = [data.splits.outer[split] for split in problem.scheme.outer if split[0] == 0]
    watched = [name for name in needs.watched if name in blueprint.learners]
    refit = spec.cv.refit
    stored = _Stored(planned, problem, HeldOut.of(outer)) if refit else None
    n_made = _run_missing(planned, place, problem, watched, progress) if refit else len(watched) * len(outer)
    estimator = _estimator(planned.loaded, problem, model, _folds(outer, problem.n_samples), data.text, place.n_jobs)
    rows = RowsToFit(data.X, data.y, data.groups, data.weights, data.text)
    try:
        fit_dataset(estimator, rows, target_type=problem.target_type, classes=data.classes, stored=stored)
    except (FitError, ValueError, TypeError, ArithmeticError, RuntimeError, MemoryError) as error:
        raise FitsFailedError(f"{problem.dataset}: fitting '{model}' on all rows failed: {error}") from error
    answering = sum(name in blueprint.learners for name in needs.answering)
    facts = _facts(planned, problem, model)
    n_stored = len(watched) * len(outer) - n_made
    return Winner(estimator, facts, n_made + (answering if refit else 0), n_stored, data.X)


def importance(
    loaded: api.LoadedSpec,
    place: api.Settings,
    *,
    model: str,
    dataset: str | None = None,
    target: str | None = None,
    n_repeats: int = 5,
) -> pd.DataFrame:
    """Return how much worse a model scores on held-out rows when one feature's values are shuffled among them.

    The model is fitted anew on the training part of every outer split of repeat 0, because fitted models are not
    stored, and scored by the ranking metric on the test part.

    Parameters
    ----------
    model, dataset, target
        As in `fit`.
    n_repeats : int, default=5
        Shuffles of each feature per split, > 0.

    Returns
    -------
    DataFrame of shape (n_features, 4)
        ``feature``, ``importance`` (the mean fall of the score over splits and shuffles), ``sd`` (over splits) and
        ``metric``; the most important first.

    Raises
    ------
    UsageError
        If there is no such model, dataset or target, or `n_repeats` is not positive.
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
    import pandas as pd

    from fusebench.estimators._model import RowsToFit
    from fusebench.estimators.fused import fit_dataset

    if n_repeats < 1:
        raise UsageError(f"n_repeats: got {n_repeats}, expected at least 1")
    planned = api.make_plan(_on_dataset(loaded, dataset), place)
    problem = _problem(planned.plan.blueprint.problems, target)
    _check_model(planned.plan.blueprint, problem, model)
    data = ProblemData(problem, DataFolders(planned.store.root)(problem.data_key))
    rows = RowsToFit(data.X, data.y, data.groups, data.weights, data.text)
    falls = []
    for split in (one for one in problem.scheme.outer if one[0] == 0):
        train, test = data.splits.outer[split]
        estimator = _estimator(planned.loaded, problem, model, None, data.text, place.n_jobs)
        try:
            fit_dataset(estimator, rows.take(train), target_type=problem.target_type, classes=data.classes)
            falls.append(_falls(estimator, data.X.iloc[test], data.y[test], problem, (split[1], n_repeats)))
        except (FitError, ValueError, TypeError, ArithmeticError, RuntimeError, MemoryError) as error:
            raise FitsFailedError(f"{problem.dataset}: '{model}' on fold {split[1]} failed: {error}") from error
    found = pd.DataFrame({"feature": list(data.X.columns), "importance": np.mean(falls, axis=0)})
    found["sd"] = np.std(falls, axis=0, ddof=1) if len(falls) > 1 else np.nan
    found["metric"] = problem.metrics[0]
    return found.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


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


def _folds(outer: Sequence[Any], n_samples: int) -> Any:
    """Return the outer folds as an estimator's `cv`: a splitter where they partition the rows."""
    from sklearn.model_selection import PredefinedSplit

    test_fold = np.full(n_samples, -1)
    for n, split in enumerate(outer):
        test_fold[split.test] = n
    is_partition = all(len(train) + len(test) == n_samples for train, test in outer) and test_fold.min() >= 0
    return PredefinedSplit(test_fold) if is_partition else [tuple(split) for split in outer]


def _estimator(
    loaded: api.LoadedSpec, problem: PredictionProblem, model: str, cv: Any, text: Sequence[str], n_jobs: int
) -> Any:
    """Return the unfitted estimator of a spec's model."""
    from fusebench.estimators import FusedClassifier, FusedRegressor

    plain = specs.to_mapping(loaded.spec)
    return (FusedClassifier if problem.is_classification else FusedRegressor)(
        plain["learners"],
        model,
        fusions=plain["fusions"],
        cv=cv,
        scoring=problem.metrics[0],
        refit=loaded.spec.cv.refit,
        text=list(text),
        random_state=loaded.spec.random_state,
        n_jobs=n_jobs,
        threads_per_fit=problem.n_threads,
        allow_import=loaded.allow_import,
    )


def _on_dataset(loaded: api.LoadedSpec, dataset: str | None) -> api.LoadedSpec:
    """Return the spec with one of its datasets."""
    names = [one.name for one in loaded.spec.datasets]
    if dataset is None and len(names) > 1:
        raise UsageError(f"--dataset: the spec has {len(names)} datasets, name one of {', '.join(names)}")
    if dataset is not None and dataset not in names:
        near = get_close_matches(dataset, names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"the spec has {', '.join(names)}"
        raise UsageError(f"--dataset: the spec has no '{dataset}'; {hint}")
    kept = tuple(one for one in loaded.spec.datasets if dataset in {None, one.name})
    return replace(loaded, spec=loaded.spec.model_copy(update={"datasets": kept}))


def _problem(problems: Sequence[PredictionProblem], target: str | None) -> PredictionProblem:
    names = [one.target for one in problems]
    if target is None and len(problems) > 1:
        raise UsageError(f"--target: {problems[0].dataset} has {len(names)} targets, name one of {', '.join(names)}")
    found = [one for one in problems if target in {None, one.target}]
    if not found:
        raise UsageError(f"--target: {problems[0].dataset} has no target '{target}'; it has {', '.join(names)}")
    return found[0]


def _check_model(blueprint: Blueprint, problem: PredictionProblem, model: str) -> None:
    known = [*blueprint.learners, *blueprint.fusions]
    if model == ORACLE:
        raise UsageError("--fusion: 'oracle' looks at the answers, it cannot be fitted; choose another")
    if model not in known:
        near = get_close_matches(model, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(one for one in known if one != ORACLE)}"
        raise UsageError(f"--fusion: the spec has no '{model}'; {hint}")
    if not blueprint.fits_problem(model, problem):
        raise UsageError(f"--fusion: '{model}' cannot predict the {problem.target_type} target of {problem.dataset}")


def _check_savable(blueprint: Blueprint, answering: Sequence[str], trusted: Sequence[str]) -> None:
    """Say before the first fit that a member could not be saved."""
    recipes = {name: blueprint.learners[name] for name in answering if name in blueprint.learners}
    for name in answering:
        params = {} if name in recipes else blueprint.fusions[name].spec.params
        for value in params.values():
            nested = value if isinstance(value, tuple) else (value,)
            recipes |= {f"{name}.{one.type}": one for one in nested if isinstance(one, LearnerSpec)}
        if name not in recipes and blueprint.fusion_class(blueprint.fusions[name].spec.type).uses_members == "never":
            members = blueprint.fusions[name].members
            recipes |= {f"{name}.{one}": blueprint.learners[one] for one in members if one in blueprint.learners}
    for name, recipe in recipes.items():
        library = learners.library(recipe)
        shrunk = "" if recipe.compress is None or library != "torch" else recipe.compress.type
        safe = library in SAFE_LIBRARIES and learners.has_safe_form(recipe) and shrunk not in PACKED
        what = f"{library} with compress: {shrunk}" if shrunk else library
        if not safe and not any(one.startswith(f"{library}.") for one in trusted):
            raise ModelError(
                f"'{name}' is a model of {what}, which cannot be saved without pickle; choose a fusion without it"
            )


def _check_exportable(blueprint: Blueprint, answering: Sequence[str], _: Sequence[str]) -> None:
    """Say before the first fit that a member or the fusion has no ONNX form, as far as types tell."""
    from fusebench import export

    export.require()
    for name in answering:
        if name in blueprint.learners:
            recipe = blueprint.learners[name]
            able = learners.library(recipe) in export.LIBRARIES
            why = "" if able else f"the learner '{recipe.type}' has no ONNX form; {export.ABLE}"
        else:
            why = export.unable(blueprint.fusion_class(blueprint.fusions[name].spec.type))
        if why:
            raise ModelError(f"'{name}': {why}")


@dataclass(frozen=True)
class _Stored:
    """Out-of-fold predictions from the store."""

    planned: api.PreparedRun
    problem: PredictionProblem
    held: Any

    def __call__(self, learner: str) -> Predictions:
        pieces = []
        for fold, positions in enumerate(self.held.positions):
            key = self.planned.plan.blueprint.fit_key(self.problem, learner, Part(0, fold))
            entry = self.planned.store.get(key, "fit")
            if entry is None:
                raise FitsFailedError(f"the predictions of '{learner}' on fold {fold} are not in the store; run again")
            pieces.append((positions, Predictions.read(entry, 0)))
        return Predictions.assemble(pieces, len(self.held.rows))


def _run_missing(
    planned: api.PreparedRun,
    place: api.Settings,
    problem: PredictionProblem,
    watched: Sequence[str],
    progress: Callable[[Blueprint], Progress] | None,
) -> int:
    """Fit what the store lacks of some learners' outer folds of repeat 0; return how many fits that were."""
    blueprint = planned.plan.blueprint
    keys = [blueprint.fit_key(problem, name, Part(0, n)) for name in watched for n in range(problem.scheme.n_folds)]
    missing = {key: planned.plan.tasks[key] for key in keys if planned.store.get(key, "fit") is None or place.fresh}
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


def check_output(path: Path) -> None:
    """Raise StorageError where a file could not be written, before anything is fitted."""
    if path.is_dir():
        raise StorageError(f"{path}: is a folder, expected the name of a file")
    io.ensure_writable(path.parent)


def form_of(path: Path) -> Form:
    """Return the kind of model file that a name asks for.

    Raises
    ------
    UsageError
        If it ends in something else.
    """
    found = FORMS.get(path.suffix.lower())
    if found is None:
        raise UsageError(f"--output {path}: expected a name that ends in {' or '.join(FORMS)}")
    return found


def save(winner: Winner, path: Path, *, trusted: Sequence[str] = ()) -> int:
    """Write a model, once a copy read back predicts the same; return its bytes.

    The very same for a ``.skops`` file; for an ``.onnx`` file see `fusebench.export.save`.

    Raises
    ------
    ModelError
        If it has no such form, or the copy predicts otherwise; nothing is written.
    """
    if form_of(path) == "onnx":
        from fusebench import export

        step = -(-len(winner.rows) // N_VERIFIED)
        return export.save(winner.model, path, winner.rows.iloc[::step], facts=winner.facts)
    sample = winner.rows.iloc[:N_CHECKED]
    data = saved.dumps(winner.model, facts=winner.facts, trusted=trusted)
    copy = saved.read_bytes(data, str(path), trusted=trusted).model
    if not np.array_equal(copy.predict(sample), winner.model.predict(sample)):
        raise ModelError(f"{path}: a copy that was read back predicts otherwise; nothing was written")
    io.write_durably(path, [data])
    return len(data)


def as_csv(predictions: pd.DataFrame) -> str:
    """Return predictions as CSV: full floats, no text that a spreadsheet would run."""
    return report.as_csv(list(predictions.columns), predictions.astype(object).itertuples(index=False, name=None))


def write_text(text: str, path: Path) -> None:
    """Write a file whole or not at all."""
    io.write_durably(path, [text.encode()])


def predict(
    model: Path, table: Path, *, delimiter: str | None = None, trusted: Sequence[str] = ()
) -> tuple[pd.DataFrame, list[str]]:
    """Return a saved model's predictions of a table in a file, and notes about what differed from training.

    Returns
    -------
    DataFrame of shape (n_samples, 1 + n_classes)
        ``prediction``, and for classes ``probability:<class>``.
    list of str

    Raises
    ------
    ModelError
        If the model file cannot be trusted or read.
    DataError
        If the table cannot be read, lacks a column, or holds a value of another kind.
    """
    import pandas as pd

    from fusebench.estimators.fused import predict_table

    found = saved.read(model, trusted=trusted)
    facts = found.facts
    as_text = [column.name for column in found.model.columns_ if column.kind in {"category", "text"}]
    frame = datasets.read_file(
        table,
        "data",
        na_values=[str(one) for one in facts.get("na_values", ())],
        delimiter=delimiter or str(facts.get("delimiter", ",")),
        as_text=as_text,
    )
    target = str(facts.get("target", ""))
    if target not in {column.name for column in found.model.columns_}:
        frame = frame.drop(columns=target, errors="ignore")
    answers, notes = predict_table(found.model, frame, str(table))
    if answers.proba is None:
        return pd.DataFrame({"prediction": answers.labels}), [*found.notes, *notes]
    labels = found.model.classes_
    columns = {f"probability:{label}": answers.proba[:, n] for n, label in enumerate(labels)}
    return pd.DataFrame({"prediction": labels[answers.labels], **columns}), [*found.notes, *notes]
