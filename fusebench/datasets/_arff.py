"""Read ARFF, Weka's format, and KEEL's variant of it."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.datasets._compressed import opened
from fusebench.datasets._delimited import first_line
from fusebench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

# A name, in quotes where it holds spaces; a type, which KEEL writes without a space before a bracket or brace.
ATTRIBUTE = re.compile(
    r"""@attribute\s+(?P<name>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s{\[]+)\s*(?P<type>.*)$""", re.IGNORECASE
)
NUMBERS = ("real", "integer", "numeric")


def looks_like_arff(path: Path) -> bool:
    """Return whether a file's first statement is ``@relation``, whatever its name."""
    try:
        with opened(path, encoding="latin-1") as file:
            for line in file:
                if line.strip() and not line.lstrip().startswith("%"):
                    return bool(line.lstrip().lower().startswith("@relation"))
    except (OSError, DataError):
        return False
    return False


def read_arff(path: Path, name: str, na_values: tuple[str, ...], member: str | None = None) -> pd.DataFrame:
    """Return the table in an ARFF file; the attribute of KEEL's ``@outputs`` is its default target.

    Raises
    ------
    DataError
        If the header or a row is broken.
    """
    try:
        with opened(path, member=member) as file:
            text = file.read()
    except UnicodeDecodeError:
        with opened(path, encoding="latin-1", member=member) as file:
            text = file.read()
    except OSError as error:
        raise DataError(f"{name}: {path} cannot be read: {first_line(error)}") from error
    header, data, offset = _split(text, name, path)
    attributes, outputs = _attributes(header, name, path)
    frame = _rows(data, attributes, na_values, name, path, offset)
    if outputs:
        frame.attrs["target"] = outputs
    return frame


def _split(text: str, name: str, path: Path) -> tuple[list[str], str, int]:
    found = re.search(r"^[ \t]*@data[^\n]*\n?", text, re.IGNORECASE | re.MULTILINE)
    if not text.strip():
        raise DataError(f"{name}: {path} is empty")
    if found is None:
        raise DataError(f"{name}: {path} has no @data line: it is not ARFF, or cut off")
    return text[: found.start()].splitlines(), text[found.end() :], text[: found.end()].count("\n")


def _attributes(header: list[str], name: str, path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    found: dict[str, str] = {}
    outputs: tuple[str, ...] = ()
    for number, line in enumerate(header, start=1):
        stripped = line.strip()
        if stripped.lower().startswith("@output"):
            outputs = tuple(one.strip() for one in re.split(r"[\s,]+", stripped)[1:] if one)
        if not stripped.lower().startswith("@attribute"):
            continue
        match = ATTRIBUTE.match(stripped)
        if match is None or not match["type"]:
            raise DataError(f"{name}: {path}: line {number} declares no attribute with a type: {stripped[:60]!r}")
        label = _unquoted(match["name"])
        if label in found:
            raise DataError(f"{name}: {path} has two columns called {label!r}; rename one")
        found[label] = match["type"].strip().lower()
    if not found:
        raise DataError(f"{name}: {path} declares no attributes")
    return found, tuple(one for one in outputs if one in found)


def _rows(
    data: str, attributes: dict[str, str], na_values: tuple[str, ...], name: str, path: Path, offset: int
) -> pd.DataFrame:
    import warnings

    import pandas as pd

    lines = [
        (n, line.strip())
        for n, line in enumerate(data.splitlines(), start=offset + 1)
        if line.strip() and not line.lstrip().startswith("%")
    ]
    if not lines:
        raise DataError(f"{name}: {path} has a header and no rows")
    if lines[0][1].startswith("{"):
        return _sparse(lines, attributes, name, path)
    quote = '"' if '"' in data and "'" not in data else "'"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO("\n".join(line for _, line in lines)),
                header=None,
                names=list(attributes),
                dtype={label: str for label, kind in attributes.items() if not kind.startswith(NUMBERS)},
                keep_default_na=False,
                na_values=["", "?", "<null>", *na_values],
                quotechar=quote,
                escapechar="\\",
                skipinitialspace=True,
                low_memory=False,
                index_col=False,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as error:
        problem = _ragged(lines, len(attributes), quote) or first_line(error)
        raise DataError(f"{name}: {path}: {problem}") from error
    # Short rows end in missing cells; only then is it worth reading every line again.
    if frame.iloc[:, -1].isna().any() and (problem := _ragged(lines, len(attributes), quote)):
        raise DataError(f"{name}: {path}: {problem}")
    return _typed(frame, attributes, name, path)


def _ragged(lines: list[tuple[int, str]], n_attributes: int, quote: str) -> str:
    import csv

    rows = csv.reader((line for _, line in lines), quotechar=quote, escapechar="\\", skipinitialspace=True)
    try:
        for (n, _), row in zip(lines, rows, strict=False):
            if len(row) != n_attributes:
                return f"line {n} has {len(row)} cells, {n_attributes} attributes are declared"
    except csv.Error as error:
        return f"not ARFF: {error}"
    return ""


def _typed(frame: pd.DataFrame, attributes: dict[str, str], name: str, path: Path) -> pd.DataFrame:
    import pandas as pd

    for label, kind in attributes.items():
        column = frame[label]
        if kind.startswith(NUMBERS):
            if not pd.api.types.is_numeric_dtype(column.dtype):
                odd = column[pd.to_numeric(column, errors="coerce").isna() & column.notna()]
                raise DataError(
                    f"{name}: {path}: attribute {label!r} is declared {kind}, got {str(odd.iloc[0])[:40]!r}"
                )
        elif isinstance(column.dtype, pd.StringDtype) or column.dtype == object:
            frame[label] = column.str.strip()
    return frame


def _sparse(lines: list[tuple[int, str]], attributes: dict[str, str], name: str, path: Path) -> pd.DataFrame:
    """Return rows written as ``{position value, ...}``; what is left out is 0, or a list's first value."""
    import pandas as pd

    labels = list(attributes)
    absent: list[Any] = [
        0.0 if kind.startswith(NUMBERS) else _unquoted(kind.strip("{} ").split(",")[0].strip())
        for kind in attributes.values()
    ]
    columns: list[list[Any]] = [[one] * len(lines) for one in absent]
    for row, (n, line) in enumerate(lines):
        for cell in filter(None, (one.strip() for one in line.strip().strip("{}").split(","))):
            position, _, value = cell.partition(" ")
            if not position.isdecimal() or int(position) >= len(labels) or not value.strip():
                raise DataError(f"{name}: {path}: line {n}: {cell[:40]!r} is no `position value` of this table")
            columns[int(position)][row] = None if value.strip() == "?" else _unquoted(value.strip())
    frame = pd.DataFrame(dict(zip(labels, columns, strict=True)))
    for label, kind in attributes.items():
        if kind.startswith(NUMBERS):
            try:
                frame[label] = pd.to_numeric(frame[label])
            except (ValueError, TypeError) as error:
                raise DataError(f"{name}: {path}: attribute {label!r} is declared {kind}: {error}") from error
    return frame


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
