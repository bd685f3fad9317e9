"""All statistics of one score table, as plain data for JSON."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench import stats
from fusebench.errors import UsageError
from fusebench.judge import warn
from fusebench.judge.compare import compare_datasets
from fusebench.judge.leaderboard import mean_ranks
from fusebench.judge.margins import margin_of
from fusebench.judge.pairs import Pairs, min_datasets, within
from fusebench.judge.scoretable import ScoreTable

SCHEMA_VERSION = 1
UNORDERED_GAP = 800
_NO_OMNIBUS: dict[str, Any] = {"chi2": None, "p_chi2": None, "F": None, "p_F": None}


def analyse(
    table: ScoreTable,
    *,
    rope: float | None = None,
    alpha: float = 0.05,
    baseline: str | None = None,
    impute: bool = False,
) -> dict[str, Any]:
    """Return every statistic of a table; None stands where a number is not defined.

    Parameters
    ----------
    table : ScoreTable
    rope : float, optional
        Differences up to this one do not matter, in units of the score; 0.01 for accuracies and AUCs between 0 and 1.
    alpha : float, default=0.05
        Level of the family-wise error, in (0, 1).
    baseline : str, optional
        Compare the other models with this one only; it must be named before the scores are seen.
    impute : bool, default=False
        Give missing scores the worst score of their fold, and say so.

    Raises
    ------
    UsageError
        If the table holds fewer than two models, no score, or no such baseline; or an option is out of range.
    """
    _check(table, rope, alpha, baseline)
    if impute:
        table = table.imputed()
    if not table.blocks or not np.isfinite(table.means).any():
        raise UsageError("no model has a complete set of scores on any dataset; nothing can be compared")
    margin, said = _margin(table, rope)
    at = None if baseline is None else table.models.index(baseline)
    inside = [
        within(block.dataset, block.scores, block.test_train_ratio or 0.0, margin=margin, alpha=alpha, baseline=at)
        for block in table.blocks
        if block.testable
    ]
    several = len(table.blocks) > 1
    overall, models, dropped = compare_datasets(table, alpha, margin, at) if several else (None, table.models, ())
    complete = _complete_means(table, models)
    n, k = len(table.blocks), len(table.models)
    elo, elo_said = _elo(table, models, baseline) if several else (None, ())
    rows = [
        *(_rows(overall, models) if overall is not None else ()),
        *(row for one in inside for row in _rows(one, table.models)),
    ]
    decisive = overall if several else next(iter(inside), None)
    return {
        "schema_version": SCHEMA_VERSION,
        "metric": table.metric,
        "n_datasets": n,
        "n_models": k,
        "omnibus": _omnibus(complete),
        "ranks": dict(zip(table.models, map(_none, mean_ranks(table).tolist()), strict=True)),
        "nemenyi": {"alpha": alpha, "cd": stats.critical_difference(complete.shape[1], len(complete), alpha)
                    if len(complete) > 1 and complete.shape[1] > 1 else None},
        "pairs": rows,
        "groups": _groups(decisive, models if several else table.models, table) if baseline is None else [],
        "elo": elo,
        "min_datasets_for_significance": min_datasets(k - 1 if baseline else k * (k - 1) // 2, alpha),
        "warnings": list(dict.fromkeys([*table.warnings, *said, *dropped, *elo_said, *warn.about_table(table,
        margin)])),
    }  # fmt: skip


def _check(table: ScoreTable, rope: float | None, alpha: float, baseline: str | None) -> None:
    if len(table.models) < 2:
        raise UsageError(f"a comparison needs at least 2 models, the table has {len(table.models)}")
    if not 0 < alpha < 1:
        raise UsageError(f"--alpha must be between 0 and 1, got {alpha:g}")
    if rope is not None and not 0 <= rope < math.inf:
        raise UsageError(f"--rope must be a finite number >= 0, got {rope:g}")
    if baseline is not None and baseline not in table.models:
        raise UsageError(f"--baseline: no model '{baseline}'; there is {', '.join(table.models)}")


def _margin(table: ScoreTable, rope: float | None) -> tuple[float | None, tuple[str, ...]]:
    margin = margin_of(table.metric) if rope is None else rope
    largest = max((float(np.nanmax(np.abs(block.scores), initial=0.0)) for block in table.blocks), default=0.0)
    if rope is None and margin is not None and largest > 1:
        return None, (f"{table.metric} is not on a scale from 0 to 1 here, so that no margin is assumed; give --rope",)
    return margin, ()


def _complete_means(table: ScoreTable, models: tuple[str, ...]) -> NDArray[np.float64]:
    means = table.only(models).means
    complete: NDArray[np.float64] = means[np.isfinite(means).all(axis=1)]
    return complete


def _omnibus(means: NDArray[np.float64]) -> dict[str, Any]:
    n, k = means.shape
    ranks = stats.ranks(means) if n > 1 and k > 2 else None
    corrected, plain = (
        _friedman(None if ranks is None else stats.friedman(ranks, tie_corrected=tied)) for tied in (True, False)
    )
    freedom = {"df1": k - 1, "df2": (k - 1) * (n - 1)} if corrected["chi2"] is not None else {"df1": None, "df2": None}
    head = {key: corrected[key] for key in ("chi2", "p_chi2", "F")}
    return {"method": "friedman", **head, **freedom, "p_F": corrected["p_F"], "uncorrected": plain}


def _friedman(result: stats.Friedman | None) -> dict[str, Any]:
    if result is None:
        return dict(_NO_OMNIBUS)
    return {"chi2": result.chi2, "p_chi2": result.p_chi2, "F": _none(result.f), "p_F": result.p_f}


def _rows(pairs: Pairs, models: tuple[str, ...]) -> list[dict[str, Any]]:
    names = ("mean", "se", "t", "p", "p_holm", "low", "high", "worse", "equivalent", "better")
    columns = [[_none(value) for value in getattr(pairs, name).tolist()] for name in names]
    rows = []
    for a, b, numbers, verdict in zip(
        pairs.a.tolist(), pairs.b.tolist(), zip(*columns, strict=True), pairs.verdicts, strict=True
    ):
        mean, se, t, p, p_holm, low, high, worse, equivalent, better = numbers
        df = int(pairs.df) if low is not None and math.isfinite(pairs.df) else None
        rows.append(
            {
                "a": models[a],
                "b": models[b],
                "dataset": pairs.dataset or None,
                "method": pairs.method,
                "mean": mean,
                "se": se,
                "df": df,
                "t": t,
                "p": p,
                "p_holm": p_holm,
                "ci95": [low, high],
                "p_worse": worse,
                "p_equivalent": equivalent,
                "p_better": better,
                "verdict": verdict,
            }
        )
    return rows


def _groups(pairs: Pairs | None, models: tuple[str, ...], table: ScoreTable) -> list[list[str]]:
    """Return the groups, each and all of them best first; models without complete scores are in none."""
    if pairs is None:
        return []
    ranks = dict(zip(table.models, mean_ranks(table).tolist(), strict=True))
    usable = [at for at, model in enumerate(models) if not math.isnan(ranks[model])]
    usable.sort(key=lambda at: ranks[models[at]])
    together = ~pairs.apart(len(models))[np.ix_(usable, usable)]
    return [[models[usable[one]] for one in clique] for clique in stats.maximal_cliques(together)]


def _elo(
    table: ScoreTable, models: tuple[str, ...], baseline: str | None
) -> tuple[dict[str, dict[str, float]] | None, tuple[str, ...]]:
    blocks = sorted(table.only(models).blocks, key=lambda block: block.dataset)
    errors = [-block.scores for block in blocks if np.isfinite(block.scores).all()]
    if len(errors) < 2 or len(models) < 2:
        return None, ()
    rated = stats.elo(errors, anchor=None if baseline is None else models.index(baseline))
    said = () if rated.estimable else (
        f"Elo: some models always win against others; gaps above {UNORDERED_GAP} are not estimable",
    )  # fmt: skip
    columns = zip(models, rated.elo.tolist(), rated.plus.tolist(), rated.minus.tolist(), strict=True)
    return {model: {"elo": elo, "plus": plus, "minus": minus} for model, elo, plus, minus in columns}, said


def _none(value: float) -> float | None:
    return value if math.isfinite(value) else None
