"""The bridge between stored predictions and fusions: tensors in, fused predictions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fusebench import encoders, learners, metrics
from fusebench.engine.blueprint import Blueprint
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.splits import Rows
from fusebench.engine.store import Entry
from fusebench.errors import FitError
from fusebench.fusions.base import Context, Floats, Fusion
from fusebench.spec.model import FusionSpec, LearnerSpec

if TYPE_CHECKING:
    import pandas as pd

MOST_AWAY_FROM_ONE = 1e-4  # of the sum of a row's probabilities


@dataclass(frozen=True)
class Predictions:
    """What one model says about some rows.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Class codes (-1: an abstention), or values for regression.
    proba : ndarray of shape (n_samples, n_classes) or None
        None for regression.
    """

    labels: NDArray[Any]
    proba: Floats | None

    @classmethod
    def read(cls, entry: Entry, q: int) -> Predictions:
        """Return the q-th predictions of an entry."""
        return cls(entry.arrays[f"labels{q}"], entry.arrays.get(f"proba{q}"))

    def arrays(self, q: int) -> dict[str, NDArray[Any]]:
        """Return the arrays to store under the number q."""
        if self.proba is None:
            return {f"labels{q}": self.labels}
        smallest = np.min_scalar_type(max(self.proba.shape[1] - 1, 0))
        if self.labels.min(initial=0) < 0:  # abstentions
            smallest = np.result_type(smallest, np.int8)
        return {f"labels{q}": self.labels.astype(smallest), f"proba{q}": self.proba}

    @classmethod
    def mean(cls, several: Sequence[Predictions]) -> Predictions:
        """Return the mean prediction of several models; one model's as they are."""
        if len(several) == 1:
            return several[0]
        if several[0].proba is None:
            return cls(np.mean([one.labels for one in several], axis=0), None)
        proba = np.mean([one.proba for one in several if one.proba is not None], axis=0)
        silent = np.all([one.labels < 0 for one in several], axis=0)
        return cls(np.where(silent, -1, proba.argmax(axis=1)), proba)

    def spread(self, rows: Rows, n_samples: int) -> Predictions:
        """Return predictions of n_samples rows: these at some of them, zeros elsewhere."""
        labels = np.zeros(n_samples, dtype=self.labels.dtype)
        labels[rows] = self.labels
        if self.proba is None:
            return Predictions(labels, None)
        proba = np.zeros((n_samples, self.proba.shape[1]), dtype=self.proba.dtype)
        proba[rows] = self.proba
        return Predictions(labels, proba)

    @classmethod
    def assemble(cls, pieces: Sequence[tuple[Rows, Predictions]], n_samples: int) -> Predictions:
        """Return predictions of n_samples rows from those of its parts, each with its positions."""
        first = pieces[0][1]
        # Where a model abstains in some parts only, theirs are the wider integers.
        labels = np.empty(n_samples, dtype=np.result_type(*(piece.labels.dtype for _, piece in pieces)))
        proba = None if first.proba is None else np.empty((n_samples, first.proba.shape[1]), first.proba.dtype)
        for positions, piece in pieces:
            labels[positions] = piece.labels
            if proba is not None and piece.proba is not None:
                proba[positions] = piece.proba
        return cls(labels, proba)


@dataclass(frozen=True)
class Tensor:
    """The predictions of all members on one outer split.

    Parameters
    ----------
    oof, test : ndarray of shape (n_samples, n_members, n_classes) or (n_samples, n_members)
    oof_labels, test_labels : ndarray of shape (n_samples, n_members)
    """

    oof: Floats
    oof_labels: NDArray[Any]
    test: Floats
    test_labels: NDArray[Any]

    @classmethod
    def stack(cls, members: Sequence[tuple[Predictions, Predictions]], names: tuple[str, ...]) -> Tensor:
        """Stack the members' out-of-fold and test predictions."""
        if not names:
            raise FitError("no member succeeded on this split")
        oof, test = zip(*members, strict=True)
        return cls(*stack_predictions(oof), *stack_predictions(test))

    def __post_init__(self) -> None:
        for array in (self.oof, self.oof_labels, self.test, self.test_labels):
            array.flags.writeable = False


def stack_predictions(several: Sequence[Predictions]) -> tuple[Floats, NDArray[Any]]:
    """Return the prediction tensor and the labels of several models."""
    if several[0].proba is None:
        values = np.stack([np.asarray(one.labels, dtype=np.float64) for one in several], axis=1)
        return values, values
    labels = np.stack([one.labels.astype(np.intp) for one in several], axis=1)
    return np.stack([one.proba for one in several if one.proba is not None], axis=1), labels


def make_fusion(spec: FusionSpec) -> Fusion:
    """Return a fresh fusion of a spec."""
    return Blueprint.fusion_class(spec.type)(**spec.params)


def predict_with(fusion: Fusion, P: Floats, context: Context) -> Predictions:
    """Return a fitted fusion's predictions, checked.

    Raises
    ------
    FitError
        If probabilities are not probabilities, or values are not finite.
    """
    if not context.is_classification:
        values = np.asarray(fusion.predict(P, context), dtype=np.float64)
        if not np.isfinite(values).all():
            raise FitError("the fused values are not finite")
        return Predictions(values, None)
    proba = np.asarray(fusion.predict_proba(P, context))
    if proba.shape != (len(P), context.n_classes):
        raise FitError(f"the fused probabilities have shape {proba.shape}, expected {(len(P), context.n_classes)}")
    if not _are_probabilities(proba):
        raise FitError("the fused probabilities are not in [0, 1] or do not sum to 1")
    labels = np.asarray(fusion.predict(P, context))
    silent = (context.labels < 0).all(axis=1)
    return Predictions(np.where(silent, -1, labels) if silent.any() else labels, proba)


def _are_probabilities(proba: Floats) -> bool:
    if not np.isfinite(proba).all() or proba.min(initial=0) < 0:
        return False
    return bool(np.abs(proba.sum(axis=1) - 1).max(initial=0) <= MOST_AWAY_FROM_ONE)


def out_of_fold(spec: FusionSpec, tensor: Tensor, y: NDArray[Any], context: Context) -> Predictions:
    """Return a fusion's own out-of-fold predictions: per inner fold, fitted on the other inner folds' rows.

    No learner is fitted again.
    """
    if context.fold is None:
        raise TypeError("out-of-fold predictions need the inner folds")
    pieces = []
    for j in np.unique(context.fold):
        held, rest = np.flatnonzero(context.fold == j), np.flatnonzero(context.fold != j)
        fusion = make_fusion(spec).fit(tensor.oof[rest], y[rest], context.take(rest))
        pieces.append((held, predict_with(fusion, tensor.oof[held], context.take(held))))
    return Predictions.assemble(pieces, len(y))


class FeatureRows(Protocol):
    """The features of a prediction problem."""

    @property
    def X(self) -> pd.DataFrame:  # noqa: N802 - a matrix
        """DataFrame of shape (n_samples, n_features)."""
        ...

    @property
    def groups(self) -> NDArray[Any] | None:
        """Groups, shape (n_samples,)."""
        ...

    @property
    def text(self) -> tuple[str, ...]:
        """Columns of free text."""
        ...


def fuse_context(
    blueprint: Blueprint,
    problem: PredictionProblem,
    data: FeatureRows,
    members: tuple[str, ...],
    rows: Rows,
    labels: NDArray[Any],
    folds: NDArray[Any] | None,
    *,
    with_features: bool = True,
) -> Context:
    """Return what a fusion may know about some rows; the features only where it looks at them."""
    metric = problem.metrics[0]

    def score(y: NDArray[Any], own: NDArray[Any], proba: Floats | None) -> float:
        return metrics.score(metric, y, own, proba, problem.n_classes)

    behind = {one: _learners_behind(blueprint, problem, one) for one in members}
    return Context(
        target_type=problem.target_type,
        classes=np.array(problem.classes),
        members=members,
        labels=labels,
        score=score,
        metric=metric,
        fit_learner=LearnerFitter(blueprint.random_state, problem.n_threads, problem.classes, data.text),
        X=data.X.iloc[rows] if with_features else None,
        fold=folds,
        groups=None if data.groups is None else data.groups[rows],
        random_state=blueprint.random_state,
        costs=_sums(behind, {name: learner.cost for name, learner in blueprint.learners.items()}),
        bytes=_sums(behind, {name: learner.bytes for name, learner in blueprint.learners.items()}),
        sizes={one: len(learners_behind) for one, learners_behind in behind.items()},
        text=data.text,
        recipes=blueprint.recipes(members),
    )


def _sums(behind: Mapping[str, frozenset[str]], declared: Mapping[str, float | None]) -> dict[str, float]:
    """Return what the learners behind each member declare together, for members of which all do."""
    known = {name: value for name, value in declared.items() if value is not None}
    return {one: sum(known[name] for name in sorted(names)) for one, names in behind.items() if names <= known.keys()}


def _learners_behind(blueprint: Blueprint, problem: PredictionProblem, model: str) -> frozenset[str]:
    """Return the learners whose predictions a model uses: itself, or its members' members."""
    if model in blueprint.learners:
        return frozenset({model})
    return frozenset().union(
        *(_learners_behind(blueprint, problem, member) for member in blueprint.members_on(model, problem))
    )


@dataclass(frozen=True)
class LearnerFitter:
    """Builds and fits learners for fusions; see `fusebench.fusions.base.FitLearner`."""

    random_state: int
    n_threads: int
    class_labels: tuple[str, ...]
    text: tuple[str, ...] = ()

    def __call__(
        self,
        learner: LearnerSpec,
        X: Any,
        y: NDArray[Any],
        *,
        target_type: str,
        n_classes: int,
        sample_weight: Floats | None = None,
        groups: NDArray[Any] | None = None,
        random_state: int | None = None,
        proba: bool = True,
    ) -> Any:
        """Fit a learner on a matrix as it is, or on a data frame through the learner's encoder."""
        seed = self.random_state if random_state is None else random_state
        encode = learner.encode
        encoder = None
        if not isinstance(X, np.ndarray) and hasattr(X, "columns"):
            encode = learners.auto_encoder(learner, target_type) if encode == "auto" else encode
            encoder = encoders.make(encode, random_state=seed, text=self.text)
            X = encoder.fit_transform(X, y, target_type=target_type)
        fitted = learners.fit(
            learner,
            X,
            y,
            target_type=target_type,
            n_classes=n_classes,
            random_state=seed,
            n_threads=self.n_threads,
            sample_weight=sample_weight,
            groups=groups,
            categorical=() if encoder is None else tuple(encoder.categorical_),
            proba=proba,
            class_labels=self.class_labels if n_classes == len(self.class_labels) else (),
        )
        return fitted if encoder is None else EncodedLearner(encoder, fitted)


@dataclass(frozen=True)
class EncodedLearner:
    """A fitted learner behind the encoder that was fitted on the same rows."""

    encoder: Any
    fitted: Any

    def predict(self, X: Any) -> NDArray[Any]:
        """Return class codes or values, shape (n_samples,)."""
        return np.asarray(self.fitted.predict(self.encoder.transform(X)))

    def predict_proba(self, X: Any) -> Floats:
        """Return probabilities, shape (n_samples, n_classes)."""
        return np.asarray(self.fitted.predict_proba(self.encoder.transform(X)))

    def answer(self, X: Any) -> Predictions:
        """Return labels and probabilities (or values), encoding the rows once."""
        [(labels, proba)] = self.fitted.answer_all([self.encoder.transform(X)])
        return Predictions(np.asarray(labels), proba)
