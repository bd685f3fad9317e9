"""Fusing a table of predictions made elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench import io, report
from fusebench.api.loading import LoadedSpec
from fusebench.api.places import Settings
from fusebench.api.planning import PreparedRun
from fusebench.api.running import SilentProgress, execute
from fusebench.engine import check
from fusebench.engine.layouts import hold_predictions
from fusebench.engine.splits import Splits
from fusebench.engine.tasks.data import DataFolders, ProblemData
from fusebench.errors import UsageError

if TYPE_CHECKING:
    from fusebench.engine.elsewhere import Elsewhere


def read_elsewhere(path: Path, **columns: Any) -> Elsewhere:
    """Return what a table of predictions holds; see `fusebench.engine.elsewhere.read`."""
    from fusebench.engine import elsewhere

    return elsewhere.read(path, **columns)


def fuse_spec(found: Elsewhere, **settings: Any) -> dict[str, Any]:
    """Return the benchmark of a table of predictions as plain data; see `fusebench.engine.elsewhere.spec_of`."""
    from fusebench.engine import elsewhere

    return elsewhere.spec_of(found, **settings)


def fuse_directly(found: Elsewhere, loaded: LoadedSpec) -> tuple[list[str], list[list[Any]]]:
    """Return what fusions that learn nothing say of a table of predictions: a header and a row per id."""
    from fusebench.engine import elsewhere

    return elsewhere.fuse_directly(found, check.resolve_fusions(loaded.spec))


def fused_rows(found: Elsewhere, run: PreparedRun, place: Settings) -> tuple[list[str], list[list[Any]]]:
    """Return what the fusions of a finished run said of the rows of a table: a header and a row per id.

    What was scored and is not in the store any more is made again first.
    """
    from fusebench.engine import elsewhere

    problem = run.plan.blueprint.problems[0]
    splits = ProblemData(problem, DataFolders(run.store.root)(problem.data_key)).splits
    if lost := {key: run.plan.tasks[key] for key in _lost(run, splits)}:
        execute(replace(run, missing=lost), place, SilentProgress())
    return elsewhere.fused_rows(found, run.plan.blueprint, run.store, splits)


def _lost(run: PreparedRun, splits: Splits) -> Iterator[str]:
    """Yield the keys of fused predictions that have a score, and are gone or are not what their key says."""
    blueprint = run.plan.blueprint
    (problem,) = blueprint.problems
    for name, fusion in blueprint.fusions.items():
        if fusion.kind != "fusion" or not run.store.has(blueprint.score_key(problem, name)):
            continue
        for (repeat, fold), split in splits.outer.items():
            key = blueprint.fuse_key(problem, name, repeat, fold, "test")
            entry = run.store.get(key, "fuse") if repeat == 0 else None
            if repeat or (entry and hold_predictions(entry.arrays, 0, len(split.test), problem.n_classes)):
                continue
            run.store.reject(key)
            yield key


def write_table(header: Sequence[str], rows: Sequence[Sequence[Any]], path: Path) -> None:
    """Write rows as CSV that no spreadsheet runs."""
    with io.storage_errors(path):
        io.write_durably(path, [report.rows_text(header, rows, "csv").encode()])


def check_rows_format(format_name: str) -> None:
    """Raise UsageError for a format that fused predictions do not have."""
    if format_name not in report.ROW_FORMATS:
        raise UsageError(
            f"--format: fused predictions have no format '{format_name}'; there is {', '.join(report.ROW_FORMATS)}"
        )


def rows_text(header: Sequence[str], rows: Sequence[Sequence[Any]], format_name: str) -> str:
    """Return rows as ``csv``, ``json``, ``markdown`` or, their first ones, as ``table``."""
    return report.rows_text(header, rows, format_name)
