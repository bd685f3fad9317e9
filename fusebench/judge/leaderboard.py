"""Models in order, with what can be said of each."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fusebench import stats
from fusebench.judge.costs import BEST_SINGLE, ORACLE, costs_of
from fusebench.judge.pairs import Pairs
from fusebench.judge.scoretable import ScoreTable
from fusebench.judge.verdicts import LeaderboardRow
from fusebench.results import ModelFacts, Results

Floats = NDArray[np.float64]
_OPPOSITE = {"better": "worse", "worse": "better"}


def leaderboard(
    results: Results, table: ScoreTable, pairs: Pairs | None, compared: tuple[str, ...]
) -> tuple[LeaderboardRow, ...]:
    """Return the rows of one metric, best first.

    Parameters
    ----------
    table : ScoreTable
        All models, of one dataset or of several.
    pairs : Pairs or None
        The comparisons of the `compared` models on this table; None where nothing could be tested.
    compared : tuple of str
        The models that `pairs` numbers.
    """
    facts = {model.id: model for model in results.models}
    ranked = tuple(model for model in table.models if model != ORACLE)
    ranks = dict(zip(ranked, mean_ranks(table.only(ranked)), strict=True))
    means = dict(zip(table.models, table.means.mean(axis=0), strict=True))
    intervals = _intervals(table)
    letters = _letters(pairs, compared, ranks)
    failures = _failures(results, table)
    costs = costs_of(results, {block.dataset for block in table.blocks})
    rows = []
    for at, model in enumerate(table.models):
        low, high = intervals[at]
        difference, verdict = _against(model, pairs, compared)
        if difference is None and BEST_SINGLE in means:
            difference = _none(means[model] - means[BEST_SINGLE])
        rows.append(
            LeaderboardRow(
                model=model, kind=facts[model].kind, metric=table.metric, rank=_none(ranks.get(model, np.nan)),
                mean_score=_none(means[model]), ci_low=_none(low), ci_high=_none(high), diff_best_single=difference,
                verdict=verdict, group=letters.get(model, ""), failures=failures.get(model, ""),
                **costs[model]._asdict(),
            )
        )  # fmt: skip
    return tuple(sorted(rows, key=lambda row: _place(row, facts)))


def mean_ranks(table: ScoreTable) -> Floats:
    """Return mean ranks over datasets, 1 is best; a failure takes the worst rank, several tie.

    With one dataset a failed model has no rank (NaN).
    """
    means = table.means
    failed = np.isnan(means)
    # A number below every score: its ranks are the worst ones, averaged.
    floor = np.nanmin(means, initial=0.0) - 1.0
    ranks: Floats = stats.ranks(np.where(failed, floor, means)).mean(axis=0) if len(means) else np.full(0, np.nan)
    return np.where(failed[0], np.nan, ranks) if len(means) == 1 else ranks


def letters_of(apart: NDArray[np.bool_], order: list[int]) -> list[str]:
    """Return letters such that models share one exactly where they cannot be told apart.

    Parameters
    ----------
    apart : ndarray of bool of shape (n_models, n_models)
    order : list of int
        Models from best to worst; the best model's groups come first.
    """
    place = {model: at for at, model in enumerate(order)}
    cliques = sorted(stats.maximal_cliques(~apart), key=lambda clique: sorted(place[one] for one in clique))
    names = [""] * len(apart)
    for at, clique in enumerate(cliques):
        letter = string.ascii_letters[at % 52] + (str(at // 52) if at >= 52 else "")
        for model in clique:
            names[model] += letter
    return names


def share_group(one: str, other: str) -> bool:
    """Return whether two groups of letters have a letter in common."""
    first, second = (set(re.findall(r"[A-Za-z]\d*", group)) for group in (one, other))
    return bool(first & second)


def _letters(pairs: Pairs | None, compared: tuple[str, ...], ranks: Mapping[str, float]) -> dict[str, str]:
    if pairs is None or not pairs.conclusive:
        return {}
    usable = [at for at, model in enumerate(compared) if not np.isnan(ranks.get(model, np.nan))]
    order = sorted(range(len(usable)), key=lambda at: ranks[compared[usable[at]]])
    letters = letters_of(pairs.apart(len(compared))[np.ix_(usable, usable)], order)
    return {compared[at]: letter for at, letter in zip(usable, letters, strict=True)}


def _intervals(table: ScoreTable) -> list[tuple[float, float]]:
    """Return the 95% interval of each model's mean score; NaN where there is none."""
    found = [(np.nan, np.nan)] * len(table.models)
    if len(table.blocks) == 1:
        block = table.blocks[0]
        usable = np.flatnonzero(np.isfinite(block.means))
        if block.test_train_ratio is not None and block.testable and usable.size:
            result = stats.corrected_t(block.scores[:, usable], block.test_train_ratio)
            for at, low, high in zip(usable.tolist(), result.low.tolist(), result.high.tolist(), strict=True):
                found[at] = (low, high)
        return found
    means = table.means
    usable = np.flatnonzero(np.isfinite(means).all(axis=0)) if len(means) else np.empty(0, dtype=np.intp)
    if usable.size:
        ends = stats.bootstrap_means(means[:, usable])
        for at, low, high in zip(usable.tolist(), ends.low.tolist(), ends.high.tolist(), strict=True):
            found[at] = (low, high)
    return found


def _against(model: str, pairs: Pairs | None, compared: tuple[str, ...]) -> tuple[float | None, str]:
    """Return the difference to best_single and the verdict, where they were compared."""
    if pairs is None or model == BEST_SINGLE or not {model, BEST_SINGLE} <= set(compared):
        return None, ""
    found = pairs.find(compared.index(model), compared.index(BEST_SINGLE))
    if found is None:
        return None, ""
    at, sign = found
    difference = _none(float(pairs.mean[at]))
    if difference is None:
        return None, ""
    verdict: str = pairs.verdicts[at]
    return sign * difference, verdict if sign > 0 else _OPPOSITE.get(verdict, verdict)


def _failures(results: Results, table: ScoreTable) -> dict[str, str]:
    said = {failure.model for failure in results.failures}
    words = {}
    for at, model in enumerate(table.models):
        n_folds = sum(len(block.scores) for block in table.blocks)
        lost = sum(int(np.isnan(block.scores[:, at]).sum()) for block in table.blocks)
        if lost:
            words[model] = f"{lost}/{n_folds} folds {'failed' if model in said else 'missing'}"
    return words


def _place(row: LeaderboardRow, facts: Mapping[str, ModelFacts]) -> tuple[bool, float, float, int]:
    """Return what rows are sorted by: the oracle last, failures before it, ties by mean score and then spec order."""
    rank = float("inf") if row.rank is None else row.rank
    score = float("-inf") if row.mean_score is None else row.mean_score
    return row.model == ORACLE, rank, -score, facts[row.model].order


def _none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
