"""Datasets of OpenML, by number or name, through scikit-learn; a local copy of each is kept."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from fusebench.datasets._delimited import first_line
from fusebench.datasets._downloads import TIMEOUT, _aside, data_home, read_url
from fusebench.datasets._tables import sha256_of
from fusebench.datasets.base import Source
from fusebench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.spec.model import DatasetSpec

SERVER = "https://www.openml.org"
HOST = "openml.org"
NAME = re.compile(r"[A-Za-z0-9_.()+-]{1,100}")
MOST_DENSE_CELLS = 200_000_000
TABLE, ABOUT = "table.parquet", "about.json"


class OpenML(Source):
    """A dataset of openml.org; what was downloaded once is used without the network."""

    options: ClassVar = {
        "data_id": "the number of the dataset, or its name",
        "version": "of a dataset that is given by its name; default the oldest that is active",
    }
    takes_sha256 = False

    def read(self, spec: DatasetSpec, base: Path) -> pd.DataFrame:
        """Return the table; its default target and licence are OpenML's."""
        import pandas as pd

        folder = self._folder(spec)
        about = _about(folder)
        frame = pd.read_parquet(folder / TABLE)
        frame.attrs.update({key: about.get(key) for key in ("target", "licence", "citation")})
        return frame

    def identity(self, spec: DatasetSpec, base: Path) -> str:
        """Return the SHA-256 of the local copy, downloading it where there is none."""
        return str(_about(self._folder(spec))["sha256"])

    def _folder(self, spec: DatasetSpec) -> Path:
        wanted, version = str(spec.options.get("data_id", spec.name)), spec.options.get("version")
        if not NAME.fullmatch(wanted):
            raise DataError(f"{spec.name}: OpenML knows datasets by a number or a name, got {wanted!r}")
        for folder in stored():
            if _is_sound(folder) and _is_meant(_about(folder), wanted, version):
                return folder
        return _fetch(spec.name, wanted, version)


def stored() -> list[Path]:
    """Return the folders of the local copies."""
    home = data_home() / "openml"
    return sorted((one.parent for one in home.glob(f"[0-9]*/{ABOUT}")), key=lambda one: int(one.name))


def suite(wanted: str) -> list[int]:
    """Return the numbers of the datasets in a suite of OpenML, by its number or alias; the answer is kept.

    Raises
    ------
    DataError
        If there is no such suite, or no answer.
    """
    name = f"openml-suite:{wanted}"
    if not NAME.fullmatch(wanted):
        raise DataError(f"{name}: OpenML knows suites by a number or an alias, got {wanted!r}")
    kept = data_home() / "openml" / "suites" / f"{wanted}.json"
    if not kept.is_file():
        server = os.environ.get("FUSEBENCH_OPENML_URL", SERVER).rstrip("/")
        try:
            answer = read_url(f"{server}/api/v1/json/study/{wanted}", name)
        except DataError as error:
            raise DataError(f"{error}; {_stored_here()}") from error
        _dataset_numbers(answer, name)
        with _aside(kept.parent) as scratch:
            fresh = scratch / kept.name
            fresh.write_bytes(answer)
            fresh.replace(kept)
    return _dataset_numbers(kept.read_bytes(), name)


def _dataset_numbers(answer: bytes, name: str) -> list[int]:
    try:
        found = json.loads(answer)["study"]["data"]["data_id"]
        return [int(one) for one in found]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{name}: OpenML's answer lists no datasets") from error


def _fetch(name: str, wanted: str, version: Any) -> Path:
    """Download a dataset, keep it, and return its folder."""
    home = data_home() / "openml"
    with _aside(home) as scratch:
        loaded = _ask(name, wanted, version, scratch / "answers")
        details = loaded.details
        fresh = scratch / str(details["id"])
        fresh.mkdir()
        _keep(_frame(loaded, name), details, fresh)
        folder = home / str(int(details["id"]))
        if folder.exists():  # a damaged copy, or one that another process has just made
            folder.rename(scratch / "replaced")
        fresh.rename(folder)
    return folder


def _ask(name: str, wanted: str, version: Any, cache: Path) -> Any:
    import gc
    import warnings
    import zlib
    from urllib.error import HTTPError, URLError

    from sklearn.datasets import fetch_openml

    by: dict[str, Any] = {"data_id": int(wanted)} if wanted.isdecimal() else {"name": wanted}
    if version is not None and not wanted.isdecimal():
        by["version"] = version
    with warnings.catch_warnings(), _server():
        warnings.simplefilter("ignore")  # retries, remarks about other versions, connections left open after an error
        try:
            return fetch_openml(
                **by, data_home=str(cache), target_column=None, as_frame="auto", parser="auto", n_retries=2, delay=1.0
            )
        except (URLError, TimeoutError, ConnectionError, HTTPException) as error:
            code = f"the server answered {error.code} " if isinstance(error, HTTPError) else ""
            problem = f"OpenML cannot be reached: {code}{getattr(error, 'reason', None) or error}"
        except (ValueError, KeyError, EOFError, OSError, zlib.error) as error:
            problem = f"OpenML's answer cannot be used: {first_line(error)}"
        gc.collect()
    raise DataError(f"{name}: {problem}; {_stored_here()}")


@contextmanager
def _server() -> Iterator[None]:
    """Send what is meant for OpenML to the server that ``FUSEBENCH_OPENML_URL`` names, and never wait forever."""
    import socket
    import urllib.request as web

    before, timeout = getattr(web, "_opener", None), socket.getdefaulttimeout()
    elsewhere = os.environ.get("FUSEBENCH_OPENML_URL")
    socket.setdefaulttimeout(TIMEOUT)
    if elsewhere:
        web.install_opener(web.build_opener(_elsewhere(elsewhere)))
    try:
        yield
    finally:
        socket.setdefaulttimeout(timeout)
        web.install_opener(before)  # None makes the next request build its own


def _elsewhere(server: str) -> Any:
    import urllib.request as web

    class Elsewhere(web.BaseHandler):
        """Opens what is meant for openml.org at another server."""

        handler_order = 100

        def https_open(self, request: Any) -> Any:
            parts = urlsplit(request.full_url)
            if not (parts.hostname or "").endswith(HOST):
                return None
            query = f"?{parts.query}" if parts.query else ""
            moved = web.Request(server.rstrip("/") + parts.path + query, headers=dict(request.headers))  # noqa: S310
            return self.parent.open(moved, timeout=request.timeout)

        http_open = https_open

    return Elsewhere()


def _frame(loaded: Any, name: str) -> pd.DataFrame:
    import pandas as pd

    if isinstance(loaded.data, pd.DataFrame):
        frame: pd.DataFrame = loaded.frame if loaded.frame is not None else loaded.data
        return frame
    if loaded.data.shape[0] * loaded.data.shape[1] > MOST_DENSE_CELLS:
        raise DataError(f"{name}: a sparse table of {loaded.data.shape[0]} x {loaded.data.shape[1]} is too large")
    dense = pd.DataFrame(loaded.data.toarray(), columns=list(loaded.feature_names))
    for column, labels in (loaded.categories or {}).items():
        if column in dense:
            dense[column] = pd.Categorical.from_codes(
                dense[column].to_numpy(dtype=int), pd.Index(list(labels), dtype=object)
            )
    return dense


def _keep(frame: pd.DataFrame, details: Mapping[str, Any], folder: Path) -> None:
    frame.to_parquet(folder / TABLE)
    target = details.get("default_target_attribute") or ""
    columns = [str(one) for one in frame.columns]
    targets = [target] if target in columns else [one for one in target.split(",") if one in columns]
    about = {
        "id": int(details["id"]),
        "name": details.get("name", ""),
        "version": details.get("version", ""),
        "status": details.get("status", ""),
        "licence": details.get("licence", ""),
        "citation": " ".join(str(details.get("citation") or "").split())[:500],
        "target": targets,
        "md5": details.get("md5_checksum", ""),
        "sha256": sha256_of(folder / TABLE),
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")


def _about(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    return found


def _is_sound(folder: Path) -> bool:
    """Return whether a local copy is whole."""
    try:
        return bool(_about(folder)["sha256"] == sha256_of(folder / TABLE))
    except (OSError, ValueError, KeyError):
        return False


def _is_meant(about: Mapping[str, Any], wanted: str, version: Any) -> bool:
    if wanted.isdecimal():
        return bool(about["id"] == int(wanted))
    return bool(about["name"] == wanted and (version is None or str(about["version"]) == str(version)))


def _stored_here() -> str:
    known = [f"openml:{_about(folder)['id']} ({_about(folder)['name']})" for folder in stored() if _is_sound(folder)]
    if not known:
        return f"no dataset of OpenML is stored in {data_home()}"
    return f"stored in {data_home()}: {', '.join(known[:20])}"
