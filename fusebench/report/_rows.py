"""Rows that are no leaderboard: fused predictions, as text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from fusebench.report._files import as_csv, as_json
from fusebench.report.base import shortened

FIRST = 10
FORMATS = ("table", "csv", "json", "markdown")


def rows_text(header: Sequence[str], rows: Sequence[Sequence[Any]], format_name: str) -> str:
    """Return rows in a format, the first few only as ``table``.

    Raises
    ------
    KeyError
        If rows have no such format.
    """
    if format_name == "csv":
        return as_csv(header, rows)
    if format_name == "json":
        return as_json({"schema_version": 1, "rows": [dict(zip(header, row, strict=True)) for row in rows]})
    if format_name == "markdown":
        lines = [list(header), ["---"] * len(header), *rows]
        return "\n".join("| " + " | ".join(_escaped(one) for one in line) + " |" for line in lines) + "\n"
    if format_name == "table":
        return _table(header, rows)
    raise KeyError(format_name)


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in header:
        table.add_column(Text(shortened(name)), overflow="fold")
    for row in rows[:FIRST]:
        table.add_row(*(Text(_shown(one)) for one in row))
    stream = io.StringIO()
    console = Console(file=stream, width=120, highlight=False)
    console.print(table)
    if len(rows) > FIRST:
        console.print(Text(f"... and {len(rows) - FIRST:,} rows more"))
    return stream.getvalue()


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else shortened("" if value is None else value)


def _escaped(value: Any) -> str:
    return _shown(value).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
