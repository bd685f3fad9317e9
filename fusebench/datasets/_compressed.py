"""Open a file, decompressed by its suffix."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fusebench.errors import DataError

COMPRESSIONS = frozenset({"gz", "bz2", "xz", "zst", "zip"})


def opened(path: Path, *, encoding: str | None = "utf-8", member: str | None = None) -> Any:
    """Return a file opened for reading: as text, or as bytes where `encoding` is None.

    Parameters
    ----------
    path : Path
    encoding : str or None
    member : str, optional
        Which file inside a zip archive; needed where it holds several.

    Raises
    ------
    DataError
        If an archive holds no such file, or several and none is named.
    """
    binary = _binary(path, member)
    return binary if encoding is None else io.TextIOWrapper(binary, encoding=encoding, newline="")


def _binary(path: Path, member: str | None) -> Any:
    import bz2
    import gzip
    import lzma

    suffix = path.suffix.lower().lstrip(".")
    if suffix == "zip":
        return _zipped(path, member)
    if suffix == "zst":
        return _zstandard(path)
    openers: dict[str, Callable[..., Any]] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
    return openers[suffix](path, "rb") if suffix in openers else path.open("rb")


def _zipped(path: Path, member: str | None) -> Any:
    import zipfile

    # Read whole: a member's file object would need its archive to stay open.
    with zipfile.ZipFile(path) as archive:
        files = [one for one in archive.namelist() if not one.endswith("/") and not one.startswith("__MACOSX/")]
        if member is None and len(files) == 1:
            member = files[0]
        if member not in files:
            listed = ", ".join(files[:10])
            problem = f"has no file '{member}'" if member else f"holds {len(files)} files, name one as `member:`"
            raise DataError(f"{path} {problem}; it holds {listed}")
        return io.BytesIO(archive.read(member))


def _zstandard(path: Path) -> Any:
    import pyarrow as pa

    return io.BytesIO(pa.input_stream(str(path), compression="zstd").read())
