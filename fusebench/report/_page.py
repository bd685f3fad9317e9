"""What the page of a run says, in the order in which it says it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fusebench.report import _figures as figures
from fusebench.report._drawing import Drawing
from fusebench.report.base import (
    FRONT,
    FRONT_SAYS,
    Verdicts,
    board_of,
    micro,
    number,
    rank,
    seconds,
    shortened,
    size,
    visible,
)
from fusebench.results import Results

MOST_ROWS = 150
NAME = 60  # characters of a name in a table
ON_REQUEST = "Not computed in this run; `fusebench report RUN --explain` computes it from the stored predictions."


class Column(NamedTuple):
    """A head."""

    title: str
    numeric: bool = False


class Cell(NamedTuple):
    """A text, and the number that it is sorted by."""

    text: str
    role: str = ""
    raw: Any = None
    isolated: bool = False


class Row(NamedTuple):
    """Cells of one row."""

    cells: Sequence[Cell]
    role: str = ""


class Table(NamedTuple):
    """A sortable table."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    left_out: str = ""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A piece of a section."""

    heading: str = ""
    text: str = ""
    figure: Drawing | None = None
    table: Table | None = None
    code: str = ""


class Section(NamedTuple):
    """A titled section."""

    id: str
    title: str
    parts: Sequence[Part]


class Board(NamedTuple):
    """The leaderboard of one metric."""

    title: str
    table: Table
    figure: Drawing | None


@dataclass(frozen=True, kw_only=True)
class Page:
    """The whole page."""

    name: str
    described: str
    verdict: str
    complete: bool
    findings: Sequence[str]
    warnings: Sequence[str]
    boards: Sequence[Board]
    sections: Sequence[Section]


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
                _costs(results, verdicts),
                _contributions(results, verdicts),
                _calibration(results, verdicts),
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


def _name(text: object) -> Cell:
    return Cell(shortened(text, NAME), isolated=True)


def _number(value: float | None, text: str | None = None, role: str = "n") -> Cell:
    return Cell(number(value) if text is None else text, role, "" if value is None else repr(float(value)))


def _cut(rows: Sequence[Row], most: int = MOST_ROWS) -> tuple[Sequence[Row], str]:
    left = len(rows) - most
    return (
        (rows[:most], f"and {left} more rows, which the CSV files of the run folder hold") if left > 0 else (rows, "")
    )


def _table(columns: Sequence[Column], rows: Sequence[Row], most: int = MOST_ROWS) -> Table:
    kept, said = _cut(rows, most)
    return Table(columns, kept, said)


def _board(verdicts: Verdicts, metric: str, *, brief: bool) -> Board:
    rows = []
    for row in board_of(verdicts, metric):
        interval = "" if row.ci_low is None else f"{row.ci_low:.4f} to {row.ci_high:.4f}"
        against = (
            "" if row.diff_best_single is None or not row.verdict else f"{row.diff_best_single:+.4f} {row.verdict}"
        )
        cost = seconds(row.fit_seconds_total) if row.model != figures.ORACLE else ""
        cells = [
            _number(row.rank, "bound" if row.model == figures.ORACLE else rank(row.rank)),
            _name(row.model),
            Cell(row.kind),
            _number(row.mean_score),
            Cell(interval, "n", "" if row.ci_low is None else repr(row.ci_low)),
            Cell(against, row.verdict, "" if not against else repr(row.diff_best_single)),
            Cell(row.group),
            _number(row.fit_seconds_total, cost + _mark(verdicts, row, "fit_seconds_total")),
            Cell(row.failures),
        ]
        rows.append(Row(cells, row.kind))
    columns = [
        Column("rank", numeric=True), Column("model"), Column("kind"), Column("mean score", numeric=True),
        Column("95% interval", numeric=True), Column("against best_single", numeric=True), Column("group"),
        Column("CPU s", numeric=True), Column("failures"),
    ]  # fmt: skip
    most = MOST_ROWS // 5 if brief else MOST_ROWS
    return Board(metric, _table(columns, rows, most), None if brief else figures.intervals(verdicts, metric))


def _mark(verdicts: Verdicts, row: Any, cost: str) -> str:
    return FRONT if row.model in verdicts.fronts.get(row.metric, {}).get(cost, ()) else ""


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


def _costs(results: Results, verdicts: Verdicts) -> Section:
    if not results.metrics or not board_of(verdicts, results.metrics[0]):
        return Section("costs", "Costs", [])
    metric = results.metrics[0]
    parts = [
        Part(heading=f"{metric} against {figures.COST_NAMES[cost]}", figure=drawing)
        for cost in figures.COST_NAMES
        if (drawing := figures.pareto(verdicts, metric, cost)) is not None
    ]
    return Section("costs", "Costs", [*parts, Part(text=_COST_WORDS + FRONT_SAYS, table=_cost_table(verdicts, metric))])


_COST_WORDS = (
    "CPU s (own): of the outer fits alone, of a fusion without its members. CPU s (all): everything from scratch. "
    "Latency: a warm model answers a batch of raw rows, a fusion with the members it uses; mean over datasets, on "
    "one split of each; n/a where it would have taken over a twentieth of the run. Peak memory: resident, with "
    "libraries and data. Energy: only from declared watts (resources.watts), an estimate; else n/a. "
)


def _cost_table(verdicts: Verdicts, metric: str) -> Table:
    by_model: dict[str, list[Any]] = {}
    for row in verdicts.costs:
        by_model.setdefault(row.model, []).append(row)
    rows = []
    for leader in board_of(verdicts, metric):
        own = by_model.get(leader.model)
        if not own:
            continue
        batch = [_mean(own, f"latency_{size}_us") for size in (1, 100, 1000)]
        peak = max((one.peak_memory_bytes for one in own if one.peak_memory_bytes is not None), default=None)
        joules = [one.energy_joules for one in own if one.energy_joules is not None]
        cells = [
            _name(leader.model),
            _number(leader.fit_seconds_marginal, seconds(leader.fit_seconds_marginal)),
            _number(
                leader.fit_seconds_total,
                seconds(leader.fit_seconds_total) + _mark(verdicts, leader, "fit_seconds_total"),
            ),
            _number(_sum(own, "total_wall_seconds"), seconds(_sum(own, "total_wall_seconds"))),
            _number(batch[0], micro(batch[0]) + _mark(verdicts, leader, "latency_us")),
            *(_number(one, micro(one)) for one in batch[1:]),
            _number(leader.bytes, size(leader.bytes) + _mark(verdicts, leader, "bytes")),
            _number(peak, size(peak)),
            _number(_mean(own, "members_used"), number(_mean(own, "members_used"), 1)),
            _number(sum(joules) if joules else None, f"{sum(joules):.0f} J (estimated)" if joules else "n/a"),
        ]
        rows.append(Row(cells, leader.kind))
    names = (
        "CPU s (own)", "CPU s (all)", "wall s (all)", "1 row", "100 rows", "1000 rows", "size", "peak memory",
        "members used", "energy",
    )  # fmt: skip
    return _table([Column("model"), *(Column(name, numeric=True) for name in names)], rows)


def _mean(rows: Sequence[Any], name: str) -> float | None:
    known = [getattr(row, name) for row in rows]
    return sum(known) / len(known) if all(one is not None for one in known) else None


def _sum(rows: Sequence[Any], name: str) -> float | None:
    known = [getattr(row, name) for row in rows if getattr(row, name) is not None]
    return sum(known) if known else None


def _contributions(results: Results, verdicts: Verdicts) -> Section:
    if not results.contributions:
        return Section("contributions", "What members contribute", [Part(text=ON_REQUEST)])
    rows = []
    for row in results.contributions:
        if row.metric != results.metrics[0] and len(results.contributions) > MOST_ROWS:
            continue
        error = f" ± {row.error:.4f}" if row.error else ""
        shapley = "n/a" if row.shapley is None else f"{row.shapley:+.4f}{error}"
        left = "n/a" if row.leave_one_out is None else f"{row.leave_one_out:+.4f}"
        cells = [_name(row.dataset), _name(row.fusion), _name(row.member), Cell(row.metric)]
        rows.append(Row([*cells, _number(row.shapley, shapley), _number(row.leave_one_out, left)]))
    columns = [Column("dataset"), Column("fusion"), Column("member"), Column("metric")]
    columns += [Column("Shapley value", numeric=True), Column("left out", numeric=True)]
    said = (
        "A member's Shapley value is its share of the fusion's gain in held-out score over a model that knows only how "
        "frequent the classes are (the mean, for regression); the shares sum to the gain. Left out: the fusion's score "
        "minus that of the fusion of all other members; below zero, the fusion is better without it."
    )
    parts = [Part(text=said, figure=figures.contributions(results, verdicts)), Part(table=_table(columns, rows))]
    parts += _diversity(results)
    parts += _wins(results)
    return Section("contributions", "What members contribute", parts)


def _diversity(results: Results) -> Iterator[Part]:
    rows = []
    for one in results.diagnoses:
        for pair in one.get("diversity", ()):
            cells = [_name(one["dataset"]), _name(pair["a"]), _name(pair["b"])]
            names = ("disagreement", "q", "double_fault", "error_correlation")
            rows.append(Row([*cells, *(_number(pair.get(name)) for name in names)]))
    if rows:
        columns = [Column("dataset"), Column("a"), Column("b")]
        names = ("disagreement", "Q statistic", "double fault", "error correlation")
        columns += [Column(name, numeric=True) for name in names]
        said = (
            "Pairs of learners on the test rows. Fusion gains most where double faults and error correlation are low."
        )
        yield Part(heading="Diversity", text=said, table=_table(columns, rows, 60))


def _wins(results: Results) -> Iterator[Part]:
    rows = []
    for one in results.diagnoses:
        for told in one.get("wins", ()):
            cells = [_name(one["dataset"]), _name(told["fusion"])]
            rows.append(
                Row([*cells, *(_number(told[name], f"{told[name]:,}") for name in ("right", "wrong", "both_wrong"))])
            )
    if rows:
        columns = [Column("dataset"), Column("fusion")]
        names = ("right where best_single is wrong", "wrong where best_single is right", "both wrong")
        columns += [Column(name, numeric=True) for name in names]
        yield Part(heading="Where fusions win (test rows)", table=_table(columns, rows, 60))


def _calibration(results: Results, verdicts: Verdicts) -> Section:
    rows = []
    for one in results.diagnoses:
        for told in one.get("calibration", ()):
            cells = [_name(one["dataset"]), _name(told["model"])]
            rows.append(Row([*cells, _number(told["ece"]), _number(told["brier"])]))
    if not rows:
        said = "There are no classes." if _only_regression(results) else ON_REQUEST
        return Section("calibration", "Calibration", [Part(text=said)])
    columns = [Column("dataset"), Column("model"), Column("ECE", numeric=True), Column("Brier score", numeric=True)]
    said = (
        "Reliability: of the answers given with some confidence, the share that is right; the dashed line is perfect. "
        "ECE: mean gap between the two over ten bins of confidence. Both are errors: lower is better."
    )
    figure = Part(text=said, figure=figures.calibration(results, verdicts))
    return Section("calibration", "Calibration", [figure, Part(table=_table(columns, rows, 100))])


def _only_regression(results: Results) -> bool:
    return bool(results.datasets) and all(one.target_type == "continuous" for one in results.datasets)


def _failures(results: Results) -> Section:
    rows = []
    for one in results.failures:
        if one.stage == "member":
            continue
        cells = [
            _name(one.dataset),
            _name(one.model),
            _number(one.repeat, str(one.repeat)),
            _number(one.fold, str(one.fold)),
        ]
        rows.append(Row([*cells, Cell(one.stage), Cell(shortened(one.reason, 80)), Cell(shortened(one.detail, 300))]))
    if not rows:
        return Section("failures", "Failures", [Part(text="Nothing failed.")])
    columns = [Column("dataset"), Column("model"), Column("repeat", numeric=True), Column("fold", numeric=True)]
    columns += [Column("stage"), Column("reason"), Column("detail")]
    return Section("failures", "Failures", [Part(table=_table(columns, rows, 100))])


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
                _name(one.name), _name(one.target), Cell(one.target_type), _number(one.n_samples, f"{one.n_samples:,}"),
                _number(one.n_features, f"{one.n_features:,}"), _number(one.n_classes, str(one.n_classes)),
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
        Part(heading="Datasets", table=_table(columns, data)),
        Part(heading="Spec", code=code),
    ]
    return Section("environment", "Environment and how to reproduce", parts)
