"""``fusebench diff``: what changed between two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fusebench.cli.check import FORMATS, Alpha, Margins
from fusebench.errors import UsageError

Before = Annotated[Path, typer.Argument(metavar="RUN_A", help="A run folder, a baseline or a score table.")]
Now = Annotated[Path, typer.Argument(metavar="RUN_B", help="The same, later.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(diff)


def diff(
    before: Before,
    now: Now,
    margin: Margins = None,
    alpha: Alpha = 0.05,
    format: Annotated[str, typer.Option(metavar="text|json|markdown|junit")] = "text",  # noqa: A002 - the flag is --format
) -> None:
    """Say what changed between two runs, paired by fold where that is honest. Judges nothing: exits 0."""
    from fusebench import api

    if format not in FORMATS:
        raise UsageError(f"--format: unknown format '{format}'; there is {', '.join(FORMATS)}")
    text = api.gate_text(api.difference(before, now, margins=margin or (), alpha=alpha), format)
    typer.echo("\n".join(text.splitlines()[:-1]) if format == "text" else text)  # the last line is the gate's verdict
