"""Fixed rules that turn several predictions into one, and the checks of their weights.

Everywhere ``P`` has shape (n_samples, n_members, n_classes) or (n_samples, n_members), and members are added one
after the other, in their order: the order in which scikit-learn's ensembles add them, so that sums agree to the last
bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.fusions.base import Floats

Method = Literal["mean", "median", "geometric", "log_pool", "product", "max", "min", "trimmed"]

UNWEIGHTED = frozenset({"median", "max", "min", "trimmed"})
"""Methods that have no weighted form."""

EPSILON = float(np.finfo(np.float64).eps)
"""Smallest probability whose logarithm is taken, so that one member's 0 is a strong vote and no veto."""


def combine(P: Floats, method: Method, weights: Sequence[float] | None = None, trim: float = 0.2) -> Floats:
    """Return one prediction per row: probabilities, shape (n_samples, n_classes), or values, shape (n_samples,).

    Parameters
    ----------
    P : ndarray of shape (n_samples, n_members, n_classes) or (n_samples, n_members)
        Probabilities, or values for regression.
    method : str
        The rule.
    weights : sequence of n_members floats, optional
        Relative weights; None for equal ones.
    trim : float, default=0.2
        Share of the members that ``trimmed`` leaves out at either end.

    Raises
    ------
    FitError
        If a geometric mean of values is asked for and a value is not positive.
    """
    if method == "mean":
        return average(P, weights)
    if method in ("geometric", "log_pool", "product"):
        return _log_linear(P, weights, total=method == "product")
    if method == "median":
        fused = np.median(P, axis=1)
    elif method == "trimmed":
        cut = min(math.floor(trim * P.shape[1]), (P.shape[1] - 1) // 2)
        fused = average(np.sort(P, axis=1)[:, cut : P.shape[1] - cut])
    else:
        fused = P.max(axis=1) if method == "max" else P.min(axis=1)
    return fused if P.ndim == 2 else normalise(fused, otherwise=P)


def average(P: Floats, weights: Sequence[float] | NDArray[Any] | None = None) -> Floats:
    """Return the weighted mean over the members, the very bits of ``np.average`` over a list of predictions.

    In the predictions' own precision, as scikit-learn's ensembles; with weights at least in double precision.
    """
    if weights is None:
        total = P[:, 0].copy()
        for member in range(1, P.shape[1]):
            total += P[:, member]
        total /= P.shape[1]
        return np.asarray(total)
    scale = np.asarray(weights, dtype=np.float64)
    total = P[:, 0] * scale[0]
    for member in range(1, P.shape[1]):
        total += P[:, member] * scale[member]
    total /= scale.sum()
    return np.asarray(total)


def normalise(scores: Floats, otherwise: Floats | None = None) -> Floats:
    """Return non-negative scores, shape (n_samples, n_classes), scaled so that rows sum to 1.

    Rows that are all zero become the mean of `otherwise`, a prediction tensor, or the uniform distribution without one.
    """
    scores = np.asarray(scores, dtype=np.float64)
    totals = scores.sum(axis=1, keepdims=True)
    empty = totals[:, 0] <= 0
    if not empty.any():
        return np.asarray(scores / totals)
    fallback = np.ones_like(scores[empty]) if otherwise is None else average(otherwise[empty].astype(np.float64))
    scores = scores.copy()
    scores[empty] = fallback
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def vote_totals(labels: NDArray[Any], n_classes: int, weights: Sequence[float] | None = None) -> Floats:
    """Return the weight of the votes per class, shape (n_samples, n_classes), from codes (n_samples, n_members).

    A code of -1 is an abstention and no vote.
    """
    totals = np.zeros((len(labels), n_classes))
    rows = np.arange(len(labels))
    for member in range(labels.shape[1]):
        codes = labels[:, member].astype(np.intp)
        said = codes >= 0
        totals[rows[said], codes[said]] += 1.0 if weights is None else weights[member]
    return totals


def weight_shares(weights: Sequence[float] | None, n_members: int) -> list[float]:
    """Return weights that sum to 1, equal ones for None."""
    scale = np.ones(n_members) if weights is None else np.asarray(weights, dtype=np.float64)
    return [float(weight) for weight in scale / scale.sum()]


def check_weights(weights: Sequence[float] | None, members: tuple[str, ...]) -> list[str]:
    """Return what is wrong with a list of weights, one per member."""
    if weights is None:
        return []
    if len(weights) != len(members):
        return [f"weights: got {len(weights)}, expected {len(members)} (one per member: {', '.join(members)})"]
    if not all(math.isfinite(weight) for weight in weights):
        return [f"weights: got {list(weights)}, every weight must be a finite number"]
    if min(weights) < 0:
        return [f"weights: got {min(weights)}, a weight must be at least 0"]
    if not any(weights):
        return ["weights: all are 0, at least one must be positive"]
    return []


def check_method(method: Method, weights: Sequence[float] | None, target_types: frozenset[str]) -> list[str]:
    """Return what is wrong with a rule for these weights and these kinds of targets."""
    found = []
    if weights is not None and method in UNWEIGHTED:
        found.append(f"weights: method '{method}' takes no weights; remove them, or use mean, log_pool or product")
    if method == "product" and "continuous" in target_types:
        found.append("method: 'product' fuses probabilities only, not a continuous target; use mean or geometric")
    return found


def _log_linear(P: Floats, weights: Sequence[float] | None, *, total: bool) -> Floats:
    """Return the (weighted) product, or with ``total=False`` its geometric mean."""
    if P.ndim == 2 and not (P > 0).all():
        raise FitError(
            f"a geometric mean needs positive values, the smallest prediction is {float(P.min()):g}; use method 'mean'"
        )
    scale = np.ones(P.shape[1]) if weights is None else np.asarray(weights, dtype=np.float64)
    if not total:
        scale = scale / scale.sum()
    logs = np.zeros((P.shape[0], *P.shape[2:]))
    for member, weight in enumerate(scale):
        values = P[:, member].astype(np.float64)
        logs += weight * np.log(values if P.ndim == 2 else np.maximum(values, EPSILON))
    if P.ndim == 2:
        return np.asarray(np.exp(logs))
    return normalise(np.exp(logs - logs.max(axis=1, keepdims=True)))
