"""Support vector classification."""

from __future__ import annotations

from fusebench.learners._support_vectors import _SupportVectors


class SVC(_SupportVectors):
    """A kernel support vector machine; probabilities by a sigmoid on its decision function."""

    classifier = "sklearn.svm.SVC"
