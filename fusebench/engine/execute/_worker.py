"""A worker process: takes batches of items, sends back one outcome an item."""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import signal
import sys
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from fusebench.engine.execute._memory import Memory
from fusebench.engine.execute._shortcuts import take_shortcuts
from fusebench.engine.store import Entry, Sealed, seal
from fusebench.engine.tasks.workbench import InputsLostError, Workbench
from fusebench.errors import FitError, Interrupted, StorageError

PR_SET_PDEATHSIG = 1
DETAIL_CHARACTERS = 2000


class Done(NamedTuple):
    """An item's result."""

    key: str
    entry: Entry | Sealed


class Raised(NamedTuple):
    """An item raised."""

    key: str
    reason: str
    detail: str


class Lost(NamedTuple):
    """Stored inputs of an item are gone."""

    key: str
    inputs: list[str]


class Unreadable(NamedTuple):
    """The disk failed while stored inputs of an item were read."""

    key: str
    message: str


Outcome = Done | Raised | Lost | Unreadable


class Ready(NamedTuple):
    """The worker is up and idle."""


def serve(connection: Connection, workbench: Workbench) -> None:
    """Run batches until the connection closes. The process belongs to one run and dies with it."""
    _die_with_parent()
    _lead_own_group()
    _be_silent()
    _use_one_thread()
    take_shortcuts()
    _pass_by_what_was_imported()
    workbench.reader = memory = Memory(workbench.reader)
    connection.send_bytes(pickle.dumps(Ready()))
    while True:
        try:
            batch = pickle.loads(connection.recv_bytes())  # noqa: S301 - from the process that started this one
        except EOFError:
            return
        for key, item in batch:
            outcome = attempt(workbench, key, item)
            told = sealed(outcome)
            connection.send_bytes(pickle.dumps(told, protocol=5))
            if isinstance(outcome, Done) and isinstance(told, Done):
                memory.keep_result(key, item, outcome.entry.opened())
            elif isinstance(outcome, Lost):
                memory.forget(outcome.inputs)


def sealed(outcome: Outcome) -> Outcome:
    """Return an outcome as it travels; a result that cannot be stored becomes a failure."""
    if not isinstance(outcome, Done):
        return outcome
    try:
        return Done(outcome.key, seal(outcome.entry.opened()))
    except (TypeError, ValueError) as error:
        return Raised(outcome.key, type(error).__name__, str(error)[:DETAIL_CHARACTERS])


def attempt(workbench: Workbench, key: str, item: Any) -> Outcome:
    """Run one item; whatever it raises is its outcome."""
    try:
        return Done(key, workbench.run(item))
    except InputsLostError as lost:
        return Lost(key, lost.keys)
    except FitError as error:
        return Raised(key, "invalid predictions", str(error)[:DETAIL_CHARACTERS])
    except StorageError as error:
        return Unreadable(key, str(error))
    except Interrupted:  # of the run itself, where items run in its own process
        raise
    except BaseException as error:  # noqa: BLE001 - an estimator may raise anything
        last = traceback.extract_tb(error.__traceback__)[-1:]
        where = f" ({Path(last[0].filename).name}:{last[0].lineno})" if last else ""
        return Raised(key, type(error).__name__, f"{_text_of(error)}{where}"[:DETAIL_CHARACTERS])


def _text_of(error: BaseException) -> str:
    """Return an error's text, which an estimator's own class may fail to give."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - as above
        return ""


def _die_with_parent() -> None:
    """Ask Linux to kill this process when the one that forked it dies."""
    parent = os.getppid()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it was asked for, and will not die again
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _lead_own_group() -> None:
    """Make everything that a fit starts die with its worker."""
    with suppress(OSError, AttributeError):
        os.setpgid(0, 0)


def _be_silent() -> None:
    """Throw away what estimators print; a fit that prints without end costs no disk."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _pass_by_what_was_imported() -> None:
    """Let the garbage collector go on, with nothing to look at yet, nor memory of the fork server's to touch."""
    gc.freeze()
    gc.enable()


def _use_one_thread() -> None:
    import warnings

    from threadpoolctl import threadpool_limits

    warnings.simplefilter("ignore")
    threadpool_limits(1)
