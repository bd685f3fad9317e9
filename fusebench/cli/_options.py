"""Options that several commands share, and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fusebench.errors import StorageError, UsageError

if TYPE_CHECKING:
    from fusebench.api import Settings

SpecFile = Annotated[Path, typer.Argument(metavar="SPEC.yaml", help="The spec.", show_default=False)]
Datasets = Annotated[str | None, typer.Option(metavar="A,B", help="Keep only these datasets.")]
Learners = Annotated[str | None, typer.Option(metavar="A,B", help="Keep only these learners.")]
Fusions = Annotated[str | None, typer.Option(metavar="A,B", help="Keep only these fusions.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Override one value of the spec; repeatable.")
]
Out = Annotated[Path | None, typer.Option(metavar="FOLDER", help="The run folder; default results/<spec name>.")]
Jobs = Annotated[int | None, typer.Option(metavar="N", help="Worker processes; default all cores.")]
Threads = Annotated[int | None, typer.Option("--threads-per-fit", metavar="N", help="Threads of one fit.")]
Timeout = Annotated[str | None, typer.Option(metavar="TIME", help="Per fit, such as 90s or 10m.")]
Memory = Annotated[str | None, typer.Option(metavar="SIZE", help="Per fit, such as 4GB.")]
StorePath = Annotated[
    str | None,
    typer.Option("--store", metavar="PATH|URL", help="Where fits are kept; .fusebench. A URL is shared by machines."),
]
TimeLimit = Annotated[str | None, typer.Option(metavar="TIME", help="Of the whole run; then tables of what is done.")]
AllowImport = Annotated[bool, typer.Option("--allow-import", help="Let the spec import classes from any package.")]
Format = Annotated[
    str, typer.Option(metavar="FORMAT", help="Of stdout: table, json, csv, markdown, latex, html, junit or github.")
]
FailOnError = Annotated[int, typer.Option(metavar="N", help="Exit 4 when more than N fits failed.", min=0)]
Explain = Annotated[
    bool, typer.Option("--explain", help="Also say what members contribute, from stored predictions; takes longer.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Fit again and replace what is stored.")]
Trust = Annotated[
    str | None, typer.Option(metavar="TYPE,TYPE", help="Types beyond the allow-list that a model may hold.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Notes, and tracebacks of bugs.")]
ExecutorName = Annotated[str | None, typer.Option("--executor", metavar="local|dask", help="Where fits run.")]
Scheduler = Annotated[str | None, typer.Option(metavar="ADDRESS", help="A running Dask scheduler.")]


LEAST_MEMORY = 640_000_000  # bytes of address space; with less, OpenBLAS may try again without end


def names(listed: str | None) -> list[str]:
    """Return the names of a comma-separated list."""
    return [name.strip() for name in (listed or "").split(",") if name.strip()]


def assignments(
    given: list[str] | None, *, threads: int | None = None, timeout: str | None = None, memory: str | None = None
) -> list[tuple[str, str]]:
    """Return ``--set`` and the flags that stand for values of the spec as (dotted path, text).

    Raises
    ------
    UsageError
        If one has no ``=``.
    """
    pairs = []
    for one in given or []:
        path, separator, value = one.partition("=")
        if not separator or not path:
            raise UsageError(f"--set {one}: expected PATH=VALUE, such as --set cv.n_repeats=3")
        pairs.append((path.strip(), value))
    flags = {"resources.threads_per_fit": threads, "resources.timeout": timeout, "resources.memory": memory}
    return pairs + [(path, str(value)) for path, value in flags.items() if value is not None]


def _require_memory() -> None:
    """Raise where the shell allows less memory than the libraries of any run ask for: one of them would not end."""
    try:
        import resource
    except ImportError:  # no such limits here
        return
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY and allowed < LEAST_MEMORY:
        raise StorageError(
            f"a process may have {allowed / 1e6:.0f} MB of memory here (`ulimit -v`), and a run needs "
            f"{LEAST_MEMORY / 1e6:.0f} MB at the very least"
        )


def place(store: str | None, jobs: int | None, time_limit: str | None = None, *, fresh: bool = False) -> Settings:
    """Return the settings of the place.

    Raises
    ------
    UsageError
        If the time limit is none.
    StorageError
        If there is too little memory for any run.
    """
    _require_memory()
    from fusebench import api
    from fusebench.spec import duration

    limit = None
    if time_limit is not None:
        try:
            limit = duration(time_limit)
        except ValueError as error:
            raise UsageError(f"--time-limit: {error}") from error
    return api.settings(store=store, n_jobs=jobs, time_limit=limit, fresh=fresh)
