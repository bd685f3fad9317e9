"""``fusebench compare``: a benchmark without a spec."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fusebench.cli import _options as options
from fusebench.cli.run import run_and_report
from fusebench.errors import UsageError

Named = Annotated[str, typer.Option(metavar="A,B", help="Dataset names, CSV files, openml:ID or suite:TAG.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(compare)


def compare(
    datasets: Named,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="Target column of the files.")] = None,
    learners: Annotated[str, typer.Option(metavar="A,B", help="Learners.")] = "lr,svm,rf,xgb,lgbm",
    fusions: Annotated[str, typer.Option(metavar="A,B", help="Fusions.")] = "",
    scoring: Annotated[str | None, typer.Option(metavar="A,B", help="Metrics; the first one ranks.")] = None,
    save_spec: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the spec that this ran.")] = None,
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
    """Compare learners and fusions on datasets, with good defaults and no spec."""
    from fusebench.engine.execute import early

    if not dry_run:
        early.begin_imports(options.names(learners), store, executor)
    from fusebench import api

    if not options.names(datasets):
        raise UsageError("--datasets: name at least one dataset, such as --datasets iris,wine")
    data = api.comparison_spec(
        options.names(datasets),
        target=target,
        learners=options.names(learners),
        fusions=options.names(fusions),
        scoring=options.names(scoring),
    )
    overrides = options.assignments(override, threads=threads_per_fit, timeout=timeout, memory=memory)
    place = options.place(store, jobs, time_limit, fresh=fresh)
    warm_up = None if dry_run else api.worker_imports(executor, scheduler)
    loaded = api.spec_from(data, overrides=overrides, allow_import=allow_import, place=place, warm_up=warm_up)
    if save_spec is not None:
        loaded.settle()
        api.save_spec(data, save_spec)
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
