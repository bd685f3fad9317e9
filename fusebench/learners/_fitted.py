"""A fitted estimator whose answers are checked."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.learners._families import family_of
from fusebench.learners.base import Floats

LONGEST_NOTE = 300


@dataclass
class Notes:
    """Warnings and remarks, each once, in the order in which they came."""

    lines: dict[str, None] = field(default_factory=dict)

    def add(self, line: str) -> None:
        """Add one remark, unless it is empty."""
        if line:
            self.lines[line[:LONGEST_NOTE]] = None

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Turn the warnings of a block into remarks."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                yield
            finally:
                for warning in caught:
                    text = " ".join(str(warning.message).split())
                    self.add(f"{warning.category.__name__}: {text}")


@dataclass
class Constant:
    """The answer to a training part that holds one class only.

    Parameters
    ----------
    code : int
        The class.
    """

    code: int

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class for every row, shape (n_samples,)."""
        return np.zeros(X.shape[0], dtype=np.intp)

    def predict_proba(self, X: Any) -> Floats:
        """Return certainty, shape (n_samples, 1)."""
        return np.ones((X.shape[0], 1))


@dataclass
class Fitted:
    """A fitted learner.

    Parameters
    ----------
    estimator : object
        The fitted estimator; it was fitted on classes 0..k-1 of the k classes that its training part holds.
    classes : ndarray of shape (k,) or None
        The codes of those classes; None for regression.
    n_classes : int
        Number of classes of the dataset, 0 for regression.
    dense : bool
        Whether the estimator needs a dense matrix.
    labels_follow_proba, rows_are_independent : bool
        See `fusebench.learners.base.Family`.
    family : str
        The type of the learner, whose family knows a shorter way to the estimator's answers; empty for none.
    """

    estimator: Any
    classes: NDArray[Any] | None
    n_classes: int
    dense: bool = False
    labels_follow_proba: bool = False
    rows_are_independent: bool = False
    family: str = ""
    _notes: Notes = field(default_factory=Notes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the estimator warned about and what was done for it."""
        return tuple(self._notes.lines)

    def answer_all(self, matrices: Sequence[Any]) -> list[tuple[NDArray[Any], Floats | None]]:
        """Return labels (or values) and probabilities for several matrices, in as few calls as give the same bits.

        Parameters
        ----------
        matrices : sequence of array of shape (n_samples, n_features)

        Returns
        -------
        list of (ndarray of shape (n_samples,), ndarray of shape (n_samples, n_classes) or None)
            None for regression.

        Raises
        ------
        FitError
            As `predict` and `predict_proba`.
        """
        if len(matrices) < 2 or not self.rows_are_independent or not all(isinstance(X, np.ndarray) for X in matrices):
            return [self._answer(X) for X in matrices]
        labels, proba = self._answer(np.concatenate(matrices))
        ends = np.cumsum([len(X) for X in matrices])[:-1]
        if proba is None:
            return [(piece, None) for piece in np.split(labels, ends)]
        return list(zip(np.split(labels, ends), np.split(proba, ends), strict=True))

    def _answer(self, X: Any) -> tuple[NDArray[Any], Floats | None]:
        if self.classes is None:
            return self.predict(X), None
        if not self.labels_follow_proba:
            labels, proba = self._both(X)
            return self._checked_labels(labels, X.shape[0]), self._checked_proba(proba, X.shape[0], self.classes)
        proba = self.predict_proba(X)
        # Classes that the training part lacks have probability 0, and the first of equals is one that it has.
        return self.classes[proba[:, self.classes].argmax(axis=1)], proba

    def predict(self, X: Any) -> NDArray[Any]:
        """Return class codes or values, shape (n_samples,).

        Raises
        ------
        FitError
            If the estimator returns another shape, a class it was not given, or a value that is not finite.
        """
        return self._checked_labels(self._call("predict", X), X.shape[0])

    def _checked_labels(self, answer: Any, n_samples: int) -> NDArray[Any]:
        values = np.asarray(answer)
        if values.shape == (n_samples, 1):
            values = values[:, 0]
        if values.shape != (n_samples,):
            raise FitError(f"predict returned the shape {values.shape}, expected ({n_samples},)")
        if self.classes is None:
            return _finite(values, "predict")
        if values.dtype.kind not in "iu":
            values = _whole(values)
        if values.size and (values.min() < 0 or values.max() >= len(self.classes)):
            raise FitError("predict returned a class that is not in the training data")
        return np.asarray(self.classes[values])

    def predict_proba(self, X: Any) -> Floats:
        """Return probabilities of all classes of the dataset, shape (n_samples, n_classes).

        In the estimator's own dtype; 0 for classes that its training part lacks.

        Raises
        ------
        FitError
            If the estimator returns another shape, or rows that are not probabilities.
        """
        if self.classes is None:
            raise FitError("a regressor has no probabilities")
        return self._checked_proba(self._call("predict_proba", X), X.shape[0], self.classes)

    def _checked_proba(self, answer: Any, n_samples: int, classes: NDArray[Any]) -> Floats:
        proba = np.asarray(answer)
        expected = (n_samples, len(classes))
        if proba.shape != expected:
            raise FitError(f"predict_proba returned the shape {proba.shape}, expected {expected}")
        _check_probabilities(_finite(proba, "predict_proba"))
        if len(classes) == self.n_classes:
            return proba
        full = np.zeros((n_samples, self.n_classes), dtype=proba.dtype)
        full[:, classes] = proba
        return full

    def _both(self, X: Any) -> tuple[Any, Any]:
        """Return the estimator's labels and probabilities as they are."""
        if not self.family:
            return self._call("predict", X), self._call("predict_proba", X)
        if self.dense and hasattr(X, "toarray"):
            X = X.toarray()
        with self._notes.collect():
            return family_of(self.family).answers(self.estimator, X)

    def _call(self, method: str, X: Any) -> Any:
        if self.dense and hasattr(X, "toarray"):
            X = X.toarray()
        with self._notes.collect():
            if self.family:
                return family_of(self.family).answer(self.estimator, method, X)
            return getattr(self.estimator, method)(X)


def _finite(values: NDArray[Any], method: str) -> NDArray[Any]:
    if values.dtype.kind not in "fiub":
        raise FitError(f"{method} returned {values.dtype}, expected numbers")
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise FitError(f"{method} returned {count} values that are NaN or infinite")
    return values


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    codes = _finite(values, "predict").astype(np.intp)
    if not np.array_equal(codes, values):
        raise FitError("predict returned numbers that are not classes")
    return codes


def _check_probabilities(proba: NDArray[Any]) -> None:
    if not proba.size:
        return
    if proba.dtype.kind != "f":
        raise FitError(f"predict_proba returned {proba.dtype}, expected real numbers")
    tolerance = 1e-6 if proba.dtype.itemsize >= 8 else 1e-3
    lowest = float(proba.min())
    if lowest < -tolerance:
        raise FitError(f"predict_proba returned a negative probability ({lowest:.3g})")
    sums = proba.sum(axis=1)
    worst = float(sums[np.abs(sums - 1).argmax()])
    if abs(worst - 1) > tolerance:
        raise FitError(f"predict_proba returned a row that sums to {worst:.6g}, expected 1")
