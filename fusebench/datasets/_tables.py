"""Read a table file of any known format."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.datasets._arff import looks_like_arff, read_arff
from fusebench.datasets._compressed import COMPRESSIONS, check_archive, most_bytes, opened
from fusebench.datasets._delimited import first_line, read_delimited
from fusebench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

BLOCK = 1 << 20
CELLS_EXPANSION = 5  # times what text may expand to: columns of one value take next to nothing in a file
FORMATS = ("csv", "tsv", "parquet", "feather", "arff", "libsvm", "xlsx")
SUFFIXES = {"arrow": "feather", "svmlight": "libsvm", "xls": "xlsx", "tab": "tsv", **{one: one for one in FORMATS}}
TABLE_OPTIONS: Mapping[str, str] = {
    "format": f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}, where the suffix does not tell",
    "delimiter": "between cells; default a comma; `whitespace` for any run of spaces and tabs",
    "sep": "the same as delimiter",
    "header": "false for a file without column names",
    "names": "the column names of a file that has none",
    "encoding": "of a text file; default utf-8",
    "decimal": "the decimal mark of a text file; default a point",
    "comment": "what a line begins with that is left out",
    "skip_rows": "lines to leave out at the beginning",
    "member": "the file inside a zip archive that holds several",
    "sheet": "the sheet of a workbook; default the first",
}
BROKEN_WORKBOOK = (OSError, ValueError, LookupError, TypeError, AttributeError, SyntaxError, EOFError)
"""What a damaged workbook makes its reader raise; broken XML is an error of syntax."""


def sha256_of(paths: Path | Iterable[Path]) -> str:
    """Return the SHA-256 of a file's bytes; of several files, of their bytes one after another."""
    digest = hashlib.sha256()
    for path in [paths] if isinstance(paths, Path) else paths:
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
    if not path.is_file():
        raise DataError(f"{name}: {path} is a pipe or a device, expected a file")
    return path


def read_table(path: Path, name: str, na_values: tuple[str, ...], options: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table in a file, by its suffix or the option ``format``.

    Raises
    ------
    DataError
        If it cannot be read as what its name says.
    """
    kind = _format(path, name, options)
    readers: dict[str, Callable[[], pd.DataFrame]] = {
        "csv": lambda: read_delimited(path, name, na_values, options),
        "tsv": lambda: read_delimited(path, name, na_values, {"delimiter": "\t", **options}),
        "arff": lambda: read_arff(path, name, na_values, options.get("member")),
        "parquet": lambda: _read_parquet(path, name),
        "feather": lambda: _read_feather(path, name),
        "libsvm": lambda: _read_libsvm(path, name, options.get("member")),
        "xlsx": lambda: _read_workbook(path, name, na_values, options),
    }
    return readers[kind]()


def _format(path: Path, name: str, options: Mapping[str, Any]) -> str:
    named = options.get("format")
    if named is not None:
        if named not in FORMATS:
            raise DataError(f"{name}: format: got {named!r}, there is {', '.join(FORMATS)}")
        return str(named)
    suffixes = [one.lstrip(".").lower() for one in path.suffixes]
    if "parquet" in suffixes:  # what follows it names the compression of its columns
        return "parquet"
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    if suffixes and suffixes[-1] in SUFFIXES:
        return SUFFIXES[suffixes[-1]]
    return "arff" if looks_like_arff(path) else "csv"


def _read_parquet(path: Path, name: str) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        # One block a column, each freed as soon as it is converted: the table is in memory once, not three times.
        source = _bytes(path)
        said = parquet.read_metadata(source)
        _check_cells(path, said.num_rows * said.num_columns)
        table = parquet.read_table(source)
        frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    except (pa.ArrowException, OSError, EOFError, ValueError) as error:
        raise DataError(f"{name}: {path} cannot be read as Parquet: {first_line(error)}") from error
    return frame


def _read_feather(path: Path, name: str) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_feather(_bytes(path))
    except (pa.ArrowException, OSError, EOFError, ValueError) as error:
        raise DataError(f"{name}: {path} cannot be read as Feather: {first_line(error)}") from error


def _check_cells(path: Path, n_cells: int) -> None:
    """Raise OSError where a small file says that it holds a table that fills memory."""
    if 8 * n_cells > CELLS_EXPANSION * most_bytes(path):
        raise OSError(f"it says that it holds {n_cells:,} cells in {path.stat().st_size:,} bytes")


def _bytes(path: Path) -> Any:
    """Return what a reader of binary tables takes: the path, or the bytes inside a compressed file."""
    import io

    if path.suffix.lower().lstrip(".") not in COMPRESSIONS or _is_parquet(path):
        return path
    with opened(path, encoding=None) as file:
        return io.BytesIO(file.read())


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _read_libsvm(path: Path, name: str, member: str | None) -> pd.DataFrame:
    import pandas as pd
    from sklearn.datasets import load_svmlight_file

    try:
        with opened(path, encoding=None, member=member) as file:
            X, y = load_svmlight_file(file)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{name}: {path} cannot be read as libsvm: {first_line(error)}") from error
    if not len(y):
        raise DataError(f"{name}: {path} is empty")
    try:
        _check_cells(path, X.shape[0] * X.shape[1])
    except OSError as error:
        raise DataError(f"{name}: {path} cannot be read as libsvm: {error}") from error
    frame = pd.DataFrame(X.toarray(), columns=[f"f{n + 1}" for n in range(X.shape[1])])
    frame["target"] = y if (y != y.round()).any() else y.astype("int64")
    frame.attrs["target"] = ("target",)
    return frame


def _read_workbook(path: Path, name: str, na_values: tuple[str, ...], options: Mapping[str, Any]) -> pd.DataFrame:
    import zipfile
    import zlib

    import pandas as pd

    names, header = options.get("names"), options.get("header", "names" not in options)
    try:
        source = _bytes(path)
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                check_archive(path, archive.infolist())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles, which are no data
            frame: pd.DataFrame = pd.read_excel(
                source,
                sheet_name=options.get("sheet", 0),
                header=None if header is False else 0,
                names=names,
                skiprows=options.get("skip_rows"),
                keep_default_na=False,
                na_values=["", *na_values],
                engine=None,
            )
    except ImportError as error:
        package = "xlrd" if path.suffix.lower() == ".xls" else "openpyxl"
        raise DataError(f"{name}: {path} needs the package '{package}': pip install {package}") from error
    except (*BROKEN_WORKBOOK, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{name}: {path} cannot be read as a workbook: {first_line(error)}") from error
    if frame.empty:
        raise DataError(f"{name}: {path} has no rows")
    return frame
