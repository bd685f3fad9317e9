"""Meta-features made of predictions, and the learners that are fitted on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.fusions._rules import EPSILON, normalise
from fusebench.fusions.base import Context, FittedLearner, Floats
from fusebench.spec.model import LearnerSpec

if TYPE_CHECKING:
    import pandas as pd

Feature = Literal["proba", "logit", "labels", "ranks"]
MetaLearner = Literal["joint", "class_wise", "shared"]


def default_final_estimator(*, classification: bool) -> LearnerSpec:
    """Return scikit-learn's own default, with scikit-learn's own parameters."""
    if classification:
        # Named, because the family's default of fusebench is another one.
        return LearnerSpec(type="sklearn.linear_model.LogisticRegression", params={"max_iter": 100}, encode="none")
    return LearnerSpec(type="sklearn.linear_model.RidgeCV", encode="none")


@dataclass
class MetaFeatures:
    """Columns of a meta-learner: for each kind of feature each member's columns, then the original features.

    Parameters
    ----------
    kinds : sequence of {"proba", "logit", "labels", "ranks"}
        ``proba``: probabilities (binary: of the second class) or values. ``logit``: their log odds. ``labels``: the
        members' own labels, one indicator per class. ``ranks``: the share of the fitted rows with a smaller prediction.
    encoder : object or None
        Encodes the original features that follow; None for none.
    products : bool
        Whether the encoded features multiply the prediction columns instead of following them.
    """

    kinds: Sequence[Feature]
    encoder: Any = None
    products: bool = False
    sorted_: Floats | None = field(default=None, init=False)

    def fit(self, P: Floats, context: Context) -> MetaFeatures:
        """Learn the reference of the ranks and the encoder, on these rows."""
        if "ranks" in self.kinds:
            self.sorted_ = np.sort(P, axis=0)
        if self.encoder is not None:
            self.encoder = self.encoder.fit(_features(context), target_type=context.target_type)
        return self

    def transform(self, P: Floats, context: Context, of_class: int | None = None) -> Any:
        """Return the columns, shape (n_samples, n_columns), sparse where the encoder's are.

        Parameters
        ----------
        P : ndarray of shape (n_samples, n_members, n_classes) or (n_samples, n_members)
            Predictions.
        context : Context
            The same rows.
        of_class : int, optional
            Keep only the columns of this class.
        """
        blocks = [block for kind in self.kinds for block in self._columns(kind, P, context, of_class)]
        if self.encoder is None:
            return np.hstack(blocks)
        extra = self.encoder.transform(_features(context))
        if self.products:
            predictions = np.hstack(blocks)
            dense = extra.toarray() if hasattr(extra, "toarray") else np.asarray(extra)
            weighted = (predictions[:, :, None] * dense[:, None, :]).reshape(len(predictions), -1)
            return np.hstack([predictions, weighted])
        if hasattr(extra, "toarray"):
            from scipy import sparse

            return sparse.hstack([*map(sparse.csr_array, blocks), extra], format="csr")
        return np.hstack([*blocks, extra])

    def _columns(self, kind: Feature, P: Floats, context: Context, of_class: int | None) -> list[Floats]:
        """Return one block per member."""
        if P.ndim == 2:
            values = P if kind != "labels" else context.labels
            if kind == "ranks":
                values = self._ranks(P)
            return [np.asarray(values[:, [member]]) for member in range(P.shape[1])]
        if kind == "labels":
            scores = (context.labels[:, :, None] == np.arange(P.shape[2])).astype(np.float64)
        elif kind == "ranks":
            scores = self._ranks(P)
        else:
            scores = _logit(P) if kind == "logit" else P
        # Two classes: the first column is one minus the second, as scikit-learn drops it.
        first = 1 if P.shape[2] == 2 else 0
        chosen = slice(first, None) if of_class is None else slice(of_class, of_class + 1)
        return [scores[:, member, chosen] for member in range(P.shape[1])]

    def _ranks(self, P: Floats) -> Floats:
        reference = self.sorted_
        if reference is None:
            raise RuntimeError("ranks are asked for before fit")
        return mid_ranks(reference, P)


def mid_ranks(reference: Floats, P: Floats) -> Floats:
    """Return the share of the sorted `reference` rows below each prediction, equal ones counting half.

    Column by column; both arrays share their shape but for the first axis, and so has the result.
    """
    ranks = np.empty(P.shape, dtype=np.float64)
    for column in np.ndindex(P.shape[1:]):
        sorted_, values = reference[:, *column], P[:, *column]
        below = sorted_.searchsorted(values, side="left") + sorted_.searchsorted(values, side="right")
        ranks[:, *column] = below / (2 * len(sorted_))
    return ranks


class RawFeatures:
    """The features as they are, for ``encode: none``."""

    def fit(self, X: pd.DataFrame, y: NDArray[Any] | None = None, *, target_type: str) -> RawFeatures:
        """Check that the features are numbers."""
        self.transform(X)
        return self

    def transform(self, X: pd.DataFrame) -> NDArray[Any]:
        """Return the values, shape (n_samples, n_features)."""
        try:
            return np.asarray(X.to_numpy(dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise FitError(
                f"passthrough with 'encode: none' needs numeric features ({error}); remove 'encode: none'"
            ) from error


def make_encoder(learner: LearnerSpec, context: Context) -> Any:
    """Return the unfitted encoder for the original features that a meta-learner sees."""
    if learner.encode == "none":
        return RawFeatures()
    from fusebench import encoders, learners

    encode = learners.auto_encoder(learner, context.target_type) if learner.encode == "auto" else learner.encode
    return RawFeatures() if encode == "none" else encoders.make(encode, random_state=context.random_state)


@dataclass
class FittedMeta:
    """One or more fitted meta-learners, and how their answers become probabilities."""

    features: MetaFeatures
    learners: list[FittedLearner]
    meta_learner: MetaLearner

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return probabilities, shape (n_samples, n_classes)."""
        if self.meta_learner == "joint":
            return self.learners[0].predict_proba(self.features.transform(P, context))
        scores = np.empty((len(P), context.n_classes))
        for code in range(context.n_classes):
            learner = self.learners[code if self.meta_learner == "class_wise" else 0]
            columns = self.features.transform(P, context, of_class=code)
            scores[:, code] = learner.predict_proba(columns)[:, 1]
        return normalise(scores)

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return class codes or values, shape (n_samples,); a single learner's own where there is one."""
        if self.meta_learner == "joint" or not context.is_classification:
            return self.learners[0].predict(self.features.transform(P, context))
        return np.asarray(self.predict_proba(P, context).argmax(axis=1))


def fit_meta(
    learner: LearnerSpec,
    P: Floats,
    y: NDArray[Any],
    context: Context,
    *,
    features: MetaFeatures,
    meta_learner: MetaLearner = "joint",
) -> FittedMeta:
    """Fit a learner on predictions.

    Raises
    ------
    FitError
        If the rows hold one class only, where a classifier cannot be fitted.
    """
    if context.is_classification and len(np.unique(y)) < 2:
        raise FitError(f"the out-of-fold part holds one class only ({context.classes[y[0]]!r}); nothing can be learned")
    features.fit(P, context)
    if meta_learner == "joint" or not context.is_classification:
        fitted = [_fit(learner, features.transform(P, context), y, context, context.n_classes)]
    elif meta_learner == "class_wise":
        fitted = [
            _fit_binary(learner, [features.transform(P, context, code)], [y == code], context)
            for code in _codes(context)
        ]
    else:
        tables = [features.transform(P, context, code) for code in _codes(context)]
        fitted = [_fit_binary(learner, tables, [y == code for code in _codes(context)], context)]
    return FittedMeta(features, fitted, meta_learner)


def linear_weights(fitted: FittedMeta, n_members: int) -> list[float] | None:
    """Return the mean absolute coefficient per member, as shares; None where the learner has none."""
    totals = np.zeros(n_members)
    for learner in fitted.learners:
        estimator = getattr(learner, "estimator", learner)
        if not hasattr(estimator, "coef_") and hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        coefficients = getattr(estimator, "coef_", None)
        if coefficients is None or fitted.features.encoder is not None or len(fitted.features.kinds) != 1:
            return None
        dense = np.abs(np.atleast_2d(np.asarray(coefficients))).mean(axis=0)
        if len(dense) % n_members:
            return None
        totals += dense.reshape(n_members, -1).mean(axis=1)
    return [float(share) for share in totals / totals.sum()] if totals.sum() > 0 else None


def _codes(context: Context) -> range:
    return range(context.n_classes)


def _fit(learner: LearnerSpec, X: Any, y: NDArray[Any], context: Context, n_classes: int) -> FittedLearner:
    return context.fit_learner(
        learner,
        X,
        y,
        target_type=context.target_type,
        n_classes=n_classes,
        groups=context.groups,
        random_state=context.random_state,
    )


def _fit_binary(
    learner: LearnerSpec, tables: list[Any], targets: list[NDArray[Any]], context: Context
) -> FittedLearner:
    """Fit one binary learner on tables that stand below one another."""
    y = np.concatenate(targets).astype(np.int64)
    if len(np.unique(y)) < 2:
        return _Constant(float(y[0]))
    if len(tables) == 1:
        X = tables[0]
    elif hasattr(tables[0], "toarray"):
        from scipy import sparse

        X = sparse.vstack(tables, format="csr")
    else:
        X = np.vstack(tables)
    groups = None if context.groups is None else np.tile(context.groups, len(tables))
    return context.fit_learner(
        learner, X, y, target_type="binary", n_classes=2, groups=groups, random_state=context.random_state
    )


@dataclass(frozen=True)
class _Constant:
    """A class that no row has, or every row: its probability is known."""

    probability: float

    def predict(self, X: Any) -> NDArray[Any]:
        return np.full(X.shape[0], int(self.probability))

    def predict_proba(self, X: Any) -> Floats:
        return np.tile(np.array([1 - self.probability, self.probability]), (X.shape[0], 1))


def _features(context: Context) -> pd.DataFrame:
    if context.X is None:
        raise RuntimeError("original features are asked for, the context has none")
    return context.X


def _logit(P: Floats) -> Floats:
    clipped = np.clip(P.astype(np.float64), EPSILON, 1 - EPSILON)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))
