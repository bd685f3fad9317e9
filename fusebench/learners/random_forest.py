"""Random forest."""

from __future__ import annotations

from fusebench.learners._forest import _Forest


class RandomForest(_Forest):
    """The mean of trees on bootstrap samples, each split looking at some of the features."""

    classifier = "sklearn.ensemble.RandomForestClassifier"
    regressor = "sklearn.ensemble.RandomForestRegressor"
