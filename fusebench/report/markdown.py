"""Markdown, for pull requests and notes."""

from __future__ import annotations

import re

from fusebench.report.base import (
    CELLS,
    COMPRESSED_CELLS,
    FRONT_SAYS,
    Format,
    Verdicts,
    board_of,
    cells,
    compressed_cells,
    compressed_groups,
    visible,
)
from fusebench.results import Results

SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#!~$])")


class Markdown(Format):
    """A table per metric, the findings above it and the warnings below."""

    def render(self, results: Results, verdicts: Verdicts) -> str:
        """Return the run as GitHub's Markdown."""
        lines = [f"## {escape(results.name)}", ""]
        lines += [f"* {escape(one)}" for one in verdicts.sentences]
        for metric in results.metrics:
            lines += ["", f"### {escape(metric)}", "", row(CELLS), row(["---"] * len(CELLS))]
            lines += [row([escape(cell) for cell in cells(one, verdicts)]) for one in board_of(verdicts, metric)]
        for (metric, fusion), group in compressed_groups(verdicts).items():
            lines += ["", f"### {escape(fusion)}, compressed ({escape(metric)})", "", row(COMPRESSED_CELLS)]
            lines += [row(["---"] * len(COMPRESSED_CELLS))]
            lines += [row([escape(cell) for cell in compressed_cells(one)]) for one in group]
        lines += ["", escape(FRONT_SAYS), "", *(f"> {escape(one)}" for one in verdicts.warnings)]
        return "\n".join(lines).rstrip("\n")


def row(texts: list[str] | tuple[str, ...]) -> str:
    """Return one line of a table."""
    return f"| {' | '.join(texts)} |"


def escape(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return SPECIAL.sub(r"\\\1", visible(text))
