"""What the environment says where no flag does."""

from __future__ import annotations

import os

DEFAULT_STORE = ".fusebench"


def executor_name(flag: str | None) -> str:
    """Return which executor runs the fits: the flag's, ``FUSEBENCH_EXECUTOR``, or this machine's own."""
    return flag or os.environ.get("FUSEBENCH_EXECUTOR") or "local"


def store_location(flag: str | None) -> str:
    """Return where fits are kept, a folder or a URL: the flag's, ``FUSEBENCH_STORE``, or a folder beside the user."""
    return flag or os.environ.get("FUSEBENCH_STORE") or DEFAULT_STORE


def scheduler_address(flag: str | None) -> str | None:
    """Return the address of a running Dask scheduler: the flag's or ``FUSEBENCH_SCHEDULER``, None for none."""
    return flag or os.environ.get("FUSEBENCH_SCHEDULER") or None


def worker_imports(executor: str | None, scheduler: str | None) -> tuple[str, ...] | None:
    """Return what workers on this machine import beside the learners' libraries; None where none are started here."""
    if executor_name(executor) == "local":
        return ()
    if executor_name(executor) == "dask" and scheduler_address(scheduler) is None:
        return ("distributed", "fusebench.engine.execute._dask_worker")
    return None
