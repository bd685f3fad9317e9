"""Files from the web, and where copies of them are kept."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from fusebench.datasets._tables import BLOCK, sha256_of
from fusebench.errors import DataError, StorageError

TIMEOUT = 30.0  # seconds without a byte
N_ATTEMPTS = 3
DELAY = 1.0  # seconds before the second attempt, doubled before each further one


def data_home() -> Path:
    """Return the folder of local copies: ``FUSEBENCH_DATA``, or ``fusebench`` in the user's cache folder."""
    named = os.environ.get("FUSEBENCH_DATA")
    if named:
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "fusebench"


def is_url(path: str) -> bool:
    """Return whether a path is an address on the web."""
    return path.lower().startswith(("http://", "https://"))


def local_copy(url: str, name: str, sha256: str | None) -> Path:
    """Return the local copy of a file on the web; downloads it once.

    Parameters
    ----------
    url : str
    name : str
        The dataset's, for messages.
    sha256 : str, optional
        A stored copy of another checksum is downloaded again.

    Raises
    ------
    DataError
        If it cannot be downloaded whole, or has another checksum.
    """
    path = data_home() / "files" / hashlib.sha256(url.encode()).hexdigest()[:16] / _file_name(url)
    if path.is_file() and (sha256 is None or sha256_of(path) == sha256.lower()):
        return path
    with _aside(path.parent) as folder:
        fresh = folder / path.name
        with fresh.open("wb") as file:
            _download(url, name, file)
        found = sha256_of(fresh)
        if sha256 is not None and found != sha256.lower():
            raise DataError(f"{name}: {url} has the SHA-256 {found}, expected {sha256}; it is another file")
        fresh.replace(path)
    return path


def read_url(url: str, name: str) -> bytes:
    """Return what is at an address.

    Raises
    ------
    DataError
        If it cannot be downloaded whole.
    """
    with tempfile.TemporaryFile() as file:
        _download(url, name, file)
        file.seek(0)
        return file.read()


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """Make a folder and a scratch folder in it, which is gone afterwards."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".") as scratch:
            yield Path(scratch)
    except OSError as error:
        raise StorageError(f"{folder}: cannot keep a local copy: {error.strerror or error}") from error


def _download(url: str, name: str, file: Any) -> None:
    for attempt in range(N_ATTEMPTS):
        if attempt:
            time.sleep(DELAY * 2 ** (attempt - 1))
        file.seek(0)
        file.truncate()
        try:
            problem, again = _attempt(url, file), True
        except HTTPError as error:
            problem, again = f"the server answered {error.code} {error.reason}", error.code >= 500
            error.close()
        except (URLError, TimeoutError, HTTPException, ConnectionError) as error:
            problem, again = str(getattr(error, "reason", "") or error) or type(error).__name__, True
        except ValueError as error:
            raise DataError(f"{name}: {url} is no address: {error}") from error
        if not problem:
            return
        if not again:
            break
    raise DataError(f"{name}: {url} cannot be downloaded: {problem}")


def _attempt(url: str, file: Any) -> str:
    """Copy an answer to a file and return what is wrong with it, empty for nothing."""
    with urlopen(Request(url, headers={"User-Agent": "fusebench"}), timeout=TIMEOUT) as answer:  # noqa: S310 - http(s)
        shutil.copyfileobj(answer, file, BLOCK)
        promised = answer.headers.get("Content-Length")
    if promised is not None and file.tell() != int(promised):
        return f"it was cut off: {file.tell()} of {promised} bytes arrived"
    return ""


def _file_name(url: str) -> str:
    last = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
    return re.sub(r"[^A-Za-z0-9_.+-]", "-", last).strip(".")[-100:] or "data.csv"
