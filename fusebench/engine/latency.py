"""How long a fitted model takes to answer."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

BATCHES = (1, 100, 1000)
SHARE = 0.006  # of the time that fits take: half by a model's own fits, half by those of all models of the dataset
LEAST_SECONDS = 0.006  # even beside fits that take no time
MOST_SECONDS = 0.2  # of one model, so that measuring never carries a fit over its time limit
WARM_SECONDS = 0.01  # a batch whose two calls take less is always warmed up
# A batch whose call takes less is always measured: in a long call the first milliseconds hardly count.
ONCE_SECONDS = 0.05
ONCE_SHARE = 0.02  # of a model's own fits, which one call may take
MOST_ROUNDS = 4
EVICTED_BYTES = 1 << 21
SOME_DATA = {str(one): [one, str(one), None, {"half": one / 2}] for one in range(30)}
SOME_TEXT = "0.5, one two; three=4 " * 30
SOME_PATTERN = re.compile(r"(\w+)\W+(\d)?")


class Budget(NamedTuple):
    """How long a model may be measured.

    Attributes
    ----------
    seconds : float
        Of all calls together.
    once : float
        Of one call, also where the others have used up what there is.
    """

    seconds: float
    once: float = ONCE_SECONDS


def budget_of(own_seconds: float, mean_seconds: float) -> Budget:
    """Return how long a model may be measured.

    Parameters
    ----------
    own_seconds, mean_seconds : float
        What its fits on one dataset take, and what those of a model take there on average.
    """
    return Budget(
        min(max(LEAST_SECONDS, SHARE * (own_seconds + mean_seconds) / 2), MOST_SECONDS),
        min(max(ONCE_SECONDS, ONCE_SHARE * own_seconds), MOST_SECONDS),
    )


class Taken(NamedTuple):
    """Seconds by batch size.

    Attributes
    ----------
    alone : dict of str to float
        Of a call right after a call, as in a loop that does nothing else.
    among : dict of str to float
        Of a call right after other work, as that of a member among the calls of others.
    """

    alone: dict[str, float]
    among: dict[str, float]


def latencies(
    answer: Callable[[Any], object],
    rows_of: Callable[[int], Any],
    *,
    n_known: int,
    known_seconds: float,
    budget: Budget,
    most_rounds: int = MOST_ROUNDS,
) -> Taken:
    """Return the seconds that a model takes to answer batches of 1, 100 and 1000 rows, once it is warm.

    Parameters
    ----------
    answer : callable
        Predicts the rows it is given.
    rows_of : callable
        Returns so many rows.
    n_known, known_seconds : int and float
        A batch size that was predicted already, and what it took.
    budget : Budget
    most_rounds : int, default=4
        Times that a batch is measured where the budget allows.

    Returns
    -------
    Taken
        A size is left out for which one call would exceed the budget.

    Notes
    -----
    The fastest of several calls of either kind, or one without a warm-up where a second would exceed the budget. Each
    by the clock or by the processor's time of this process, whichever is less: on a machine that is busy with other
    fits that comes closest to what an idle one would show.
    """
    found = Taken({}, {})
    left = budget.seconds
    for position, size in enumerate(BATCHES):
        # What is known of the first sizes includes what only a first call does.
        expected = _expected(size, found.alone, n_known, known_seconds)
        can_warm_up = 2 * expected <= max(left, WARM_SECONDS)
        if not can_warm_up and expected > max(left, budget.once):
            break
        rows = rows_of(size)
        share = left / (len(BATCHES) - position)
        # The other members' answers to one row leave most of the caches as they are.
        evicted = EVICTED_BYTES if size > 1 else 0
        alone, among, spent = _fastest(answer, rows, share, most_rounds if can_warm_up else 0, evicted)
        found.alone[str(size)], found.among[str(size)] = alone, among
        left -= spent
    return found


def _fastest(
    answer: Callable[[Any], object], rows: Any, share: float, most_rounds: int, evicted: int
) -> tuple[float, float, float]:
    """Return the fastest call alone and among other work, and what all took; one call where there are no rounds."""
    alone = among = spent = _timed(answer, rows)
    rounds = 0
    while rounds < min(most_rounds, 1) or (rounds < most_rounds and spent + alone + among < share):
        spent += _timed(_other_work, evicted)
        after, again = _timed(answer, rows), _timed(answer, rows)
        among, alone = min(among, after) if rounds else after, min(alone, again)
        spent, rounds = spent + after + again, rounds + 1
    return alone, max(alone, among), spent


def _other_work(evicted: int) -> None:
    """Take a processor's caches for other code and data, for a fraction of a millisecond."""
    bytearray(evicted)
    json.loads(json.dumps(SOME_DATA))
    np.linalg.svd(np.ones((8, 8)))
    SOME_PATTERN.findall(SOME_TEXT)


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
