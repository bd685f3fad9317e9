"""Bagging: copies of a learner on random rows and columns, averaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.errors import FitError
from fusebench.fusions._training import (
    check_recipes,
    features_of,
    recipes_to_train,
    reseeded,
    takes_sample_weight,
)
from fusebench.fusions.base import Context, FittedLearner, Floats, Fusion
from fusebench.spec.model import LearnerSpec

if TYPE_CHECKING:
    import pandas as pd

MAX_SEED = np.iinfo(np.int32).max

Share = Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, le=1)]


class Bag(NamedTuple):
    """One fitted copy, the columns it sees and the rows it was fitted on."""

    learner: FittedLearner
    columns: NDArray[Any]
    rows: NDArray[Any]


@dataclass(kw_only=True)
class Bagging(Fusion):
    """Fit copies of the members on random rows and columns; average them or let them vote.

    Parameters
    ----------
    estimator : learner or list of learners, optional
        What is copied; by default the members. Several take turns: copy i is of learner i modulo their number.
    n_estimators : int, default=10
        Copies in all.
    max_samples : int or float, optional
        Rows per copy, or their share; by default as many as there are.
    max_features : int or float, default=1.0
        Columns of the dataset per copy, or their share.
    bootstrap : bool, default=True
        Whether rows are drawn with replacement.
    bootstrap_features : bool, default=False
        Whether columns are drawn with replacement.
    voting : {"soft", "hard"}, default="soft"
        ``soft`` averages probabilities, ``hard`` counts labels. Values are always averaged.
    oob_score : bool, default=False
        Whether to report the ranking metric on rows that a copy has not seen; needs `bootstrap`.

    Notes
    -----
    The very numbers of scikit-learn's ``BaggingClassifier`` and ``BaggingRegressor`` for one learner with the same
    ``random_state``, by its scheme of seeds as of version 1.9: a seed per copy, from which come first the copy's own
    ``random_state``, then (anew) its columns and its rows. As there, rows are drawn by ``sample_weight`` where the
    learner takes it and has ``encode: none``, by indexing otherwise: an encoder is fitted on the drawn rows only, as
    in scikit-learn's pipeline. Rows that every copy has seen have no out-of-bag prediction and do not count in its
    score. The cost is that of `n_estimators` fits.

    References
    ----------
    .. [1] L. Breiman, Bagging predictors, Machine Learning 24(2), 1996.
    .. [2] T. K. Ho, The random subspace method for constructing decision forests, IEEE TPAMI 20(8), 1998.
    .. [3] G. Louppe, P. Geurts, Ensembles on random patches, ECML PKDD 2012.
    """

    needs_features: ClassVar[bool] = True
    needs_proba: ClassVar[bool] = False
    trains: ClassVar[bool] = True
    uses_members: ClassVar[Literal["always", "fit", "never"]] = "never"

    estimator: LearnerSpec | tuple[LearnerSpec, ...] | None = None
    n_estimators: Annotated[int, Field(ge=1)] = 10
    max_samples: Share | None = None
    max_features: Share = 1.0
    bootstrap: bool = True
    bootstrap_features: bool = False
    voting: Literal["soft", "hard"] = "soft"
    oob_score: bool = False

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return what is wrong with the parameters."""
        found = []
        if self.oob_score and not self.bootstrap:
            found.append("oob_score: rows out of the bag need bootstrap: true")
        return found

    def check_recipes(
        self, members: tuple[str, ...], recipes: Mapping[str, LearnerSpec], target_types: frozenset[str]
    ) -> list[str]:
        """Return a member that is no learner."""
        return check_recipes(self.estimator, members, recipes, target_types, "bagging")

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Fit the copies on the context's features; the predictions are not used."""
        recipes = recipes_to_train(self.estimator, context, "bagging")
        self.members_ = tuple(recipes)
        seeds = np.random.RandomState(context.random_state).randint(MAX_SEED, size=self.n_estimators)
        learners = list(recipes.values())
        self.bags_ = [
            self._fit_bag(learners[number % len(learners)], int(seed), y, context) for number, seed in enumerate(seeds)
        ]
        self.oob_score_: float | None = None
        self.oob_share_: float | None = None
        if self.oob_score:
            self._score_out_of_bag(y, context)
        return self

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return mean probabilities or vote shares, shape (n_samples, n_classes)."""
        total = np.zeros((len(P), context.n_classes))
        for bag in self.bags_:
            total += self._answer(bag, features_of(context), context)
        return total / len(self.bags_)

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return class codes or mean values, shape (n_samples,)."""
        if context.is_classification:
            return super().predict(P, context)
        total = np.zeros(len(P))
        for bag in self.bags_:
            total += self._answer(bag, features_of(context), context)
        return total / len(self.bags_)

    def explain(self) -> dict[str, Any]:
        """Return the out-of-bag score, the share of rows it is taken on, and the learners."""
        return {
            "members_used": list(self.members_),
            "n_estimators": len(self.bags_),
            "oob_score": self.oob_score_,
            "oob_share": self.oob_share_,
        }

    def _fit_bag(self, learner: LearnerSpec, seed: int, y: NDArray[Any], context: Context) -> Bag:
        X = features_of(context)
        columns, rows = self._draw(seed, X.shape)
        own = int(np.random.RandomState(seed).randint(MAX_SEED))
        X = _columns(X, columns)
        by_weight = learner.encode == "none" and takes_sample_weight(learner, context.target_type)
        kept = slice(None) if by_weight else rows
        fitted = context.fit_learner(
            reseeded(learner),
            X if by_weight else X.iloc[rows],
            y[kept],
            target_type=context.target_type,
            n_classes=context.n_classes,
            sample_weight=np.bincount(rows, minlength=len(X)).astype(np.float64) if by_weight else None,
            groups=None if context.groups is None else context.groups[kept],
            random_state=own,
            proba=self.voting == "soft",
        )
        return Bag(fitted, columns, rows)

    def _draw(self, seed: int, shape: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the columns and rows of one copy; columns are drawn first."""
        n_samples, n_features = shape
        generator = np.random.RandomState(seed)
        n_rows = n_samples if self.max_samples is None else _count(self.max_samples, n_samples)
        n_columns = _count(self.max_features, n_features)
        if n_columns > n_features:
            raise FitError(f"max_features: got {n_columns}, the dataset has {n_features} features")
        if n_rows > n_samples and not self.bootstrap:
            raise FitError(f"max_samples: got {n_rows} of {n_samples} rows, which needs bootstrap: true")
        columns = _indices(generator, n_features, n_columns, replace=self.bootstrap_features)
        return columns, _indices(generator, n_samples, n_rows, replace=self.bootstrap)

    def _answer(self, bag: Bag, X: pd.DataFrame, context: Context) -> Floats:
        X = _columns(X, bag.columns)
        if not context.is_classification:
            return bag.learner.predict(X)
        if self.voting == "soft":
            return bag.learner.predict_proba(X)
        return np.asarray(bag.learner.predict(X)[:, None] == np.arange(context.n_classes), dtype=np.float64)

    def _score_out_of_bag(self, y: NDArray[Any], context: Context) -> None:
        X = features_of(context)
        counts = np.zeros(len(y))
        total = np.zeros((len(y), context.n_classes) if context.is_classification else len(y))
        for bag in self.bags_:
            outside = np.bincount(bag.rows, minlength=len(y)) == 0
            if outside.any():
                total[outside] += self._answer(bag, X.iloc[np.flatnonzero(outside)], context)
                counts[outside] += 1
        seen = counts > 0
        self.oob_share_ = float(seen.mean())
        if not seen.any():
            return
        mean = (total[seen].T / counts[seen]).T
        labels, proba = (mean.argmax(axis=1), mean) if context.is_classification else (mean, None)
        self.oob_score_ = float(context.score(y[seen], labels, proba))


def _count(wanted: float, n_available: int) -> int:
    return wanted if isinstance(wanted, int) else max(1, int(wanted * n_available))


def _indices(generator: np.random.RandomState, n_population: int, n_drawn: int, *, replace: bool) -> NDArray[Any]:
    if replace:
        return generator.randint(0, n_population, n_drawn)
    # scikit-learn's own, whose order of the drawn differs from that of every method of numpy.
    from sklearn.utils.random import sample_without_replacement

    return np.asarray(sample_without_replacement(n_population, n_drawn, random_state=generator))


def _columns(X: pd.DataFrame, columns: NDArray[Any]) -> pd.DataFrame:
    """Return some columns in a given order, under names of their own where one is drawn twice."""
    if np.array_equal(columns, np.arange(X.shape[1])):
        return X
    chosen = X.iloc[:, columns]
    if len(np.unique(columns)) == len(columns):
        return chosen
    return chosen.set_axis([f"{name}.{position}" for position, name in enumerate(chosen.columns)], axis=1)
