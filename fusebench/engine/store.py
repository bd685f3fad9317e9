r"""The content-addressed store: results of tasks as plain arrays behind a checked header.

One file an entry, found by its key alone (no folder is ever listed to find one). Layout of an entry::

    fusebench-entry 1 <header length> <SHA-256 of header>\n
    <header: JSON; kind, meta, arrays with dtype, shape and offset, SHA-256 of all that follows>
    <zero bytes up to a multiple of 64> <arrays, each at a multiple of 64>

Nothing in it is code, so reading an entry that somebody else wrote runs nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusebench import io
from fusebench.engine.layouts import is_entry

MAGIC = b"fusebench-entry 1"
ALIGNMENT = 64
PLAIN_KINDS = frozenset("biuf")  # dtype kinds that are bytes and nothing else
MAP_ABOVE = 1 << 20  # bytes; smaller entries are quicker to read than to map
MAX_HEADER = 1 << 28
SHELF = 1  # hex digits of a key that name its folder: entries that are written together share few folders to sync

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Entry:
    """One stored result.

    Parameters
    ----------
    kind : str
        What made it: ``fit``, ``fuse``, ``score``, ``dataset``.
    meta : mapping
        Plain JSON data.
    arrays : mapping of str to ndarray
        Read-only arrays; large ones are memory-mapped.
    """

    kind: str
    meta: Mapping[str, Any]
    arrays: Arrays = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """Wall seconds of the work behind it; None where it was not measured."""
        return self.meta["wall"] + self.meta["predict"] if "wall" in self.meta else None

    def opened(self) -> Entry:
        """Return the entry."""
        return self


class Sealed(NamedTuple):
    """An entry as the bytes that are stored: small ones travel so, and only who reads them takes them apart."""

    kind: str
    seconds: float | None
    raw: bytes

    def opened(self) -> Entry:
        """Return the entry."""
        return decode_entry(self.raw)


class CorruptEntryError(Exception):
    """An entry's bytes are not what was written."""


@dataclass
class Store:
    """Entries under one folder.

    Parameters
    ----------
    root : Path
        The folder; made on the first write.
    on_corrupt : callable, optional
        Told the path of each entry that was set aside because its bytes changed.
    """

    root: Path
    on_corrupt: Callable[[Path], None] | None = None

    def path(self, key: str) -> Path:
        """Return where the entry of a key lives."""
        return Path(self._file(key))

    def _file(self, key: str) -> str:
        """Return the path as text: making a path object takes longer than opening the file."""
        return f"{self.root}/objects/{place(key)}"

    @property
    def scratch(self) -> Path:
        """Folder for files that are not finished."""
        return self.root / "tmp"

    def has(self, key: str) -> bool:
        """Whether an entry exists; its bytes are checked when it is read."""
        return self.path(key).exists()

    def get(self, key: str, *kinds: str) -> Entry | None:
        """Return an entry, or None where it is absent or cannot be what was written (and is then set aside).

        Parameters
        ----------
        key : str
        *kinds : str
            What it may be; anything by default.
        """
        file = self._file(key)
        try:
            entry = read_entry(file)
        except FileNotFoundError:
            return None
        except CorruptEntryError:
            self.set_aside(Path(file))
            return None
        except OSError as error:
            raise io.storage_error(Path(file), error) from error
        if (kinds and entry.kind not in kinds) or not is_entry(entry.kind, entry.meta, entry.arrays):
            self.set_aside(Path(file))  # its checksums are right, so somebody made this
            return None
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Write one entry durably; the last of equal writers wins, with equal bytes."""
        with io.storage_errors(self.root):
            io.write_together({self._file(key): encode_entry(entry)}, self.scratch)

    def put_many(self, entries: Mapping[str, Entry | Sealed]) -> None:
        """Write entries durably, syncing each folder once."""
        with io.storage_errors(self.root):
            io.write_together({self._file(key): pieces(entry) for key, entry in entries.items()}, self.scratch)

    def keys(self) -> Iterator[str]:
        """Yield all keys; for maintenance only, it lists every folder."""
        for path in sorted((self.root / "objects").glob(f"{'?' * SHELF}/*")):
            yield path.parent.name + path.name

    def strange_folders(self) -> Iterator[Path]:
        """Yield the folders of entries that were laid out in another way, which nobody finds; for maintenance only."""
        return (path for path in (self.root / "objects").glob("*") if len(path.name) != SHELF)

    def count(self) -> int:
        """Return the number of entries; for maintenance only."""
        return sum(1 for _ in self.keys())

    def remove(self, key: str) -> None:
        """Forget one entry."""
        with suppress(FileNotFoundError):
            self.path(key).unlink()

    def reject(self, key: str) -> bool:
        """Set an entry aside that cannot be what its key says; return whether there was one."""
        path = self.path(key)
        if not path.exists():
            return False
        self.set_aside(path)
        return True

    def set_aside(self, path: Path) -> None:
        """Move something damaged out of the way, for a person to look at; `on_corrupt` is told."""
        with io.storage_errors(path):
            corrupt = self.root / "corrupt"
            corrupt.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                path.replace(corrupt / f"{path.parent.name}{path.name}.{time.time_ns()}")
        if self.on_corrupt is not None:
            self.on_corrupt(path)


def place(key: str) -> str:
    """Return where the entry of a key stands among all entries."""
    return f"{key[:SHELF]}/{key[SHELF:]}"


def read_entry(path: Path | str) -> Entry:
    """Read and check one entry.

    Raises
    ------
    FileNotFoundError
        If there is none.
    CorruptEntryError
        If any byte differs from what was written.
    """
    try:
        return decode_entry(io.read_or_map(path, MAP_ABOVE))
    except io.NoFileError as error:
        raise CorruptEntryError("not a file") from error


def seal(entry: Entry) -> Entry | Sealed:
    """Return a small entry as its bytes, a large one as it is: to join its pieces would take its memory once more.

    Raises
    ------
    TypeError, ValueError
        If it holds what cannot be stored.
    """
    if sum(array.nbytes for array in entry.arrays.values()) > MAP_ABOVE:
        return entry
    return Sealed(entry.kind, entry.seconds, b"".join(encode_entry(entry)))


def pieces(entry: Entry | Sealed) -> list[bytes | memoryview]:
    """Return the bytes of an entry, in pieces."""
    return [entry.raw] if isinstance(entry, Sealed) else encode_entry(entry)


def encode_entry(entry: Entry) -> list[bytes | memoryview]:
    """Return the bytes of an entry, in pieces."""
    digest = hashlib.sha256()
    described: list[dict[str, Any]] = []
    chunks: list[bytes | memoryview] = []
    offset = 0
    for name, array in entry.arrays.items():
        if array.dtype.kind not in PLAIN_KINDS:
            raise TypeError(f"array {name!r} has dtype {array.dtype}, which is not plain bytes")
        plain = np.ascontiguousarray(array)
        data = plain.reshape(-1).view(np.uint8).data
        padding = bytes(-data.nbytes % ALIGNMENT)
        described.append({"name": name, "dtype": plain.dtype.str, "shape": list(array.shape), "offset": offset})
        offset += data.nbytes + len(padding)
        for chunk in (data, padding):
            digest.update(chunk)
            chunks.append(chunk)
    header = json.dumps(
        {
            "kind": entry.kind,
            "meta": entry.meta,
            "arrays": described,
            "payload_bytes": offset,
            "payload_sha256": digest.hexdigest(),
        },
        separators=(",", ":"),
        allow_nan=False,
    ).encode()
    first = b"%s %d %s\n" % (MAGIC, len(header), hashlib.sha256(header).hexdigest().encode())
    gap = bytes(-(len(first) + len(header)) % ALIGNMENT)
    return [first + header + gap, *chunks]


def decode_entry(raw: bytes | mmap.mmap) -> Entry:
    """Return the entry that bytes hold.

    Raises
    ------
    CorruptEntryError
        If any of them differs from what was written.
    """
    end = raw.find(b"\n", 0, 256)
    parts = raw[:end].rsplit(b" ", 2)
    if end < 0 or len(parts) != 3 or parts[0] != MAGIC or not parts[1].isdigit():
        raise CorruptEntryError("no header")
    length = int(parts[1])
    header = raw[end + 1 : end + 1 + length]
    if length > MAX_HEADER or hashlib.sha256(header).hexdigest().encode() != parts[2]:
        raise CorruptEntryError("the header changed")
    try:
        described = json.loads(header)
        return _from_described(raw, end + 1 + length, described)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        # The checksums are right, so somebody made this; it is still not an entry.
        raise CorruptEntryError(f"not laid out as an entry: {error}") from error


def _from_described(raw: bytes | mmap.mmap, head: int, described: Mapping[str, Any]) -> Entry:
    start = head + -head % ALIGNMENT
    if len(raw) != start + described["payload_bytes"] or any(raw[head:start]):
        raise CorruptEntryError("the length changed")
    payload = memoryview(raw)[start:]
    if hashlib.sha256(payload).hexdigest() != described["payload_sha256"]:
        raise CorruptEntryError("the arrays changed")
    arrays = {one["name"]: _array(payload, one) for one in described["arrays"]}
    if not isinstance(described["kind"], str) or not isinstance(described["meta"], dict):
        raise CorruptEntryError("not laid out as an entry")
    return Entry(kind=described["kind"], meta=described["meta"], arrays=arrays)


def _array(payload: memoryview, described: Mapping[str, Any]) -> NDArray[Any]:
    dtype = np.dtype(described["dtype"])
    shape, offset = described["shape"], described["offset"]
    if dtype.kind not in PLAIN_KINDS or not all(type(n) is int and n >= 0 for n in (offset, *shape)):
        raise CorruptEntryError("an array that is not plain bytes")
    count = math.prod(shape)
    array = np.frombuffer(payload, dtype=dtype, count=count, offset=offset) if count else np.empty(0, dtype)
    return array.reshape(shape)
