"""Supervised worker processes: each knows its item, so a death, a hang or an overrun costs that item alone.

Own code rather than a pool library: an item's clock and memory are watched one by one although small items
travel in batches, and what a fit leaves running is killed with it, by process group.
"""

from __future__ import annotations

import math
import os
import pickle
import select
import signal
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from typing import Any

from fusebench.engine.execute import _strays, _worker
from fusebench.engine.execute._fork_server import WorkerStartError, fork_server_pid, start_fork_server, starting
from fusebench.engine.execute._slot import Batch, Slot
from fusebench.engine.execute._worker import Outcome, Raised, Ready
from fusebench.engine.tasks.items import Item
from fusebench.engine.tasks.workbench import Workbench

POLL_SECONDS = 0.05
NAP_SECONDS = 0.004  # in which outcomes gather while every worker has its next batch: each would cost a wake-up
FASTEST_GROWTH = 1e10  # bytes a second that processes can fill
SELDOMEST_WEIGHING = 1.0  # seconds
_living: set[int] = set()
"""Process numbers of all workers of this process, their guards and their fork server."""


@dataclass(frozen=True)
class Limits:
    """What one item may use.

    Parameters
    ----------
    seconds : callable
        Maps an item to its wall-clock limit in seconds, or None.
    memory : int
        Resident bytes of one worker at most.
    """

    seconds: Callable[[Item], float | None]
    memory: int


def _waiting() -> Callable[[Sequence[Any], float], Collection[Any]]:
    """Return what waits until some of its arguments have something to read, and keeps its preparations.

    What waits once prepares for every wait, which takes longer than all else where fits are short.
    """
    if not hasattr(select, "poll"):
        return lambda watched, timeout: set(wait(watched, timeout))
    poller = select.poll()
    known: dict[int, Any] = {}

    def waited(watched: Sequence[Any], timeout: float) -> Collection[Any]:
        by_number = {one if isinstance(one, int) else one.fileno(): one for one in watched}
        for number in known.keys() - by_number.keys():
            poller.unregister(number)
        for number in by_number.keys() - known.keys():
            poller.register(number, select.POLLIN)
        known.clear()
        known.update(by_number)
        return {known[number] for number, _ in poller.poll(math.ceil(1000 * timeout))}

    return waited


class Supervisor:
    """A fixed number of workers over one workbench.

    Parameters
    ----------
    workbench : Workbench
    n_workers : int
    limits : Limits
    preload : sequence of str
        Modules that the fork server imports once for all workers.
    """

    def __init__(self, workbench: Workbench, n_workers: int, limits: Limits, preload: Sequence[str]) -> None:
        self._workbench = workbench
        self._limits = limits
        self._context = start_fork_server(preload)
        self._guard = _start_guard(self._context)
        self._wait = _waiting()
        self._slots = [self._start() for _ in range(n_workers)]

    @property
    def idle(self) -> list[int]:
        """Numbers of the workers that wait for a batch."""
        return [number for number, slot in enumerate(self._slots) if slot.idle]

    @property
    def nearly_idle(self) -> list[int]:
        """Numbers of the workers that will soon be idle, and can be given a batch before they are."""
        return [number for number, slot in enumerate(self._slots) if slot.nearly_idle]

    def running(self) -> list[Item]:
        """Return the item each busy worker is at."""
        return [slot.batch[0][1] for slot in self._slots if slot.batch]

    def send(self, number: int, batch: Batch) -> bool:
        """Give a batch to a worker that is idle or nearly so; return whether it was given, see `Slot.accepts`."""
        slot = self._slots[number]
        raw = pickle.dumps(batch, protocol=5)
        if not slot.accepts(len(raw)):
            slot.refused = True
            return False
        slot.sent(batch)
        with suppress(BrokenPipeError, ConnectionResetError):  # its death is seen by the next poll
            slot.connection.send_bytes(raw)
        return True

    def poll(self, timeout: float, also: Sequence[Any] = ()) -> tuple[list[Outcome], list[str]]:
        """Wait for outcomes; return them, and the keys that a dead worker had not begun."""
        if all(slot.ahead for slot in self._slots):
            time.sleep(NAP_SECONDS)
        watched = [one for slot in self._slots for one in (slot.connection, slot.process.sentinel)]
        heard = self._wait([*watched, *also], min(timeout, POLL_SECONDS))
        outcomes: list[Outcome] = []
        unbegun: list[str] = []
        for number, slot in enumerate(self._slots):
            if slot.connection in heard:
                outcomes.extend(self._receive(slot))
            if slot.process.sentinel in heard:
                outcomes.extend(self._receive(slot))
                outcomes.extend(self._bury(number, "died", _cause_of_death(slot.process.exitcode), unbegun))
            elif slot.batch and (overrun := self._overrun(slot)):
                outcomes.extend(self._bury(number, *overrun, unbegun))
        return outcomes, unbegun

    def close(self) -> None:
        """Kill every worker and what it started."""
        for slot in self._slots:
            _kill_group(slot.process)
        for slot in self._slots:
            self._forget(slot)
        _strays.kill_strays(_living)
        if self._guard is not None:
            process, connection = self._guard
            process.kill()
            process.join(2)
            connection.close()
            _living.discard(process.pid)

    def _start(self) -> Slot:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(  # type: ignore[attr-defined]  # every concrete context has it
            target=_worker.serve, args=(theirs, self._workbench), daemon=True
        )
        with starting():
            process.start()
        theirs.close()
        _living.add(process.pid)
        return Slot.of(process, ours)

    @staticmethod
    def _forget(slot: Slot) -> None:
        slot.process.join(2)
        slot.connection.close()
        _living.discard(slot.process.pid)

    def _receive(self, slot: Slot) -> Iterator[Outcome]:
        try:
            while slot.has_said():
                outcome = pickle.loads(slot.connection.recv_bytes())  # noqa: S301 - from a worker of ours
                slot.begun = time.monotonic()
                if isinstance(outcome, Ready):
                    slot.ready = True
                elif slot.batch and outcome.key == slot.batch[0][0]:
                    slot.finished()
                    yield outcome
        except (EOFError, OSError, pickle.UnpicklingError):
            return

    def _overrun(self, slot: Slot) -> tuple[str, str] | None:
        seconds = self._limits.seconds(slot.batch[0][1])
        if seconds is not None and slot.ready and time.monotonic() - slot.begun > seconds:
            return "timeout", f"stopped after {seconds:g} s"
        now = time.monotonic()
        if now < slot.weigh_at:
            return None
        resident = _strays.tree_bytes(slot.process.pid)
        slot.weigh_at = now + weighed_again_after(self._limits.memory - resident)
        if resident > self._limits.memory:
            limit = f"{self._limits.memory / 1e9:.3g} GB"
            return "memory", f"stopped at {resident / 1e9:.3g} GB resident, the limit is {limit}"
        return None

    def _bury(self, number: int, reason: str, detail: str, unbegun: list[str]) -> Iterator[Outcome]:
        slot = self._slots[number]
        if not slot.ready:
            raise WorkerStartError(detail)
        _kill_group(slot.process)
        self._forget(slot)
        _strays.kill_strays(_living)
        self._slots[number] = self._start()
        if slot.batch:
            unbegun.extend(key for key, _ in slot.batch[1:])
            yield Raised(slot.batch[0][0], reason, detail)


def weighed_again_after(free: int) -> float:
    """Return in how many seconds a worker could have filled so many bytes, which it still may use."""
    return min(max(free / FASTEST_GROWTH, POLL_SECONDS), SELDOMEST_WEIGHING)


def _start_guard(context: BaseContext) -> tuple[Any, Connection] | None:
    """Start the process that outlives this one by a moment, should it be killed, and ends what is left."""
    if not _strays.SUPPORTED:
        return None
    from multiprocessing import resource_tracker

    ours, theirs = context.Pipe()
    server = fork_server_pid()
    process = context.Process(  # type: ignore[attr-defined]  # every concrete context has it
        target=_strays.watch, args=(theirs, server, _strays.MARKED), daemon=True
    )
    with starting():
        process.start()
    theirs.close()
    _living.update({process.pid, server, resource_tracker._resource_tracker._pid or 0})  # type: ignore[attr-defined]
    return process, ours


def _kill_group(process: Any) -> None:
    with suppress(ProcessLookupError, PermissionError, AttributeError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError, ValueError):
        process.kill()


def _cause_of_death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        with suppress(ValueError):
            return f"the worker was ended by {signal.Signals(-exit_code).name}"
    return f"the worker exited with status {exit_code}"
