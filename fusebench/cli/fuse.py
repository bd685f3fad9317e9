"""``fusebench fuse``: predictions made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fusebench.cli import _options as options
from fusebench.cli import say
from fusebench.cli.run import run_and_report
from fusebench.errors import UsageError, printable

if TYPE_CHECKING:
    from fusebench.api import LoadedSpec, PreparedRun
    from fusebench.engine.elsewhere import Elsewhere

Table = Annotated[Path, typer.Argument(metavar="PREDICTIONS.csv", help="The table.", show_default=False)]
KINDS = ("classification", "regression")
FUSED = "predictions.csv"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(fuse)


def fuse(
    predictions: Table,
    fusions: Annotated[str, typer.Option(metavar="A,B", help="Fusions.")] = "",
    scoring: Annotated[str, typer.Option(metavar="A,B", help="Metrics; the first one ranks.")] = "",
    target_type: Annotated[
        str | None, typer.Option(metavar="|".join(KINDS), help="What is predicted, where the table does not tell.")
    ] = None,
    classes: Annotated[
        str, typer.Option(metavar="A,B", help="The labels that count; others are abstentions. Default: all there are.")
    ] = "",
    id_column: Annotated[str, typer.Option("--id", metavar="COLUMN", help="Names each row.")] = "id",
    y_true: Annotated[str, typer.Option("--y-true", metavar="COLUMN", help="The true answers, if any.")] = "y_true",
    fold: Annotated[str, typer.Option(metavar="COLUMN", help="The table's own folds, if any.")] = "fold",
    features: Annotated[str, typer.Option(metavar="A,B", help="Columns that are features and no model.")] = "",
    ignore: Annotated[str, typer.Option(metavar="A,B", help="Columns to leave out.")] = "",
    folds: Annotated[int | None, typer.Option(metavar="N", help="Folds of the cross-validation; 5.", min=2)] = None,
    repeats: Annotated[int | None, typer.Option(metavar="N", help="How often it is repeated; 1.", min=1)] = None,
    random_state: Annotated[int, typer.Option(metavar="N", help="Seed.", min=0, max=2**32 - 1)] = 0,
    save_spec: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the spec that this ran.")] = None,
    override: options.Overrides = None,
    out: options.Out = None,
    jobs: options.Jobs = None,
    store: options.StorePath = None,
    time_limit: options.TimeLimit = None,
    format: options.Format = "table",  # noqa: A002 - the flag is --format
    fail_on_error: options.FailOnError = 0,
    fresh: options.Fresh = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Fuse predictions made elsewhere: by other tools, by language models, by colleagues.

    The table has a column id, perhaps y_true and fold, and per model one column MODEL of labels or values, or one
    column MODEL:CLASS of probabilities per class. With true answers, fusions are cross-validated and ranked; without,
    those that learn nothing are applied. Either way the fused predictions are written to predictions.csv.
    """
    from fusebench import api

    if target_type not in {None, *KINDS}:
        raise UsageError(f"--target-type: got {target_type!r}, expected {' or '.join(KINDS)}")
    found = api.read_elsewhere(
        predictions,
        id_column=id_column,
        y_true=y_true,
        fold=fold,
        features=options.names(features),
        ignore=options.names(ignore),
        classes=options.names(classes),
        target_type=target_type,
    )
    data = api.fuse_spec(
        found,
        fusions=options.names(fusions),
        scoring=options.names(scoring),
        n_folds=folds,
        n_repeats=repeats,
        random_state=random_state,
    )
    place = options.place(store, jobs, time_limit, fresh=fresh)
    loaded = api.spec_from(data, overrides=options.assignments(override))
    if save_spec is not None:
        api.save_spec(data, save_spec)
    folder = out or Path("results") / loaded.spec.name
    if not quiet:
        for note in found.notes:
            say(f"note: {printable(note)}")
    if not found.has_targets:
        _fuse_without_answers(found, loaded, folder, format, quiet=quiet, dry_run=dry_run)
        return
    if dry_run:
        from fusebench.cli.plan import print_plan

        print_plan(api.make_plan(loaded, place), place)
        return

    def write_fused(finished: PreparedRun) -> None:
        for note in [] if quiet else finished.prepared.facts[0].notes:
            say(f"note: {printable(note)}")
        api.write_table(*api.fused_rows(found, finished, place), folder / FUSED)

    run_and_report(
        loaded,
        place,
        out=folder,
        format_name=format,
        fail_on_error=fail_on_error,
        quiet=quiet,
        verbose=verbose,
        finish=write_fused,
    )


def _fuse_without_answers(
    found: Elsewhere, loaded: LoadedSpec, folder: Path, format_name: str, *, quiet: bool, dry_run: bool
) -> None:
    from fusebench import api

    api.check_rows_format(format_name)
    header, rows = api.fuse_directly(found, loaded)
    if not dry_run:
        api.write_table(header, rows, folder / FUSED)
    typer.echo(api.rows_text(header, rows, format_name).rstrip("\n"))
    if not quiet:
        say(f"no column {found.table.y_true!r}: nothing is scored, and only fusions that learn nothing are applied")
        if not dry_run:
            say(f"fused predictions: {folder / FUSED}")
