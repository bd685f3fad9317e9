"""``fusebench schema``: the JSON Schema of a spec."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(schema)


def schema() -> None:
    """Print the JSON Schema of a spec, for editors."""
    import json

    from fusebench import api

    typer.echo(json.dumps(api.json_schema(), indent=2, sort_keys=True))
