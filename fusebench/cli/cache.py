"""``fusebench cache``: look after the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fusebench.cli import _options as options
from fusebench.errors import UsageError

MaxSize = Annotated[str | None, typer.Option(metavar="SIZE", help="Remove the oldest entries above this, such as 5GB.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    cache = typer.Typer(help="Look after the store of finished fits.", no_args_is_help=True, rich_markup_mode=None)
    for one in (info, verify, gc, clear):
        cache.command()(one)
    app.add_typer(cache, name="cache")


def info(store: options.StorePath = None) -> None:
    """Say how many results are stored and how large they are."""
    from fusebench import api

    told = api.cache_info(_folder(store))
    typer.echo(f"{told['path']}: {told['entries']} entries, {told['bytes'] / 1e6:,.1f} MB, {told['datasets']} datasets")


def verify(store: options.StorePath = None) -> None:
    """Read every entry and set aside those whose bytes changed."""
    from fusebench import api

    good, bad = api.cache_verify(_folder(store))
    typer.echo(f"{good} entries are sound, {bad} were damaged and set aside; they are made again when needed")


def gc(store: options.StorePath = None, max_size: MaxSize = None) -> None:
    """Remove what crashed runs left behind, damaged entries, and the oldest entries above a size."""
    from fusebench import api

    removed = api.cache_gc(_folder(store), max_size)
    typer.echo(f"removed {removed['entries']} entries, freed {removed['bytes'] / 1e6:,.1f} MB")


def clear(store: options.StorePath = None) -> None:
    """Remove everything in the store."""
    from fusebench import api

    removed = api.cache_clear(_folder(store))
    typer.echo(f"removed {removed['entries']} entries, freed {removed['bytes'] / 1e6:,.1f} MB")


def _folder(store: str | None) -> Path:
    """Return the folder of a local store."""
    place = options.place(store, None)
    if place.shared is not None:
        raise UsageError(f"--store {place.shared}: `fusebench cache` looks after a folder of this machine, not a URL")
    return place.store
