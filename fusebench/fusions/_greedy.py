"""Greedy growth of an average, for the metric that ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.fusions._growing import (
    AnyScore,
    BinaryAUC,
    Columns,
    ErrorRate,
    GrowingError,
    LogLoss,
    Residual,
)
from fusebench.fusions.base import Context, Floats

RESIDUALS = {
    "neg_root_mean_squared_error": "rmse",
    "neg_mean_squared_error": "mse",
    "neg_mean_absolute_error": "mae",
    "r2": "r2",
}


def growing_error(P: Floats, y: NDArray[Any], context: Context, clip: float) -> GrowingError:
    """Return the error of the context's ranking metric, by its own formula where one is known here.

    Raises
    ------
    FitError
        If the metric needs two classes and the rows hold one.
    """
    metric, n_members = context.metric, P.shape[1]
    if not context.is_classification:
        columns = Columns(lambda member: P[:, member], n_members, P.nbytes)
        if metric in RESIDUALS and (metric != "r2" or np.ptp(y) > 0):
            return Residual(columns, y, RESIDUALS[metric])
        return AnyScore(columns, y, context.score, _optimum(metric))
    binary = P.shape[2] == 2
    if metric.startswith("roc_auc") and len(np.unique(y)) < 2:
        raise FitError(
            f"the out-of-fold part holds one class only ('{context.classes[y[0]]}'); {metric} is not defined"
        )
    if metric.startswith("roc_auc") and binary:
        return BinaryAUC(Columns(lambda member: P[:, member, 1], n_members, P.nbytes), y)
    if metric == "neg_log_loss":
        return LogLoss(_true_class(P, y), clip)
    if metric == "accuracy":
        first = 1 if binary else 0
        return ErrorRate(Columns(lambda member: P[:, member, first:].T, n_members, P.nbytes), y)
    columns = Columns(lambda member: P[:, member].T, n_members, P.nbytes)
    return AnyScore(columns, y, context.score, _optimum(metric))


def grow(
    error: GrowingError,
    candidates: Sequence[int],
    n_iterations: int,
    choose: Callable[[NDArray[Any], set[int]], int],
    *,
    start: Sequence[int] = (),
    rounding: bool = False,
) -> list[int]:
    """Add members greedily and return those of the best average on the way, in order.

    Parameters
    ----------
    error : GrowingError
        The metric.
    candidates : sequence of int
        Members that may join, any number of times.
    n_iterations : int
        Members to add.
    choose : callable
        ``choose(errors, used)`` returns the position of the candidate that joins.
    start : sequence of int
        Members that are in from the beginning.
    rounding : bool
        Whether errors are rounded to 6 decimals when the first one is above 1e-4, as AutoGluon does.
    """
    error.reset()
    order, trajectory = list(start), []
    for position, member in enumerate(start):
        if position == len(start) - 1:
            trajectory.append(error.after(member))
        error.add(member)
    for iteration in range(n_iterations):
        errors = error.after_each(candidates)
        if rounding and iteration > 0:
            errors = errors.round(6)
        chosen = choose(errors, set(order))
        best = float(errors[chosen])
        if iteration == 0 and rounding:
            rounding = abs(best) > 1e-4
            best = float(np.round(best, 6)) if rounding else best
        order.append(candidates[chosen])
        trajectory.append(best)
        if len(candidates) == 1:
            break
        if iteration < n_iterations - 1:
            error.add(candidates[chosen])
    kept = int(np.argmin(trajectory)) + 1 + max(len(start) - 1, 0)
    return order[:kept]


def nearly_best(errors: NDArray[Any]) -> NDArray[Any]:
    """Return the positions of the smallest error and of those equal to it up to rounding (1e-12, relative)."""
    best = np.nanmin(errors)
    return np.asarray(np.flatnonzero(np.isclose(errors, best, atol=0, rtol=1e-12)))


def _optimum(metric: str) -> float:
    return 0.0 if metric.startswith("neg_") else 1.0


def _true_class(P: Floats, y: NDArray[Any]) -> Columns:
    """Return the true class's probability per member, and the row sums where they differ from 1."""
    if P.shape[2] == 2:
        positive = np.asarray(y) == 1

        def read_binary(member: int) -> NDArray[Any]:
            second = P[:, member, 1].astype(np.float64)
            return np.where(positive, second, 1 - second)

        return Columns(read_binary, P.shape[1], P.nbytes)
    rows, codes = np.arange(len(y)), np.asarray(y).astype(np.intp)
    exact = all(np.abs(P[:, member].sum(axis=1, dtype=np.float64) - 1).max() < 1e-13 for member in range(P.shape[1]))

    def read(member: int) -> NDArray[Any]:
        true = P[rows, member, codes]
        return true if exact else np.stack([true, P[:, member].sum(axis=1, dtype=np.float64)])

    return Columns(read, P.shape[1], P.nbytes)
