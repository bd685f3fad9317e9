"""How long a fitted model takes to answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

BATCHES = (1, 100, 1000)
SHARE = 0.01  # of the time that fits take: half by a model's own fits, half by those of all models of the dataset
LEAST_SECONDS = 0.005  # even beside fits that take no time
MOST_SECONDS = 0.2  # of one model, so that measuring never carries a fit over its time limit
FIRST_SECONDS = 0.03
MOST_CALLS = 5


def budget_of(own_seconds: float, mean_seconds: float) -> float:
    """Return how long a model may be measured.

    Parameters
    ----------
    own_seconds, mean_seconds : float
        What its fits on one dataset take, and what those of a model take there on average.
    """
    return min(max(LEAST_SECONDS, SHARE * (own_seconds + mean_seconds) / 2), MOST_SECONDS)


def latencies(
    answer: Callable[[Any], object], rows_of: Callable[[int], Any], *, n_known: int, known_seconds: float, budget: float
) -> dict[str, float]:
    """Return the seconds that a model takes to answer batches of 1, 100 and 1000 rows, once it is warm.

    Parameters
    ----------
    answer : callable
        Predicts the rows it is given.
    rows_of : callable
        Returns so many rows.
    n_known, known_seconds : int and float
        A batch size that was predicted already, and what it took.
    budget : float
        Seconds that all calls together may take.

    Returns
    -------
    dict of str to float
        By batch size. A size for which two calls (one to warm up, one to time) would exceed the budget is left out.

    Notes
    -----
    The fastest of at most 5 calls, each by the clock or by the processor's time of this process, whichever is less:
    on a machine that is busy with other fits that comes closest to what an idle one would show.
    """
    found: dict[str, float] = {}
    left = budget
    for position, size in enumerate(BATCHES):
        # What is known of the first sizes includes what only a first call does.
        if 2 * _expected(size, found, n_known, known_seconds) > (left if len(found) == 2 else max(left, FIRST_SECONDS)):
            break
        rows = rows_of(size)
        share = left / (len(BATCHES) - position)
        spent = _timed(answer, rows)
        best, calls = float("inf"), 0
        while calls == 0 or (calls < MOST_CALLS and spent + best < share):
            took = _timed(answer, rows)
            best, spent, calls = min(best, took), spent + took, calls + 1
        found[str(size)] = best
        left -= spent
    return found


def _expected(size: int, found: dict[str, float], n_known: int, known_seconds: float) -> float:
    """Return what a batch should take: at most in proportion to a smaller one, at most as much as a larger one."""
    if len(found) < 2:
        return known_seconds * max(1.0, size / n_known) if size > 1 else known_seconds / n_known
    (small, fast), (large, slow) = ((int(one), took) for one, took in found.items())
    return slow + max(0.0, slow - fast) / (large - small) * (size - large)


def _timed(answer: Callable[[Any], object], rows: Any) -> float:
    wall, processor = time.perf_counter(), time.process_time()
    answer(rows)
    return min(time.perf_counter() - wall, time.process_time() - processor)
