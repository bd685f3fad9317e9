"""Where a run keeps things and how many workers it may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fusebench.engine.defaults import DEFAULT_STORE, store_location
from fusebench.engine.execute.local import default_jobs
from fusebench.engine.store import Store
from fusebench.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """Settings of the place, not of the experiment.

    Parameters
    ----------
    store : Path
    n_jobs : int
    time_limit : float, optional
        Seconds.
    fresh : bool
        Whether to fit again what is stored.
    shared : str, optional
        URL of a store that several machines share; `store` is then what this machine keeps of it.
    """

    store: Path
    n_jobs: int
    time_limit: float | None = None
    fresh: bool = False
    shared: str | None = None


def settings(
    *,
    store: Path | str | None = None,
    n_jobs: int | None = None,
    time_limit: float | None = None,
    fresh: bool = False,
) -> Settings:
    """Return settings with the environment's defaults (``FUSEBENCH_STORE``, ``FUSEBENCH_JOBS``) filled in.

    Parameters
    ----------
    store : path or URL, optional
        A URL such as ``s3://bucket/folder`` is a store that several machines share.

    Raises
    ------
    UsageError
        If ``FUSEBENCH_JOBS`` or `n_jobs` is not a positive whole number.
    """
    jobs = os.environ.get("FUSEBENCH_JOBS") if n_jobs is None else str(n_jobs)
    if jobs is not None and (not jobs.isdecimal() or int(jobs) < 1):
        raise UsageError(f"--jobs (or FUSEBENCH_JOBS): got {jobs!r}, expected a whole number of at least 1")
    where = store_location(None if store is None else str(store))
    shared = where if "://" in where else None
    return Settings(
        Path(DEFAULT_STORE if shared else where),
        default_jobs() if jobs is None else int(jobs),
        time_limit,
        fresh,
        shared,
    )


def open_store(place: Settings, on_corrupt: Callable[[Path], None] | None = None) -> Store:
    """Return the store of a place.

    Raises
    ------
    MissingExtraError, UsageError
        If a shared store's URL cannot be opened.
    """
    if place.shared is None:
        return Store(place.store, on_corrupt)
    from fusebench.engine.shared import SharedStore

    return SharedStore(place.store, on_corrupt, place.shared)
