"""Elastic net: least squares with L1 and L2 penalties."""

from __future__ import annotations

from fusebench.learners.base import Family


class ElasticNet(Family):
    """Least squares with both an L1 and an L2 penalty."""

    regressor = "sklearn.linear_model.ElasticNet"
