"""``fusebench plan``: what would be fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from fusebench.cli import _options as options

if TYPE_CHECKING:
    from fusebench.api import PreparedRun, Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(plan)


def plan(
    spec: options.SpecFile,
    datasets: options.Datasets = None,
    learners: options.Learners = None,
    fusions: options.Fusions = None,
    override: options.Overrides = None,
    jobs: options.Jobs = None,
    store: options.StorePath = None,
    allow_import: options.AllowImport = False,
) -> None:
    """Show what would be fitted, what is stored already, and the expected time and memory."""
    from fusebench import api

    only = {
        kind: options.names(value)
        for kind, value in (("datasets", datasets), ("learners", learners), ("fusions", fusions))
    }
    loaded = api.load_spec(spec, overrides=options.assignments(override), only=only, allow_import=allow_import)
    place = options.place(store, jobs)
    print_plan(api.make_plan(loaded, place), place)


def print_plan(planned: PreparedRun, place: Settings) -> None:
    """Print a plan."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from fusebench import api
    from fusebench.cli._progress import human_seconds

    summary = api.describe_plan(planned)
    table = Table(box=None, pad_edge=False)
    for name in ("dataset", "rows", "features", "target", "splits", "fits", "stored", "expected"):
        table.add_column(name, justify="left" if name in {"dataset", "target"} else "right", overflow="fold")
    for row in summary["datasets"]:
        table.add_row(
            Text(row["dataset"]),
            f"{row['n_samples']:,}",
            f"{row['n_features']:,}",
            row["target_type"],
            str(row["n_splits"]),
            str(row["fits"]),
            str(row["fits_stored"]),
            human_seconds(row["expected_seconds"]),
        )
    console = Console()
    console.print(table)
    wall = summary["expected_seconds"] / place.n_jobs
    console.print(
        f"{summary['fits_left']} of {summary['fits']} fits to do, {summary['fuses_left']} fusions to fit; "
        f"an estimate: {human_seconds(wall)} with {place.n_jobs} workers, "
        f"{summary['data_bytes'] / 1e6:,.1f} MB of data per worker",
        highlight=False,
        soft_wrap=True,
    )
