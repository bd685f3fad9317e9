"""What a page is made of: sections of texts, figures and sortable tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fusebench.report._drawing import Drawing
from fusebench.report.base import (
    FRONT,
    Verdicts,
    number,
    shortened,
)

MOST_ROWS = 150
NAME = 60  # characters of a name in a table


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


def name_cell(text: object) -> Cell:
    return Cell(shortened(text, NAME), isolated=True)


def number_cell(value: float | None, text: str | None = None, role: str = "n") -> Cell:
    return Cell(number(value) if text is None else text, role, "" if value is None else repr(float(value)))


def _cut(rows: Sequence[Row], most: int = MOST_ROWS) -> tuple[Sequence[Row], str]:
    left = len(rows) - most
    return (
        (rows[:most], f"and {left} more rows, which the CSV files of the run folder hold") if left > 0 else (rows, "")
    )


def table_of(columns: Sequence[Column], rows: Sequence[Row], most: int = MOST_ROWS) -> Table:
    kept, said = _cut(rows, most)
    return Table(columns, kept, said)


def front_mark(verdicts: Verdicts, row: Any, cost: str) -> str:
    return FRONT if row.model in verdicts.fronts.get(row.metric, {}).get(cost, ()) else ""
