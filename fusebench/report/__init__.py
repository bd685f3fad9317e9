"""Report formats, one a file, and the files of a run folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fusebench.report._gate import gate_text
from fusebench.report._rows import FORMATS as ROW_FORMATS
from fusebench.report._rows import rows_text
from fusebench.report.base import REGISTRY, Format, Verdicts
from fusebench.results import Results

__all__ = [
    "PLOT_FORMATS",
    "REGISTRY",
    "ROW_FORMATS",
    "Format",
    "Verdicts",
    "as_csv",
    "gate_text",
    "read_run",
    "render",
    "rows_text",
    "write_plots",
    "write_run",
]

PLOT_FORMATS = ("png", "svg", "pdf")


def render(results: Results, verdicts: Verdicts, format_name: str) -> str:
    """Return results in a format.

    Raises
    ------
    KeyError
        If there is no such format.
    """
    chosen: Format = REGISTRY.load(format_name)()
    return chosen.render(results, verdicts)


def write_run(results: Results, verdicts: Verdicts, folder: Path, base: Path | None = None) -> None:
    """Write every table of a run into a folder; see `fusebench.report._files`."""
    from fusebench.report import _files

    _files.write_run(results, verdicts, folder, base)


def read_run(folder: Path) -> Results:
    """Return the results in a run folder; see `fusebench.report._read`."""
    from fusebench.report import _read

    return _read.read_run(folder)


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV; see `fusebench.report._files.as_csv`."""
    from fusebench.report import _files

    return _files.as_csv(header, rows)


def write_plots(results: Results, verdicts: Verdicts, folder: Path, plot_format: str) -> list[str]:
    """Write every figure into a folder and return the names of the files."""
    from fusebench.report import _drawing, _figures

    names = []
    for name, drawing in _figures.figures(results, verdicts):
        names.append(f"{name}.{plot_format}")
        _drawing.save(drawing, folder / names[-1])
    return names
