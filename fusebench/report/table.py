"""A table for the terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from fusebench.report.base import (
    COMPRESSED_CELLS,
    FRONT_SAYS,
    Format,
    Verdicts,
    board_of,
    compressed_cells,
    compressed_groups,
    marked,
    number,
    rank,
    seconds,
    shortened,
    visible,
)
from fusebench.results import Results

if TYPE_CHECKING:
    from rich.table import Table

MIN_WIDTH = 80
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
        width = max(MIN_WIDTH, Console().width) if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "100"))
        stream = io.StringIO()
        console = Console(file=stream, force_terminal=colour, width=max(width, MIN_WIDTH), highlight=False)
        for metric in results.metrics:
            rows = board_of(verdicts, metric)
            if rows:
                console.print(_heading(results, metric))
                console.print(_table(rows, verdicts))
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

    names = [shortened(one.name, 20) for one in results.datasets]
    unique = list(dict.fromkeys(names))
    listed = ", ".join(unique[:6]) + (", …" if len(unique) > 6 else "")
    count = f"{len(unique)} dataset{'' if len(unique) == 1 else 's'}"
    return Text(f"\n{metric} on {count} ({listed})", style="bold")


def _table(rows: list[Any], verdicts: Verdicts) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    grouped, failed = any(row.group for row in rows), any(row.failures for row in rows)
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column("model", overflow="fold", min_width=8)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("95% interval", justify="right", no_wrap=True)
    table.add_column("vs best_single", no_wrap=True)
    if grouped:
        table.add_column("group", no_wrap=True)
    table.add_column("CPU s", justify="right", no_wrap=True)
    if failed:
        table.add_column("failures", overflow="fold")
    for row in rows:
        difference = (
            "" if not row.verdict or row.diff_best_single is None else f"{row.diff_best_single:+.4f} {row.verdict}"
        )
        interval = "" if row.ci_low is None else f"{row.ci_low:.4f}, {row.ci_high:.4f}"
        shown = [
            Text("" if row.model == "oracle" else rank(row.rank)),
            Text(shortened(row.model), style=STYLES.get(row.kind, "")),
            Text(number(row.mean_score)),
            Text(interval),
            Text(difference, style=VERDICT_STYLES.get(row.verdict, "")),
            *([Text(row.group)] if grouped else []),
            Text(
                ""
                if row.model == "oracle"
                else marked(seconds(row.fit_seconds_total), row, verdicts, "fit_seconds_total")
            ),
            *([Text(row.failures, style="red")] if failed else []),
        ]
        table.add_row(*shown)
    return table


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
