"""Extremely randomised trees."""

from __future__ import annotations

from fusebench.learners._forest import _Forest


class ExtraTrees(_Forest):
    """The mean of trees on all rows, with split points drawn at random."""

    classifier = "sklearn.ensemble.ExtraTreesClassifier"
    regressor = "sklearn.ensemble.ExtraTreesRegressor"
    seconds_per_split = 8e-9
