"""Probabilities from a sigmoid, an isotonic fit or a temperature, fitted inside the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

N_FOLDS = 5

Splits = Sequence[tuple[NDArray[Any], NDArray[Any]]]


class Calibrated(CalibratedClassifierCV):  # type: ignore[misc]  # scikit-learn is not typed
    """scikit-learn's `CalibratedClassifierCV` with its default 5 folds, for classes of any size.

    A class with fewer than 5 members means as many folds as the rarest class has members. Where the training part of a
    fold would lack a class, because it has a single member or all its rows belong to one group, the rows of
    that class stay in: no model could tell a class that it never saw.
    """

    cv: Any
    labels_are_its_own = False

    def fit(self, X: Any, y: NDArray[Any], sample_weight: NDArray[Any] | None = None, **fit_params: Any) -> Self:
        """Fit the estimator and its calibration.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Training rows.
        y : ndarray of shape (n_samples,)
            Classes.
        sample_weight : ndarray of shape (n_samples,), optional
            Weights.
        **fit_params
            Passed to the estimator's ``fit``.
        """
        return self._fit_on(folds(y) if self.cv is None else self.cv, X, y, sample_weight, fit_params)

    def fit_by_group(self, X: Any, y: NDArray[Any], groups: NDArray[Any], **fit_params: Any) -> Self:
        """Fit the estimator and its calibration, with every group on one side of each inner fold."""
        return self._fit_on(folds(y, groups), X, y, fit_params.pop("sample_weight", None), fit_params)

    def _fit_on(self, cv: Any, X: Any, y: NDArray[Any], sample_weight: Any, fit_params: dict[str, Any]) -> Self:
        asked: Any = self.cv
        self.cv = cv
        try:
            super().fit(X, y, sample_weight, **fit_params)
        finally:
            self.cv = asked
        return self


class CalibratedWithOwnLabels(Calibrated):
    """Calibrated probabilities beside the labels that the estimator predicts by itself.

    Needs ``ensemble=False``: then the estimator was fitted once on all rows, and its labels are those it would have
    without any calibration.
    """

    labels_are_its_own = True

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the estimator's own labels, shape (n_samples,)."""
        return np.asarray(self.calibrated_classifiers_[0].estimator.predict(X))


def folds(y: NDArray[Any], groups: NDArray[Any] | None = None) -> int | Splits:
    """Return the folds of a calibration: 5, fewer for rare classes, by group where there are groups."""
    classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    repeated = counts[counts > 1]
    n_splits = min(N_FOLDS, int(repeated.min())) if repeated.size else 1
    n_groups = n_splits if groups is None else len(np.unique(groups))
    if groups is None and repeated.size == counts.size:
        return n_splits
    every = np.arange(len(y))
    if n_splits < 2 or n_groups < 2:
        return [(every, every)]
    rows = every[(counts > 1)[codes]]
    if groups is None:
        splits = StratifiedKFold(n_splits).split(rows, codes[rows])
    else:
        splits = StratifiedGroupKFold(min(n_splits, n_groups)).split(rows, codes[rows], groups[rows])
    tests = [rows[test] for _, test in splits]
    tests[0] = np.union1d(tests[0], np.setdiff1d(every, rows))
    return [(_with_all_classes(np.setdiff1d(every, test), codes, len(classes)), test) for test in tests if len(test)]


def _with_all_classes(train: NDArray[Any], codes: NDArray[Any], n_classes: int) -> NDArray[Any]:
    missing = np.setdiff1d(np.arange(n_classes), codes[train])
    return np.union1d(train, np.flatnonzero(np.isin(codes, missing)))
