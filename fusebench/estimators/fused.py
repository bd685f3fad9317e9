"""`FusedClassifier` and `FusedRegressor`: any fusion of a benchmark as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_y,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from fusebench import datasets
from fusebench.engine.answering import Answering
from fusebench.engine.columns import describe
from fusebench.engine.fusing import Predictions
from fusebench.estimators import _columns
from fusebench.estimators._frames import as_pandas, as_series, is_frame
from fusebench.estimators._model import FittedModel, Fitter, OutOfFold, RowsToFit
from fusebench.estimators._recipe import Recipe, recipe

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.engine.blueprint import Blueprint
    from fusebench.engine.problem import PredictionProblem

MAX_SEED = 2**31 - 1
ROW_PARAMETERS = ("sample_weight", "groups")
MADE_ANEW = frozenset({"_resolved", "_ready"})


class _Fused(BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """What the classifier and the regressor share."""

    _default_learners: tuple[str, ...]

    def __init__(
        self,
        learners: Sequence[str] | Mapping[str, Any] | None = None,
        fusion: str | Mapping[str, Any] = "stacking",
        *,
        fusions: Mapping[str, Any] | None = None,
        cv: Any = None,
        scoring: str | None = None,
        refit: bool = True,
        text: Sequence[str] = (),
        random_state: Any = 0,
        n_jobs: int | None = None,
        threads_per_fit: int = 1,
        allow_import: bool = False,
    ) -> None:
        self.learners = learners
        self.fusion = fusion
        self.fusions = fusions
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.text = text
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.threads_per_fit = threads_per_fit
        self.allow_import = allow_import

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        # What follows from the parameters is resolved again where the model is loaded.
        return {name: value for name, value in super().__getstate__().items() if name not in MADE_ANEW}

    def _fit(self, X: Any, target: tuple[NDArray[Any], str, NDArray[Any]], rows: dict[str, Any]) -> None:
        """Fit on rows; `target` holds codes or values, its kind and the classes."""
        y, target_type, classes = target
        unknown = [name for name in rows if name not in ROW_PARAMETERS]
        if unknown:
            raise TypeError(f"fit got {unknown[0]!r}, it takes {' and '.join(ROW_PARAMETERS)}")
        frame = self._training_frame(X)
        if len(frame) != len(y):
            raise ValueError(f"X has {len(frame)} rows, y has {len(y)}: inconsistent numbers of samples")
        frame, text = datasets.features(frame, [str(one) for one in self.text])
        self.columns_ = describe(frame, text)
        groups = None if rows.get("groups") is None else np.asarray(as_series(rows["groups"]))
        self._fit_rows(RowsToFit(frame, y, groups, _weights(rows.get("sample_weight"), len(y)), text),
                       target_type, classes)  # fmt: skip

    def _fit_rows(
        self, data: RowsToFit, target_type: str, classes: NDArray[Any], stored: OutOfFold | None = None
    ) -> None:
        """Fit on features that are in the form of a benchmark's dataset."""
        for name in MADE_ANEW:
            self.__dict__.pop(name, None)
        self.random_state_ = self._seed()
        found = self._recipe()
        self.target_type_ = target_type
        self.labels_ = [str(one) for one in classes]
        problem = self._problem(found, data.X.shape)
        cv = check_cv(self.cv, data.y, classifier=target_type != "continuous")
        folds = [(np.asarray(train), np.asarray(held)) for train, held in cv.split(data.X, data.y, data.groups)]
        fitter = Fitter(found.blueprint, problem, data, folds, self.refit, self.n_jobs)
        self.model_: FittedModel = fitter.fit(found.model, stored)
        self._resolved = found.blueprint, self._problem(found, (0, len(self.columns_)))
        self._answering()

    def _seed(self) -> int:
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(MAX_SEED))

    def _recipe(self) -> Recipe:
        return recipe(
            learners=self._default_learners if self.learners is None else self.learners,
            fusions=self.fusions,
            fusion=self.fusion,
            scoring=self.scoring,
            random_state=self.random_state_,
            allow_import=self.allow_import,
        )

    def _problem(self, found: Recipe, shape: tuple[int, ...]) -> PredictionProblem:
        return found.problem(self.target_type_, self.labels_, (shape[0], shape[1]), self.threads_per_fit)

    def _training_frame(self, X: Any) -> pd.DataFrame:
        import pandas as pd

        if is_frame(X):
            frame = as_pandas(X)
            _check_feature_names(self, frame, reset=True)
            _check_n_features(self, frame, reset=True)
            _check_frame(frame)
            return frame.reset_index(drop=True).rename(columns=str)
        values = validate_data(self, X, ensure_all_finite="allow-nan", reset=True)
        return pd.DataFrame(np.array(values), columns=[f"x{n}" for n in range(values.shape[1])])

    def _frame(self, X: Any) -> pd.DataFrame:
        """Return rows in the form of the training rows."""
        import pandas as pd

        form = self._answering().form
        if isinstance(X, pd.DataFrame) and hasattr(self, "feature_names_in_") and form.has_names(X):
            frame = X  # what scikit-learn would check holds
        elif is_frame(X):
            frame = as_pandas(X)
            _check_feature_names(self, frame, reset=False)
            _check_n_features(self, frame, reset=False)
            frame = frame.set_axis(form.names, axis=1)
        else:
            values = validate_data(self, X, ensure_all_finite="allow-nan", reset=False)
            frame = pd.DataFrame(np.array(values), columns=form.names)
        return form.conform(frame, "X")[0]

    def resolved(self) -> tuple[Blueprint, PredictionProblem]:
        """Return the models behind the parameters, and the problem that they were fitted on."""
        if "_resolved" not in self.__dict__:
            found = self._recipe()
            self._resolved = found.blueprint, self._problem(found, (0, len(self.columns_)))
        return self._resolved

    def _answering(self) -> Answering:
        """Return the model ready to answer, made once."""
        if "_ready" not in self.__dict__:
            self._ready = self.model_.answering(*self.resolved(), self.columns_)
        return self._ready

    def _answer(self, X: Any) -> Predictions:
        if "model_" not in self.__dict__:  # scikit-learn's own check alone takes 0.1 ms
            check_is_fitted(self)
        return self._answer_rows(self._frame(X))

    def _answer_rows(self, frame: pd.DataFrame) -> Predictions:
        """Return the predictions of rows that are in the form of the training rows."""
        return self._answering().answer(frame)


class FusedClassifier(ClassifierMixin, _Fused):  # type: ignore[misc]  # scikit-learn is not typed
    """A fusion of classifiers.

    Parameters
    ----------
    learners : list of str or mapping, optional
        As in a spec: types, or ids with their types and parameters. By default logistic regression, k nearest
        neighbours and a random forest.
    fusion : str or mapping, default="stacking"
        A type, a definition as in a spec, the id of one of `fusions` or of a learner, or ``"best_single"`` or
        ``"uniform_average"``.
    fusions : mapping, optional
        Other fusions, that `fusion` may name or have as members.
    cv : int, splitter or iterable of splits, optional
        The inner folds, whose held-out predictions the fusion learns from; 5 by default, split as scikit-learn's
        ``StackingClassifier`` does. Rows that no fold holds out are not learned from.
    scoring : str, optional
        The metric by which strategies choose; accuracy by default.
    refit : bool, default=True
        Whether every learner is fitted again on all rows. Otherwise the mean of its models of the folds predicts.
    text : sequence of str, default=()
        Columns of a frame that hold free text.
    random_state : int, RandomState or None, default=0
        Passed to every learner that takes one.
    n_jobs : int, optional
        Fits at a time, as in joblib.
    threads_per_fit : int, default=1
        Threads of each learner.
    allow_import : bool, default=False
        Whether learners may be classes outside the trusted packages.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where `X` was a frame.

    Notes
    -----
    Fitted on an outer training part with that split's inner folds as `cv`, it predicts what the benchmark stored.
    Learners are fitted once on all rows and, where the fusion learns, once per fold.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> import fusebench as fb
    >>> X, y = load_iris(return_X_y=True)
    >>> model = fb.FusedClassifier(["lr", "nb"], {"type": "voting", "voting": "soft"}).fit(X, y)
    >>> model.predict_proba(X[:1]).shape
    (1, 3)
    """

    _default_learners = ("logistic_regression", "knn", "random_forest")

    def fit(self, X: Any, y: Any, **rows: Any) -> Self:
        """Fit the members and the fusion.

        Parameters
        ----------
        X : frame or array of shape (n_samples, n_features)
            Missing values are allowed; a frame may hold categories, dates and text.
        y : array of shape (n_samples,)
            Labels.
        **rows
            ``sample_weight`` and ``groups``, one per row.

        Raises
        ------
        ValueError
            If the rows cannot be learned from.
        SpecError
            If learners or fusions are wrong; says all of it.
        FitError
            If an estimator gave what cannot be used.
        """
        labels = _target(self, y)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        weights = _weights(rows.get("sample_weight"), len(labels))
        present = codes if weights is None else codes[weights > 0]
        if len(np.unique(present)) < 2:
            raise ValueError("y holds one class only, of rows whose sample_weight is not 0; a classifier needs two")
        kind = "binary" if len(self.classes_) == 2 else "multiclass"
        self._fit(X, (codes, kind, self.classes_), rows)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return labels, shape (n_samples,)."""
        codes = self._answer(X).labels
        return np.asarray(self.classes_[codes])

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return probabilities, shape (n_samples, n_classes), in the order of `classes_`."""
        return np.asarray(self._answer(X).proba)


class FusedRegressor(RegressorMixin, _Fused):  # type: ignore[misc]  # scikit-learn is not typed
    """A fusion of regressors; see `FusedClassifier` for the parameters.

    By default ridge regression, k nearest neighbours and a random forest are stacked, and strategies choose by r2.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> import fusebench as fb
    >>> X, y = load_diabetes(return_X_y=True)
    >>> fb.FusedRegressor(["ridge", "knn"], "uniform_average").fit(X, y).predict(X[:2]).shape
    (2,)
    """

    _default_learners = ("ridge", "knn", "random_forest")

    def fit(self, X: Any, y: Any, **rows: Any) -> Self:
        """Fit the members and the fusion; see `FusedClassifier.fit`."""
        values = _target(self, y, numeric=True).astype(np.float64)
        self._fit(X, (values, "continuous", np.empty(0)), rows)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return values, shape (n_samples,)."""
        return np.asarray(self._answer(X).labels)


def fit_dataset(
    estimator: FusedClassifier | FusedRegressor,
    data: RowsToFit,
    *,
    target_type: str,
    classes: NDArray[Any],
    stored: OutOfFold | None = None,
) -> None:
    """Fit an estimator on a benchmark's dataset.

    Parameters
    ----------
    data : RowsToFit
        The dataset's rows as the benchmark sees them; class codes in `y`.
    classes : ndarray of shape (n_classes,)
        The dataset's own labels; empty for regression.
    stored : callable, optional
        Returns a learner's out-of-fold predictions of the rows that the estimator's `cv` holds out, sorted by row.
    """
    if target_type != "continuous":
        estimator.classes_ = classes
    estimator.n_features_in_ = data.X.shape[1]
    estimator.feature_names_in_ = np.array([str(name) for name in data.X.columns], dtype=object)
    estimator.columns_ = describe(data.X, data.text)
    estimator._fit_rows(data, target_type, classes, stored)


def predict_table(
    estimator: FusedClassifier | FusedRegressor, frame: pd.DataFrame, where: str
) -> tuple[Any, list[str]]:
    """Return the predictions of a raw table, its columns in any order and of any readable type, and notes.

    Returns
    -------
    Predictions
        Labels are class codes.
    list of str
        What differed from the training rows: columns that were ignored, categories that were not seen.

    Raises
    ------
    DataError
        If a column is missing, or holds what cannot be read as its kind.
    """
    selected, ignored = _columns.select(frame, estimator.columns_, where)
    rows, unseen = estimator._answering().form.conform(selected, where)
    return estimator._answer_rows(rows), [*ignored, *unseen]


def _target(estimator: Any, y: Any, *, numeric: bool = False) -> NDArray[Any]:
    if y is None:
        name = type(estimator).__name__
        raise ValueError(f"{name} requires y to be passed, but the target y is None")
    column = column_or_1d(as_series(y), warn=True)
    if not len(column):
        raise ValueError("y has 0 samples, a minimum of 1 is required")
    checked: NDArray[Any] = _check_y(column, multi_output=False, y_numeric=numeric, estimator=estimator)
    return checked


def _weights(weights: Any, n_samples: int) -> NDArray[np.float64] | None:
    if weights is None:
        return None
    found = np.asarray(as_series(weights), dtype=np.float64)
    if found.shape != (n_samples,):
        raise ValueError(f"sample_weight has the shape {found.shape}, expected ({n_samples},)")
    return found


def _check_frame(frame: pd.DataFrame) -> None:
    if not frame.shape[1] or not frame.shape[0]:
        kind = "feature(s)" if not frame.shape[1] else "sample(s)"
        raise ValueError(f"Found array with 0 {kind} (shape={frame.shape}) while a minimum of 1 is required.")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise ValueError(f"two columns are called {twice[0]!r}; rename one")
    numbers = frame.select_dtypes("number")
    infinite = [str(name) for name in numbers if np.isinf(numbers[name].to_numpy(dtype=float, na_value=np.nan)).any()]
    if infinite:
        raise ValueError(f"column {infinite[0]!r} contains infinity")
