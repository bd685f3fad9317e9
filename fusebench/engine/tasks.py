"""What a worker runs: the work items, and the workbench that turns one into arrays.

A work item names things; the workbench finds their data in the store. Nothing here writes: the process that owns
the run does.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from fusebench import datasets, encoders, learners, metrics
from fusebench.engine import latency
from fusebench.engine.asking import FreshAnswers
from fusebench.engine.blueprint import ORACLE, Blueprint, PredictionProblem
from fusebench.engine.fusing import (
    EncodedLearner,
    Predictions,
    Tensor,
    fuse_context,
    make_fusion,
    out_of_fold,
    predict_with,
    stack_predictions,
)
from fusebench.engine.keys import digest
from fusebench.engine.measure import Measured, model_bytes
from fusebench.engine.splits import KeptSplits, Part, Rows, Splits
from fusebench.engine.store import Entry
from fusebench.errors import FitError
from fusebench.fusions._references import oracle
from fusebench.fusions.base import AskMembers, Context, Related

FOLDS_LAYOUT = 3  # of what is remembered of a problem's folds; a new number splits it again
PREDICTIONS = ("fit", "fuse", "given")  # kinds of entries
MEASURED_SPLIT = (0, 0)  # size and latency of the fitted model are taken on one split per dataset
QUICKLY_ENCODED = 200_000  # cells that an encoder is fitted on in milliseconds
Stage = Literal["test", "oof"]
Key = TypeVar("Key")
Kept = TypeVar("Kept")


class EncodeItem(NamedTuple):
    """Encode one part once for several learners."""

    problem: int
    part: Part
    learner: str
    path: str


class FitItem(NamedTuple):
    """Fit a learner on one part and predict the part's held-out rows."""

    problem: int
    learner: str
    part: Part
    encoded: str | None = None


class FuseItem(NamedTuple):
    """Fit a fusion on one outer split's out-of-fold predictions and predict."""

    problem: int
    fusion: str
    repeat: int
    fold: int
    stage: Stage = "test"
    without: tuple[str, ...] = ()


class ScoreItem(NamedTuple):
    """Score a model on the outer splits that it has predictions for."""

    problem: int
    model: str
    splits: tuple[tuple[int, int, tuple[str, ...]], ...]
    all_fits: tuple[str, ...] = ()


class ExplainItem(NamedTuple):
    """Explain a fusion on one outer split; no model: what all models answer there."""

    problem: int
    model: str
    repeat: int
    fold: int


Item = EncodeItem | FitItem | FuseItem | ScoreItem | ExplainItem


class Reader(Protocol):
    """Where a workbench finds stored results."""

    def get(self, key: str, *kinds: str) -> Entry | None:
        """Return an entry of one of some kinds, or None."""
        ...


class InputsLostError(Exception):
    """Stored inputs of an item are gone or damaged; the items that make them must run again."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = keys
        super().__init__(keys)


class _FittedOnce(NamedTuple):
    """A fitted learner that its compressed forms are made of, and what the fit cost."""

    fitted: Any
    cost: Measured


@dataclass
class Workbench:
    """Runs items of one blueprint.

    Parameters
    ----------
    blueprint : Blueprint
    reader : Reader
        The store.
    data_folder : callable
        Maps a problem's `data_key` to the folder of its saved dataset.
    """

    blueprint: Blueprint
    reader: Reader
    data_folder: Callable[[str], Path]
    _data: _Recent[str, ProblemData] = field(default_factory=lambda: _Recent(4))
    _encoded: _Recent[Any, Encoded] = field(default_factory=lambda: _Recent(3))
    _fitted: _Recent[Any, _FittedOnce] = field(default_factory=lambda: _Recent(1))
    _tensors: _Recent[Any, Tensor] = field(default_factory=lambda: _Recent(2))

    def run(self, item: Item) -> Entry:
        """Run one item and return what is to be stored.

        Raises
        ------
        FitError
            If an estimator gave what cannot be used.
        InputsLostError
            If a stored input is not there any more.
        Exception
            Whatever an estimator raises.
        """
        match item:
            case EncodeItem():
                return self._encode(item)
            case FitItem():
                return self._fit(item)
            case FuseItem():
                return self._fuse(item)
            case ScoreItem():
                return self._score(item)
            case ExplainItem():
                from fusebench.engine import explain

                return explain.run(self, item)

    def _problem(self, index: int) -> PredictionProblem:
        return self.blueprint.problems[index]

    def data(self, problem: PredictionProblem) -> ProblemData:
        """Return a problem's rows and splits, kept for the next item."""

        def opened() -> ProblemData:
            entry = self.reader.get(folds_key(problem), "folds")
            return ProblemData(problem, self.data_folder(problem.data_key), {} if entry is None else test_folds(entry))

        return self._data.get_or_make(problem.digest, opened)

    # -- encode and fit ---------------------------------------------------------------------------

    def _encode(self, item: EncodeItem) -> Entry:
        problem = self._problem(item.problem)
        encoded = self._make_encoded(problem, item.learner, item.part)
        if encoded.is_plain:
            with suppress(OSError):  # on a full disk the learners encode for themselves
                encoded.save(Path(item.path))
        self._encoded.put((problem.digest, item.part, str(self.blueprint.encoder_of(item.learner, problem))), encoded)
        return Entry("encode", {"seconds": encoded.seconds})

    def _make_encoded(self, problem: PredictionProblem, learner: str, part: Part) -> Encoded:
        data = self.data(problem)
        encode = self.blueprint.encoder_of(learner, problem)
        train, predicted = data.splits.training_rows(part), data.splits.predicted_rows(part)
        begun = time.perf_counter()
        if encode == "none" and problem.numeric:
            matrix = data.matrix
            took = time.perf_counter() - begun
            return Encoded(matrix[train], [matrix[rows] for rows in predicted], (), took, _AsNumbers(), took)
        encoder = encoders.make(encode, random_state=self.blueprint.random_state, text=data.text)
        # Not fit and then transform: an encoder that looks at the target cross-fits its training rows.
        fitted = encoder.fit_transform(data.X.iloc[train], data.y[train], target_type=problem.target_type)
        transformed = [encoder.transform(data.X.iloc[rows]) for rows in predicted]
        took = time.perf_counter() - begun
        return Encoded(fitted, transformed, tuple(encoder.categorical_), took, encoder, took)

    def _encode_all(self, problem: PredictionProblem, learner: str, train: Rows, predicted: list[Rows]) -> Encoded:
        """Encode rows of the whole dataset, without looking at any target."""
        data = self.data(problem)
        encode = self.blueprint.encoder_of(learner, problem)
        begun = time.perf_counter()
        encoder = encoders.make(encode, random_state=self.blueprint.random_state, text=data.text)
        fitted = encoder.fit_transform(data.dataset_X.iloc[train], None, target_type=problem.target_type)
        transformed = [encoder.transform(data.dataset_X.iloc[rows]) for rows in predicted]
        took = time.perf_counter() - begun
        return Encoded(fitted, transformed, tuple(encoder.categorical_), took, encoder, took)

    def _part(self, item: FitItem, problem: PredictionProblem) -> Encoded:
        key = (problem.digest, item.part, str(self.blueprint.encoder_of(item.learner, problem)))

        def make() -> Encoded:
            if item.encoded is not None and (found := Encoded.load(Path(item.encoded))) is not None:
                return found
            return self._make_encoded(problem, item.learner, item.part)

        return self._encoded.get_or_make(key, make)

    def _fit(self, item: FitItem) -> Entry:
        if self.blueprint.learns_all(item.learner):
            return self._fit_all_targets(item)
        problem = self._problem(item.problem)
        if self.blueprint.is_given(item.learner):
            return self._look_up(item, problem)
        data = self.data(problem)
        encoded = self._part(item, problem)
        train = data.splits.training_rows(item.part)
        spec = self.blueprint.learners[item.learner]

        def fit() -> _FittedOnce:
            with Measured() as fitting:
                fitted = learners.fit(
                    spec.model_copy(update={"compress": None}),
                    encoded.train,
                    data.y[train],
                    target_type=problem.target_type,
                    n_classes=problem.n_classes,
                    random_state=self.blueprint.random_state,
                    n_threads=problem.n_threads,
                    sample_weight=None if data.weights is None else data.weights[train],
                    groups=None if data.groups is None else data.groups[train],
                    categorical=encoded.categorical,
                    class_labels=problem.classes,
                )
            return _FittedOnce(fitted, fitting)

        plain = self.blueprint.plain_digest(item.learner)
        fitted, fitting = fit() if plain is None else self._fitted.get_or_make((problem.digest, item.part, plain), fit)
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
        seconds = (fitting.wall + predict_seconds, predict_seconds)
        took = self._learner_latency(item, encoded, fitted, *seconds) if is_measured else {}
        return _fit_entry(item.part, fitting, encoded, fitted, predict_seconds, arrays, took)

    def _fit_all_targets(self, item: FitItem) -> Entry:
        """Fit once on the dataset's rows, whatever targets each has, and keep every target's own predictions."""
        problem = self._problem(item.problem)
        data = self.data(problem)
        train, predicted = (data.dataset_splits.training_rows(item.part), data.dataset_splits.predicted_rows(item.part))
        encoded = self._encoded.get_or_make(
            (problem.shared_digest, item.part, str(self.blueprint.encoder_of(item.learner, problem))),
            lambda: self._encode_all(problem, item.learner, train, predicted),
        )
        targets = [learners.as_target(one) for one in data.targets]
        with Measured() as fitting:
            fitted = learners.fit_targets(
                self.blueprint.learners[item.learner],
                encoded.train,
                [target.take(train) for target in targets],
                random_state=self.blueprint.random_state,
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
        took: dict[str, float] = {}
        if item.part == Part(*MEASURED_SPLIT):
            took = latency.latencies(
                lambda X: fitted.predict(encoded.encoder.transform(X)),
                lambda size: data.dataset_X.iloc[np.resize(predicted[0], size)],
                n_known=len(predicted[0]),
                known_seconds=spent,
                budget=latency.budget_of(fitting.wall * len(problem.scheme.parts()), self._mean_fit_seconds(problem)),
            )
        return _fit_entry(item.part, fitting, encoded, fitted, spent, arrays, took, n_targets=len(targets))

    def _learner_latency(
        self, item: FitItem, encoded: Encoded, fitted: Any, seconds: float, predict_seconds: float
    ) -> dict[str, float]:
        """Return what answering raw rows takes, encoding included; empty where the encoder would cost too much."""
        problem = self._problem(item.problem)
        data = self.data(problem)
        budget = latency.budget_of(seconds * len(problem.scheme.parts()), self._mean_fit_seconds(problem))
        encoder = encoded.encoder
        small = problem.n_samples * problem.n_features <= QUICKLY_ENCODED and not data.text
        if encoder is None and (small or encoded.made_in < budget / 2):
            encoder = self._make_encoded(problem, item.learner, item.part).encoder
        if encoder is None:
            return {}
        test = data.splits.predicted_rows(item.part)[0]
        return latency.latencies(
            EncodedLearner(encoder, fitted).answer,
            lambda size: data.X.iloc[np.resize(test, size)],
            n_known=len(test),
            known_seconds=predict_seconds,
            budget=budget,
        )

    def _mean_fit_seconds(self, problem: PredictionProblem) -> float:
        """Return what all fits of a learner on a problem should take, on average over the learners."""
        able = [one for name, one in self.blueprint.learners.items() if self.blueprint.fits_problem(name, problem)]
        size = (problem.n_samples, problem.n_features, problem.target_type, problem.n_classes)
        once = sum(learners.expected_seconds(one, *size) for one in able) / max(1, len(able))
        return once * len(problem.scheme.parts())

    def _look_up(self, item: FitItem, problem: PredictionProblem) -> Entry:
        """Return the predictions of a part that were made elsewhere."""
        data = self.data(problem)
        (entry,) = self._entries([self.blueprint.given[item.learner, problem.dataset, problem.target]])
        values = entry.arrays["values"]
        arrays: dict[str, NDArray[Any]] = {}
        for q, rows in enumerate(data.splits.predicted_rows(item.part)):
            own = values[rows]
            labels = own[:, -1].astype(np.intp) if problem.is_classification else own[:, 0]
            arrays |= Predictions(labels, own[:, :-1] if problem.is_classification else None).arrays(q)
        costs = {"cpu": 0.0, "wall": 0.0, "predict": 0.0, "encode": 0.0, "peak_memory": None, "bytes": None}
        return Entry("fit", {**costs, "notes": [], "part": list(item.part)}, arrays)

    # -- fuse -------------------------------------------------------------------------------------

    def _fuse(self, item: FuseItem) -> Entry:
        problem = self._problem(item.problem)
        data = self.data(problem)
        members = tuple(m for m in self.blueprint.members_on(item.fusion, problem) if m not in item.without)
        split = (item.repeat, item.fold)
        tensor = self.tensor(problem, members, split)
        rows, fold_of = data.splits.out_of_fold(*split)
        test = data.splits.outer[split].test
        if item.fusion == ORACLE:
            return _oracle_entry(tensor, data.y[test], problem)
        model = self.blueprint.fusions[item.fusion]

        with_features = make_fusion(model.spec).reads_features(problem.target_type)

        def context_of(own: Rows, labels: NDArray[Any], folds: NDArray[Any] | None) -> Any:
            return fuse_context(self.blueprint, problem, data, members, own, labels, folds, with_features=with_features)

        fit_context = replace(
            context_of(rows, tensor.oof_labels, fold_of),
            siblings=self._siblings(item.fusion, problem, rows),
            sources=tuple(self._sources(item.fusion)),
            ask_members=self._asking(problem, members, split) if make_fusion(model.spec).asks_members else None,
        )
        with Measured() as fitting:
            if item.stage == "oof":
                fused = out_of_fold(model.spec, tensor, data.y[rows], fit_context)
                explanation: Mapping[str, Any] = {}
                fusion = None
            else:
                fusion = make_fusion(model.spec).fit(tensor.oof, data.y[rows], fit_context)
        begun = time.perf_counter()
        predicting, n_splits = 0.0, len(problem.scheme.outer)
        if fusion is not None:
            test_context = context_of(test, tensor.test_labels, None)
            fused = predict_with(fusion, tensor.test, test_context)
            predicting = time.perf_counter() - begun
            explanation = {**fusion.explain(), **fusion.usage(tensor.test, test_context)}
        is_measured = fusion is not None and split == MEASURED_SPLIT
        return Entry(
            "fuse",
            {
                "cpu": fitting.cpu,
                "wall": fitting.wall,
                "predict": predicting,
                "peak_memory": fitting.peak_memory,
                "bytes": model_bytes(fusion) if is_measured else None,
                "latency": _fusion_latency(
                    fusion, tensor, test_context, n_splits * (fitting.wall + predicting), predicting
                )
                if is_measured
                else {},
                "explain": _plain(explanation),
            },
            fused.arrays(0),
        )

    def _asking(self, problem: PredictionProblem, members: tuple[str, ...], split: tuple[int, int]) -> AskMembers:
        """Return how the members of a fusion on an outer split are asked for new rows."""
        data = self.data(problem)
        rows, fold_of = data.splits.out_of_fold(*split)

        def ask(context: Context, y: NDArray[Any], X: Any) -> Any:
            if context.X is None:
                raise FitError("members cannot be asked without features")
            # The rows in hand by their places in the data: some inner folds may have been taken away.
            place = np.full(problem.n_samples, -1, dtype=np.intp)
            place[rows] = np.arange(len(rows))
            held = data.X.index.get_indexer(context.X.index)
            fresh = FreshAnswers(
                self.blueprint, problem, data, held, y, fold_of[place[held]],
                lambda several: self.tensor(problem, several, split), place[held],
            )  # fmt: skip
            return stack_predictions([fresh.of(member, X) for member in members])[0]

        return ask

    def _siblings(self, fusion: str, problem: PredictionProblem, rows: Rows) -> tuple[Related, ...]:
        """Return the dataset's other targets on some rows, for a fusion that learns from them."""
        if not self.blueprint.fusion_class(self.blueprint.fusions[fusion].spec.type).needs_siblings:
            return ()
        data = self.data(problem)
        others = (one for one in data.targets if one.name != problem.target)
        own = data.dataset_rows(rows)
        return tuple(Related(name=one.name, y=one.y[own], target_type=one.target_type) for one in others)

    def _sources(self, fusion: str) -> Iterator[Related]:
        """Yield all targets of the datasets that a fusion learns from."""
        named = self.blueprint.sources_of(fusion)
        frames: dict[tuple[str, int], Any] = {}  # targets of the same rows share them
        for problem in self.blueprint.problems:
            if problem.dataset in named:
                data = self.data(problem)
                name = problem.dataset if len(data.targets) == 1 else f"{problem.dataset}:{problem.target}"
                X = frames.setdefault((problem.dataset, len(data.y)), data.X)
                yield Related(name=name, y=data.y, target_type=problem.target_type, X=X)

    def tensor(self, problem: PredictionProblem, members: tuple[str, ...], split: tuple[int, int]) -> Tensor:
        """Return the members' stored predictions on one outer split.

        Raises
        ------
        InputsLostError
            If some are not there.
        """
        return self._tensors.get_or_make(
            (problem.digest, members, split),
            lambda: Tensor.stack([self._member(problem, member, split) for member in members], members),
        )

    def _member(
        self, problem: PredictionProblem, member: str, split: tuple[int, int]
    ) -> tuple[Predictions, Predictions]:
        """Return a member's out-of-fold and test predictions on an outer split."""
        if member in self.blueprint.fusions:
            keys = [self.blueprint.fuse_key(problem, member, *split, stage) for stage in ("oof", "test")]
            first, second = self._entries(keys)
            return Predictions.read(first, 0), Predictions.read(second, 0)
        scheme, splits = problem.scheme, self.data(problem).splits
        inner_parts = scheme.inner_parts(*split)
        test_parts = scheme.test_parts(*split)
        wanted = list(dict.fromkeys([*inner_parts, *test_parts]))
        found = dict(
            zip(wanted, self._entries([self.blueprint.fit_key(problem, member, one) for one in wanted]), strict=True)
        )
        rows, _ = splits.out_of_fold(*split)
        position = np.full(problem.n_samples, -1, dtype=np.intp)
        position[rows] = np.arange(len(rows))
        pieces = []
        for j, part in zip(scheme.inner_folds(split[1]), inner_parts, strict=True):
            held = splits.predicted_rows(part)[scheme.where(part, predicting=j)]
            pieces.append((position[held], self._read(problem, member, part, found[part], predicting=j)))
        oof = Predictions.assemble(pieces, len(rows))
        test = Predictions.mean(
            [self._read(problem, member, part, found[part], predicting=split[1]) for part in test_parts]
        )
        return oof, test

    def _read(
        self, problem: PredictionProblem, learner: str, part: Part, entry: Entry, *, predicting: int
    ) -> Predictions:
        return Predictions.read(entry, self.blueprint.stored_at(problem, learner, part, predicting=predicting))

    def test_predictions(self, problem: PredictionProblem, model: str, split: tuple[int, int]) -> Predictions | None:
        """Return a model's stored predictions of an outer test part; None where it failed."""
        if model in self.blueprint.learners:
            keys = [self.blueprint.fit_key(problem, model, part) for part in problem.scheme.test_parts(*split)]
        else:
            keys = [self.blueprint.fuse_key(problem, model, *split, "test")]
        found = [entry for key in keys if (entry := self.reader.get(key, *PREDICTIONS)) is not None]
        if len(found) < len(keys):
            return None
        return Predictions.mean([self._read_test(problem, model, split[1], entry) for entry in found])

    def _entries(self, keys: list[str]) -> list[Entry]:
        entries = [self.reader.get(key, *PREDICTIONS) for key in keys]
        lost = [key for key, entry in zip(keys, entries, strict=True) if entry is None]
        if lost:
            raise InputsLostError(lost)
        return [entry for entry in entries if entry is not None]

    # -- score ------------------------------------------------------------------------------------

    def _score(self, item: ScoreItem) -> Entry:
        problem = self._problem(item.problem)
        data = self.data(problem)
        scores: list[list[Any]] = []
        costs: list[list[Any]] = []
        explanations: list[Any] = []
        failures: list[list[Any]] = []
        notes: set[str] = set()
        for repeat, fold, keys in item.splits:
            entries = self._entries(list(keys))
            test = data.splits.outer[repeat, fold].test
            fused = Predictions.mean([self._read_test(problem, item.model, fold, entry) for entry in entries])
            for metric in problem.metrics:
                try:
                    value = metrics.score(metric, data.y[test], fused.labels, fused.proba, problem.n_classes)
                except (ValueError, FitError) as error:
                    failures.append([repeat, fold, "score", type(error).__name__, f"{metric}: {error}"])
                    continue
                if np.isfinite(value):
                    scores.append([repeat, fold, metric, float(value)])
                else:
                    failures.append([repeat, fold, "score", "undefined", f"{metric} is not defined on this fold"])
            costs.append([repeat, fold, *_total_cost(entries)])
            notes.update(note for entry in entries for note in entry.meta.get("notes", ()))
            explanations.append([repeat, fold, entries[0].meta.get("explain", {})])
        meta = {"scores": scores, "costs": costs, "explanations": explanations, "failures": failures}
        taken = [key for r, i, keys in item.splits if (r, i) == MEASURED_SPLIT for key in keys]
        measured = self._entries(taken)
        meta["latency"] = measured[0].meta.get("latency", {}) if len(measured) == 1 else {}
        every_fit = [entry.meta for key in item.all_fits if (entry := self.reader.get(key, "fit")) is not None]
        total = [len(every_fit), sum(one["cpu"] for one in every_fit), sum(one["wall"] for one in every_fit)]
        return Entry("score", {**meta, "notes": sorted(notes), "total": total})

    def _read_test(self, problem: PredictionProblem, model: str, fold: int, entry: Entry) -> Predictions:
        if entry.kind == "fuse":
            return Predictions.read(entry, 0)
        return self._read(problem, model, Part(*entry.meta["part"]), entry, predicting=fold)


def folds_key(problem: PredictionProblem) -> str:
    """Return the key of what is remembered of a problem's folds."""
    return digest("folds", FOLDS_LAYOUT, problem.digest)


def test_folds(entry: Entry) -> dict[int, NDArray[Any]]:
    """Return the test fold of each row, by repeat, from what is remembered of a problem's folds."""
    return {int(name): array for name, array in entry.arrays.items()}


@dataclass(frozen=True)
class DataFolders:
    """Maps a dataset's key to its folder in a store; travels to workers."""

    root: Path

    def __call__(self, data_key: str) -> Path:
        """Return the folder of a saved dataset."""
        return self.root / "data" / data_key


@dataclass
class ProblemData:
    """The rows of a problem, opened from a saved dataset."""

    problem: PredictionProblem
    folder: Path
    test_folds: Mapping[int, NDArray[Any]] = field(default_factory=dict)

    @cached_property
    def _dataset(self) -> Any:
        return datasets.open_saved(self.folder)

    @cached_property
    def _target(self) -> Any:
        return next(target for target in self._dataset.targets if target.name == self.problem.target)

    @cached_property
    def _kept(self) -> Rows | None:
        missing = self._target.missing
        return None if missing is None or not np.any(missing) else np.flatnonzero(~np.asarray(missing))

    def _rows(self, column: NDArray[Any] | None) -> NDArray[Any] | None:
        return column if column is None or self._kept is None else column[self._kept]

    @cached_property
    def X(self) -> Any:  # noqa: N802 - a matrix
        """The features, DataFrame of shape (n_samples, n_features)."""
        frame = self._dataset.X
        return frame if self._kept is None else frame.iloc[self._kept]

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """The features of an all-numeric dataset, shape (n_samples, n_features)."""
        return np.ascontiguousarray(self.X.to_numpy(dtype=np.float64))

    @cached_property
    def y(self) -> NDArray[Any]:
        """Class codes or values, shape (n_samples,)."""
        own = self._rows(self._target.y)
        return np.asarray(own)

    @property
    def targets(self) -> Sequence[Any]:
        """All targets of the dataset, each with every row."""
        return tuple(self._dataset.targets)

    def dataset_rows(self, rows: Rows) -> Rows:
        """Return where in the dataset some of the problem's rows stand."""
        return rows if self._kept is None else self._kept[rows]

    @property
    def dataset_X(self) -> Any:  # noqa: N802 - a matrix
        """The features of all rows of the dataset, also of those that lack the problem's target."""
        return self._dataset.X

    @property
    def dataset_groups(self) -> NDArray[Any] | None:
        """Groups of all rows of the dataset."""
        groups: NDArray[Any] | None = self._dataset.groups
        return groups

    @property
    def dataset_weights(self) -> NDArray[Any] | None:
        """Sample weights of all rows of the dataset."""
        weights: NDArray[Any] | None = self._dataset.weights
        return weights

    @property
    def ids(self) -> NDArray[Any] | None:
        """What the rows are called elsewhere, shape (n_samples,)."""
        return self._rows(self._dataset.ids)

    @property
    def classes(self) -> NDArray[Any]:
        """The dataset's own labels in the order of their codes, shape (n_classes,); empty for regression."""
        return np.empty(0) if self._target.classes is None else np.asarray(self._target.classes)

    @property
    def text(self) -> tuple[str, ...]:
        """Columns of free text."""
        return tuple(self._dataset.text)

    @cached_property
    def groups(self) -> NDArray[Any] | None:
        """Groups, shape (n_samples,)."""
        return self._rows(self._dataset.groups)

    @cached_property
    def weights(self) -> NDArray[Any] | None:
        """Sample weights, shape (n_samples,)."""
        return self._rows(self._dataset.weights)

    @cached_property
    def splits(self) -> Splits:
        """The problem's splits, on the rows that have its target."""
        whole = self.dataset_splits
        if self._kept is None:
            return whole
        return KeptSplits(whole.scheme, self.y, whole.stratify, whole=whole, kept=self._kept)

    @cached_property
    def dataset_splits(self) -> Splits:
        """The splits of all rows of the dataset, stratified by its first target; all its targets share them."""
        first = self._dataset.targets[0]
        return Splits(
            self.problem.scheme,
            np.asarray(first.y),
            first.target_type != "continuous",
            self._dataset.groups,
            self._dataset.folds,
            self.test_folds,
        )


@dataclass
class Encoded:
    """One part's encoded features.

    Parameters
    ----------
    train : ndarray or sparse array of shape (n_train, n_columns)
    predicted : list of the same of shape (n_predicted, n_columns)
    categorical : tuple of int
        Columns that hold category codes.
    seconds : float
        What encoding took; 0 where another worker did it.
    encoder : object or None
        What encodes further rows; None where another worker made the matrices.
    made_in : float
        What encoding took whoever did it.
    """

    train: Any
    predicted: list[Any]
    categorical: tuple[int, ...]
    seconds: float
    encoder: Any = None
    made_in: float = 0.0

    @property
    def is_plain(self) -> bool:
        """Whether it is matrices, which other workers can map; a data frame each encodes for itself."""
        return not any(hasattr(X, "columns") for X in (self.train, *self.predicted))

    def save(self, folder: Path) -> None:
        """Write to scratch for other workers; a reader sees all of it or nothing."""
        import json

        import scipy.sparse as sp

        aside = folder.with_name(folder.name + ".part")
        aside.mkdir(parents=True)
        for n, X in enumerate((self.train, *self.predicted)):
            if sp.issparse(X):
                matrix: Any = X
                sp.save_npz(aside / f"{n}.npz", matrix, compressed=False)
            else:
                np.save(aside / f"{n}.npy", np.asarray(X), allow_pickle=False)
        described = {"categorical": self.categorical, "seconds": self.seconds, "n": 1 + len(self.predicted)}
        (aside / "encoded.json").write_text(json.dumps(described))
        aside.rename(folder)

    @classmethod
    def load(cls, folder: Path) -> Encoded | None:
        """Memory-map what another worker saved; None where there is nothing."""
        import json

        import scipy.sparse as sp

        try:
            described = json.loads((folder / "encoded.json").read_text())
            matrices = [
                np.load(path, mmap_mode="r")
                if (path := folder / f"{n}.npy").exists()
                else sp.load_npz(folder / f"{n}.npz")
                for n in range(described["n"])
            ]
        except OSError:
            return None
        matrices = [np.asarray(X) if isinstance(X, np.memmap) else X for X in matrices]
        return cls(matrices[0], matrices[1:], tuple(described["categorical"]), 0.0, made_in=described["seconds"])


class _AsNumbers:
    """The encoder of a table of numbers whose learner takes them as they are."""

    @staticmethod
    def transform(X: Any) -> NDArray[np.float64]:
        return np.ascontiguousarray(X.to_numpy(dtype=np.float64))


class _Recent(Generic[Key, Kept]):
    """The last few values made, so that neighbouring items share them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Key, Kept] = OrderedDict()

    def get_or_make(self, key: Key, make: Callable[[], Kept]) -> Kept:
        if key not in self._kept:
            self.put(key, make())
        self._kept.move_to_end(key)
        return self._kept[key]

    def put(self, key: Key, value: Kept) -> None:
        self._kept[key] = value
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)


def _fit_entry(
    part: Part,
    fitting: Measured,
    encoded: Encoded,
    fitted: Any,
    predict_seconds: float,
    arrays: dict[str, NDArray[Any]],
    answers: Mapping[str, float] | None = None,
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
        "latency": answers or {},
        "notes": list(fitted.notes),
        "part": list(part),
    }
    return Entry("fit", meta, arrays)


def _fusion_latency(
    fusion: Any, tensor: Tensor, context: Any, all_seconds: float, predict_seconds: float
) -> dict[str, float]:
    """Return what fusing the members' answers takes, without the members; within a share of all the fusion's work."""
    n_rows = len(tensor.test)

    def rows_of(size: int) -> tuple[Any, Any]:
        rows = np.resize(np.arange(n_rows), size)
        return tensor.test[rows], context.take(rows)

    return latency.latencies(
        lambda rows: predict_with(fusion, *rows),
        rows_of,
        n_known=n_rows,
        known_seconds=predict_seconds,
        budget=latency.budget_of(all_seconds, all_seconds),
    )


def _oracle_entry(tensor: Tensor, y: NDArray[Any], problem: PredictionProblem) -> Entry:
    P, labels = oracle(tensor.test, tensor.test_labels, y, classification=problem.is_classification)
    fused = Predictions(labels, P if problem.is_classification else None)
    return Entry("fuse", {"cpu": 0.0, "wall": 0.0, "predict": 0.0, "peak_memory": None, "bytes": None}, fused.arrays(0))


def _total_cost(entries: list[Entry]) -> list[Any]:
    """Return fits, CPU and wall seconds, predict seconds, bytes and peak memory of the entries behind one split."""
    metas = [entry.meta for entry in entries]
    sums = [sum(meta[name] for meta in metas) for name in ("cpu", "wall", "predict")]
    sizes = [meta["bytes"] for meta in metas]
    peaks = [meta["peak_memory"] for meta in metas if meta["peak_memory"] is not None]
    return [
        len(metas),
        *sums,
        sum(sizes) if all(size is not None for size in sizes) else None,
        max(peaks, default=None),
    ]


def _plain(value: Any) -> Any:
    """Return plain JSON data; numbers that JSON cannot hold become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
