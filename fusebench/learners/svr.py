"""Support vector regression."""

from __future__ import annotations

from fusebench.learners._support_vectors import _SupportVectors


class SVR(_SupportVectors):
    """Kernel regression with an epsilon-insensitive loss."""

    regressor = "sklearn.svm.SVR"
