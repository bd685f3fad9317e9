"""Ordinary least squares."""

from __future__ import annotations

from fusebench.learners.base import Family


class LinearRegression(Family):
    """Ordinary least squares, unregularised."""

    regressor = "sklearn.linear_model.LinearRegression"
