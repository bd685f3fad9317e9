"""Quadratic discriminant analysis."""

from __future__ import annotations

from fusebench.learners.base import Family


class QDA(Family):
    """Normal classes, each with a covariance matrix of its own."""

    classifier = "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis"
    # One column per category always sums to 1, and a singular covariance matrix is refused.
    encoder = "ordinal_imputed"
    accepts_sparse = False
