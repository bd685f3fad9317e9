"""Quadratic discriminant analysis."""

from __future__ import annotations

from fusebench.learners.base import Family


class QDA(Family):
    """Normal classes, each with a covariance matrix of its own."""

    classifier = "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis"
    accepts_sparse = False
