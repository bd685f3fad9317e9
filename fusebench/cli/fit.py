"""``fusebench fit``: the chosen model, fitted on all rows and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fusebench.cli import _options as options
from fusebench.cli import say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(fit)


def fit(
    spec: options.SpecFile,
    fusion: Annotated[str, typer.Option(metavar="NAME", help="A fusion, learner or reference of the spec.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The model; ends in .skops or .onnx.")],
    dataset: Annotated[str | None, typer.Option(metavar="NAME", help="Needed where the spec has several.")] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="Needed where the dataset has several.")] = None,
    override: options.Overrides = None,
    jobs: options.Jobs = None,
    threads_per_fit: options.Threads = None,
    store: options.StorePath = None,
    allow_import: options.AllowImport = False,
    trust: options.Trust = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,  # noqa: ARG001 - a bug's traceback is asked for by it
) -> None:
    """Fit the chosen model on all rows of a dataset and save it, without pickle, or export it to ONNX."""
    from fusebench import api, deploy
    from fusebench.cli._progress import progress_for

    form = deploy.form_of(output)
    deploy.check_output(output)
    place = options.place(store, jobs)
    overrides = options.assignments(override, threads=threads_per_fit)
    loaded = api.load_spec(spec, overrides=overrides, allow_import=allow_import, place=place)
    winner = deploy.fit(
        loaded,
        place,
        model=fusion,
        dataset=dataset,
        target=target,
        progress=lambda blueprint: progress_for(blueprint, quiet=quiet),
        trusted=options.names(trust),
        form=form,
    )
    size = deploy.save(winner, output, trusted=options.names(trust))
    if not quiet:
        stored = f", {winner.n_stored} predictions from the store" if winner.n_stored else ""
        say(f"{output}: '{fusion}' on {winner.facts['n_samples']:,} rows of {winner.facts['dataset']}, {size:,} bytes "
            f"({winner.n_fitted} fits{stored})")  # fmt: skip
