"""A YAML document as plain data, and where in its text everything stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from fusebench.errors import Location, Problem, SpecError

SNIPPET = 110
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

Path_ = tuple["str | int", ...]


@dataclass(frozen=True)
class Mark:
    """Where something stands: 0-based line and column, and how many characters of that line it takes."""

    line: int
    column: int
    width: int


@dataclass
class Document:
    """Plain data and its places.

    Parameters
    ----------
    file : str
        As the user named it.
    lines : list of str
    data : dict
    keys, values : dict of path to Mark
    """

    file: str
    lines: list[str]
    data: dict[str, Any] = field(default_factory=dict)
    keys: dict[Path_, Mark] = field(default_factory=dict)
    values: dict[Path_, Mark] = field(default_factory=dict)

    def location(self, mark: Mark) -> Location:
        """Return a place with its line, cut and cleaned for a terminal."""
        text = self.lines[mark.line] if mark.line < len(self.lines) else ""
        start = max(0, mark.column - SNIPPET // 2) if len(text) > SNIPPET else 0
        shown = UNSAFE.sub("\ufffd", text.replace("\t", " "))[start : start + SNIPPET]
        column = mark.column - start
        width = max(1, min(mark.width, len(shown) - column))
        return Location(
            file=self.file, line=mark.line + 1, column=mark.column + 1, width=width, text=shown, shift=start
        )

    def locate(self, problem: Problem) -> Problem:
        """Return a problem with the place of its path, or of the nearest one around it."""
        if problem.location is not None:
            return problem
        path = problem.path
        mark = self.keys.get(path) if problem.on_key else None
        while mark is None:
            mark = self._place(path)
            if not path:
                break
            path = path[:-1]
        if mark is None:
            return problem
        return Problem(message=problem.message, path=problem.path, hint=problem.hint, location=self.location(mark))

    def _place(self, path: Path_) -> Mark | None:
        """Return where a value stands; the key of what begins on a later line than its key."""
        value, key = self.values.get(path), self.keys.get(path)
        return key if value is not None and key is not None and key.line < value.line else value


def refusal(document: Document, mark: Mark, message: str, hint: str = "", path: Path_ = ()) -> SpecError:
    return SpecError([Problem(message=message, path=path, hint=hint, location=document.location(mark))])
