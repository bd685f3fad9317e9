"""``fusebench list``: the names that a spec can use."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Kind(StrEnum):
    """What can be listed."""

    learners = "learners"
    fusions = "fusions"
    datasets = "datasets"
    metrics = "metrics"
    encoders = "encoders"
    compressions = "compressions"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list")(list_names)


def list_names(
    kind: Annotated[Kind, typer.Argument(help="What to list.", show_default=False)],
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown.")] = False,
) -> None:
    """List the learners, fusions, datasets, metrics, encoders or compressions that a spec can name."""
    from fusebench import api

    for line in api.list_names(kind.value, markdown=markdown):
        typer.echo(line)
