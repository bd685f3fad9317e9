"""``fusebench validate``: all errors of a spec at once."""

from __future__ import annotations

import typer

from fusebench.cli import _options as options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(validate)


def validate(spec: options.SpecFile, override: options.Overrides = None) -> None:
    """Check a spec and say everything that is wrong with it; reads no data and fits nothing."""
    from fusebench import api

    loaded = api.load_spec(spec, overrides=options.assignments(override))
    count = len(loaded.spec.datasets), len(loaded.spec.learners), len(loaded.spec.fusions)
    words = ("dataset", "learner", "fusion")
    said = ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in zip(count, words, strict=True))
    typer.echo(f"{spec}: fine ({said})")
