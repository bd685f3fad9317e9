"""Open a file, decompressed by its suffix."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fusebench.errors import DataError

COMPRESSIONS = frozenset({"gz", "bz2", "xz", "zst", "zip"})
ALWAYS_ALLOWED = 256_000_000  # bytes that a compressed file may hold however small it is
MOST_EXPANSION = 200  # tables shrink to a tenth; what shrinks a thousandfold is no table


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
    LookupError
        If there is no such encoding.
    DataError
        If an archive holds no such file, or several and none is named.
    OSError
        If it is broken, or expands beyond reason; also later, while it is read.
    """
    if encoding is not None:
        codecs.lookup(encoding)  # before anything is opened
    binary = _binary(path, member)
    return binary if encoding is None else io.TextIOWrapper(binary, encoding=encoding, newline="")


def _binary(path: Path, member: str | None) -> Any:
    import bz2
    import gzip
    import lzma

    suffix = path.suffix.lower().lstrip(".")
    if suffix == "zip":
        return _zipped(path, member)
    openers: dict[str, Callable[..., Any]] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open, "zst": _zstandard}
    if suffix not in openers:
        return path.open("rb")
    return io.BufferedReader(_Decompressed(openers[suffix](path), path))


def most_bytes(path: Path) -> int:
    """Return how many bytes a file may turn out to hold: what expands further was made to fill memory."""
    return max(ALWAYS_ALLOWED, MOST_EXPANSION * path.stat().st_size)


def check_archive(path: Path, infos: Iterable[Any]) -> None:
    """Raise OSError where the members of a zip archive say that they expand beyond reason."""
    if sum(one.file_size for one in infos) > most_bytes(path):
        raise OSError(_too_much(path))


def _too_much(path: Path) -> str:
    size = most_bytes(path)
    return f"it expands to more than {size / 1e6:,.0f} MB; if it is meant to, decompress it first and name that file"


class _Decompressed(io.RawIOBase):
    """A decompressed file that never gives more than is reasonable, and whose every failure is an OSError."""

    def __init__(self, file: Any, path: Path) -> None:
        self._file = file
        self._path = path
        self._left = most_bytes(path)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        import lzma
        import zlib

        try:
            piece = self._file.read(len(buffer))
        except (EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
            raise OSError(f"broken or cut off ({error})") from error
        self._left -= len(piece)
        if self._left < 0:
            raise OSError(_too_much(self._path))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._file.close()
        super().close()


def _zipped(path: Path, member: str | None) -> Any:
    import zipfile
    import zlib

    # Read whole: a member's file object would need its archive to stay open.
    try:
        with zipfile.ZipFile(path) as archive:
            files = [one for one in archive.namelist() if not one.endswith("/") and not one.startswith("__MACOSX/")]
            if member is None and len(files) == 1:
                member = files[0]
            if member not in files:
                listed = ", ".join(files[:10])
                problem = f"has no file '{member}'" if member else f"holds {len(files)} files, name one as `member:`"
                raise DataError(f"{path} {problem}; it holds {listed}")
            check_archive(path, [archive.getinfo(member)])
            return io.BytesIO(archive.read(member))
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise OSError(f"broken or cut off ({error})") from error  # RuntimeError: encrypted, or packed in an unknown way


def _zstandard(path: Path) -> Any:
    import pyarrow as pa

    return pa.input_stream(str(path), compression="zstd")
