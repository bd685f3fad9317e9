"""`FusedClassifier` and `FusedRegressor`: any fusion of a benchmark as a scikit-learn estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets

from fusebench.engine.columns import describe
from fusebench.estimators import _columns
from fusebench.estimators._fused import Fused
from fusebench.estimators._inputs import target_of, weights_of
from fusebench.estimators._model import OutOfFold, RowsToFit

if TYPE_CHECKING:
    import pandas as pd


class FusedClassifier(ClassifierMixin, Fused):  # type: ignore[misc]  # scikit-learn is not typed
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
        labels = target_of(self, y)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        weights = weights_of(rows.get("sample_weight"), len(labels))
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


class FusedRegressor(RegressorMixin, Fused):  # type: ignore[misc]  # scikit-learn is not typed
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
        values = target_of(self, y, numeric=True).astype(np.float64)
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
