"""What a worker spares the libraries in a fit: work that cannot change a number.

Each tree of scikit-learn's forests checks anew what all of them share, which on small data takes four fifths of the
fit. LightGBM writes each fitted model out as text and reads it again, which takes a fifth. Trees are grown by the
libraries themselves, with the same arguments. Each shortcut answers only what it has seen the library answer, and
leaves all else to it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

TREES = frozenset({"DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"})
PLAIN = (str, int, float, bool, type(None), np.integer, np.floating)
MOST_SEED = np.iinfo(np.int32).max
FEW_SAMPLES = 20  # below which scikit-learn does not mind that most labels differ


class Shortcut(NamedTuple):
    """Something to put in the place of a function."""

    owner: Any
    name: str
    short: Any


def shortcuts() -> Iterator[Shortcut]:
    """Yield what to replace in the modules that are loaded already: a process that fits no such model needs none."""
    trees, forests = sys.modules.get("sklearn.tree._classes"), sys.modules.get("sklearn.ensemble._base")
    parallel = sys.modules.get("sklearn.utils.parallel")
    for owner, name, make in (
        (trees, "check_classification_targets", _checking_targets_once),
        (trees, "_check_sample_weight", _taking_counts_as_weights),
        (trees, "is_classifier", _knowing_trees),
        (getattr(forests, "BaseEnsemble", None), "_make_estimator", _making_trees),
        (getattr(parallel, "_FuncWrapper", None), "__call__", _calling_in_place),
        (sys.modules.get("lightgbm.sklearn"), "train", _keeping_boosters),
    ):
        if owner is not None and name in vars(owner):
            yield Shortcut(owner, name, make(vars(owner)[name]))


def _checking_targets_once(check: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a check that passes a target which passed just before without a warning."""
    passed: NDArray[Any] = np.empty(0)

    def check_classification_targets(y: Any) -> None:
        nonlocal passed
        is_plain = type(y) is np.ndarray and y.dtype.kind in "iuf"
        if is_plain and y.dtype == passed.dtype and y.shape == passed.shape and y.tobytes() == passed.tobytes():
            return
        check(y)
        if is_plain and (len(y) <= FEW_SAMPLES or 2 * len(np.unique(y)) <= len(y)):
            passed = y.copy()

    return check_classification_targets


def _taking_counts_as_weights(check: Callable[..., Any]) -> Callable[..., Any]:
    """Return a check that converts what can only be right: how often each row was drawn."""

    def check_sample_weight(sample_weight: Any, X: Any, **options: Any) -> Any:
        if (
            options == {"dtype": np.float64}
            and type(X) is type(sample_weight) is np.ndarray
            and sample_weight.dtype.kind in "iu"
            and sample_weight.shape == X.shape[:1]
            and sample_weight.any()
        ):
            return sample_weight.astype(np.float64)
        return check(sample_weight, X, **options)

    return check_sample_weight


def _is_tree(estimator: Any) -> bool:
    """Whether it is one of scikit-learn's own trees, of no class derived from them."""
    kind = type(estimator)
    return kind.__name__ in TREES and kind.__module__ == "sklearn.tree._classes"


def _knowing_trees(ask: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return what knows the library's own trees, whose tags name the kind that their class has."""

    def is_classifier(estimator: Any) -> bool:
        return type(estimator).__name__.endswith("Classifier") if _is_tree(estimator) else ask(estimator)

    return is_classifier


def _making_trees(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return what makes the trees of a forest by copying the first, which is not fitted and holds plain values only."""

    def make_estimator(self: Any, append: bool = True, random_state: Any = None) -> Any:
        model = self.estimator_
        values = vars(model)
        if (
            append
            or not _is_tree(model)
            or not isinstance(random_state, np.random.RandomState)
            or not all(isinstance(value, PLAIN) for value in values.values())
            or values.keys() != set(model._get_param_names())
        ):
            return make(self, append=append, random_state=random_state)
        asked = {name: getattr(self, name) for name in self.estimator_params}
        if not all(name in values and isinstance(value, PLAIN) for name, value in asked.items()):
            return make(self, append=append, random_state=random_state)
        tree: Any = object.__new__(type(model))
        vars(tree).update(values | asked | {"random_state": random_state.randint(MOST_SEED)})
        return tree

    return make_estimator


def _calling_in_place(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return what runs a task as it is where it is in the thread that made it: nothing has to be carried over."""
    from sklearn._config import get_config

    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(self, "warning_filters", None) is warnings.filters and self.config == get_config():
            return self.function(*args, **kwargs)
        return call(self, *args, **kwargs)

    return run


def _keeping_boosters(train: Callable[..., Any]) -> Callable[..., Any]:
    """Return what hands over a trained booster itself, of which the text holds every bit, not one read from its text.

    Rounds after the best one, which the text would leave out, are left out as ever.
    """

    def train_and_keep(*args: Any, **kwargs: Any) -> Any:
        if "keep_training_booster" in kwargs:
            return train(*args, **kwargs)
        booster = train(*args, **kwargs, keep_training_booster=True)
        if booster.best_iteration > 0:
            booster.model_from_string(booster.model_to_string())
        return booster.free_dataset()

    return train_and_keep
