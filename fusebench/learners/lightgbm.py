"""LightGBM."""

from __future__ import annotations

import importlib
import inspect
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from numpy.typing import NDArray

from fusebench.learners._binned import Binned
from fusebench.learners.base import Family, number, parameter_names

EARLY_STOPPING = frozenset({"early_stopping_round", "early_stopping_rounds", "early_stopping", "n_iter_no_change"})
FREE_OF_BINNING = EARLY_STOPPING | {
    "bagging_fraction",
    "bagging_freq",
    "bagging_seed",
    "colsample_bynode",
    "colsample_bytree",
    "eta",
    "feature_fraction",
    "feature_fraction_bynode",
    "importance_type",
    "lambda_l1",
    "lambda_l2",
    "learning_rate",
    "max_depth",
    "max_leaves",
    "min_child_weight",
    "min_gain_to_split",
    "min_split_gain",
    "min_sum_hessian_in_leaf",
    "n_estimators",
    "num_boost_round",
    "num_iterations",
    "num_leaves",
    "num_round",
    "num_trees",
    "reg_alpha",
    "reg_lambda",
    "shrinkage_rate",
    "subsample",
    "subsample_freq",
}  # not min_child_samples: features that no leaf of that size could use are left out with the binning
_swapping = threading.Lock()


class LightGBM(Family):
    """Leaf-wise gradient boosting on binned features, with native categories and missing values.

    ``early_stopping_rounds`` stops on a tenth of the training part, held out by the seed (by group where there are
    groups).
    """

    classifier = "lightgbm.LGBMClassifier"
    regressor = "lightgbm.LGBMRegressor"
    encoder = "native"
    defaults: ClassVar[Mapping[str, Any]] = {"verbosity": -1}
    threads = "n_jobs"
    labels_follow_proba = True
    rows_are_independent = True
    free_of_binning = FREE_OF_BINNING
    traits: ClassVar[Mapping[str, Any]] = {
        "trees": (("n_estimators", "num_iterations", "num_boost_round", "num_trees", "num_round", "nrounds"), 100)
    }
    least: ClassVar[Mapping[str, float]] = {
        "n_estimators": 1,
        "num_leaves": 2,
        "learning_rate": 0.0,
        "reg_alpha": 0.0,
        "reg_lambda": 0.0,
        "min_child_samples": 0,
    }

    def parameters(self, cls: type) -> frozenset[str]:
        """Return the parameters of the class, those of the library and their aliases."""
        from lightgbm.basic import _ConfigAliases

        # The library knows its own parameters; there is no public way to ask for them.
        aliases = _ConfigAliases._get_all_param_aliases()
        return parameter_names(cls) | {name for names in aliases.values() for name in names} | aliases.keys()

    def categorical(self, X: Any, columns: Sequence[int]) -> tuple[dict[str, Any], dict[str, Any], str]:
        """Declare the columns to ``fit``."""
        return {}, ({"categorical_feature": list(columns)} if columns else {}), ""

    def early_stopping(self, params: Mapping[str, Any]) -> bool:
        """Return whether a number of rounds is set, under any of its names."""
        return any(number(params, name, 0) > 0 for name in EARLY_STOPPING)

    def validation(self, cls: type, X: Any, y: NDArray[Any]) -> dict[str, Any]:
        """Return the validation rows, under the name that this version of the library wants."""
        if "eval_X" in inspect.signature(cls.fit).parameters:  # type: ignore[attr-defined]  # every estimator fits
            return {"eval_X": X, "eval_y": y}
        return {"eval_set": [(X, y)]}  # LightGBM < 4.7

    @contextmanager
    def sharing(self, estimator: Any, binned: Binned, binning: str) -> Iterator[None]:
        """Give the estimator's fit, where it makes a ``lightgbm.Dataset`` of its rows, that of an earlier fit.

        A dataset may train several boosters; what its bins depend on, the library itself refuses to change afterwards.
        The estimator takes none, so the name by which its module makes one is put aside for the length of the fit; a
        version that makes it another way fits as ever.
        """
        import lightgbm

        module: Any = importlib.import_module("lightgbm.sklearn")
        thread, is_first = threading.get_ident(), True

        def make(*args: Any, **kwargs: Any) -> Any:
            nonlocal is_first
            if threading.get_ident() != thread or not is_first:  # another fit's rows, or those that are watched
                return lightgbm.Dataset(*args, **kwargs)
            is_first = False
            return binned.get_or_make(binning, lambda: lightgbm.Dataset(*args, **kwargs).construct())

        with _swapping:
            is_free = getattr(module, "Dataset", None) is lightgbm.Dataset
            if is_free:
                module.Dataset = make
        try:
            yield
        finally:
            if is_free:
                module.Dataset = lightgbm.Dataset

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: one tree per round and class, of leaves that hold 20 rows or more."""
        trees = number(params, "n_estimators", 100) * (n_classes if n_classes > 2 else 1)
        leaves = min(number(params, "num_leaves", 31), n_samples / 20)
        return 1e-3 + trees * (1.2e-5 * leaves + 2e-9 * n_samples * n_features)
