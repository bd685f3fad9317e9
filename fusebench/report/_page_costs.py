"""The section of a page on costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fusebench.report import _figures as figures
from fusebench.report._layout import (
    Column,
    Part,
    Row,
    Section,
    Table,
    front_mark,
    name_cell,
    number_cell,
    table_of,
)
from fusebench.report.base import (
    FRONT_SAYS,
    Verdicts,
    board_of,
    micro,
    number,
    seconds,
    size,
)
from fusebench.results import Results


def costs_section(results: Results, verdicts: Verdicts) -> Section:
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
            name_cell(leader.model),
            number_cell(leader.fit_seconds_marginal, seconds(leader.fit_seconds_marginal)),
            number_cell(
                leader.fit_seconds_total,
                seconds(leader.fit_seconds_total) + front_mark(verdicts, leader, "fit_seconds_total"),
            ),
            number_cell(_sum(own, "total_wall_seconds"), seconds(_sum(own, "total_wall_seconds"))),
            number_cell(batch[0], micro(batch[0]) + front_mark(verdicts, leader, "latency_us")),
            *(number_cell(one, micro(one)) for one in batch[1:]),
            number_cell(leader.bytes, size(leader.bytes) + front_mark(verdicts, leader, "bytes")),
            number_cell(peak, size(peak)),
            number_cell(_mean(own, "members_used"), number(_mean(own, "members_used"), 1)),
            number_cell(sum(joules) if joules else None, f"{_short(sum(joules))} J (estimated)" if joules else "n/a"),
        ]
        rows.append(Row(cells, leader.kind))
    names = (
        "CPU s (own)", "CPU s (all)", "wall s (all)", "1 row", "100 rows", "1000 rows", "size", "peak memory",
        "members used", "energy",
    )  # fmt: skip
    return table_of([Column("model"), *(Column(name, numeric=True) for name in names)], rows)


def _short(joules: float) -> str:
    return f"{joules:,.0f}" if joules >= 100 else f"{joules:.3g}"


def _mean(rows: Sequence[Any], name: str) -> float | None:
    known = [getattr(row, name) for row in rows]
    return sum(known) / len(known) if all(one is not None for one in known) else None


def _sum(rows: Sequence[Any], name: str) -> float | None:
    known = [getattr(row, name) for row in rows if getattr(row, name) is not None]
    return sum(known) if known else None
