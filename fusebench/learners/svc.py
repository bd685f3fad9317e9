"""Support vector classification."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.learners._support_vectors import _SupportVectors


class SVC(_SupportVectors):
    """A kernel support vector machine; probabilities by a sigmoid on its decision function."""

    classifier = "sklearn.svm.SVC"
    rows_are_independent = True

    def answers(self, estimator: Any, X: Any) -> tuple[Any, Any]:
        """Return labels and probabilities from one evaluation of the kernel, which is nearly all that either takes.

        libsvm's label is the class with the most votes of its one-against-one decisions, the first of equals, and the
        sigmoid reads a decision function that scikit-learn makes of the same decisions.
        """
        machine = _own_labelled(estimator, self.estimator_class("binary"))
        if machine is None:
            return super().answers(estimator, X)
        decisions = _one_against_one(machine, X)
        n_classes = len(machine.classes_)
        if decisions.shape[1] != n_classes * (n_classes - 1) // 2:  # rows without weight took a class away
            return super().answers(estimator, X)
        told = copy(machine)
        told.decision_function = lambda _: _by_class(machine, decisions)
        pair = copy(estimator.calibrated_classifiers_[0])
        pair.estimator = told
        calibrated = copy(estimator)
        calibrated.calibrated_classifiers_ = [pair]
        return machine.classes_[_most_votes(decisions, n_classes)], calibrated.predict_proba(X)


def _own_labelled(estimator: Any, cls: type) -> Any:
    """Return the machine behind calibrated probabilities whose labels are its own; None for any other shape."""
    if not getattr(estimator, "labels_are_its_own", False) or len(estimator.calibrated_classifiers_) != 1:
        return None
    machine: Any = estimator.calibrated_classifiers_[0].estimator
    return None if type(machine) is not cls or getattr(machine, "break_ties", True) else machine


def _one_against_one(machine: Any, X: Any) -> NDArray[np.float64]:
    """Return one decision a pair of classes, shape (n_samples, n_pairs), above 0 for the first of the two."""
    asked = copy(machine)
    asked.decision_function_shape = "ovo"
    decisions = np.asarray(asked.decision_function(X))
    return -decisions[:, None] if decisions.ndim == 1 else decisions  # of two classes it speaks for the second


def _by_class(machine: Any, decisions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the machine's own decision function returns."""
    if decisions.shape[1] == 1:
        return -decisions[:, 0]
    if machine.decision_function_shape == "ovo":
        return decisions
    from sklearn.utils.multiclass import _ovr_decision_function

    return np.asarray(_ovr_decision_function(decisions < 0, -decisions, len(machine.classes_)))


def _most_votes(decisions: NDArray[np.float64], n_classes: int) -> NDArray[np.intp]:
    votes = np.zeros((len(decisions), n_classes), dtype=np.intp)
    first, second = np.triu_indices(n_classes, 1)
    for pair, (one, other) in enumerate(zip(first, second, strict=True)):
        wins = decisions[:, pair] > 0
        votes[:, one] += wins
        votes[:, other] += ~wins
    return np.asarray(votes.argmax(axis=1))
