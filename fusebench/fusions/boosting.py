"""Boosting: each learner attends to what those before it got wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.errors import FitError
from fusebench.fusions._rounds import Rounds, graded, weighted_median
from fusebench.fusions._training import (
    check_recipes,
    features_of,
    named_recipes,
    recipes_to_train,
    takes_sample_weight,
)
from fusebench.fusions.base import Context, FittedLearner, Floats, Fusion
from fusebench.spec.model import LearnerSpec

EPSILON = float(np.finfo(np.float64).eps)


@dataclass(kw_only=True)
class Boosting(Fusion):
    """Fit the members one after the other, each on what those before it got wrong.

    Parameters
    ----------
    method : {"adaboost", "residual"}, default="adaboost"
        ``adaboost`` is SAMME for classes and AdaBoost.R2 for values. ``residual`` fits each learner to the residuals
        of the sum of those before it (gradient boosting of the squared error); for values only.
    estimator : learner or list of learners, optional
        What is boosted; by default the members. Several take turns: round i fits learner i modulo their number.
    n_estimators : int, default=50
        Rounds at most.
    learning_rate : float, optional
        Scales each learner's weight; by default 1 for ``adaboost``, 0.1 for ``residual``.
    loss : {"linear", "square", "exponential"}, default="linear"
        How AdaBoost.R2 grades errors.
    resample : bool, default=False
        Whether SAMME draws rows by their weights instead of passing weights, for learners that take none.

    Notes
    -----
    SAMME: with error e_i and K classes, alpha_i = learning_rate * (log((1 - e_i) / e_i) + log(K - 1)) and
    y(x) = argmax_c sum_i alpha_i 1(y_i(x) = c); probabilities are the softmax of the decision function over K - 1.
    AdaBoost.R2: the median of the values, weighted by log(1 / beta_i), beta_i = e_i / (1 - e_i).
    Residual: F_0 = mean(y), F_i = F_{i-1} + learning_rate * f_i, f_i fitted to y - F_{i-1}.

    The very numbers of scikit-learn's ``AdaBoostClassifier`` and ``AdaBoostRegressor`` for copies of one learner with
    the same ``random_state``. As there, boosting ends at a learner without training error, so a learner that fits its
    training rows exactly (a forest, a deep tree) is not boosted. With several learners one that is no better than
    chance is passed over, and boosting ends when all have been in a row. The cost is that of `n_estimators` fits.

    References
    ----------
    .. [1] J. Zhu et al., Multi-class AdaBoost, Statistics and Its Interface 2, 2009, algorithm 2.
    .. [2] H. Drucker, Improving regressors using boosting techniques, ICML 1997.
    .. [3] J. H. Friedman, Greedy function approximation: a gradient boosting machine, Annals of Statistics 29(5), 2001,
       algorithm 2.
    """

    needs_features: ClassVar[bool] = True
    needs_proba: ClassVar[bool] = False
    trains: ClassVar[bool] = True
    uses_members: ClassVar[Literal["always", "fit", "never"]] = "never"

    method: Literal["adaboost", "residual"] = "adaboost"
    estimator: LearnerSpec | tuple[LearnerSpec, ...] | None = None
    n_estimators: Annotated[int, Field(ge=1)] = 50
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    loss: Literal["linear", "square", "exponential"] = "linear"
    resample: bool = False

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return what is wrong with the parameters for these targets."""
        found = []
        classes = sorted(target_types - {"continuous"})
        if self.method == "residual" and classes:
            found.append(f"method: 'residual' predicts values, got a {classes[0]} target; use adaboost")
        return found

    def check_recipes(
        self, members: tuple[str, ...], recipes: Mapping[str, LearnerSpec], target_types: frozenset[str]
    ) -> list[str]:
        """Return members that are no learners, or that take no weights where weights are passed."""
        found = check_recipes(self.estimator, members, recipes, target_types, "boosting")
        if found or target_types <= {"continuous"} or self.method == "residual" or self.resample:
            return found
        deaf = [
            name
            for name, recipe in named_recipes(self.estimator, members, recipes).items()
            if not takes_sample_weight(recipe, "multiclass")
        ]
        return [_without_weights(deaf)] if deaf else []

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Fit the learners in turn on the context's features; the predictions are not used.

        Raises
        ------
        FitError
            If a learner takes no weights and `resample` is off, or if no learner is better than chance.
        """
        recipes = recipes_to_train(self.estimator, context, "boosting")
        self.members_ = tuple(recipes)
        self.learners_: list[FittedLearner] = []
        self.turns_: list[int] = []
        self.errors_: list[float] = []
        # Zeros stand for rounds that were not needed; scikit-learn sums them too, which shows in the last bits.
        self.alphas_ = np.zeros(self.n_estimators)
        rounds = Rounds(list(recipes.values()), y, context)
        if self.method == "residual":
            self._boost_residuals(rounds)
        elif context.is_classification:
            deaf = [name for name, one in recipes.items() if not takes_sample_weight(one, context.target_type)]
            if deaf and not self.resample:
                raise FitError(_without_weights(deaf))
            self._boost_classes(rounds)
        else:
            self._boost_values(rounds)
        return self

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return the softmax of the decision function, shape (n_samples, n_classes); 0 for classes not trained on."""
        proba = np.zeros((len(P), context.n_classes))
        if len(self.codes_) == 1:
            proba[:, self.codes_] = 1.0
            return proba
        decision = self._decision(context)
        binary = decision.ndim == 1
        decision = np.vstack([-decision, decision]).T / 2 if binary else decision / (len(self.codes_) - 1)
        scores = np.exp(decision - decision.max(axis=1, keepdims=True))
        proba[:, self.codes_] = scores / scores.sum(axis=1, keepdims=True)
        return proba

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return class codes or values, shape (n_samples,); ties go to the smallest code."""
        if context.is_classification:
            if len(self.codes_) == 1:
                return np.repeat(self.codes_, len(P))
            decision = self._decision(context)
            chosen = decision > 0 if decision.ndim == 1 else decision.argmax(axis=1)
            return np.asarray(self.codes_[chosen.astype(np.intp)])
        X = features_of(context)
        if self.method == "residual":
            values = np.full(len(P), self.initial_)
            for alpha, learner in zip(self.alphas_, self.learners_, strict=False):
                values += alpha * learner.predict(X)
            return values
        return weighted_median(np.array([learner.predict(X) for learner in self.learners_]).T, self.alphas_)

    def explain(self) -> dict[str, Any]:
        """Return each member's share of the weight, and the learners' weights and errors in order."""
        totals = np.zeros(len(self.members_))
        np.add.at(totals, self.turns_, self.alphas_[: len(self.turns_)])
        return {
            "weights": (totals / totals.sum()).tolist(),
            "members_used": [self.members_[turn] for turn in sorted(set(self.turns_))],
            "n_estimators": len(self.learners_),
            "alphas": self.alphas_[: len(self.turns_)].tolist(),
            "errors": self.errors_,
        }

    def _decision(self, context: Context) -> Floats:
        """Return the weighted votes, shape (n_samples,) for two classes, else (n_samples, n_classes)."""
        X, n_classes = features_of(context), len(self.codes_)
        # Class by class in memory, as in scikit-learn: the order in which a row is summed shows in the last bits.
        total = np.zeros((n_classes, len(X))).T
        for alpha, learner in zip(self.alphas_, self.learners_, strict=False):
            votes = learner.predict(X)[:, None] == self.codes_
            total += np.where(votes, alpha, -1 / (n_classes - 1) * alpha)
        total /= self.alphas_.sum()
        if n_classes > 2:
            return total
        total[:, 0] *= -1
        return np.asarray(total.sum(axis=1))

    def _rate(self) -> float:
        if self.learning_rate is not None:
            return self.learning_rate
        return 0.1 if self.method == "residual" else 1.0

    def _keep(self, turn: int, learner: FittedLearner, alpha: float, error: float) -> None:
        self.alphas_[len(self.learners_)] = alpha
        self.learners_.append(learner)
        self.turns_.append(turn)
        self.errors_.append(error)

    def _boost_classes(self, rounds: Rounds) -> None:
        self.codes_ = np.unique(rounds.y)
        n_classes = len(self.codes_)
        weight = np.full(len(rounds.y), 1 / len(rounds.y))
        in_vain = 0
        for number in range(self.n_estimators):
            weight = np.clip(weight, EPSILON, None)
            learner = rounds.fit(number, rounds.y, weight=weight, resample=self.resample)
            incorrect = learner.predict(rounds.X) != rounds.y
            error = float(np.average(incorrect, weights=weight))
            if error <= 0:
                self._keep(rounds.turn(number), learner, 1.0, 0.0)
                return
            if error >= 1 - 1 / n_classes:
                in_vain += 1
                if in_vain == len(rounds.recipes):
                    break
                continue
            in_vain = 0
            alpha = self._rate() * float(np.log((1 - error) / error) + np.log(n_classes - 1.0))
            self._keep(rounds.turn(number), learner, alpha, error)
            weight = np.exp(np.log(weight) + alpha * incorrect)
            if not np.isfinite(weight.sum()):
                break
            weight /= weight.sum()
        if not self.learners_:
            raise FitError("no learner is better than chance on the training rows; nothing can be boosted")

    def _boost_values(self, rounds: Rounds) -> None:
        weight = np.full(len(rounds.y), 1 / len(rounds.y))
        in_vain = 0
        for number in range(self.n_estimators):
            weight = np.clip(weight, EPSILON, None)
            learner = rounds.fit(number, rounds.y, weight=weight, resample=True)
            share = graded(np.abs(learner.predict(rounds.X) - rounds.y), self.loss)
            error = float((weight * share).sum())
            if error <= 0:
                self._keep(rounds.turn(number), learner, 1.0, 0.0)
                return
            if error >= 0.5:
                # The first learner is kept even so: something must predict.
                if not self.learners_ and len(rounds.recipes) == 1:
                    self._keep(rounds.turn(number), learner, 1.0, error)
                in_vain += 1
                if in_vain == len(rounds.recipes):
                    break
                continue
            in_vain = 0
            beta = error / (1 - error)
            self._keep(rounds.turn(number), learner, self._rate() * float(np.log(1 / beta)), error)
            weight = weight * np.power(beta, (1 - share) * self._rate())
            if weight.sum() <= 0:
                break
            weight /= weight.sum()
        if not self.learners_:
            raise FitError("no learner has an average loss below one half; nothing can be boosted")

    def _boost_residuals(self, rounds: Rounds) -> None:
        self.initial_ = float(np.mean(rounds.y))
        values = np.full(len(rounds.y), self.initial_)
        for number in range(self.n_estimators):
            residual = rounds.y - values
            if not residual.any():
                break
            learner = rounds.fit(number, residual)
            values += self._rate() * learner.predict(rounds.X)
            self._keep(rounds.turn(number), learner, self._rate(), float(np.mean((rounds.y - values) ** 2)))
        if not self.learners_:
            raise FitError("the target is constant on the training rows; nothing can be boosted")


def _without_weights(names: list[str]) -> str:
    several = ", ".join(f"'{name}'" for name in names)
    return f"members: {several} take{'s' if len(names) == 1 else ''} no sample_weight; remove, or set resample: true"
