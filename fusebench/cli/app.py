"""The command tree. A command's module is imported when it runs or when help is asked for."""

from __future__ import annotations

from functools import cache as once
from typing import Annotated, Any

import typer

from fusebench import __version__

app = typer.Typer(
    name="fusebench",
    help="Benchmark model fusion honestly: fit each learner once per split, fuse stored predictions, compare paired.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fusebench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@once
def command() -> Any:
    """Return the whole command line; made once, or a second call would hold every command twice."""
    from fusebench.cli import (
        cache,
        check,
        compare,
        diff,
        doctor,
        fit,
        fuse,
        importance,
        init,
        listing,
        plan,
        predict,
        report,
        run,
        schema,
        show,
        stats,
        validate,
    )

    for module in (
        run,
        compare,
        fuse,
        report,
        check,
        stats,
        diff,
        fit,
        predict,
        importance,
        plan,
        validate,
        init,
        listing,
        show,
        schema,
        cache,
        doctor,
    ):
        module.register(app)
    return typer.main.get_command(app)
