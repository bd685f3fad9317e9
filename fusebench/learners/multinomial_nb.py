"""Multinomial naive Bayes, for counts and TF-IDF."""

from __future__ import annotations

from fusebench.learners.base import Family


class MultinomialNB(Family):
    """Naive Bayes for counts; features must not be negative (text, one-hot codes, k-mers)."""

    classifier = "sklearn.naive_bayes.MultinomialNB"
    encoder = "nonnegative"
