"""What every executor shares: the bookkeeping of a run, its progress and its interruption."""

from __future__ import annotations

import select
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Protocol

from fusebench.engine.execute._worker import Done, Lost, Outcome, Raised, Unreadable
from fusebench.engine.execute._writer import Writer
from fusebench.engine.plan import Plan, Task
from fusebench.engine.schedule import Failed, Schedule
from fusebench.engine.store import Entry, Store
from fusebench.engine.tasks.items import EncodeItem, FitItem, FuseItem, Item
from fusebench.engine.tasks.workbench import Workbench
from fusebench.errors import Interrupted, StorageError

SHOW_SECONDS = 0.1


class Progress(Protocol):
    """Told what happens while a plan runs."""

    def begin(self, n_tasks: int, expected_seconds: float) -> None:
        """Start: so many tasks, expected to take so many seconds on all workers."""
        ...

    def advance(self, task: Task, failed: Failed | None, seconds_left: float) -> None:
        """Note that one task ended."""
        ...

    def running(self, items: Sequence[Item]) -> None:
        """Show what the workers are at."""
        ...

    def end(self) -> None:
        """Finish."""
        ...


@dataclass
class Outcomes:
    """What came of a plan.

    Parameters
    ----------
    failed : mapping of str to Failed
        By task key.
    partial : mapping of str to Entry
        Score entries that are not in the store because some of their splits failed.
    costs : mapping of str to list of float
        Seconds of the tasks that ran, by cost key.
    complete : bool
        False after a time limit.
    interrupted : Interrupted or None
        The signal that stopped the run.
    energy : mapping
        What the run drew, as `fusebench.engine.energy.Energy.told`.
    lost : int
        Stored results that turned out to be damaged or gone, and were made again.
    """

    failed: Mapping[str, Failed] = field(default_factory=dict)
    partial: dict[str, Entry] = field(default_factory=dict)
    costs: dict[str, list[float]] = field(default_factory=dict)
    complete: bool = True
    interrupted: Interrupted | None = None
    energy: dict[str, Any] = field(default_factory=dict)
    lost: int = 0


@dataclass
class Run:
    """One run in progress: what workers say goes in, the schedule and the store follow.

    Parameters
    ----------
    plan : Plan
    schedule : Schedule
    store : Store
    workbench : Workbench
    progress : Progress
    n_jobs : int
    time_limit : float or None
        Seconds.
    """

    plan: Plan
    schedule: Schedule
    store: Store
    workbench: Workbench
    progress: Progress
    n_jobs: int
    time_limit: float | None = None
    outcomes: Outcomes = field(default_factory=Outcomes)

    def __post_init__(self) -> None:
        self.writer = Writer(self.store)
        self._lost: set[str] = set()
        self._begun = time.monotonic()
        self._shown = 0.0
        self._left = 0.0
        self._spent = self._planned = 0.0

    def out_of_time(self) -> bool:
        """Whether the time limit has passed."""
        return self.time_limit is not None and time.monotonic() - self._begun > self.time_limit

    def take_in(self, outcome: Outcome) -> None:
        """Note what came of one item.

        Raises
        ------
        StorageError
            If the disk failed under it.
        """
        key = outcome.key
        match outcome:
            case Done():
                self._record_cost(key, outcome.entry.seconds)
                store_key = self.schedule.stored_key(key)
                if store_key is not None:
                    self.writer.put(key, store_key, outcome.entry)
                    return
                if outcome.entry.kind == "score":
                    self.outcomes.partial[key] = outcome.entry.opened()
                self._ended(key, None)
            case Unreadable():
                raise StorageError(outcome.message)
            case Lost():
                self._note_lost(outcome.inputs)
                self.schedule.restore(key, outcome.inputs)
            case Raised():
                stage = _stage(self.schedule.tasks[key].item)
                self._ended(key, Failed(stage, outcome.reason, outcome.detail))

    def _note_lost(self, inputs: Sequence[str]) -> None:
        """Count what is gone; what is still there cannot be what its key says, and is set aside."""
        new = set(inputs) - self._lost
        self._lost |= new
        self.outcomes.lost += sum(not self.store.reject(key) for key in sorted(new))  # the store tells of the others

    def finish_written(self) -> None:
        """Note what the writer has made safe.

        Raises
        ------
        StorageError
            If it could not.
        """
        if not self.writer.pending:
            return
        if select.select([self.writer.wakeup], [], [], 0)[0]:
            self.writer.clear_bell()
        for key in self.writer.written():
            self._ended(key, None)

    def close(self) -> None:
        """Write what is left and end the progress.

        Raises
        ------
        StorageError
            If it could not be written.
        """
        self.outcomes.failed = self.schedule.failed
        self.outcomes.complete = not self.schedule.unfinished
        self.progress.end()
        self.writer.close()

    def _ended(self, key: str, failure: Failed | None) -> None:
        if failure is None:
            self.schedule.finish(key)
        else:
            self.schedule.fail(key, failure)
        now = time.monotonic()
        if now - self._shown > SHOW_SECONDS or not self.schedule.unfinished:
            pace = self._spent / self._planned if self._planned else 1.0
            self._left = self.schedule.seconds_left * pace / self.n_jobs
            self._shown = now
        self.progress.advance(self.schedule.tasks[key], failure, self._left)

    def _record_cost(self, key: str, seconds: float | None) -> None:
        if seconds is None:
            return
        task = self.schedule.tasks[key]
        self.outcomes.costs.setdefault(task.cost_key, []).append(seconds)
        self._spent += seconds
        self._planned += task.expected


def _stage(item: Item | None) -> str:
    match item:
        case EncodeItem():
            return "encode"
        case FitItem():
            return "fit"
        case FuseItem():
            return "fuse"
        case _:
            return "score"


@contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """Raise Interrupted in the main thread on Ctrl-C (130), on a polite kill and when the terminal closes (143)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second one ends the process at once
        if number == signal.SIGINT:
            raise Interrupted("interrupted", 130)
        raise Interrupted("terminated", 143)

    heard = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as under nohup
        heard.append(signal.SIGHUP)
    before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {
        number: signal.signal(number, stop) for number in heard
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
