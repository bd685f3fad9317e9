"""Gaussian naive Bayes."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np

from fusebench.learners.base import Family

DENSITIES = "_joint_log_likelihood"
CHECK = "_check_X"


class GaussianNB(Family):
    """Naive Bayes with a normal distribution per class and feature."""

    classifier = "sklearn.naive_bayes.GaussianNB"
    accepts_sparse = False
    rows_are_independent = True

    def answers(self, estimator: Any, X: Any) -> tuple[Any, Any]:
        """Return labels and probabilities from one evaluation of the densities: the label is the densest class."""
        evaluate = getattr(estimator, DENSITIES, None)
        if evaluate is None or type(estimator) is not self.estimator_class("binary"):
            return super().answers(estimator, X)
        seen: list[Any] = []

        def densities(rows: Any) -> Any:
            seen.append(evaluate(rows))
            return seen[-1]

        asked: Any = copy(estimator)
        setattr(asked, DENSITIES, densities)
        if _needs_no_check(estimator, X):
            setattr(asked, CHECK, lambda rows: rows)
        proba = asked.predict_proba(X)
        if len(seen) != 1:  # a release that goes another way
            return super().answers(estimator, X)
        return asked.classes_[seen[0].argmax(axis=1)], proba


def _needs_no_check(estimator: Any, X: Any) -> bool:
    """Whether rows are what the estimator's own check, which takes longer than the answer, would let through."""
    return (
        type(X) is np.ndarray
        and X.dtype == np.float64
        and X.ndim == 2
        and X.shape[0] > 0
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and not hasattr(estimator, "feature_names_in_")
        and bool(np.isfinite(X).all())
    )
