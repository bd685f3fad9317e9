"""Results as texts, figures and run folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fusebench import io, report
from fusebench.errors import StorageError, UsageError
from fusebench.results import Results

if TYPE_CHECKING:
    from fusebench import judge


def render(results: Results, verdicts: judge.Verdicts, format_name: str = "table") -> str:
    """Return results in one of the report formats."""
    return report.render(results, verdicts, format_name)


def check_format(format_name: str) -> None:
    """Raise UsageError for an unknown report format."""
    if report.REGISTRY.canonical(format_name) is None:
        raise UsageError(f"--format: unknown format '{format_name}'; there is {', '.join(report.REGISTRY.names())}")


def check_plot_format(name: str) -> None:
    """Raise UsageError for a format that figures cannot be written in."""
    if name not in report.PLOT_FORMATS:
        raise UsageError(f"--plot-format: unknown format '{name}'; there is {', '.join(report.PLOT_FORMATS)}")


def write_plots(results: Results, verdicts: judge.Verdicts, folder: Path, plot_format: str = "png") -> list[str]:
    """Write every figure of a run into a folder and return the names of the files.

    Parameters
    ----------
    plot_format : {"png", "svg", "pdf"}
        Equal results make equal bytes.

    Raises
    ------
    StorageError
        If the folder cannot be written.
    """
    with io.storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return report.write_plots(results, verdicts, folder, plot_format)


def write_text(path: Path, text: str) -> None:
    """Write a text file durably.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    with io.storage_errors(path):
        io.write_durably(path, [text.encode()])


def check_output(folder: Path) -> None:
    """Raise StorageError when a run folder cannot be written, before anything is fitted."""
    io.ensure_writable(folder)


def check_output_file(path: Path) -> None:
    """Raise StorageError when a file cannot be written, before anything is fitted."""
    if path.is_dir():
        raise StorageError(f"{path}: is a folder, expected a file")
    io.ensure_writable(path.parent)


def write_run(results: Results, verdicts: judge.Verdicts, folder: Path, base: Path | None = None) -> None:
    """Write a run folder; paths in the spec are relative to `base`, the current folder by default."""
    report.write_run(results, verdicts, folder, base)


def read_run(folder: Path) -> Results:
    """Return the results in a run folder; fits nothing and needs no store.

    Raises
    ------
    UsageError
        If it is no run folder.
    UndecidableError
        If it is half written, damaged or of a newer schema.
    """
    return report.read_run(folder)
