"""Gaussian naive Bayes."""

from __future__ import annotations

from copy import copy
from typing import Any

from fusebench.learners.base import Family

DENSITIES = "_joint_log_likelihood"


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
        proba = asked.predict_proba(X)
        if len(seen) != 1:  # a release that goes another way
            return super().answers(estimator, X)
        return asked.classes_[seen[0].argmax(axis=1)], proba
