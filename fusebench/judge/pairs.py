"""Every pair of models, on one dataset or across several, as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench import stats
from fusebench.judge.verdicts import Comparison, Verdict

Floats = NDArray[np.float64]
CONCLUSIVE = 0.95
# Pairs times datasets times draws; about four seconds. Beyond it there are fewer draws, never fewer than the least.
MOST_WORK, LEAST_DRAWS, N_DRAWS = 1_200_000_000, 2_000, 50_000


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The comparisons of many pairs of models; arrays of shape (n_pairs,), NaN where a number is not defined.

    Parameters
    ----------
    a, b : ndarray of int
        Indices of the models; every difference is a minus b.
    df : float
        Degrees of freedom; NaN across datasets.
    verdicts : tuple of str
        Of a against b.
    n_draws : int
        Draws behind the probabilities across datasets.
    conclusive : bool
        False when there are too few datasets for any difference to be significant.
    """

    dataset: str
    method: str
    a: NDArray[np.intp]
    b: NDArray[np.intp]
    mean: Floats
    se: Floats
    df: float
    t: Floats
    p: Floats
    p_holm: Floats
    low: Floats
    high: Floats
    worse: Floats
    equivalent: Floats
    better: Floats
    verdicts: tuple[Verdict, ...]
    n_draws: int = 0
    conclusive: bool = True

    def rows(self, metric: str, models: tuple[str, ...]) -> Iterator[Comparison]:
        """Yield the rows of ``comparisons.csv``."""
        fields = (
            self.mean,
            self.se,
            self.low,
            self.high,
            self.p,
            self.p_holm,
            self.worse,
            self.equivalent,
            self.better,
        )
        columns: Any = zip(*(_with_none(one) for one in fields), strict=True)
        for a, b, numbers, verdict in zip(self.a.tolist(), self.b.tolist(), columns, self.verdicts, strict=True):
            yield Comparison._make((self.dataset, metric, models[a], models[b], self.method, *numbers, verdict))

    def apart(self, n_models: int) -> NDArray[np.bool_]:
        """Return which models differ, (n_models, n_models)."""
        differ = np.array([verdict in ("better", "worse") for verdict in self.verdicts], dtype=bool)
        matrix = np.zeros((n_models, n_models), dtype=bool)
        matrix[self.a[differ], self.b[differ]] = matrix[self.b[differ], self.a[differ]] = True
        return matrix

    def renumbered(self, numbers: list[int]) -> Pairs:
        """Return the same pairs where model i is called ``numbers[i]``."""
        table = np.array(numbers, dtype=np.intp)
        return replace(self, a=table[self.a], b=table[self.b])

    def find(self, a: int, b: int) -> tuple[int, int] | None:
        """Return the row of a pair and 1, or -1 when it stands there as (b, a)."""
        for sign, (first, second) in ((1, (a, b)), (-1, (b, a))):
            at = np.flatnonzero((self.a == first) & (self.b == second))
            if at.size:
                return int(at[0]), sign
        return None


def all_pairs(n_models: int, baseline: int | None = None) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of all pairs, or of every other model against a baseline."""
    if baseline is None:
        a, b = np.triu_indices(n_models, 1)
        return a, b
    others = np.array([one for one in range(n_models) if one != baseline], dtype=np.intp)
    return others, np.full(len(others), baseline, dtype=np.intp)


def within(
    dataset: str, scores: Floats, ratio: float, *, margin: float | None, alpha: float, baseline: int | None = None
) -> Pairs:
    """Compare models over the folds of one dataset by the corrected t.

    Parameters
    ----------
    scores : ndarray of shape (n_folds, n_models)
        NaN where a fit failed: pairs with such a model are left undecided, and still count in Holm's family.
    """
    a, b = all_pairs(scores.shape[1], baseline)
    d = scores[:, a] - scores[:, b]
    usable = np.isfinite(d).all(axis=0)
    blank = np.full(len(a), np.nan)
    fields: dict[str, Any] = {
        name: blank.copy() for name in ("se", "t", "p", "low", "high", "worse", "equivalent", "better")
    }
    constant, identical = np.zeros(len(a), dtype=bool), np.zeros(len(a), dtype=bool)
    mean = np.where(usable, np.where(np.isfinite(d), d, 0.0).mean(axis=0), np.nan)
    if len(scores) >= 2 and usable.any():
        result = stats.corrected_t(d[:, usable], ratio)
        constant[usable], identical[usable] = result.constant, result.identical
        for name in ("se", "t", "p", "low", "high"):
            fields[name][usable] = getattr(result, name)
        if margin is not None:
            chances = stats.posterior(result.mean, result.se, result.df, margin)
            for name in ("worse", "equivalent", "better"):
                fields[name][usable] = getattr(chances, name)
    p_holm = stats.holm(fields["p"])
    verdicts = _verdicts(mean, p_holm, fields["equivalent"], identical, alpha)
    for at in np.flatnonzero(constant & ~identical):
        verdicts[at] = _by_margin(float(mean[at]), margin)
    return Pairs(
        dataset=dataset, method="corrected_t", a=a, b=b, mean=mean, df=float(len(scores) - 1), p_holm=p_holm,
        verdicts=tuple(verdicts), **fields,
    )  # fmt: skip


def across(means: Floats, *, margin: float | None, alpha: float, baseline: int | None = None) -> Pairs:
    """Compare models over the means of several datasets by exact signed-rank tests.

    Parameters
    ----------
    means : ndarray of shape (n_datasets, n_models)
        Finite; at least one dataset.

    Notes
    -----
    With fewer datasets than can reach significance nothing is concluded but identity.
    """
    n, k = means.shape
    a, b = all_pairs(k, baseline)
    d = means[:, a] - means[:, b]
    tests = [stats.wilcoxon(column) for column in d.T]
    p = np.array([one.p for one in tests], dtype=np.float64)
    direction = np.array([one.r_plus - one.r_minus for one in tests], dtype=np.float64)
    interval = stats.bootstrap_means(d)
    blank = np.full(len(a), np.nan)
    chances, n_draws = np.full((3, len(a)), np.nan), 0
    if margin is not None:
        n_draws = int(min(N_DRAWS, max(LEAST_DRAWS, MOST_WORK // (max(1, len(a)) * (n + 1)))))
        weights = stats.draw_weights(n, n_draws)
        chances = np.array(stats.signed_rank_shares(d, margin, weights)).reshape(-1, 3).T
    p_holm = stats.holm(p)
    identical: NDArray[np.bool_] = np.asarray((np.abs(d) <= 1e-12).all(axis=0))
    enough = n >= min_datasets(len(a), alpha)
    verdicts = _verdicts(direction, p_holm, chances[1] if enough else blank, identical, alpha)
    return Pairs(
        dataset="", method="wilcoxon_exact", a=a, b=b, mean=d.mean(axis=0), se=blank, df=float("nan"), t=blank, p=p,
        p_holm=p_holm, low=interval.low, high=interval.high, worse=chances[0], equivalent=chances[1], better=chances[2],
        verdicts=tuple(verdicts), n_draws=n_draws, conclusive=enough,
    )  # fmt: skip


def min_datasets(n_pairs: int, alpha: float) -> int:
    """Return how many datasets the smallest two-sided p, 2 / 2^N, needs to pass Holm's first step."""
    return max(1, int(np.ceil(np.log2(2 * max(1, n_pairs) / alpha) - 1e-12)))


def _verdicts(
    direction: Floats, p_holm: Floats, equivalent: Floats, identical: NDArray[np.bool_], alpha: float
) -> list[Verdict]:
    """Return the words; practical equivalence goes before a significant difference that does not matter."""
    words: list[Verdict] = []
    for way, p, same, equal in zip(direction.tolist(), p_holm.tolist(), equivalent.tolist(), identical, strict=True):
        if equal:
            words.append("identical")
        elif same >= CONCLUSIVE:
            words.append("equivalent")
        elif p < alpha and way != 0:
            words.append("better" if way > 0 else "worse")
        else:
            words.append("undecided")
    return words


def _by_margin(mean: float, margin: float | None) -> Verdict:
    """Return the verdict on a difference that is the same on every fold."""
    if margin is not None and abs(mean) <= margin + 1e-12:
        return "equivalent"
    return "better" if mean > 0 else "worse"


def _with_none(values: Floats) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]
