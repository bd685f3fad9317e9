"""``fusebench check``: the CI gate on accuracy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fusebench.cli import _options as options
from fusebench.cli import say
from fusebench.errors import RegressionError, UndecidableError, UsageError

if TYPE_CHECKING:
    from fusebench.api import LoadedSpec, Settings
    from fusebench.judge import Baseline
    from fusebench.results import Results

BaselineFile = Annotated[Path, typer.Argument(metavar="BASELINE.json", show_default=False)]
SpecOrRun = Annotated[
    Path | None, typer.Argument(metavar="SPEC.yaml | RUN", help="Default: the baseline's own spec, run again.")
]
Margins = Annotated[
    list[str] | None,
    typer.Option("--margin", metavar="VALUE|METRIC=VALUE", help="A drop that does not matter; repeatable."),
]
Alpha = Annotated[float, typer.Option(help="Level of the false alarms, over everything checked.")]
Conservative = Annotated[bool, typer.Option("--conservative", help="Fail only when a drop beyond the margin is shown.")]
Exact = Annotated[bool, typer.Option("--exact", help="Fail on any change.")]
Update = Annotated[bool, typer.Option("--update", help="Write what is found as the new baseline.")]
GitHub = Annotated[bool, typer.Option("--github", help="Annotations and step summary of a GitHub workflow.")]
JUnit = Annotated[Path | None, typer.Option(metavar="FILE", help="Also write JUnit XML.")]
FORMATS = ("text", "json", "markdown", "junit")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    baseline: BaselineFile,
    spec: SpecOrRun = None,
    margin: Margins = None,
    alpha: Alpha = 0.05,
    conservative: Conservative = False,
    exact: Exact = False,
    update: Update = False,
    github: GitHub = False,
    junit: JUnit = None,
    format: Annotated[str, typer.Option(metavar="text|json|markdown|junit")] = "text",  # noqa: A002 - the flag is --format
    jobs: options.Jobs = None,
    store: options.StorePath = None,
    allow_import: options.AllowImport = False,
    quiet: options.Quiet = False,
) -> None:
    """Run a benchmark again, or judge a run folder, and fail when accuracy truly fell since the baseline.

    Exits 0 when nothing fell, 1 on a regression, 3 when the two cannot be compared honestly.
    """
    from fusebench import api

    if format not in FORMATS:
        raise UsageError(f"--format: unknown format '{format}'; there is {', '.join(FORMATS)}")
    summary = os.environ.get("GITHUB_STEP_SUMMARY") if github else None
    for path in (baseline if update else None, junit, Path(summary) if summary else None):
        if path is not None:
            api.check_output_file(path)
    place = options.place(store, jobs)
    if update and spec is None and not baseline.exists():
        raise UsageError(f"{baseline}: there is no baseline yet; name the spec that makes it")
    before = None if update and spec is not None else api.read_baseline(baseline)
    results, base = _results(baseline, before, spec, place, allow_import=allow_import, quiet=quiet)
    if update or before is None:
        api.write_baseline(results, baseline, base)
        say(f"wrote the baseline {baseline}")
        return
    found = api.gate(before, results, margins=margin or (), alpha=alpha, conservative=conservative, exact=exact)
    typer.echo(api.gate_text(found, format))
    if junit is not None:
        junit.write_text(api.gate_text(found, "junit"), encoding="utf-8")
    if github:
        _tell_github(api.gate_text(found, "annotations"), api.gate_text(found, "markdown"))
    if found.failed:
        raise RegressionError(f"the gate failed: accuracy fell against {baseline}")


def _results(
    path: Path, before: Baseline | None, spec: Path | None, place: Settings, *, allow_import: bool, quiet: bool
) -> tuple[Results, Path]:
    """Return what is to be judged and what paths in its spec are relative to."""
    from fusebench import api

    if spec is not None and spec.is_dir():
        results = api.read_run(spec)
        _require_scores(results)
        return results, spec
    if spec is None and before is not None:
        loaded = api.baseline_spec(before, path, allow_import=allow_import)
    else:
        loaded = api.load_spec(spec or path, allow_import=allow_import)
    return _run(loaded, place, quiet=quiet), loaded.base


def _run(loaded: LoadedSpec, place: Settings, *, quiet: bool) -> Results:
    from dataclasses import replace

    from fusebench import api
    from fusebench.cli._progress import progress_for

    if names := api.unreleased_learners(loaded):
        say(f"fitted again, since their code belongs to no release: {', '.join(names)}")
        place = replace(place, fresh=True)
    planned = api.make_plan(loaded, place)
    outcomes = api.execute(planned, place, progress_for(planned.plan.blueprint, quiet=quiet))
    if outcomes.interrupted is not None:
        raise outcomes.interrupted
    results = api.collect(planned, outcomes, place)
    for message in api.damage(planned, outcomes):
        say(message)
    _require_scores(results)
    return results


def _require_scores(results: Results) -> None:
    if not results.scores:
        raise UndecidableError("the run has no scores: every fit failed")


def _tell_github(annotations: str, summary: str) -> None:
    if annotations:
        typer.echo(annotations)
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(summary + "\n")
