"""The rounds of boosting, and the arithmetic between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.fusions._training import features_of, reseeded, takes_random_state
from fusebench.fusions.base import Context, FittedLearner, Floats
from fusebench.spec.model import LearnerSpec

MAX_SEED = np.iinfo(np.int32).max


class Rounds:
    """Fits the recipes in turn, drawing seeds and rows from one generator as scikit-learn does."""

    def __init__(self, recipes: list[LearnerSpec], y: NDArray[Any], context: Context) -> None:
        self.recipes = recipes
        self.y = y
        self.X = features_of(context)
        self.context = context
        self.generator = np.random.RandomState(context.random_state)

    def turn(self, number: int) -> int:
        """Return which recipe a round fits."""
        return number % len(self.recipes)

    def fit(
        self, number: int, y: NDArray[Any], *, weight: Floats | None = None, resample: bool = False
    ) -> FittedLearner:
        """Fit a round's recipe to targets, with weights or on rows drawn by them."""
        recipe, context = self.recipes[self.turn(number)], self.context
        seed = None
        if takes_random_state(recipe, context.target_type):
            seed = int(self.generator.randint(MAX_SEED))
        rows: NDArray[Any] | slice = slice(None)
        if resample:
            rows = self.generator.choice(np.arange(len(y)), size=len(y), replace=True, p=weight)
            weight = None
        return context.fit_learner(
            reseeded(recipe),
            self.X.iloc[rows],
            y[rows],
            target_type=context.target_type,
            n_classes=context.n_classes,
            sample_weight=weight,
            groups=None if context.groups is None else context.groups[rows],
            random_state=seed,
            proba=False,
        )


def graded(errors: Floats, loss: str) -> Floats:
    """Return losses in [0, 1], shape (n_samples,)."""
    largest = errors.max()
    share = errors / largest if largest != 0 else errors
    if loss == "square":
        return np.asarray(share**2)
    return np.asarray(1 - np.exp(-share)) if loss == "exponential" else share


def weighted_median(values: Floats, alphas: Floats) -> Floats:
    """Return per row the smallest value with at least half of the weight at or below it, shape (n_samples,)."""
    order = np.argsort(values, axis=1)
    below = np.cumsum(alphas[order], axis=1)
    position = (below >= 0.5 * below[:, -1][:, None]).argmax(axis=1)
    rows = np.arange(len(values))
    return np.asarray(values[rows, order[rows, position]])
