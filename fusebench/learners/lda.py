"""Linear discriminant analysis."""

from __future__ import annotations

from fusebench.learners.base import Family


class LDA(Family):
    """Normal classes that share one covariance matrix."""

    classifier = "sklearn.discriminant_analysis.LinearDiscriminantAnalysis"
    accepts_sparse = False
