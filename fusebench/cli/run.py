"""``fusebench run``: fit, fuse, score, compare, report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fusebench.cli import _options as options
from fusebench.cli import say
from fusebench.errors import FitsFailedError

if TYPE_CHECKING:
    from fusebench.api import LoadedSpec, PreparedRun, Settings

MOST_NOTES = 10  # about data, without -v


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    spec: options.SpecFile,
    datasets: options.Datasets = None,
    learners: options.Learners = None,
    fusions: options.Fusions = None,
    override: options.Overrides = None,
    out: options.Out = None,
    jobs: options.Jobs = None,
    threads_per_fit: options.Threads = None,
    timeout: options.Timeout = None,
    memory: options.Memory = None,
    executor: options.ExecutorName = None,
    scheduler: options.Scheduler = None,
    store: options.StorePath = None,
    time_limit: options.TimeLimit = None,
    allow_import: options.AllowImport = False,
    format: options.Format = "table",  # noqa: A002 - the flag is --format
    fail_on_error: options.FailOnError = 0,
    explain: options.Explain = False,
    fresh: options.Fresh = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Fit, fuse, score, compare and report what a spec names."""
    from fusebench.engine.execute import early

    if not dry_run:
        early.begin_for_spec(spec, store, executor, scheduler)
    from fusebench import api

    only = {
        kind: options.names(value)
        for kind, value in (("datasets", datasets), ("learners", learners), ("fusions", fusions))
    }
    overrides = options.assignments(override, threads=threads_per_fit, timeout=timeout, memory=memory)
    place = options.place(store, jobs, time_limit, fresh=fresh)
    warm_up = None if dry_run else api.worker_imports(executor, scheduler)
    loaded = api.load_spec(
        spec, overrides=overrides, only=only, allow_import=allow_import, place=place, warm_up=warm_up
    )
    if dry_run:
        from fusebench.cli.plan import print_plan

        print_plan(api.make_plan(loaded, place), place)
        return
    run_and_report(
        loaded,
        place,
        out=out or Path("results") / loaded.spec.name,
        format_name=format,
        fail_on_error=fail_on_error,
        executor=executor,
        scheduler=scheduler,
        explain=explain,
        quiet=quiet,
        verbose=verbose,
    )


def run_and_report(
    loaded: LoadedSpec,
    place: Settings,
    *,
    out: Path,
    format_name: str,
    fail_on_error: int,
    executor: str | None = None,
    scheduler: str | None = None,
    explain: bool = False,
    quiet: bool,
    verbose: bool,
    finish: Callable[[PreparedRun], None] | None = None,
) -> None:
    """Run a loaded spec, write its folder, print its table; `finish` writes what else a command leaves there.

    Raises
    ------
    FitsFailedError
        If more fits failed than allowed; the tables are written all the same.
    """
    from fusebench import api
    from fusebench.cli._progress import progress_for

    api.check_format(format_name)
    api.check_output(out)
    planned = api.make_plan(loaded, place)
    if not quiet:
        _say_notes(api.data_notes(planned), verbose=verbose)
    runner = api.choose_executor(executor, scheduler, loaded.spec, planned.plan.blueprint, place)
    if not quiet and (message := api.unenforced_limits(runner, loaded.spec)):
        say(f"note: {message}")
    outcomes = api.execute(planned, place, progress_for(planned.plan.blueprint, quiet=quiet), runner)
    results = api.collect(planned, outcomes, place)
    if (explain or api.is_explained(planned)) and outcomes.interrupted is None and results.scores:
        results = api.explain(planned, results, place, progress_for(planned.plan.blueprint, quiet=quiet))
    verdicts = api.compare(results)
    api.write_run(results, verdicts, out, loaded.base)
    if finish is not None:
        finish(planned)
    typer.echo(api.render(results, verdicts, format_name))
    if not quiet:
        say(f"tables: {out}/   fits: {place.store}/")
    for message in api.damage(planned, outcomes):
        say(message)
    if verbose:
        for note in results.notes:
            say(f"note: {note}")
    if outcomes.interrupted is not None:
        raise outcomes.interrupted
    if not outcomes.complete and not quiet:
        say("the time limit ended the run; the tables hold what was finished, the same command goes on from there")
    failed = api.n_failed_fits(outcomes, planned.plan)
    if failed > fail_on_error:
        raise FitsFailedError(f"{failed} fits failed (allowed: {fail_on_error}); see {out / 'failures.csv'}")


def _say_notes(notes: list[str], *, verbose: bool) -> None:
    shown = notes if verbose else notes[:MOST_NOTES]
    for note in shown:
        say(f"note: {note}")
    if len(shown) < len(notes):
        say(f"note: {len(notes) - len(shown)} more about the data; -v shows them")
