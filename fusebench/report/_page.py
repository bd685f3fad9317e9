"""What the page of a run says, in the order in which it says it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fusebench.report import _figures as figures
from fusebench.report._layout import (
    MOST_ROWS,
    Board,
    Cell,
    Column,
    Page,
    Part,
    Row,
    Section,
    front_mark,
    name_cell,
    number_cell,
    table_of,
)
from fusebench.report._page_costs import costs_section
from fusebench.report._page_explained import calibration_section, contributions_section, importance_section
from fusebench.report.base import (
    Verdicts,
    board_of,
    rank,
    seconds,
    shortened,
    visible,
)
from fusebench.results import Results


def page_of(results: Results, verdicts: Verdicts, *, brief: bool = False) -> Page:
    """Return the page of a run; O(rows of its tables).

    Parameters
    ----------
    brief : bool, default=False
        Shorter tables, and figures of the first metric only: for runs whose page would be too large.
    """
    drawn = results.metrics[:1] if brief else results.metrics
    said = [visible(one) for one in verdicts.sentences]
    return Page(
        name=shortened(results.name, 120),
        described=_described(results, verdicts),
        verdict=" ".join(said[:2]) or "Nothing could be compared: there are no scores.",
        complete=results.complete,
        findings=said[2:60],
        warnings=[visible(one) for one in verdicts.warnings][:40],
        boards=[_board(verdicts, metric, brief=brief) for metric in results.metrics if board_of(verdicts, metric)],
        sections=[
            section
            for section in (
                _ranks(drawn, verdicts),
                _datasets(drawn, verdicts, tips=not brief),
                costs_section(results, verdicts),
                contributions_section(results, verdicts),
                importance_section(results),
                calibration_section(results, verdicts),
                _failures(results),
                _environment(results),
            )
            if section.parts
        ],
    )


def _described(results: Results, verdicts: Verdicts) -> str:
    kinds = [one.kind for one in results.models]
    counts = (
        (len(verdicts.datasets), "dataset"),
        (kinds.count("learner"), "learner"),
        (kinds.count("fusion"), "fusion"),
    )
    told = ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts)
    folds = max((len(one.fold_hashes) for one in results.datasets), default=0)
    version = results.environment.get("versions", {}).get("fusebench", "")
    return f"{told}, {folds} splits, metrics: {', '.join(results.metrics)}. fusebench {version}".strip() + "."


def _board(verdicts: Verdicts, metric: str, *, brief: bool) -> Board:
    rows = []
    for row in board_of(verdicts, metric):
        interval = "" if row.ci_low is None else f"{row.ci_low:.4f} to {row.ci_high:.4f}"
        against = (
            "" if row.diff_best_single is None or not row.verdict else f"{row.diff_best_single:+.4f} {row.verdict}"
        )
        cost = seconds(row.fit_seconds_total) if row.model != figures.ORACLE else ""
        cells = [
            number_cell(row.rank, "bound" if row.model == figures.ORACLE else rank(row.rank)),
            name_cell(row.model),
            Cell(row.kind),
            number_cell(row.mean_score),
            Cell(interval, "n", "" if row.ci_low is None else repr(row.ci_low)),
            Cell(against, row.verdict, "" if not against else repr(row.diff_best_single)),
            Cell(row.group),
            number_cell(row.fit_seconds_total, cost + front_mark(verdicts, row, "fit_seconds_total")),
            Cell(row.failures),
        ]
        rows.append(Row(cells, row.kind))
    columns = [
        Column("rank", numeric=True), Column("model"), Column("kind"), Column("mean score", numeric=True),
        Column("95% interval", numeric=True), Column("against best_single", numeric=True), Column("group"),
        Column("CPU s", numeric=True), Column("failures"),
    ]  # fmt: skip
    most = MOST_ROWS // 5 if brief else MOST_ROWS
    return Board(metric, table_of(columns, rows, most), None if brief else figures.intervals(verdicts, metric))


def _ranks(metrics: Sequence[str], verdicts: Verdicts) -> Section:
    parts = []
    for metric in metrics:
        drawing = figures.critical_difference(verdicts, metric)
        if drawing is not None:
            said = "Bars join models that cannot be told apart (exact signed-rank tests over datasets, Holm)."
            if not any(row.group for row in board_of(verdicts, metric)):
                said = "There are too few datasets for any difference to be significant, so no bars are drawn."
            parts.append(Part(heading=metric, text=said, figure=drawing))
    return Section("ranks", "Critical differences", parts)


def _datasets(metrics: Sequence[str], verdicts: Verdicts, *, tips: bool) -> Section:
    parts = []
    for metric in metrics:
        drawing = figures.heat_map(verdicts, metric, tips=tips)
        if drawing is not None:
            said = "Difference to best_single: green is better, red is worse, strong colours are large differences."
            parts.append(Part(heading=metric, text=said, figure=drawing))
    return Section("datasets", "Per dataset", parts)


def _failures(results: Results) -> Section:
    rows = []
    for one in results.failures:
        if one.stage == "member":
            continue
        cells = [
            name_cell(one.dataset),
            name_cell(one.model),
            number_cell(one.repeat, str(one.repeat)),
            number_cell(one.fold, str(one.fold)),
        ]
        rows.append(Row([*cells, Cell(one.stage), Cell(shortened(one.reason, 80)), Cell(shortened(one.detail, 300))]))
    if not rows:
        return Section("failures", "Failures", [Part(text="Nothing failed.")])
    columns = [Column("dataset"), Column("model"), Column("repeat", numeric=True), Column("fold", numeric=True)]
    columns += [Column("stage"), Column("reason"), Column("detail")]
    return Section("failures", "Failures", [Part(table=table_of(columns, rows, 100))])


def _environment(results: Results) -> Section:
    here: Mapping[str, Any] = results.environment
    versions = here.get("versions", {})
    lines = [
        f"{key}: {here[key]}" for key in ("python", "platform", "cpu", "cores", "n_jobs") if here.get(key) is not None
    ]
    energy = here.get("energy")
    if isinstance(energy, dict):
        lines.append(f"energy of the run: {energy.get('joules')} J, {energy.get('source')}")
    lines += [f"{name} {version}" for name, version in sorted(versions.items())] if isinstance(versions, dict) else []
    data = [
        Row(
            [
                name_cell(one.name), name_cell(one.target), Cell(one.target_type),
                number_cell(one.n_samples, f"{one.n_samples:,}"),
                number_cell(one.n_features, f"{one.n_features:,}"), number_cell(one.n_classes, str(one.n_classes)),
                Cell(one.fingerprint[:16]),
            ]
        )
        for one in results.datasets
    ]  # fmt: skip
    columns = [Column("dataset"), Column("target"), Column("type"), Column("rows", numeric=True)]
    columns += [Column("features", numeric=True), Column("classes", numeric=True), Column("fingerprint")]
    again = (
        "The run folder's spec.yaml is the whole experiment with every default filled in: `fusebench run spec.yaml` in "
        "that folder makes the same scores.csv, byte for byte, with these versions."
    )
    spec = json.dumps(results.spec, indent=1, ensure_ascii=False, default=str)
    kept = "\n".join(visible(line) for line in spec.splitlines())
    code = kept if len(kept) <= 30_000 else kept[:30_000] + "\n… (cut; spec.yaml holds all of it)"
    parts = [
        Part(text=again, code="\n".join(visible(line) for line in lines)),
        Part(heading="Datasets", table=table_of(columns, data)),
        Part(heading="Spec", code=code),
    ]
    return Section("environment", "Environment and how to reproduce", parts)
