"""Differences between two runs, and the verdict on each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import stdtrit

from fusebench.judge.decide import ZERO, Decision, decide
from fusebench.judge.gatereport import GateRow, GateWord, detectable_drop

CONCLUSIVE = 0.95


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One row before it is judged.

    Parameters
    ----------
    before : float
        Mean on the folds that are compared, before.
    mean, se, df : float
        Of the difference now minus before; NaN mean: there is nothing to compare.
    identical : bool
        No fold differs by more than 1e-12.
    changed : bool
        Some fold differs at all.
    lost : int
        Folds that failed now and did not before.
    refused : str
        Why no test can be made.
    note : str
        What a reader should know.
    inapplicable : bool
        The model cannot predict this kind of target, then or now; there is nothing to judge.
    """

    dataset: str
    model: str
    metric: str
    margin: float | None
    n_folds: int = 0
    before: float = math.nan
    mean: float = math.nan
    se: float = math.nan
    df: float = math.nan
    identical: bool = False
    changed: bool = True
    lost: int = 0
    refused: str = ""
    note: str = ""
    inapplicable: bool = False

    def with_difference(
        self,
        before: float,
        mean: float,
        se: float = 0.0,
        df: float = 1.0,
        *,
        n_folds: int,
        identical: bool | None = None,
        note: str = "",
    ) -> Measured:
        """Return the row with its numbers; identical means are identical scores when nothing else is said."""
        same = abs(mean) <= ZERO and se <= ZERO if identical is None else identical
        return replace(
            self, before=before, mean=mean, se=se, df=df, n_folds=n_folds, identical=same, changed=not same, note=note
        )


def judge_rows(
    measured: list[Measured], alpha: float, *, conservative: bool = False, exact: bool = False
) -> Iterator[GateRow]:
    """Yield the verdict on each row; all of them are one family."""
    tested = [one for one in measured if math.isfinite(one.mean)]
    mean, se, df = (np.array([getattr(one, name) for one in tested]) for name in ("mean", "se", "df"))
    margins = np.array([math.nan if one.margin is None else one.margin for one in tested], dtype=np.float64)
    decision = decide(mean, se, df, margins, alpha=alpha, conservative=conservative)
    at = {id(one): index for index, one in enumerate(tested)}
    for one in measured:
        index = at.get(id(one))
        if index is None:
            yield _without_scores(one)
            continue
        numbers = Decision(*(column[index] for column in decision))
        yield _row(one, numbers, alpha, exact=exact)


def _row(one: Measured, numbers: Decision, alpha: float, *, exact: bool) -> GateRow:
    failed = bool(numbers.failed) and not one.identical
    word: GateWord = "INCONCLUSIVE"
    if one.identical:
        word = "IDENTICAL"
    elif failed:
        word = "REGRESSED"
    elif numbers.better >= CONCLUSIVE:
        word = "IMPROVED"
    elif numbers.equivalent >= CONCLUSIVE:
        word = "EQUIVALENT"
    half = float(stdtrit(one.df, 0.975)) * one.se
    changed = exact and one.changed
    reason = "changed, and --exact allows no change" if changed and not failed else ""
    reason = reason or one.note
    if one.margin is None and not one.identical and not reason:
        reason = "no margin is given for this metric"
    return GateRow(
        dataset=one.dataset, model=one.model, metric=one.metric, n_folds=one.n_folds,
        baseline_mean=one.before, mean=one.before + one.mean, mean_diff=one.mean, se=one.se, df=one.df,
        ci_low=one.mean - half, ci_high=one.mean + half, p_drop=float(numbers.p_drop), p_holm=_none(numbers.p_holm),
        p_worse=_none(numbers.worse), p_equivalent=_none(numbers.equivalent), p_better=_none(numbers.better),
        margin=one.margin, detectable_drop=detectable_drop(one.se, one.df, one.margin, alpha),
        verdict=word, failed=failed or changed, reason=reason,
    )  # fmt: skip


def _without_scores(one: Measured) -> GateRow:
    """Return the row of a model that has new failures, or that failed before as well."""
    word: GateWord = "REGRESSED" if one.lost else "INCONCLUSIVE"
    reason = (
        f"new failures: {one.lost}/{one.n_folds} folds" if one.lost else one.note or "all folds failed, then and now"
    )
    return GateRow._make(
        (one.dataset, one.model, one.metric, one.n_folds, *(None,) * 12, one.margin, None, word, one.lost > 0, reason)
    )


def _none(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
