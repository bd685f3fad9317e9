"""Items that encode a part and fit a learner on it."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusebench import encoders, learners
from fusebench.engine.fusing import Predictions
from fusebench.engine.measure import Measured, model_bytes
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.splits import Part, Rows
from fusebench.engine.store import Entry
from fusebench.engine.tasks import latencies
from fusebench.engine.tasks.encoded import Encoded
from fusebench.engine.tasks.items import MEASURED_SPLIT, EncodeItem, FitItem

if TYPE_CHECKING:
    from fusebench.engine.tasks.workbench import Workbench


class FittedOnce(NamedTuple):
    """A fitted learner that its compressed forms are made of, and what the fit cost."""

    fitted: Any
    cost: Measured


def encode(bench: Workbench, item: EncodeItem) -> Entry:
    """Encode a part and leave it where other workers find it."""
    problem = bench.problem(item.problem)
    encoded = _make_encoded(bench, problem, item.learner, item.part)
    if encoded.is_plain:
        with suppress(OSError):  # on a full disk the learners encode for themselves
            encoded.save(Path(item.path))
    bench.encoded.put((problem.digest, item.part, str(bench.blueprint.encoder_of(item.learner, problem))), encoded)
    return Entry("encode", {"seconds": encoded.seconds})


def _make_encoded(bench: Workbench, problem: PredictionProblem, learner: str, part: Part) -> Encoded:
    data = bench.data(problem)
    encode = bench.blueprint.encoder_of(learner, problem)
    train, predicted = data.splits.training_rows(part), data.splits.predicted_rows(part)
    encoder = encoders.make(encode, random_state=bench.blueprint.random_state, text=data.text)
    block = encoder.on_numbers(data.columns) if data.is_matrix else None
    begun = time.perf_counter()
    if block is not None:
        X = data.matrix[train]
        block.fit(X)
        fitted, transformed = block.transform(X), [block.transform(data.matrix[rows]) for rows in predicted]
    else:
        # Not fit and then transform: an encoder that looks at the target cross-fits its training rows.
        fitted = encoder.fit_transform(data.X.iloc[train], data.y[train], target_type=problem.target_type)
        transformed = [encoder.transform(data.X.iloc[rows]) for rows in predicted]
    took = time.perf_counter() - begun
    return Encoded(fitted, transformed, tuple(encoder.categorical_), took, encoder, took)


def _encode_all(
    bench: Workbench, problem: PredictionProblem, learner: str, train: Rows, predicted: list[Rows]
) -> Encoded:
    """Encode rows of the whole dataset, without looking at any target."""
    data = bench.data(problem)
    encode = bench.blueprint.encoder_of(learner, problem)
    begun = time.perf_counter()
    encoder = encoders.make(encode, random_state=bench.blueprint.random_state, text=data.text)
    fitted = encoder.fit_transform(data.dataset_X.iloc[train], None, target_type=problem.target_type)
    transformed = [encoder.transform(data.dataset_X.iloc[rows]) for rows in predicted]
    took = time.perf_counter() - begun
    return Encoded(fitted, transformed, tuple(encoder.categorical_), took, encoder, took)


def _part(bench: Workbench, item: FitItem, problem: PredictionProblem) -> Encoded:
    key = (problem.digest, item.part, str(bench.blueprint.encoder_of(item.learner, problem)))

    def make() -> Encoded:
        if item.encoded is not None and (found := Encoded.load(Path(item.encoded))) is not None:
            return found
        return _make_encoded(bench, problem, item.learner, item.part)

    return bench.encoded.get_or_make(key, make)


def fit(bench: Workbench, item: FitItem) -> Entry:
    """Fit a learner on a part and predict what the part leaves out."""
    if bench.blueprint.learns_all(item.learner):
        return _fit_all_targets(bench, item)
    problem = bench.problem(item.problem)
    if bench.blueprint.is_given(item.learner):
        return _look_up(bench, item, problem)
    data = bench.data(problem)
    encoded = _part(bench, item, problem)
    train = data.splits.training_rows(item.part)
    spec = bench.blueprint.learners[item.learner]
    encode = str(bench.blueprint.encoder_of(item.learner, problem))
    binned = bench.binned((problem.digest, item.part, encode), shared=item.shares_bins)

    def fit() -> FittedOnce:
        with Measured() as fitting:
            fitted = learners.fit(
                spec.model_copy(update={"compress": None}),
                encoded.train,
                data.y[train],
                target_type=problem.target_type,
                n_classes=problem.n_classes,
                random_state=bench.blueprint.random_state,
                n_threads=problem.n_threads,
                sample_weight=None if data.weights is None else data.weights[train],
                groups=None if data.groups is None else data.groups[train],
                categorical=encoded.categorical,
                class_labels=problem.classes,
                binned=binned,
            )
        if binned is not None:  # what it took over counts as if it had been alone
            fitting.cpu += binned.spared_cpu
            fitting.wall += binned.spared_wall
        return FittedOnce(fitted, fitting)

    plain = bench.blueprint.plain_digest(item.learner)
    fitted, fitting = fit() if plain is None else bench.fitted.get_or_make((problem.digest, item.part, plain), fit)
    if spec.compress is not None:
        with Measured() as compressing:
            fitted = learners.compressed(fitted, spec.compress)
        fitting = fitting.plus(compressing)
    begun = time.perf_counter()
    answers = fitted.answer_all(encoded.predicted)
    predict_seconds = time.perf_counter() - begun
    arrays: dict[str, NDArray[Any]] = {}
    for q, (labels, proba) in enumerate(answers):
        arrays |= Predictions(np.asarray(labels), proba).arrays(q)
    is_measured = item.part == Part(*MEASURED_SPLIT)

    def encoder_of(budget: float) -> Any:
        """Return the encoder, made again where another worker made the matrices and that is quick."""
        quick = problem.is_small and not data.text
        if encoded.encoder is None and (quick or encoded.made_in < budget / 2):
            return _make_encoded(bench, problem, item.learner, item.part).encoder
        return encoded.encoder

    seconds = (fitting.wall + predict_seconds, predict_seconds)
    took = (
        latencies.of_learner(bench, problem, item.learner, item.part, encoder_of, fitted, *seconds)
        if is_measured
        else None
    )
    return _fit_entry(item.part, fitting, encoded, fitted, predict_seconds, arrays, took)


def _fit_all_targets(bench: Workbench, item: FitItem) -> Entry:
    """Fit once on the dataset's rows, whatever targets each has, and keep every target's own predictions."""
    problem = bench.problem(item.problem)
    data = bench.data(problem)
    train, predicted = (data.dataset_splits.training_rows(item.part), data.dataset_splits.predicted_rows(item.part))
    encoded = bench.encoded.get_or_make(
        (problem.shared_digest, item.part, str(bench.blueprint.encoder_of(item.learner, problem))),
        lambda: _encode_all(bench, problem, item.learner, train, predicted),
    )
    targets = [learners.as_target(one) for one in data.targets]
    with Measured() as fitting:
        fitted = learners.fit_targets(
            bench.blueprint.learners[item.learner],
            encoded.train,
            [target.take(train) for target in targets],
            random_state=bench.blueprint.random_state,
            n_threads=problem.n_threads,
            sample_weight=None if data.dataset_weights is None else data.dataset_weights[train],
            groups=None if data.dataset_groups is None else data.dataset_groups[train],
            categorical=encoded.categorical,
        )
    begun = time.perf_counter()
    arrays: dict[str, NDArray[Any]] = {}
    for q, (rows, X) in enumerate(zip(predicted, encoded.predicted, strict=True)):
        for position, (target, (labels, proba)) in enumerate(zip(targets, fitted.predict(X), strict=True)):
            known = target.known[rows]
            own = Predictions(labels[known], None if proba is None else proba[known])
            arrays |= own.arrays(position * len(predicted) + q)
    spent = time.perf_counter() - begun
    took = (
        latencies.of_all_targets(bench, problem, encoded.encoder, fitted, predicted[0], fitting.wall, spent)
        if item.part == Part(*MEASURED_SPLIT)
        else None
    )
    return _fit_entry(item.part, fitting, encoded, fitted, spent, arrays, took, n_targets=len(targets))


def _look_up(bench: Workbench, item: FitItem, problem: PredictionProblem) -> Entry:
    """Return the predictions of a part that were made elsewhere."""
    data = bench.data(problem)
    (entry,) = bench.entries([bench.blueprint.given[item.learner, problem.dataset, problem.target]])
    values = entry.arrays["values"]
    arrays: dict[str, NDArray[Any]] = {}
    for q, rows in enumerate(data.splits.predicted_rows(item.part)):
        own = values[rows]
        labels = own[:, -1].astype(np.intp) if problem.is_classification else own[:, 0]
        arrays |= Predictions(labels, own[:, :-1] if problem.is_classification else None).arrays(q)
    costs = {"cpu": 0.0, "wall": 0.0, "predict": 0.0, "encode": 0.0, "peak_memory": None, "bytes": None}
    return Entry("fit", {**costs, "notes": [], "part": list(item.part)}, arrays)


def _fit_entry(
    part: Part,
    fitting: Measured,
    encoded: Encoded,
    fitted: Any,
    predict_seconds: float,
    arrays: dict[str, NDArray[Any]],
    took: latencies.Latencies | None = None,
    n_targets: int = 1,
) -> Entry:
    is_measured = part == Part(*MEASURED_SPLIT)
    meta = {
        # Read once for each target: their sum is what was spent.
        "cpu": fitting.cpu / n_targets,
        "wall": fitting.wall / n_targets,
        "predict": predict_seconds / n_targets,
        "encode": encoded.seconds,
        "peak_memory": fitting.peak_memory,
        "bytes": model_bytes(fitted.estimator) if is_measured else None,
        "latency": {} if took is None else took.answers,
        "among": {} if took is None else took.among,
        "checks": {} if took is None else took.checks,
        "notes": list(fitted.notes),
        "part": list(part),
    }
    return Entry("fit", meta, arrays)
