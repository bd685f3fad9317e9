"""A support vector machine for either kind of target."""

from __future__ import annotations

from fusebench.learners._support_vectors import _SupportVectors


class SVM(_SupportVectors):
    """``svc`` for classes, ``svr`` for values."""

    classifier = "sklearn.svm.SVC"
    regressor = "sklearn.svm.SVR"
