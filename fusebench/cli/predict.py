"""``fusebench predict``: a saved model's predictions of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fusebench.cli import _options as options
from fusebench.cli import say
from fusebench.errors import printable


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(predict)


def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="From fusebench fit: .skops or .onnx.", show_default=False)
    ],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="CSV, TSV, Parquet or Feather.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Predictions as CSV; default stdout.")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(metavar="CHAR", help="Of DATA; default that of training.")] = None,
    trust: options.Trust = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,  # noqa: ARG001 - a bug's traceback is asked for by it
) -> None:
    """Predict the rows of a table with a saved model; columns may stand in any order."""
    from fusebench import deploy

    if output is not None:
        deploy.check_output(output)
    predictions, notes = deploy.predict(model, data, delimiter=delimiter, trusted=options.names(trust))
    text = deploy.as_csv(predictions)
    if output is None:
        typer.echo(text, nl=False)
    else:
        deploy.write_text(text, output)
    if not quiet:
        for note in notes:
            say(printable(f"note: {note}"))
    if output is not None and not quiet:
        say(f"{output}: {len(predictions):,} predictions")
