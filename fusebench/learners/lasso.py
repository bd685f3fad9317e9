"""Lasso: least squares with an L1 penalty."""

from __future__ import annotations

from fusebench.learners.base import Family


class Lasso(Family):
    """Least squares with an L1 penalty."""

    regressor = "sklearn.linear_model.Lasso"
