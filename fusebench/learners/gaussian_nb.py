"""Gaussian naive Bayes."""

from __future__ import annotations

from fusebench.learners.base import Family


class GaussianNB(Family):
    """Naive Bayes with a normal distribution per class and feature."""

    classifier = "sklearn.naive_bayes.GaussianNB"
    accepts_sparse = False
    rows_are_independent = True
