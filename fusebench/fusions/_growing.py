"""Errors of an average that grows by one member at a time, for every member that could come next.

The average of s members and a candidate p is ``s/(s+1) * mean + 1/(s+1) * p``. Most metrics need only a part of a
prediction (the probability of the true class, or of the second of two), so each metric keeps just that part, reads it
once per member where memory allows, and evaluates a candidate without scikit-learn's checks.

The sums are made in the order of AutoGluon's ``EnsembleSelection``: ties of ranks and of labels depend on their bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.fusions.base import Floats

SMALL = 128 * 2**20
"""Bytes of predictions whose copy is always fine."""
CACHE_SHARE = 0.2
"""Share of the predictions' own size that copied columns may take beyond that."""

NEAR = 1e-9
"""Leads that rounding could turn."""

Score = Callable[[NDArray[Any], NDArray[Any], Floats | None], float]


class Columns:
    """The part of each member's prediction that a metric needs, contiguous for as many members as memory allows."""

    def __init__(self, read: Callable[[int], NDArray[Any]], n_members: int, n_bytes: int) -> None:
        self._read = read
        self._cached: list[NDArray[Any]] = []
        budget = n_bytes if n_bytes <= SMALL else CACHE_SHARE * n_bytes
        for member in range(n_members):
            column = np.ascontiguousarray(read(member))
            budget -= column.nbytes
            if budget < 0:
                break
            self._cached.append(column)

    def __getitem__(self, member: int) -> NDArray[Any]:
        """Return the part of one member, shape (..., n_samples)."""
        return self._cached[member] if member < len(self._cached) else self._read(member)


class GrowingError(ABC):
    """The error of a growing average, lower is better; 0 is perfect.

    Parameters
    ----------
    columns : Columns
        What is averaged, per member; the last axis holds the samples.
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.reset()

    def reset(self) -> None:
        """Forget all members."""
        self.size = 0
        shape = self.columns[0].shape
        self._mean = np.zeros(shape)
        self._base = np.zeros(shape)
        self._next = np.empty(shape)
        self.prepare()

    def add(self, member: int) -> None:
        """Let a member join."""
        self.size += 1
        self._mean *= (self.size - 1) / self.size
        self._mean += self.columns[member] / self.size
        np.multiply(self._mean, self.size / float(self.size + 1), out=self._base)
        self.prepare()

    def after(self, member: int) -> float:
        """Return the error if this member joined."""
        return self.error(self._average_with(member))

    def after_each(self, members: Sequence[int]) -> NDArray[np.float64]:
        """Return the error for each member if it joined; infinity for those that certainly are not among the best.

        Those left out are worse than the best by more than rounding to 6 decimals could hide.
        """
        return np.array([self.after(member) for member in members])

    def _average_with(self, member: int) -> Floats:
        """Return the average if this member joined, in memory that the next call overwrites."""
        np.multiply(self.columns[member], self._share, out=self._next)
        self._next += self._base
        return self._next

    @property
    def _share(self) -> float:
        return 1.0 / float(self.size + 1)

    def prepare(self) -> None:  # noqa: B027  # most metrics have nothing to prepare
        """Compute what all candidates of this round share."""

    @abstractmethod
    def error(self, average: Floats) -> float:
        """Return the error of an average; may overwrite it."""


class BinaryAUC(GrowingError):
    """One minus the area under the ROC curve, by one sort of integers that carry value and label.

    Non-negative doubles sort like the integers of the same bits, and those of values below 2 leave the highest bits
    free: shifted left by one, there is room for the label, and sorting needs no indices.

    Of many rows, a histogram per candidate bounds the area first: only pairs within a bin are in doubt. Most candidates
    are out of the race by that, and only the others are sorted.
    """

    N_BINS = 2**16
    MIN_ROWS = 20_000
    """Rows from which a histogram is cheaper than a sort."""
    LEAD = 2e-6
    """How much worse a candidate must be to be left out: more than rounding to 6 decimals can turn into a tie."""

    def __init__(self, columns: Columns, y: NDArray[Any]) -> None:
        self._label = (np.asarray(y) == 1).astype(np.int64)
        self._n_positive = int(self._label.sum())
        # Integers: a product of doubles would start BLAS threads, which are slow to meet on a busy machine.
        self._order = np.arange(len(y))
        super().__init__(columns)

    def after_each(self, members: Sequence[int]) -> NDArray[np.float64]:
        """Return the errors; infinity for those whose bounds put them behind the best."""
        if len(self._order) < self.MIN_ROWS:
            return super().after_each(members)
        least = np.array([self._least_error(member) for member in members])
        errors = np.full(len(members), np.inf)
        best = np.inf
        for at in np.argsort(least, kind="stable"):
            if least[at] > best + self.LEAD:
                break
            errors[at] = self.after(members[at])
            best = min(best, errors[at])
        return errors

    def _least_error(self, member: int) -> float:
        """Return one minus the area if every pair within a bin counted as won."""
        average = self._average_with(member)
        np.multiply(average, self.N_BINS, out=average)
        bins = average.astype(np.int64)
        np.minimum(bins, self.N_BINS - 1, out=bins)
        bins <<= 1
        bins |= self._label
        counts = np.bincount(bins, minlength=2 * self.N_BINS)
        negatives, positives = counts[0::2], counts[1::2]
        wins = int(positives @ np.cumsum(negatives))
        return 1.0 - wins / (self._n_positive * (len(bins) - self._n_positive))

    def error(self, average: Floats) -> float:
        """Return one minus the area."""
        keys = average.view(np.int64)
        keys <<= 1
        keys |= self._label
        keys.sort()
        labels = keys & 1
        n, positive = len(keys), self._n_positive
        # Within equal values the negatives come first, so this counts every tie as a win ...
        wins = int(self._order @ labels) - positive * (positive - 1) / 2
        # ... and half of each is taken back, at the one place per tied value where a positive follows a negative.
        if n > 1:
            at = np.flatnonzero((keys[1:] - keys[:-1] == 1) & (labels[:-1] == 0))
            if len(at):
                negatives = at + 1 - keys.searchsorted(keys[at], side="left")
                positives = keys.searchsorted(keys[at + 1], side="right") - (at + 1)
                wins -= int(negatives @ positives) / 2
        return 1.0 - wins / (positive * (n - positive))


class LogLoss(GrowingError):
    """Mean negative logarithm of the true class's probability.

    Parameters
    ----------
    columns : Columns
        The true class's probability; and below it, where rows do not sum to 1, the sum of each row.
    clip : float
        Smallest probability.
    """

    CHUNK = 16

    def __init__(self, columns: Columns, clip: float) -> None:
        self._clip = clip
        super().__init__(columns)

    def error(self, average: Floats) -> float:
        """Return the loss."""
        if average.ndim == 2:
            np.divide(average[0], average[1], out=average[0])
            average = average[0]
        np.clip(average, self._clip, 1 - self._clip, out=average)
        # The logarithm of a product of 16 is one logarithm; 1e-15 to the 16th is still a normal number.
        whole = len(average) // self.CHUNK * self.CHUNK
        products = np.multiply.reduce(average[:whole].reshape(self.CHUNK, -1), axis=0)
        return -(float(np.log(products).sum()) + float(np.log(average[whole:]).sum())) / len(average)


class ErrorRate(GrowingError):
    """One minus the accuracy of the most probable class, the first of equals.

    A candidate moves the lead of the true class by at most its share, 1/(s+1). Rows whose lead is larger cannot
    change sides, so only the others are looked at, and they become fewer as the average grows.

    Parameters
    ----------
    columns : Columns
        Probabilities, shape (n_classes, n_samples) each, or of the second class alone, shape (1, n_samples).
    y : ndarray of shape (n_samples,)
        Class codes.
    """

    def __init__(self, columns: Columns, y: NDArray[Any]) -> None:
        self._y = np.asarray(y).astype(np.intp)
        super().__init__(columns)

    def prepare(self) -> None:
        """Find the rows that a candidate can change."""
        base, y = self._base, self._y
        if len(base) == 1:
            # The candidate adds a probability to the second class and its complement to the first.
            lead = 2 * base[0]
            lead -= self.size * self._share
            np.negative(lead, where=y == 0, out=lead)
        else:
            rows = np.arange(len(y))
            true = base[y, rows]
            others = base.copy()
            others[y, rows] = -np.inf
            lead = true - others.max(axis=0)
        open_ = np.abs(lead) <= self._share * (1 + 1e-4) + 1e-6
        self._settled = int(np.count_nonzero((lead > 0) & ~open_))
        self._open = np.flatnonzero(open_)
        self._all_open = 2 * len(self._open) > len(y)
        if self._all_open:
            self._settled, self._open_y = 0, y
        else:
            self._open_y, self._open_base = y[self._open], base.take(self._open, axis=1)
        if len(base) > 1:
            self._true_at = self._open_y * len(self._open_y) + np.arange(len(self._open_y))

    def after(self, member: int) -> float:
        """Return the error if this member joined."""
        if self._all_open:
            return super().after(member)
        column, average = self.columns[member], self._next.reshape(-1)[: self._open_base.size]
        average = average.reshape(self._open_base.shape)
        for code, row in enumerate(column):
            # Row by row into memory that exists: several times faster than indexing the table.
            np.multiply(row.take(self._open), self._share, out=average[code])
        average += self._open_base
        return self.error(average)

    def error(self, average: Floats) -> float:
        """Return the share of wrong rows, settled ones included."""
        n = len(self._y)
        if len(average) == 1:
            correct = int(np.count_nonzero((average[0] > 0.5) == (self._open_y == 1)))
        else:
            correct = _count_correct(average, self._open_y, self._true_at)
        return 1.0 - (self._settled + correct) / n


class Residual(GrowingError):
    """A mean of residuals: ``rmse``, ``mse``, ``mae``, or ``r2`` (one minus it)."""

    def __init__(self, columns: Columns, y: NDArray[Any], kind: str) -> None:
        self._y = np.asarray(y, dtype=np.float64)
        self._kind = kind
        self._spread = float(((self._y - self._y.mean()) ** 2).sum())
        super().__init__(columns)

    def error(self, average: Floats) -> float:
        """Return the error."""
        np.subtract(self._y, average, out=average)
        if self._kind == "mae":
            return float(np.abs(average, out=average).mean())
        np.multiply(average, average, out=average)
        if self._kind == "r2":
            return float(average.sum()) / self._spread
        mean = float(average.mean())
        return float(np.sqrt(mean)) if self._kind == "rmse" else mean


class AnyScore(GrowingError):
    """The error of any score, called as it is."""

    def __init__(self, columns: Columns, y: NDArray[Any], score: Score, optimum: float) -> None:
        self._y, self._score, self._optimum = y, score, optimum
        super().__init__(columns)

    def error(self, average: Floats) -> float:
        """Return the distance of the score to its best value."""
        if average.ndim == 1:
            return self._optimum - self._score(self._y, average, None)
        proba = np.ascontiguousarray((average / average.sum(axis=0)).T)
        return self._optimum - self._score(self._y, proba.argmax(axis=1), proba)


def _count_correct(average: Floats, y: NDArray[Any], true_at: NDArray[Any]) -> int:
    """Return in how many columns the true class comes first, the first of equals; overwrites `average`."""
    flat = average.reshape(-1)
    true = flat[true_at]
    flat[true_at] = -1.0
    lead = true - average.max(axis=0)
    flat[true_at] = true
    near = np.flatnonzero(np.abs(lead) <= NEAR)
    return int(np.count_nonzero(lead > NEAR)) + _count_first(average[:, near], y[near])


def _count_first(average: Floats, y: NDArray[Any]) -> int:
    """Return the same after dividing by the sums of the columns, whose rounding decides ties."""
    average = average / (_sum_in_order(average) if len(average) < 8 else np.ascontiguousarray(average.T).sum(axis=1))
    return int(np.count_nonzero(average.argmax(axis=0) == y))


def _sum_in_order(average: Floats) -> Floats:
    """Return sums over the first axis, term by term: numpy's own order for fewer than 8 terms."""
    total = average[0].copy()
    for row in average[1:]:
        total += row
    return np.asarray(total)
