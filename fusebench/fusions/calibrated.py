"""Calibrated: probabilities that mean what they say, on top of a learner or a fusion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.fusions._rules import EPSILON, average, normalise
from fusebench.fusions.base import Context, Floats, Fusion

Map = Callable[[Floats], Floats]


@dataclass(kw_only=True)
class Calibrated(Fusion):
    """Correct the probabilities of one member, or of the mean of several, by a map fitted on out-of-fold predictions.

    Name the learner or fusion to calibrate as the only member.

    Parameters
    ----------
    method : {"temperature", "sigmoid", "isotonic"}, default="temperature"
        ``temperature``: one exponent for all probabilities, which keeps the order of the classes. ``sigmoid``: a
        logistic curve of the log odds per class (Platt). ``isotonic``: a monotone step curve per class.

    Notes
    -----
    With two classes the last two act on the second class; with more on each, and rows are scaled to sum 1. Temperature
    minimises the log loss, a convex problem in one number, between 0.01 and 100. Classification only.
    O(n_samples * n_classes), isotonic with a sort.

    References
    ----------
    .. [1] C. Guo et al., On calibration of modern neural networks, ICML 2017.
    .. [2] J. Platt, Probabilistic outputs for support vector machines, Advances in Large Margin Classifiers, 1999.
    .. [3] B. Zadrozny, C. Elkan, Transforming classifier scores into accurate multiclass probability estimates, KDD
       2002.
    """

    target_types: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})

    method: Literal["temperature", "sigmoid", "isotonic"] = "temperature"

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Fit the map on out-of-fold probabilities.

        Raises
        ------
        FitError
            If the rows hold one class only.
        """
        if len(np.unique(y)) < 2:
            raise FitError(
                f"the out-of-fold part holds one class only ('{context.classes[y[0]]}'); nothing to calibrate"
            )
        proba = average(P).astype(np.float64)
        self.members_ = context.members
        self.exponent_ = 1.0
        self.maps_: list[Map] = []
        if self.method == "temperature":
            self.exponent_ = _fit_exponent(proba, y)
            return self
        fit_map = _fit_sigmoid if self.method == "sigmoid" else _fit_isotonic
        codes = [1] if context.n_classes == 2 else range(context.n_classes)
        self.maps_ = [fit_map(proba[:, code], y == code) for code in codes]
        return self

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return calibrated probabilities, shape (n_samples, n_classes)."""
        proba = average(P).astype(np.float64)
        if self.method == "temperature":
            return _power(proba, self.exponent_)
        if context.n_classes == 2:
            second = self.maps_[0](proba[:, 1])
            return np.column_stack([1 - second, second])
        mapped = np.column_stack([one(proba[:, code]) for code, one in enumerate(self.maps_)])
        return normalise(mapped, otherwise=proba[:, None])

    def explain(self) -> dict[str, Any]:
        """Return the members and, for temperature, the temperature."""
        found: dict[str, Any] = {
            "weights": [1 / len(self.members_)] * len(self.members_),
            "members_used": list(self.members_),
        }
        return {**found, "temperature": 1 / self.exponent_} if self.method == "temperature" else found


def _power(proba: Floats, exponent: float) -> Floats:
    """Return probabilities proportional to those to a power."""
    logs = exponent * np.log(np.maximum(proba, EPSILON))
    return normalise(np.exp(logs - logs.max(axis=1, keepdims=True)))


def _fit_exponent(proba: Floats, y: NDArray[Any]) -> float:
    """Return the exponent (one over the temperature) of the smallest log loss."""
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    logs = np.log(np.maximum(proba, EPSILON))
    true = logs[np.arange(len(y)), y.astype(np.intp)].mean()

    def loss(log_exponent: float) -> float:
        exponent = np.exp(log_exponent)
        return float(logsumexp(exponent * logs, axis=1).mean() - exponent * true)

    # Unimodal in the logarithm too, because a monotone change of the variable keeps one minimum.
    found = minimize_scalar(loss, bounds=(np.log(0.01), np.log(100)), method="bounded", options={"xatol": 1e-10})
    return float(np.exp(found.x))


def _fit_sigmoid(proba: Floats, positive: NDArray[Any]) -> Map:
    """Return the logistic curve of the log odds that fits Platt's smoothed targets best."""
    from scipy.special import expit, logit

    def log_odds(values: Floats) -> Floats:
        return np.asarray(logit(np.clip(values, EPSILON, 1 - EPSILON)))

    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    targets = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    slope, shift = _logistic_line(log_odds(proba), targets)
    return lambda values: np.asarray(expit(slope * log_odds(values) + shift))


def _logistic_line(x: Floats, targets: Floats) -> tuple[float, float]:
    """Return (slope, shift) of the logistic regression of targets in (0, 1); the slope is at least 0."""
    from scipy.optimize import minimize
    from scipy.special import expit

    def loss(line: Floats) -> tuple[float, Floats]:
        z = line[0] * x + line[1]
        gradient = expit(z) - targets
        return float((np.logaddexp(0, z) - targets * z).mean()), np.array([(gradient * x).mean(), gradient.mean()])

    start = np.array([1.0, 0.0])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)], tol=1e-12)
    return float(found.x[0]), float(found.x[1])


def _fit_isotonic(proba: Floats, positive: NDArray[Any]) -> Map:
    """Return the monotone curve of least squares."""
    from sklearn.isotonic import IsotonicRegression

    curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(proba, positive.astype(np.float64))
    return lambda values: np.asarray(curve.predict(values))
