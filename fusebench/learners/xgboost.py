"""XGBoost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from numpy.typing import NDArray

from fusebench.learners._binned import Binned
from fusebench.learners.base import Family, number, parameter_names

# Parameters of the library that its scikit-learn classes take as keyword arguments without naming them.
NATIVE_PARAMETERS = frozenset(
    {
        "alpha",
        "disable_default_eval_metric",
        "eta",
        "expectile_alpha",
        "feature_selector",
        "huber_slope",
        "lambda",
        "max_cached_hist_node",
        "min_split_loss",
        "normalize_type",
        "nthread",
        "one_drop",
        "process_type",
        "quantile_alpha",
        "rate_drop",
        "refresh_leaf",
        "sample_type",
        "seed",
        "skip_drop",
        "top_k",
        "tweedie_variance_power",
        "updater",
    }
)
FREE_OF_BINNING = frozenset(
    {
        "alpha",
        "colsample_bylevel",
        "colsample_bynode",
        "colsample_bytree",
        "early_stopping_rounds",
        "eta",
        "gamma",
        "grow_policy",
        "importance_type",
        "lambda",
        "learning_rate",
        "max_delta_step",
        "max_depth",
        "max_leaves",
        "min_child_weight",
        "min_split_loss",
        "n_estimators",
        "reg_alpha",
        "reg_lambda",
        "scale_pos_weight",
        "subsample",
    }
)


class XGBoost(Family):
    """Regularised gradient boosting, with native categories and missing values.

    ``early_stopping_rounds`` stops on a tenth of the training part, held out by the seed (by group where there are
    groups).
    """

    classifier = "xgboost.XGBClassifier"
    regressor = "xgboost.XGBRegressor"
    encoder = "native"
    defaults: ClassVar[Mapping[str, Any]] = {"verbosity": 0}
    threads = "n_jobs"
    labels_follow_proba = True
    rows_are_independent = True
    free_of_binning = FREE_OF_BINNING
    traits: ClassVar[Mapping[str, Any]] = {"trees": (("n_estimators",), 100)}
    least: ClassVar[Mapping[str, float]] = {
        "n_estimators": 1,
        "early_stopping_rounds": 1,
        "max_leaves": 0,
        "learning_rate": 0.0,
        "reg_alpha": 0.0,
        "reg_lambda": 0.0,
        "gamma": 0.0,
        "min_child_weight": 0.0,
    }

    def parameters(self, cls: type) -> frozenset[str]:
        """Return the parameters of the class and those of the library."""
        return parameter_names(cls) | NATIVE_PARAMETERS

    def follows_proba(self, params: Mapping[str, Any]) -> bool:
        """Return whether the objective is the library's own choice: some others give no probabilities to begin with."""
        return "objective" not in params

    def categorical(self, X: Any, columns: Sequence[int]) -> tuple[dict[str, Any], dict[str, Any], str]:
        """Declare the columns by the feature types."""
        if not columns:
            return {}, {}, ""
        types = ["c" if column in set(columns) else "q" for column in range(X.shape[1])]
        return {"enable_categorical": True, "feature_types": types}, {}, ""

    def early_stopping(self, params: Mapping[str, Any]) -> bool:
        """Return whether ``early_stopping_rounds`` is set."""
        return bool(params.get("early_stopping_rounds"))

    def validation(self, cls: type, X: Any, y: NDArray[Any]) -> dict[str, Any]:
        """Return the validation rows as ``eval_set``."""
        return {"eval_set": [(X, y)], "verbose": False}

    @contextmanager
    def sharing(self, estimator: Any, binned: Binned, binning: str) -> Iterator[None]:
        """Give the estimator's fit, where it makes a ``QuantileDMatrix`` of its rows, that of an earlier fit.

        A matrix may train several boosters. The estimator makes its own in one method, which an attribute hides for
        the length of the fit; a version without that method fits as ever.
        """
        from xgboost import QuantileDMatrix

        own = getattr(estimator, "_create_dmatrix", None)
        if own is None or "_create_dmatrix" in vars(estimator):
            yield
            return

        def make(*args: Any, **kwargs: Any) -> Any:
            if args or kwargs.get("ref", own) is not None:  # not the rows that are fitted, or not as it was known
                return own(*args, **kwargs)
            # A plain matrix, as for other tree methods, gathers what training finds out about it.
            return binned.get_or_make(binning, lambda: own(**kwargs), QuantileDMatrix)

        estimator._create_dmatrix = make
        try:
            yield
        finally:
            del estimator._create_dmatrix

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: one tree per round and class."""
        trees = number(params, "n_estimators", 100) * (n_classes if n_classes > 2 else 1)
        return 1e-3 + trees * (8e-5 + 1.5e-9 * n_samples * n_features)
