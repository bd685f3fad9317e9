"""The server that every other process of a run is forked from: on Linux it imports what workers need, once."""

from __future__ import annotations

import atexit
import multiprocessing as mp
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from types import ModuleType
from typing import Any, Generic, TypeVar

from fusebench.engine.execute import _quiet, _strays
from fusebench.engine.execute._sockets import make_socket_folder
from fusebench.errors import FusebenchError, printable

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
Answer = TypeVar("Answer")


class WorkerStartError(FusebenchError):
    """A worker died before it could take work; another one would too."""

    exit_code = 74  # the system gives no more memory, processes or files

    def __init__(self, detail: str) -> None:
        said = _quiet.last_line(make_socket_folder() / _quiet.SAID) if sys.platform == "linux" else ""
        last = f" (it said: {printable(said)})" if said else ""
        super().__init__(
            f"a worker process could not start: {detail}{last}; is there memory left for it? Fewer --jobs need less"
        )


class Aside(Generic[Answer]):
    """A call that a process of its own makes while this one goes on.

    Parameters
    ----------
    context : BaseContext
        What `start_fork_server` returned.
    function : callable
        Takes nothing; it is pickled, as its answer is.
    """

    def __init__(self, context: BaseContext, function: Callable[[], Answer]) -> None:
        self._function = function
        self._connection, theirs = context.Pipe(duplex=False)
        # The server forks nothing before it has imported everything, and whoever asks it to waits for that.
        self._starting = threading.Thread(target=_start, args=(context, theirs, function), daemon=True)
        self._starting.start()

    @cached_property
    def result(self) -> Answer:
        """What the call returned, waited for; where its process could not say, this one makes the call."""
        self._starting.join()
        try:
            answer: Answer = pickle.loads(self._connection.recv_bytes())  # noqa: S301 - from a process of ours
        except (EOFError, OSError):
            return self._function()
        finally:
            self._connection.close()
        return answer


def _start(context: BaseContext, connection: Connection, function: Callable[[], Any]) -> None:
    try:
        with without_main_module(), suppress(OSError, EOFError):  # of a server that could not import
            context.Process(  # type: ignore[attr-defined]  # every concrete context has it
                target=_answer, args=(connection, function), daemon=True
            ).start()
    finally:
        connection.close()


def _answer(connection: Connection, function: Callable[[], Any]) -> None:
    """Send what a call returns; what it raises is raised again by whoever then makes the call."""
    with suppress(Exception):
        connection.send_bytes(pickle.dumps(function()))


def fork_server_pid() -> int:
    """Return the process number of the running fork server."""
    from multiprocessing import forkserver

    return int(forkserver._forkserver._forkserver_pid or 0)  # type: ignore[attr-defined]  # there is no public name


def start_fork_server(preload: Sequence[str]) -> BaseContext:
    """Return the context that makes workers; on Linux its server starts importing at once."""
    if sys.platform != "linux":
        return mp.get_context("spawn")
    context = mp.get_context("forkserver")
    context.set_forkserver_preload([_quiet.__name__, "fusebench.engine.execute._rest", *preload])
    from multiprocessing import forkserver

    make_socket_folder()
    with _worker_environment(), _deaf_to_ctrl_c():
        forkserver.ensure_running()
    atexit.unregister(_end_server)
    atexit.register(_end_server, os.getpid())
    return context


def _end_server(owner: int) -> None:
    """End the server of a process that ends: one that is still importing would notice seconds later."""
    if os.getpid() == owner and (server := fork_server_pid()):  # 0 would mean this whole group
        with suppress(OSError):
            os.kill(server, signal.SIGKILL)


@contextmanager
def starting() -> Iterator[None]:
    """Start a process of the server's in here.

    Raises
    ------
    WorkerStartError
        If the server is gone or cannot fork.
    """
    try:
        with without_main_module():
            yield
    except (EOFError, OSError) as error:
        raise WorkerStartError(str(error) or "the process that forks them ended") from error


@contextmanager
def _worker_environment() -> Iterator[None]:
    said = str(make_socket_folder() / _quiet.SAID)
    wanted = {**dict.fromkeys(THREAD_VARIABLES, "1"), _strays.MARK: _strays.MARKED, _quiet.SAID: said}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let what is started here not see the Ctrl-C of a terminal, which reaches its whole process group.

    The fork server ignores it too, but only once it has imported everything.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def without_main_module() -> Iterator[None]:
    """Keep workers from running the caller's script again: they need the package and nothing of it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
