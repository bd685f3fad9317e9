"""Learners that are fitted on predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.fusions._meta_features import MetaFeatures
from fusebench.fusions._rules import normalise
from fusebench.fusions.base import Context, FittedLearner, Floats
from fusebench.spec.model import LearnerSpec

MetaLearner = Literal["joint", "class_wise", "shared"]


def default_final_estimator(*, classification: bool) -> LearnerSpec:
    """Return scikit-learn's own default, with scikit-learn's own parameters."""
    if classification:
        # Named, because the family's default of fusebench is another one.
        return LearnerSpec(type="sklearn.linear_model.LogisticRegression", params={"max_iter": 100}, encode="none")
    return LearnerSpec(type="sklearn.linear_model.RidgeCV", encode="none")


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
        raise FitError(f"the out-of-fold part holds one class only ('{context.classes[y[0]]}'); nothing can be learned")
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
