"""A store that several machines share: a local store in front of a folder behind any URL that fsspec opens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fusebench import io
from fusebench.engine.layouts import is_entry
from fusebench.engine.store import CorruptEntryError, Entry, Sealed, Store, decode_entry, pieces, place
from fusebench.errors import MissingExtraError, StorageError, UsageError


@dataclass
class SharedStore(Store):
    """Entries in a local store and behind a URL: what others made is fetched once, what is made here is sent at once.

    An entry carries its own checksums, so one that was sent only in part is no entry: it is made again and sent again.
    Nobody lists a folder to find one entry; all names are listed once, when the first entry is looked for.

    Parameters
    ----------
    url : str
        Such as ``s3://bucket/folder``, ``file:///mnt/team`` or ``memory://x``.

    Raises
    ------
    MissingExtraError
        If fsspec, or the package that opens this kind of URL, is not installed.
    UsageError
        If no package opens this kind of URL.
    """

    url: str = ""

    def __post_init__(self) -> None:
        self._files, self._folder = _opened(self.url)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to workers as the local store: the process that owns the run fetches and sends."""
        return Store, (self.root,)

    def has(self, key: str) -> bool:
        """Whether an entry exists here or behind the URL; from there it is fetched."""
        return super().has(key) or self._fetch(key)

    def get(self, key: str, *kinds: str) -> Entry | None:
        """Return an entry, fetched where it is not here, or None."""
        found = super().get(key, *kinds)
        return super().get(key, *kinds) if found is None and self._fetch(key) else found

    def put(self, key: str, entry: Entry) -> None:
        """Write one entry here and send it."""
        self.put_many({key: entry})

    def put_many(self, entries: Mapping[str, Entry | Sealed]) -> None:
        """Write entries here and send them.

        Raises
        ------
        StorageError
            If either place fails.
        """
        super().put_many(entries)
        with self._errors():
            for key, entry in entries.items():
                there = self._path_there(key)
                self._files.makedirs(there.rpartition("/")[0], exist_ok=True)
                self._files.pipe_file(there, b"".join(pieces(entry)))
                self._there.add(key)

    @cached_property
    def _there(self) -> set[str]:
        with self._errors():
            self._files.makedirs(self._folder, exist_ok=True)
            names = self._files.find(self._folder)
        return {"".join(name.rsplit("/", 2)[-2:]) for name in names}

    def _path_there(self, key: str) -> str:
        return f"{self._folder}/{place(key)}"

    def _fetch(self, key: str) -> bool:
        if key not in self._there:
            return False
        with self._errors():
            try:
                raw = bytes(self._files.cat_file(self._path_there(key)))
            except FileNotFoundError:
                return False
        try:
            entry = decode_entry(raw)
        except CorruptEntryError:
            entry = None
        if entry is None or not is_entry(entry.kind, entry.meta, entry.arrays):
            self._there.discard(key)
            return False
        with io.storage_errors(self.root):
            io.write_durably(self.path(key), [raw], self.scratch)
        return True

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(f"--store {self.url}: {error}") from error


def _opened(url: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"--store {url}", "shared") from error
    try:
        files, folder = fsspec.core.url_to_fs(url)
    except ValueError as error:
        raise UsageError(f"--store {url}: {error}") from error
    except ImportError as error:
        raise UsageError(f"--store {url}: {error}; install the package that opens this kind of URL") from error
    return files, f"{folder.rstrip('/')}/objects"
