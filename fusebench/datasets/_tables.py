"""Read a table file of any known format; every way in which it can be broken has its message."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

COMPRESSIONS = frozenset({"gz", "bz2", "xz", "zst", "zip"})
DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar", " ": "a space"}
BLOCK = 1 << 20


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def existing(path: Path, name: str) -> Path:
    """Return a path that is a file.

    Raises
    ------
    DataError
        If it is not.
    """
    if path.is_dir():
        raise DataError(f"{name}: {path} is a folder, expected a file")
    if not path.exists():
        raise DataError(f"{name}: there is no file {path}")
    return path


def read_table(path: Path, name: str, na_values: tuple[str, ...], options: dict[str, Any]) -> pd.DataFrame:
    """Return the table in a file, by its suffix.

    Raises
    ------
    DataError
        If it cannot be read as what its name says.
    """
    suffixes = [one.lstrip(".").lower() for one in path.suffixes]
    compressed = bool(suffixes) and suffixes[-1] in COMPRESSIONS
    kind = options.pop("format", None) or (
        suffixes[-2] if compressed and len(suffixes) > 1 else suffixes[-1] if suffixes else "csv"
    )
    readers: dict[str, Callable[[], pd.DataFrame]] = {
        "parquet": lambda: _read_parquet(path, name),
        "feather": lambda: _read_feather(path, name),
        "tsv": lambda: _read_csv(path, name, na_values, {"delimiter": "\t", **options}),
    }
    return readers.get(kind, lambda: _read_csv(path, name, na_values, options))()


def _read_parquet(path: Path, name: str) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(path, engine="pyarrow")
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{name}: {path} cannot be read as Parquet: {_first_line(error)}") from error


def _read_feather(path: Path, name: str) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_feather(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{name}: {path} cannot be read as Feather: {_first_line(error)}") from error


def _read_csv(path: Path, name: str, na_values: tuple[str, ...], options: dict[str, Any]) -> pd.DataFrame:
    import warnings
    import zipfile
    import zlib

    import pandas as pd

    delimiter = options.get("delimiter", options.get("sep", ","))
    missing = ["", *na_values]
    header = None if options.get("header") is False else 0
    try:
        if header == 0:
            _check_columns(_raw_header(path, delimiter), name, path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path,
                sep=delimiter,
                header=header,
                keep_default_na=False,
                na_values=missing,
                skipinitialspace=True,
                low_memory=False,
                index_col=False,
            )
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: {path} is not UTF-8 (byte {error.start} of a block); save it as UTF-8") from error
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{name}: {path} is empty") from error
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(f"{name}: {path}: {_ragged(path, delimiter) or _first_line(error)}") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{name}: {path} cannot be read: {_first_line(error)}") from error
    frame.columns = [str(column) for column in frame.columns]
    if frame.shape[1] == 1 and (likely := _other_delimiter(path, delimiter)):
        flag = f"delimiter: '{likely}'".replace("\t", "\\t")
        raise DataError(
            f"{name}: {path} has one column when split at {DELIMITERS.get(delimiter, repr(delimiter))}; "
            f"it looks split at {DELIMITERS[likely]}: say {flag}"
        )
    if frame.empty:
        raise DataError(f"{name}: {path} has a header and no rows")
    # Short rows end in missing cells; only then is it worth reading every line again.
    if frame.iloc[:, -1].isna().any() and (message := _ragged(path, delimiter)):
        raise DataError(f"{name}: {path}: {message}")
    return frame


def _check_columns(columns: list[str], name: str, path: Path) -> None:
    seen: set[str] = set()
    for column in columns:
        if column in seen:
            raise DataError(f"{name}: {path} has two columns called {column!r}; rename one")
        seen.add(column)


def _opened(path: Path) -> Any:
    import bz2
    import gzip
    import lzma

    openers: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    if path.suffix.lower() in {".zip", ".zst"}:
        return None
    return openers.get(path.suffix.lower(), open)(path, "rt", encoding="utf-8", newline="")


def _raw_header(path: Path, delimiter: str) -> list[str]:
    file = _opened(path)
    if file is None:
        return []
    with file:
        return next(csv.reader(file, delimiter=delimiter), [])


def _ragged(path: Path, delimiter: str) -> str:
    """Return which line has another number of cells than the header."""
    file = _opened(path)
    if file is None or len(delimiter) != 1:
        return ""
    with file:
        try:
            rows = csv.reader(file, delimiter=delimiter)
            expected = len(next(rows, []))
            for row in rows:
                if row and len(row) != expected:
                    return f"line {rows.line_num} has {len(row)} cells, the header has {expected}"
        except csv.Error as error:
            return f"not CSV: {error}"
    return ""


def _other_delimiter(path: Path, delimiter: str) -> str:
    file = _opened(path)
    if file is None:
        return ""
    with file:
        head = file.readline()
    counts = {one: head.count(one) for one in DELIMITERS if one != delimiter}
    best = max(counts, key=lambda one: counts[one])
    return best if counts[best] else ""


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
