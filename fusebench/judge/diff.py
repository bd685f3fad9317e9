"""What changed between two runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from fusebench import stats
from fusebench.errors import UndecidableError, UsageError
from fusebench.judge.costs import ORACLE
from fusebench.judge.gatereport import GateReport
from fusebench.judge.margins import margin_of
from fusebench.judge.measured import Measured, judge_rows
from fusebench.judge.sides import Part, Side

Floats = NDArray[np.float64]
ENOUGH_OVERLAP = 0.8


def diff(before: Side, now: Side, *, margins: Mapping[str, float] | None = None, alpha: float = 0.05) -> GateReport:
    """Compare the models that two runs share, fold by fold where that is honest.

    Parameters
    ----------
    before, now : Side
        Of `read_side` or `side_of`.
    margins : mapping of str to float, optional
        Differences that do not matter, per metric; 0.01 for accuracies and AUCs.
    alpha : float, default=0.05
        Level of the family-wise error, in (0, 1).

    Returns
    -------
    GateReport
        With the words of the gate. It is information: a caller does not fail on it.

    Raises
    ------
    UndecidableError
        If a dataset has other data on both sides, or they share nothing.
    UsageError
        If `alpha` is out of range.

    Notes
    -----
    Folds with the same test rows are paired when they are at least 80% of both sides' folds. Otherwise the means are
    compared on corrected variances (Welch), which is less sensitive. A side that holds only means gets a check
    against the margin, and no test.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"--alpha must be between 0 and 1, got {alpha:g}")
    shared = [key for key in before.parts if key in now.parts]
    changed = sorted(
        {
            dataset
            for dataset, metric in shared
            if _other_data(before.parts[dataset, metric], now.parts[dataset, metric])
        }
    )
    if changed:
        raise UndecidableError(f"other data on both sides: {', '.join(changed)}; such scores cannot be compared")
    measured = [one for key in shared for one in _measure(key, before.parts[key], now.parts[key], margins)]
    if not measured:
        raise UndecidableError(f"{before.name} and {now.name} share no dataset, metric and model")
    warnings = list(_warnings(before, now, measured))
    return GateReport(
        rows=tuple(judge_rows(measured, alpha)), warnings=tuple(warnings), alpha=alpha, conservative=False, exact=False
    )


def _other_data(before: Part, now: Part) -> bool:
    if before.problem is None or now.problem is None:
        return False
    return (before.problem.fingerprint, before.problem.preprocessing) != (
        now.problem.fingerprint,
        now.problem.preprocessing,
    )


def _measure(key: tuple[str, str], before: Part, now: Part, margins: Mapping[str, float] | None) -> Iterator[Measured]:
    dataset, metric = key
    for model, old in before.models.items():
        new = now.models.get(model)
        if new is None or model == ORACLE:
            continue
        head = Measured(dataset=dataset, model=model, metric=metric, margin=margin_of(metric, margins))
        yield _compared(head, before, now, old, new)


def _compared(head: Measured, before: Part, now: Part, old: Floats, new: Floats) -> Measured:
    means_only = before.test_train_ratio is None or now.test_train_ratio is None or min(len(old), len(new)) < 2
    if means_only or before.test_train_ratio is None or now.test_train_ratio is None:
        note = "a check against the margin alone: there are no folds to test over"
        return head.with_difference(float(old.mean()), float(new.mean() - old.mean()), n_folds=1, note=note)
    rows = [(i, j) for i, j in _common(before, now) if np.isfinite(old[i]) and np.isfinite(new[j])]
    if len(rows) >= max(2.0, ENOUGH_OVERLAP * max(len(old), len(new))):
        at, to = (list(side) for side in zip(*rows, strict=True))
        result = stats.corrected_t(new[to] - old[at], before.test_train_ratio)
        whole = len(rows) == len(old) == len(new)
        note = "" if whole else f"paired on the {len(rows)} folds that both sides have"
        return head.with_difference(
            float(old[at].mean()), float(result.mean), float(result.se), float(result.df),
            n_folds=len(rows), identical=bool(result.identical), note=note,
        )  # fmt: skip
    old, new = old[np.isfinite(old)], new[np.isfinite(new)]
    if min(len(old), len(new)) < 2:
        return head.with_difference(np.nan, np.nan, n_folds=0, note="too few scores to compare")
    welch = stats.welch_t(new, old, now.test_train_ratio, before.test_train_ratio)
    return head.with_difference(
        float(old.mean()),
        welch.mean,
        welch.se,
        welch.df,
        n_folds=min(len(old), len(new)),
        note="unpaired, less sensitive",
    )


def _common(before: Part, now: Part) -> Iterator[tuple[int, int]]:
    """Yield the positions of the same fold on both sides."""
    place = {fold: at for at, fold in enumerate(now.folds)}
    for at, fold in enumerate(before.folds):
        if fold in place and _digest(before, fold) == _digest(now, fold):
            yield at, place[fold]


def _digest(part: Part, fold: tuple[str, str]) -> str | None:
    if part.problem is None:
        return None
    found = part.problem.folds.get((int(fold[0]), int(fold[1])))
    return None if found is None else found.digest


def _warnings(before: Side, now: Side, measured: list[Measured]) -> Iterator[str]:
    if any(part.problem is None for side in (before, now) for part in side.parts.values()):
        yield "a side does not tell its data and test rows: folds of the same name are taken for the same"
    notes = [one.note for one in measured if one.note]
    for note in dict.fromkeys(notes):
        yield f"{notes.count(note)} of {len(measured)} comparisons: {note}"
    for one, other in ((before, now), (now, before)):
        lone = sorted({dataset for dataset, _ in one.parts} - {dataset for dataset, _ in other.parts})
        if lone:
            yield f"only in {one.name}: {', '.join(lone)}"
