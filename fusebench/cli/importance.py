"""``fusebench importance``: which features a fused model needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fusebench.cli import _options as options
from fusebench.cli import say

if TYPE_CHECKING:
    from fusebench.results import Importance, Results

COLUMNS = ("feature", "importance", "sd", "metric")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(importance)


def importance(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or a spec file.", show_default=False)],
    fusion: Annotated[str, typer.Option(metavar="NAME", help="A fusion, learner or reference of the spec.")],
    dataset: Annotated[str | None, typer.Option(metavar="NAME", help="Needed where the spec has several.")] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="Needed where the dataset has several.")] = None,
    n_repeats: Annotated[int, typer.Option(metavar="N", min=1, help="Shuffles of each feature per split.")] = 5,
    format: Annotated[str, typer.Option(metavar="table|csv|json|markdown", help="Of stdout.")] = "table",  # noqa: A002 - the flag is --format
    jobs: options.Jobs = None,
    store: options.StorePath = None,
    allow_import: options.AllowImport = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,  # noqa: ARG001 - a bug's traceback is asked for by it
) -> None:
    """Say how far a model's held-out score falls when the values of one feature are shuffled.

    Fits the model anew on the splits of repeat 0. A run folder also gets importance.csv and a section in report.html.
    """
    from fusebench import api, deploy

    api.check_rows_format(format)
    results = api.read_run(run) if run.is_dir() else None
    if results is not None:
        api.check_output(run)
    place = options.place(store, jobs)
    loaded = api.load_spec(run if results is None else run / "spec.yaml", allow_import=allow_import, place=place)
    found = deploy.importances(
        loaded, place, model=fusion, dataset=dataset, target=target, n_repeats=n_repeats, of_run=results
    )
    typer.echo(api.rows_text(COLUMNS, [[getattr(row, name) for name in COLUMNS] for row in found], format), nl=False)
    if results is not None:
        results = _with(results, found)
        api.write_run(results, api.compare(results), run, run)
        if not quiet:
            say(f"wrote {run / 'importance.csv'}, and {run / 'report.html'} with it")


def _with(results: Results, found: Sequence[Importance]) -> Results:
    """Return results with these rows in place of earlier ones of the same model."""
    new = {row[:3] for row in found}
    return replace(results, importances=(*(one for one in results.importances if one[:3] not in new), *found))
