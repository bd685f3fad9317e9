"""What results show: verdicts, statistics of any score table, and the gate."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench import io, report
from fusebench.api.loading import LoadedSpec, spec_from
from fusebench.results import Results

if TYPE_CHECKING:
    from fusebench import judge


def compare(results: Results) -> judge.Verdicts:
    """Return the verdicts over results."""
    from fusebench import judge

    return judge.compare(results)


def statistics(
    scores: Path,
    *,
    rope: float | None = None,
    alpha: float = 0.05,
    baseline: str | None = None,
    impute: bool = False,
    metric: str | None = None,
    lower_is_better: bool = False,
    test_train_ratio: float | None = None,
) -> dict[str, Any]:
    """Return the statistics of a score table, also another tool's; see `fusebench.judge.analyse`."""
    from fusebench import judge

    table = judge.read_scores(scores, metric=metric, lower_is_better=lower_is_better, test_train_ratio=test_train_ratio)
    return judge.analyse(table, rope=rope, alpha=alpha, baseline=baseline, impute=impute)


def read_baseline(path: Path) -> judge.Baseline:
    """Return the baseline in a file.

    Raises
    ------
    UndecidableError
        If it is cut off, of a newer schema, or lacks a cell.
    """
    from fusebench import judge

    return judge.read_baseline(path)


def baseline_spec(baseline: judge.Baseline, path: Path, *, allow_import: bool = False) -> LoadedSpec:
    """Return the spec that a baseline was made from; its data files are found from the baseline's own file.

    Parameters
    ----------
    path : Path
        Where the baseline lies.
    """
    base = path.parent / baseline.base if baseline.base else Path()
    return spec_from(baseline.spec, base=base, allow_import=allow_import)


def write_baseline(results: Results, path: Path, base: Path | None = None) -> None:
    """Write what a run found as the baseline of a gate.

    Parameters
    ----------
    base : Path, optional
        What paths in the spec are relative to; the current folder by default.
    """
    from fusebench import judge

    found = Path(os.path.relpath(base or Path(), path.parent)).as_posix()
    text = judge.dump(replace(judge.baseline_of(results), base=found))
    with io.storage_errors(path):
        io.write_durably(path, [text.encode()])


def gate(
    baseline: judge.Baseline,
    results: Results,
    *,
    margins: Sequence[str] = (),
    alpha: float = 0.05,
    conservative: bool = False,
    exact: bool = False,
) -> judge.GateReport:
    """Compare a run with a baseline; see `fusebench.judge.gate`."""
    from fusebench import judge

    parsed = judge.parse_margins(margins, baseline.metrics)
    return judge.gate(baseline, results, margins=parsed, alpha=alpha, conservative=conservative, exact=exact)


def difference(before: Path, now: Path, *, margins: Sequence[str] = (), alpha: float = 0.05) -> judge.GateReport:
    """Compare two runs, baselines or score tables, paired where that is honest; see `fusebench.judge.diff`."""
    from fusebench import judge

    sides = judge.read_side(before), judge.read_side(now)
    metrics = {metric for side in sides for _, metric in side.parts}
    return judge.diff(*sides, margins=judge.parse_margins(margins, sorted(metrics)), alpha=alpha)


def gate_text(found: judge.GateReport, format_name: str) -> str:
    """Return what a gate found as ``text``, ``json``, ``markdown``, ``junit`` or ``annotations``."""
    return report.gate_text(found, format_name)
