"""A baseline that ignores the features."""

from __future__ import annotations

from fusebench.learners.base import Family


class Dummy(Family):
    """The class frequencies, or the mean: what any model must beat."""

    classifier = "sklearn.dummy.DummyClassifier"
    regressor = "sklearn.dummy.DummyRegressor"
    encoder = "ordinal"
