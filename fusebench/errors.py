"""Every error that fusebench raises on purpose, and the exit code each one ends with.

::

    FusebenchError            70  (a bug, unless a subclass says otherwise)
    |-- UsageError             2  a command, option or argument is wrong
    |   |-- SpecError          2  one or more problems in a spec, each with its place
    |   |-- DataError          2  a dataset cannot be read or cannot be used as declared
    |   |-- ModelError         2  a model file cannot be trusted or read, or a model cannot be saved
    |   `-- MissingExtraError  2  an optional package is needed; names the pip command
    |-- RegressionError        1  the gate found a regression
    |-- UndecidableError       3  a comparison cannot be made honestly
    |-- FitsFailedError        4  finished, but more fits failed than allowed
    |-- StorageError          74  a file cannot be read or written
    |-- FitError               -  one fit failed; an outcome that is recorded, never an exit
    `-- Interrupted          130  stopped by the user or by a signal
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_SHOWN = 100  # problems of one spec that are written out


class FusebenchError(Exception):
    """Base of all errors; its text is for the user."""

    exit_code = 70


class UsageError(FusebenchError):
    """A command, an option or an argument is wrong; nothing was run."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Location:
    """A place in a text file.

    Parameters
    ----------
    file : str
        The file as the user named it.
    line, column : int
        1-based.
    width : int
        Characters to underline, at least 1.
    text : str
        The line, without its end and cut where it is long.
    shift : int, default=0
        Characters that were cut before `text`.
    """

    file: str
    line: int
    column: int
    width: int
    text: str
    shift: int = 0


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong with a spec.

    Parameters
    ----------
    message : str
        What was got and what is allowed, in one line.
    path : tuple of str or int
        The path in the spec, for example ``("learners", "xgb", "type")``.
    hint : str, default=""
        What to do: a nearest name, a flag.
    on_key : bool, default=False
        Whether the key at `path` is at fault rather than its value.
    location : Location, optional
        Filled in when the spec came from a file.
    """

    message: str
    path: tuple[str | int, ...] = ()
    hint: str = ""
    on_key: bool = False
    location: Location | None = None

    def under(self, *prefix: str | int) -> Problem:
        """Return the same problem seen from further up the spec."""
        return Problem(
            message=self.message,
            path=(*prefix, *self.path),
            hint=self.hint,
            on_key=self.on_key,
            location=self.location,
        )


class SpecError(UsageError):
    """All problems of one spec.

    Parameters
    ----------
    problems : sequence of Problem
        At least one, in the order in which they stand in the file.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        footer = f"{count} error{'' if count == 1 else 's'}, nothing was run"
        if count > MAX_SHOWN:
            footer = f"... and {count - MAX_SHOWN} more; {footer}"
        super().__init__("\n".join([*map(_render, self.problems[:MAX_SHOWN]), footer]))


class DataError(UsageError):
    """A dataset cannot be read, or cannot be used as it is declared."""


class ModelError(UsageError):
    """A model file cannot be trusted or cannot be read, or a model has no form that is safe to save."""


class MissingExtraError(UsageError):
    """An optional package is needed.

    Parameters
    ----------
    what : str
        What needs it, for example ``"learner 'catboost'"``.
    extra : str
        The extra of this project that brings it.
    """

    def __init__(self, what: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{what} needs an extra: pip install 'fusebench[{extra}]'")


class RegressionError(FusebenchError):
    """The gate found a regression."""

    exit_code = 1


class UndecidableError(FusebenchError):
    """A comparison cannot be made honestly."""

    exit_code = 3


class FitsFailedError(FusebenchError):
    """The run finished, but more fits failed than allowed."""

    exit_code = 4


class StorageError(FusebenchError):
    """A file or folder cannot be read or written."""

    exit_code = 74


class FitError(FusebenchError):
    """One fit failed. Recorded as an outcome of that fit; it never ends a run."""


class Interrupted(FusebenchError):
    """Stopped by the user (130) or by a signal that asks to end (143)."""

    exit_code = 130

    def __init__(self, message: str, exit_code: int = 130) -> None:
        self.exit_code = exit_code
        super().__init__(message)


def printable(text: str) -> str:
    """Return text in which what could steer a terminal is made visible."""
    return "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in text)


def _render(problem: Problem) -> str:
    # `learners.xgb` reads better than `learners.xgb.type`; the caret shows which value is meant.
    shown = problem.path[:-1] if problem.path[-1:] == ("type",) and len(problem.path) > 2 else problem.path
    where = ".".join(str(part) for part in shown)
    head = printable(f"{where}: {problem.message}" if where else problem.message)
    location = problem.location
    if location is None:
        return f"{head}\n    {problem.hint}" if problem.hint else head
    gutter = f"  {location.line} | "
    pointer = " " * (len(gutter) - 2) + "| " + " " * (location.column - 1 - location.shift) + "^" * location.width
    return "\n".join(
        [
            f"{location.file}:{location.line}:{location.column}: {head}",
            f"{gutter}{location.text}",
            f"{pointer} {problem.hint}".rstrip(),
        ]
    )
