"""Ridge: least squares with an L2 penalty."""

from __future__ import annotations

from fusebench.learners.base import Family


class Ridge(Family):
    """Least squares with an L2 penalty; for classes, on targets coded as -1 and 1."""

    classifier = "sklearn.linear_model.RidgeClassifier"
    regressor = "sklearn.linear_model.Ridge"
