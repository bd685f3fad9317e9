"""``fusebench show``: what one name means."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(show)


Target = Annotated[str | None, typer.Option(metavar="COLUMN", help="Target column, where the name is a file.")]


def show(
    name: Annotated[str, typer.Argument(help="A learner, fusion, dataset, metric or encoder; a file, or openml:ID.")],
    target: Target = None,
) -> None:
    """Explain a learner, fusion, encoder or metric, or describe a dataset."""
    from fusebench import api

    typer.echo(api.show(name, target=target))
