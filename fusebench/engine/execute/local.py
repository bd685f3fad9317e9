"""Run a plan on this machine, in supervised worker processes."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

import psutil

from fusebench.engine.execute._supervisor import Limits, Supervisor, main_thread
from fusebench.engine.execute._worker import Done, Lost, Raised, attempt
from fusebench.engine.execute._writer import Writer
from fusebench.engine.plan import Plan, Task
from fusebench.engine.schedule import Failed, Schedule
from fusebench.engine.store import Entry, Store
from fusebench.engine.tasks import EncodeItem, FitItem, FuseItem, Item, Workbench
from fusebench.errors import Interrupted

INLINE_SECONDS = 1.0  # less than starting workers costs
MEMORY_SHARE = 0.9  # of the machine, for one fit when the spec sets no limit


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
    """

    failed: Mapping[str, Failed] = field(default_factory=dict)
    partial: dict[str, Entry] = field(default_factory=dict)
    costs: dict[str, list[float]] = field(default_factory=dict)
    complete: bool = True
    interrupted: Interrupted | None = None


@dataclass(frozen=True, kw_only=True)
class LocalExecutor:
    """Runs the missing tasks of a plan.

    Parameters
    ----------
    n_jobs : int
        Worker processes.
    timeout : float or None
        Seconds per task, unless its learner or fusion names its own.
    memory : int or None
        Bytes per worker; None guards the machine only.
    time_limit : float or None
        Seconds after which no task is started and what runs is stopped.
    preload : sequence of str
        Modules that workers will need.
    """

    n_jobs: int = 1
    timeout: float | None = None
    memory: int | None = None
    time_limit: float | None = None
    preload: Sequence[str] = ()

    def run(
        self, plan: Plan, missing: Mapping[str, Task], store: Store, workbench: Workbench, progress: Progress
    ) -> Outcomes:
        """Run what is missing; see `Outcomes`.

        Raises
        ------
        StorageError
            If results cannot be written.
        """
        scratch = store.scratch / f"run-{os.getpid()}-{time.time_ns()}"
        schedule = Schedule(plan, missing, scratch, balanced=self.time_limit is not None)
        run = _Run(self, plan, schedule, store, workbench, progress)
        progress.begin(len(schedule.tasks), schedule.seconds_left / self.n_jobs)
        scratch.mkdir(parents=True, exist_ok=True)
        try:
            with _signals_as_interrupts():
                if self._is_quick(plan, missing):
                    run.inline()
                else:
                    run.supervised(self._limits(plan))
        except Interrupted as interrupted:
            run.outcomes.interrupted = interrupted
            run.outcomes.complete = False
        finally:
            run.writer.close()
            shutil.rmtree(scratch, ignore_errors=True)
            progress.end()
        run.outcomes.failed = schedule.failed
        return run.outcomes

    def _is_quick(self, plan: Plan, missing: Mapping[str, Task]) -> bool:
        """Whether the work is a few built-in fusions that train nothing: starting workers would cost more."""
        if self.time_limit is not None or self.timeout is not None:
            return False
        for task in missing.values():
            if isinstance(task.item, FitItem) or (isinstance(task.item, FuseItem) and _fits_models(plan, task.item)):
                return False
        return sum(task.expected for task in missing.values()) < INLINE_SECONDS

    def _limits(self, plan: Plan) -> Limits:
        blueprint = plan.blueprint

        def seconds(item: Item) -> float | None:
            own: float | None = None
            if isinstance(item, FitItem):
                own = blueprint.learners[item.learner].timeout
            elif isinstance(item, FuseItem):
                own = blueprint.fusions[item.fusion].spec.timeout
            return self.timeout if own is None else own

        return Limits(seconds, self.memory or int(psutil.virtual_memory().total * MEMORY_SHARE))


@dataclass
class _Run:
    executor: LocalExecutor
    plan: Plan
    schedule: Schedule
    store: Store
    workbench: Workbench
    progress: Progress
    outcomes: Outcomes = field(default_factory=Outcomes)

    def __post_init__(self) -> None:
        self.writer = Writer(self.store)
        self.begun = time.monotonic()
        self._shown = 0.0
        self._pace = 1.0

    def inline(self) -> None:
        """Run everything in this process."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            while self.schedule.unfinished:
                for key, item in self.schedule.take():
                    self._take_in(attempt(self.workbench, key, item))
                while self.writer.pending:
                    self.writer.clear_bell()
                    self._finish_written()

    def supervised(self, limits: Limits) -> None:
        """Run everything in workers."""
        pool = Supervisor(self.workbench, self.executor.n_jobs, limits, self.executor.preload)
        try:
            while self.schedule.unfinished and not self._out_of_time():
                for number in pool.idle:
                    if batch := self.schedule.take():
                        pool.send(number, batch)
                outcomes, unbegun = pool.poll(1.0, [self.writer.wakeup])
                self.schedule.give_back(unbegun)
                for outcome in outcomes:
                    self._take_in(outcome)
                if self.writer.pending:
                    self._finish_written()
                self._show(pool)
            self.outcomes.complete = not self.schedule.unfinished
        finally:
            pool.close()

    def _out_of_time(self) -> bool:
        limit = self.executor.time_limit
        return limit is not None and time.monotonic() - self.begun > limit

    def _take_in(self, outcome: Done | Raised | Lost) -> None:
        key = outcome.key
        match outcome:
            case Done():
                self._record_cost(key, outcome.entry)
                store_key = self.schedule.stored_key(key)
                if store_key is not None:
                    self.writer.put(key, store_key, outcome.entry)
                    return
                if outcome.entry.kind == "score":
                    self.outcomes.partial[key] = outcome.entry
                self._ended(key, None)
            case Lost():
                self.schedule.restore(key, outcome.inputs)
            case Raised():
                failure = Failed(_stage(self.schedule.tasks[key].item), outcome.reason, outcome.detail)
                self._ended(key, failure)

    def _finish_written(self) -> None:
        import select

        if select.select([self.writer.wakeup], [], [], 0)[0]:
            self.writer.clear_bell()
        for key in self.writer.written():
            self._ended(key, None)

    def _ended(self, key: str, failure: Failed | None) -> None:
        if failure is None:
            self.schedule.finish(key)
        else:
            self.schedule.fail(key, failure)
        now = time.monotonic()
        if now - self._shown > 0.1 or not self.schedule.unfinished:
            self._left = self.schedule.seconds_left * self._pace / self.executor.n_jobs
            self._shown = now
        self.progress.advance(self.schedule.tasks[key], failure, self._left)

    def _record_cost(self, key: str, entry: Entry) -> None:
        task = self.schedule.tasks[key]
        wall = entry.meta.get("wall")
        if wall is None:
            return
        seconds = wall + entry.meta.get("predict", 0.0)
        self.outcomes.costs.setdefault(task.cost_key, []).append(seconds)
        if task.expected > 0:
            self._spent = getattr(self, "_spent", 0.0) + seconds
            self._planned = getattr(self, "_planned", 0.0) + task.expected
            self._pace = self._spent / self._planned

    def _show(self, pool: Supervisor) -> None:
        self.progress.running(pool.running())


def _fits_models(plan: Plan, item: FuseItem) -> bool:
    if item.fusion == "oracle":
        return False
    kind = plan.blueprint.fusion_class(plan.blueprint.fusions[item.fusion].spec.type)
    return kind.trains


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
def _signals_as_interrupts() -> Iterator[None]:
    """Raise Interrupted in the main thread on Ctrl-C (130) and on a polite kill (143)."""
    if not main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second one ends the process at once
        raise Interrupted("interrupted" if number == signal.SIGINT else "terminated", 128 + number)

    before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {
        number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def default_jobs() -> int:
    """Return the number of cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def spare_scratch(store_root: Path) -> None:
    """Remove scratch folders of runs whose process is gone."""
    for folder in (store_root / "tmp").glob("run-*"):
        pid = int(folder.name.split("-")[1])
        if not psutil.pid_exists(pid):
            shutil.rmtree(folder, ignore_errors=True)
