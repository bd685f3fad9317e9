"""Read tables of text, cells between delimiters; every way in which they can be broken has its message."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.datasets._compressed import opened
from fusebench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar", " ": "a space"}
WHITESPACE = "whitespace"


def read_delimited(path: Path, name: str, na_values: tuple[str, ...], options: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table in a text file.

    Raises
    ------
    DataError
        If it is empty, ragged, split at another delimiter, or not text.
    """
    layout = _Layout(path, options)
    frame = _read(layout, name, na_values)
    if options.get("names"):
        frame.columns = _named(layout, name, frame.shape[1])
    frame.columns = [str(column) for column in frame.columns]
    if frame.shape[1] == 1 and (message := layout.split_elsewhere()):
        raise DataError(f"{name}: {path} {message}")
    if frame.empty:
        raise DataError(f"{name}: {path} has a header and no rows")
    # Short rows end in missing cells; only then is it worth reading every line again.
    if frame.iloc[:, -1].isna().any() and (message := layout.ragged()):
        raise DataError(f"{name}: {path}: {message}")
    return frame


def _read(layout: _Layout, name: str, na_values: tuple[str, ...]) -> pd.DataFrame:
    import warnings

    import pandas as pd

    path = layout.path
    try:
        if layout.header:
            _check_columns(layout.first_row(), name, path)
        with warnings.catch_warnings(), layout.open() as file:
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                file,
                sep=r"\s+" if layout.delimiter == WHITESPACE else layout.delimiter,
                header=0 if layout.header else None,
                keep_default_na=False,
                na_values=["", *na_values],
                skipinitialspace=True,
                low_memory=False,
                index_col=False,
                dtype=str if layout.as_text else None,
                decimal=layout.decimal,
                skiprows=layout.skip_rows,
                comment=layout.comment,
            )
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}: {path} is not UTF-8 (byte {error.start} of a block); "
            "save it as UTF-8 or name its encoding, such as `encoding: latin-1`"
        ) from error
    except LookupError as error:
        raise DataError(f"{name}: encoding: there is no encoding {layout.encoding!r}, such as utf-8") from error
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{name}: {path} is empty") from error
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        if len(layout.first_row()) == 1 and (message := layout.split_elsewhere()):
            raise DataError(f"{name}: {path} {message}") from error
        raise DataError(f"{name}: {path}: {layout.ragged() or first_line(error)}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{name}: {path} cannot be read: {first_line(error)}") from error


class _Layout:
    """How a text file is laid out, and looks at its raw lines.

    Parameters
    ----------
    path : Path
    options : mapping
        As in an entry.
    """

    def __init__(self, path: Path, options: Mapping[str, Any]) -> None:
        self.path = path
        given = str(options.get("delimiter", options.get("sep", ",")))
        self.delimiter = given.replace("\\t", "\t")  # as one types a tab
        self.names = options.get("names")
        self.header = options.get("header", self.names is None) is not False
        self.encoding = str(options.get("encoding", "utf-8"))
        self.decimal = str(options.get("decimal", "."))
        self.skip_rows = int(options.get("skip_rows", 0))
        self.comment = options.get("comment")
        self.member = options.get("member")
        self.as_text = bool(options.get("as_text"))

    def open(self) -> Any:
        """Return the file opened as text, decompressed."""
        return opened(self.path, encoding=self.encoding, member=self.member)

    def rows(self, file: Any) -> Any:
        """Return a reader of raw rows behind what is skipped."""
        for _ in range(self.skip_rows):
            file.readline()
        lines = (one for one in file if not self.comment or not one.startswith(str(self.comment)))
        if self.delimiter == WHITESPACE:
            return (one.split() for one in lines)
        return csv.reader(lines, delimiter=self.delimiter, skipinitialspace=True)

    def first_row(self) -> list[str]:
        """Return the cells of the first row."""
        if len(self.delimiter) != 1 and self.delimiter != WHITESPACE:
            return []
        with self.open() as file:
            try:
                return list(next(self.rows(file), []))
            except csv.Error:
                return []

    def ragged(self) -> str:
        """Return which line has another number of cells than the first."""
        if len(self.delimiter) != 1:
            return ""
        try:
            with self.open() as file:
                rows = self.rows(file)
                expected = len(next(rows, []))
                for row in rows:
                    if row and len(row) != expected:
                        first = "header" if self.header else "first line"
                        at = rows.line_num + self.skip_rows
                        return f"line {at} has {len(row)} cells, the {first} has {expected}"
        except csv.Error as error:
            return f"not CSV: {error}"
        except (OSError, ValueError):  # what was already said of the file is enough
            return ""
        return ""

    def split_elsewhere(self) -> str:
        """Return what to say of a first line of one cell that seems to be split at something else, empty if not."""
        with self.open() as file:
            head = file.readline()
        counts = {one: head.count(one) for one in DELIMITERS if one != self.delimiter}
        likely = max(counts, key=lambda one: counts[one])
        if not counts[likely]:
            return ""
        shown = likely.replace("\t", "\\t")
        return (
            f"has one column when split at {DELIMITERS.get(self.delimiter, repr(self.delimiter))}; it looks split at "
            f"{DELIMITERS[likely]}: say delimiter: '{shown}' (with compare, --set 'datasets.0.delimiter={shown}')"
        )


def _named(layout: _Layout, name: str, n_columns: int) -> list[str]:
    names = [str(one) for one in layout.names or ()]
    if len(names) != n_columns:
        raise DataError(f"{name}: names: got {len(names)} names, {layout.path} has {n_columns} columns")
    _check_columns(names, name, layout.path)
    return names


def _check_columns(columns: list[str], name: str, path: Path) -> None:
    seen: set[str] = set()
    for column in columns:
        if column in seen:
            raise DataError(f"{name}: {path} has two columns called {column!r}; rename one")
        seen.add(column)


def first_line(error: Exception) -> str:
    """Return the first line of an error's text."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
