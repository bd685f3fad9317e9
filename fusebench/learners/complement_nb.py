"""Complement naive Bayes, for counts of unbalanced classes."""

from __future__ import annotations

from fusebench.learners.base import Family


class ComplementNB(Family):
    """Naive Bayes from the complement of each class; features must not be negative."""

    classifier = "sklearn.naive_bayes.ComplementNB"
    encoder = "nonnegative"
