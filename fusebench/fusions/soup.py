"""Soup: the average of the weights of several trainings of one network."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as field_
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.errors import FitError
from fusebench.fusions._pretraining import is_pretrained
from fusebench.fusions._training import (
    Prepared,
    check_recipes,
    estimator_class,
    named_recipes,
    recipes_to_train,
    takes_in_fit,
)
from fusebench.fusions._weight_space import average, greedy_soup
from fusebench.fusions.base import Context, Floats, Fusion
from fusebench.spec.model import LearnerSpec

ARCHITECTURE = frozenset(
    {"hidden_layer_sizes", "batch_norm", "embedding_dim", "activation", "model", "revision", "pooling"}
)
SEEDS = frozenset({"random_state", "init_random_state"})
SHARED_EPOCHS = 10


@dataclass(kw_only=True)
class Soup(Fusion):
    """Train one network several times from shared weights and average the weights: one model, one prediction's cost.

    Parameters
    ----------
    method : {"greedy", "uniform"}, default="greedy"
        ``uniform`` averages all ingredients. ``greedy`` adds them from the best to the worst and keeps those that do
        not lower the soup's score on held-out rows.
    estimator : learner or list of learners, optional
        ``torch_mlp`` of one architecture, or ``transformer`` on one model; by default the members.
    grid : mapping of str to list, default={}
        Parameters of the training (``learning_rate``, ``dropout``, ...) whose product varies each learner.
    n_seeds : int, default=5
        Trainings per variation, with other orders of the rows.
    shared_epochs : int, optional
        Epochs that all ingredients have in common before they part; 0 shares the initial weights only. By default 10,
        and 0 for a pretrained model.

    Notes
    -----
    A tenth of the training rows (by group where there are groups) is held out: it stops every training early, and
    ranks by the benchmark's first metric. Networks that part too early end in different basins, where an average of
    weights predicts nothing; `shared_epochs` stands for the pretrained model of the paper, which ``transformer``
    has. Statistics of BatchNorm layers are recomputed on the training rows. The cost is that of
    n_learners * n_variations * n_seeds trainings.

    References
    ----------
    .. [1] M. Wortsman et al., Model soups: averaging weights of multiple fine-tuned models improves accuracy without
       increasing inference time, ICML 2022.
    .. [2] J. Frankle et al., Linear mode connectivity and the lottery ticket hypothesis, ICML 2020 (when trainings
       from shared weights can be averaged).
    """

    needs_features: ClassVar[bool] = True
    needs_proba: ClassVar[bool] = False
    trains: ClassVar[bool] = True
    uses_members: ClassVar[Literal["always", "fit", "never"]] = "never"

    method: Literal["greedy", "uniform"] = "greedy"
    estimator: LearnerSpec | tuple[LearnerSpec, ...] | None = None
    grid: Mapping[str, Any] = field_(default_factory=dict)
    n_seeds: Annotated[int, Field(ge=1)] = 5
    shared_epochs: Annotated[int, Field(ge=0)] | None = None

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return what is wrong with the grid."""
        found = []
        for name, values in self.grid.items():
            if name in ARCHITECTURE:
                found.append(f"grid: '{name}' changes the architecture; weights of one architecture can be averaged")
            elif name in SEEDS:
                found.append(f"grid: '{name}' is set by the soup; use n_seeds")
            elif not isinstance(values, (list, tuple)) or not values:
                found.append(f"grid: '{name}' got {values!r}, expected a list of values")
        return found

    def check_recipes(
        self, members: tuple[str, ...], recipes: Mapping[str, LearnerSpec], target_types: frozenset[str]
    ) -> list[str]:
        """Return members that are no networks, or of different architectures."""
        found = check_recipes(self.estimator, members, recipes, target_types, "soup")
        if found:
            return found
        named = named_recipes(self.estimator, members, recipes)
        others = [name for name, one in named.items() if not _is_network(one, next(iter(target_types), "binary"))]
        if others:
            return [f"members: '{others[0]}' is no torch_mlp or transformer; a soup averages the weights of networks"]
        frozen = [name for name, one in named.items() if _is_frozen(one, self.grid, next(iter(target_types), "binary"))]
        if frozen:
            return [f"members: '{frozen[0]}' is frozen, so that all its trainings are the same; set tune"]
        own = [_architecture(one, next(iter(target_types), "binary")) for one in named.values()]
        different = [name for name, one in zip(named, own, strict=True) if one != own[0]]
        if different:
            return [f"members: '{different[0]}' has another architecture than '{next(iter(named))}'"]
        count = len(named) * self.n_seeds * len(list(_product(self.grid)))
        return [] if count > 1 else ["n_seeds: got 1 ingredient, a soup needs at least 2"]

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Train the ingredients on the context's features and average them; the predictions are not used.

        Raises
        ------
        FitError
            If a member is no network, or the networks are of different architectures.
        """
        recipes = recipes_to_train(self.estimator, context, "soup")
        for message in self.check_recipes(context.members, context.recipes, frozenset({context.target_type})):
            raise FitError(message)
        self.prepared_, _ = Prepared.fit(next(iter(recipes.values())), y, context)
        X = self.prepared_.dense(context)
        held = _held_out(y, context)
        trained = list(self._ingredients(recipes, X, y, held, context))
        self.ingredients_ = [name for name, _ in trained]
        model = trained[0][1]
        # Where there are too few rows to hold any out, those that were fitted rank.
        judged = held if held.any() else np.ones(len(y), dtype=bool)
        states = [one.state() for _, one in trained]
        fitted_rows = X[~held]

        def score(state: Any) -> float:
            self.model_ = model.with_state(state, fitted_rows)
            labels, proba = self._answers(X[judged], context)
            return float(context.score(y[judged], labels, proba))

        self.scores_ = [score(state) for state in states]
        if self.method == "uniform":
            soup, self.used_ = average(states), list(range(len(states)))
        else:
            soup, self.used_, _ = greedy_soup(states, self.scores_, score)
        self.score_ = score(soup)
        return self

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return the soup's probabilities, shape (n_samples, n_classes)."""
        _, proba = self._answers(self.prepared_.dense(context), context)
        if proba is None:
            raise TypeError("a soup of regressors has no probabilities")
        return proba

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return the soup's class codes or values, shape (n_samples,)."""
        labels, _ = self._answers(self.prepared_.dense(context), context)
        return labels

    def explain(self) -> dict[str, Any]:
        """Return the ingredients with their held-out scores, those used, and the soup's held-out score."""
        return {
            "ingredients": dict(zip(self.ingredients_, self.scores_, strict=True)),
            "ingredients_used": [self.ingredients_[position] for position in self.used_],
            "best_ingredient_score": max(self.scores_),
            "soup_score": self.score_,
        }

    def _ingredients(
        self, recipes: Mapping[str, LearnerSpec], X: Any, y: NDArray[Any], held: NDArray[Any], context: Context
    ) -> Iterator[tuple[str, Any]]:
        start, first = None, next(iter(recipes.values()))
        epochs = self.shared_epochs
        if epochs is None:
            epochs = 0 if is_pretrained(first, context.target_type) else SHARED_EPOCHS
        if epochs:
            shared = self._network(first, {"max_epochs": epochs}, 0, context)
            start = shared.fit(X, y, validation=held).state()
        seed = 0
        for member, recipe in recipes.items():
            for varied in _product(self.grid):
                for number in range(self.n_seeds):
                    seed += 1
                    named = [f"{name}={value}" for name, value in {**varied, "seed": number}.items()]
                    network = self._network(recipe, varied, seed, context)
                    yield f"{member}[{','.join(named)}]", network.fit(X, y, validation=held, initial_state=start)

    def _network(self, recipe: LearnerSpec, varied: Mapping[str, Any], seed: int, context: Context) -> Any:
        from fusebench import learners

        seeds = {"init_random_state": context.random_state, "random_state": context.random_state + seed}
        learner = recipe.model_copy(update={"params": {**recipe.params, **varied, **seeds}, "calibrate": None})
        return learners.build(learner, context.target_type, arguments=self.prepared_.arguments)

    def _answers(self, X: Any, context: Context) -> tuple[NDArray[Any], Floats | None]:
        if not context.is_classification:
            return self.model_.predict(X), None
        proba = np.zeros((len(X), context.n_classes))
        proba[:, self.model_.classes_] = self.model_.predict_proba(X)
        return proba.argmax(axis=1), proba


def _held_out(y: NDArray[Any], context: Context) -> NDArray[Any]:
    from fusebench.learners._early_stopping import validation_rows

    return validation_rows(
        y, stratify=context.is_classification, random_state=context.random_state, groups=context.groups
    )


def _is_network(learner: LearnerSpec, target_type: str) -> bool:
    return takes_in_fit(learner, target_type, "initial_state")


def _architecture(learner: LearnerSpec, target_type: str) -> dict[str, Any]:
    """Return what decides the shapes of a network's weights, defaults filled in."""
    defaults = inspect.signature(estimator_class(learner, target_type)).parameters
    given = {name: learner.params.get(name, one.default) for name, one in defaults.items() if name in ARCHITECTURE}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def _is_frozen(learner: LearnerSpec, grid: Mapping[str, Any], target_type: str) -> bool:
    """Return whether a pretrained model is trained nowhere but in its head, which has one optimum."""
    own = learner.params.get("tune", "frozen")
    return is_pretrained(learner, target_type) and "frozen" in grid.get("tune", (own,))


def _product(grid: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every variation; one empty one for an empty grid."""
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))
