"""``fusebench report``: render a run again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fusebench.cli import _options as options
from fusebench.cli import say

if TYPE_CHECKING:
    from fusebench.api import Settings
    from fusebench.results import Results

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]
HtmlFile = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the page there.")]
Plots = Annotated[Path | None, typer.Option(metavar="DIR", help="Write every figure into this folder.")]
PlotFormat = Annotated[str, typer.Option(metavar="png|svg|pdf", help="Of the figures.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    run: RunFolder,
    html: HtmlFile = None,
    plots: Plots = None,
    plot_format: PlotFormat = "png",
    format: options.Format | None = None,  # noqa: A002 - the flag is --format
    explain: options.Explain = False,
    store: options.StorePath = None,
    jobs: options.Jobs = None,
    allow_import: options.AllowImport = False,
    quiet: options.Quiet = False,
) -> None:
    """Render a finished run again, from its folder alone; fits nothing.

    With --explain the folder also gets what members contribute, from the predictions in the store.

    Exits 2 when the folder is no run folder, 3 when it is half written, damaged or of a newer fusebench.
    """
    from fusebench import api

    if format is not None:
        api.check_format(format)
    api.check_plot_format(plot_format)
    results = api.read_run(run)
    if explain:
        results = _explained(run, results, options.place(store, jobs), allow_import=allow_import, quiet=quiet)
    verdicts = api.compare(results)
    if explain:
        api.write_run(results, verdicts, run, run)
    if html is not None:
        api.write_text(html, api.render(results, verdicts, "html"))
        if not quiet:
            say(f"wrote {html}")
    if plots is not None:
        names = api.write_plots(results, verdicts, plots, plot_format)
        if not quiet:
            say(f"wrote {len(names)} figures into {plots}/")
    if format is not None or (html is None and plots is None):
        typer.echo(api.render(results, verdicts, format or "table"))


def _explained(run: Path, results: Results, place: Settings, *, allow_import: bool, quiet: bool) -> Results:
    from fusebench import api
    from fusebench.cli._progress import progress_for

    planned = api.make_plan(api.load_spec(run / "spec.yaml", allow_import=allow_import, place=place), place)
    return api.explain(planned, results, place, progress_for(planned.plan.blueprint, quiet=quiet))
