"""The gate that tells whether a score truly fell since the baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fusebench import stats
from fusebench.errors import UndecidableError, UsageError
from fusebench.judge.baseline import Baseline, Cell, baseline_of
from fusebench.judge.costs import ORACLE
from fusebench.judge.gatereport import GateReport
from fusebench.judge.margins import margin_of
from fusebench.judge.measured import Measured, judge_rows
from fusebench.judge.pairing import unpairable
from fusebench.results import Results


def gate(
    baseline: Baseline,
    results: Results,
    *,
    margins: Mapping[str, float] | None = None,
    alpha: float = 0.05,
    conservative: bool = False,
    exact: bool = False,
) -> GateReport:
    r"""Compare a run with a baseline, fold by fold.

    Parameters
    ----------
    margins : mapping of str to float, optional
        Drops that do not matter, per metric; 0.01 for accuracies and AUCs. A metric without a margin is inconclusive.
    alpha : float, default=0.05
        Level of the family-wise error, in (0, 1).
    conservative : bool, default=False
        Fail only when a drop beyond the margin is shown.
    exact : bool, default=False
        Fail on any change; then versions and platform must be those of the baseline.

    Raises
    ------
    UndecidableError
        If data, folds, a model, a metric or a cell of the baseline is missing or different; the message lists all.
    UsageError
        If an option is out of range, or no metric has a margin.

    Notes
    -----
    With d the differences now minus before, a row fails when :math:`\bar d < -margin` and
    :math:`T_{df}(\bar d / SE) < \alpha`, Holm-adjusted over all rows; when `conservative`, only when
    :math:`T_{df}((\bar d + margin) / SE) < \alpha` too, and the former below :math:`\alpha / 5`. SE and df are those
    of the corrected t, for a suite of at least two datasets those of their pooled tests. New failures fail by
    themselves. At a true drop equal to the margin the default rule fails about half the time.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"--alpha must be between 0 and 1, got {alpha:g}")
    now = baseline_of(results)
    reasons, warnings = unpairable(baseline, now, complete=results.complete, exact=exact)
    measured = list(_measure(baseline, now, margins)) if not reasons else []
    reasons += [one.refused for one in measured if one.refused]
    if reasons:
        raise UndecidableError(
            "the run cannot be compared with the baseline:\n" + "\n".join(f"  {one}" for one in reasons)
        )
    if not exact and all(one.margin is None for one in measured):
        raise UsageError(
            f"no metric has a margin ({', '.join(baseline.metrics)}): 0.01 is the default only for accuracies "
            "and AUCs; give --margin METRIC=VALUE"
        )
    measured = [one for one in measured if not one.inapplicable]
    warnings += _not_applicable(baseline, now)
    measured += _suites(measured)
    rows = tuple(judge_rows(measured, alpha, conservative=conservative, exact=exact))
    if without := sorted({row.metric for row in rows if row.margin is None}):
        warnings.append(f"not judged, for want of a margin: {', '.join(without)}; give --margin METRIC=VALUE")
    cv = baseline.spec.get("cv")
    if isinstance(cv, Mapping) and cv.get("type") == "time_series":
        warnings.append("time-series splits: the corrected t-test is a rough guide there")
    return GateReport(rows=rows, warnings=tuple(warnings), alpha=alpha, conservative=conservative, exact=exact)


def _measure(baseline: Baseline, now: Baseline, margins: Mapping[str, float] | None) -> Iterator[Measured]:
    """Yield every dataset, model and metric of the baseline; never the oracle, which nobody deploys."""
    datasets = [dataset for dataset, _ in baseline.problems]
    for (dataset, target), problem in baseline.problems.items():
        label = dataset if datasets.count(dataset) == 1 else f"{dataset}:{target}"
        ratio = problem.test_train_ratio
        for metric in baseline.metrics_of(dataset, target):
            for model in baseline.models:
                if model != ORACLE:
                    cells = [Cell(dataset, target, model, *key, metric) for key in sorted(problem.folds)]
                    yield _paired(label, cells, baseline, now, ratio, margin_of(metric, margins))


def _not_applicable(baseline: Baseline, now: Baseline) -> list[str]:
    """Return one line that names the models that can predict no target of this kind; nothing is judged there."""
    unable = baseline.inapplicable | now.inapplicable
    named: dict[str, list[str]] = {}
    for dataset, target in baseline.problems:
        scored = {cell.model for cell in baseline.scores if (cell.dataset, cell.target) == (dataset, target)}
        for model in baseline.models:
            if model != ORACLE and (dataset, target, model) in unable and model not in scored:
                named.setdefault(model, []).append(dataset)
    listed = [f"{model} on {', '.join(dict.fromkeys(where))}" for model, where in named.items()]
    return [f"not applicable, since a model cannot predict this kind of target: {'; '.join(listed)}"] if listed else []


def _paired(
    label: str, cells: list[Cell], baseline: Baseline, now: Baseline, ratio: float, margin: float | None
) -> Measured:
    first = cells[0]
    head: dict[str, Any] = {"dataset": label, "model": first.model, "metric": first.metric, "margin": margin}
    there = [cell for cell in cells if cell in baseline.scores]
    if not there and first[:3] in baseline.inapplicable | now.inapplicable:
        return Measured(**head, inapplicable=True)
    both = [cell for cell in there if cell in now.scores]
    if len(both) < len(there):
        return Measured(**head, n_folds=len(cells), lost=len(there) - len(both))
    if not both:
        return Measured(**head, n_folds=len(cells), identical=True, changed=False, mean=math.nan)
    before = np.array([baseline.scores[cell] for cell in both])
    d = np.array([now.scores[cell] for cell in both]) - before
    same = bool(np.abs(d).max() <= 1e-12)
    head |= {"n_folds": len(both), "before": float(before.mean()), "mean": float(d.mean()), "identical": same}
    if len(both) < 2:
        refused = (
            "" if same else f"{first.model} on {label}, {first.metric}: one fold only, so that no test can be made"
        )
        return Measured(**head, se=0.0, df=1.0, changed=bool((d != 0).any()), refused=refused)
    result = stats.corrected_t(d, ratio)
    return Measured(**head, se=float(result.se), df=float(result.df), changed=bool((d != 0).any()))


def _suites(measured: list[Measured]) -> list[Measured]:
    """Return one row per model and metric over all datasets, where there are at least two."""
    groups: dict[tuple[str, str], list[Measured]] = {}
    for one in measured:
        if math.isfinite(one.mean):
            groups.setdefault((one.model, one.metric), []).append(one)
    return [_suite(model, metric, parts) for (model, metric), parts in groups.items() if len(parts) > 1]


def _suite(model: str, metric: str, parts: list[Measured]) -> Measured:
    pooled = stats.pooled_t(*([getattr(one, name) for one in parts] for name in ("mean", "se", "df")))
    return Measured(
        dataset="",
        model=model,
        metric=metric,
        margin=parts[0].margin,
        n_folds=sum(one.n_folds for one in parts),
        before=sum(one.before for one in parts) / len(parts),
        mean=float(pooled.mean),
        se=float(pooled.se),
        df=float(pooled.df),
        identical=all(one.identical for one in parts),
        changed=any(one.changed for one in parts),
    )
