"""A table for the terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from fusebench.report._figures import ORACLE, suite_costs
from fusebench.report.base import (
    COMPRESSED_CELLS,
    FRONT_SAYS,
    Format,
    Verdicts,
    board_of,
    compressed_cells,
    compressed_groups,
    marked,
    micro,
    number,
    rank,
    seconds,
    shortened,
    size,
    visible,
)
from fusebench.results import Results, applicable

if TYPE_CHECKING:
    from rich.table import Table

MIN_WIDTH, NARROW, WIDE = 80, 96, 120  # columns of the window
STYLES = {"fusion": "bold", "reference": "dim", "learner": ""}
VERDICT_STYLES = {"better": "green", "worse": "red"}
MOST_SENTENCES = 4


class TerminalTable(Format):
    """Ranked models of every metric, with corrected intervals, verdicts, costs and failures."""

    def render(self, results: Results, verdicts: Verdicts) -> str:
        """Return the tables; in colour when stdout is a terminal and ``NO_COLOR`` is not set."""
        import io

        from rich.console import Console
        from rich.text import Text

        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        width = max(MIN_WIDTH, Console().width if sys.stdout.isatty() else _columns())
        stream = io.StringIO()
        console = Console(file=stream, force_terminal=colour, width=width, highlight=False)
        for metric in results.metrics:
            rows = board_of(verdicts, metric)
            if rows:
                console.print(_heading(results, metric))
                console.print(_table(rows, verdicts, width))
        for (metric, fusion), group in compressed_groups(verdicts).items():
            console.print(Text(f"\n{visible(fusion)}, compressed ({metric})", style="bold"))
            console.print(_compressed(group))
        if any(row.model == "oracle" for row in verdicts.leaderboard):
            console.print(Text("oracle is an upper bound that looks at the answers: not deployable, never ranked."))
        console.print(
            Text(
                "Score: mean over folds, then datasets; higher is better. Interval: 95%, corrected for overlapping "
                "training sets (one dataset) or bootstrapped over datasets. CPU s: all fits that a model needs from "
                "scratch; " + FRONT_SAYS
            )
        )
        for sentence in list(verdicts.sentences)[:MOST_SENTENCES]:
            console.print(Text(f"* {visible(sentence)}"))
        for warning in verdicts.warnings:
            console.print(Text(f"! {visible(warning)}", style="yellow"))
        if results.failures:
            console.print(_failures(results))
        if not results.complete:
            console.print(Text("! the run is not complete: these tables hold what was finished", style="yellow"))
        return stream.getvalue().rstrip("\n")


def _heading(results: Results, metric: str) -> Any:
    from rich.text import Text

    applies = applicable(results, metric)
    names = [shortened(one.name, 20) for one in results.datasets if (one.name, one.target) in applies]
    unique = list(dict.fromkeys(names))
    listed = ", ".join(unique[:6]) + (", …" if len(unique) > 6 else "")
    count = f"{len(unique)} dataset{'' if len(unique) == 1 else 's'}"
    return Text(f"\n{metric} on {count} ({listed})", style="bold")


def _columns() -> int:
    """Return the width that ``COLUMNS`` names, 100 where it names none."""
    named = os.environ.get("COLUMNS", "")
    return int(named) if named.isdecimal() and len(named) < 5 else 100


def _table(rows: list[Any], verdicts: Verdicts, width: int) -> Table:
    """Return a leaderboard that fits 80 columns and says more in a wider window."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    narrow, wide = width < NARROW, width >= WIDE
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=narrow)
    latency = suite_costs(verdicts, rows[0].metric, "latency_us") if wide else {}
    columns: list[tuple[str, bool, Any]] = [
        ("rank", True, lambda row: "" if row.model == ORACLE else rank(row.rank)),
        ("model", False, lambda row: Text(shortened(row.model), style=STYLES.get(row.kind, ""))),
        ("score", True, lambda row: number(row.mean_score)),
        ("95% interval", True, lambda row: _interval(row, 3 if narrow else 4)),
        ("vs best_single", False, _against),
    ]
    if any(row.group for row in rows):
        columns.append(("group", False, lambda row: row.group))
    columns.append(
        ("CPU s", True, lambda row: _cost(row, verdicts, "fit_seconds_total", seconds(row.fit_seconds_total)))
    )
    if wide:
        columns += [
            ("1 row", True, lambda row: _cost(row, verdicts, "latency_us", micro(latency.get(row.model)))),
            ("size", True, lambda row: _cost(row, verdicts, "bytes", size(row.bytes))),
        ]
    if any(row.failures for row in rows):
        columns.append(("failed", False, lambda row: Text(row.failures.split(" ")[0], style="red")))
    for name, right, _ in columns:
        justify: Any = "right" if right else "left"
        if name == "model":
            table.add_column(name, overflow="fold", min_width=8)
        else:
            table.add_column(name, justify=justify, no_wrap=True)
    for row in rows:
        found = (make(row) for _, _, make in columns)
        table.add_row(*(one if isinstance(one, Text) else Text(one) for one in found))
    return table


def _interval(row: Any, digits: int) -> str:
    return "" if row.ci_low is None else f"{row.ci_low:.{digits}f}, {row.ci_high:.{digits}f}"


def _against(row: Any) -> Any:
    from rich.text import Text

    told = "" if not row.verdict or row.diff_best_single is None else f"{row.diff_best_single:+.4f} {row.verdict}"
    return Text(told, style=VERDICT_STYLES.get(row.verdict, ""))


def _cost(row: Any, verdicts: Verdicts, cost: str, text: str) -> str:
    return "" if row.model == ORACLE else marked(text, row, verdicts, cost)


def _compressed(group: list[Any]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column(COMPRESSED_CELLS[0], overflow="fold", min_width=8)
    for name in COMPRESSED_CELLS[1:-1]:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(COMPRESSED_CELLS[-1], overflow="fold", min_width=7)
    for row in group:
        table.add_row(*map(Text, compressed_cells(row)))
    return table


def _failures(results: Results) -> Any:
    from rich.text import Text

    own = [one for one in results.failures if one.stage != "member"]
    lines = [
        f"x {shortened(one.dataset)}, {shortened(one.model)}, repeat {one.repeat} fold {one.fold}: "
        f"{visible(one.reason)}: {shortened(one.detail, 120)}"
        for one in own[:5]
    ]
    more = [f"x and {len(own) - 5} more, see failures.csv"] if len(own) > 5 else []
    return Text("\n".join([*lines, *more]), style="red")
