"""``fusebench doctor``: what is installed and what it means."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor() -> None:
    """Print versions, cores, thread settings and which extras are installed."""
    from fusebench import api

    for name, value in api.diagnose().items():
        typer.echo(f"{name:22} {value}")
