"""Run a plan on this machine, in supervised worker processes."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import ClassVar

import psutil

from fusebench import io
from fusebench.engine.execute._fork_server import start_fork_server
from fusebench.engine.execute._run import Outcomes, Progress, Run, signals_as_interrupts
from fusebench.engine.execute._supervisor import Limits, Supervisor
from fusebench.engine.execute._worker import attempt
from fusebench.engine.execute.early import worker_modules
from fusebench.engine.plan import Plan, Task
from fusebench.engine.schedule import Schedule
from fusebench.engine.store import Store
from fusebench.engine.tasks.items import FitItem, FuseItem, Item
from fusebench.engine.tasks.workbench import Workbench
from fusebench.errors import Interrupted
from fusebench.spec.model import LearnerSpec

INLINE_SECONDS = 1.0  # less than starting workers costs
ABANDONED_SECONDS = 3600
RUN, LOCK = "run-", "lock"
MEMORY_SHARE = 0.9  # of the machine, for one fit when the spec sets no limit


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

    enforces_limits: ClassVar[bool] = True
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
        with own_scratch(store) as scratch:
            schedule = Schedule(plan, missing, scratch, balanced=self.time_limit is not None)
            run = Run(plan, schedule, store, workbench, progress, self.n_jobs, self.time_limit)
            progress.begin(len(schedule.tasks), schedule.seconds_left / self.n_jobs)
            try:
                with signals_as_interrupts():
                    if self._is_quick(plan, missing):
                        _run_inline(run)
                    else:
                        _run_supervised(run, self, self._limits(plan))
            except Interrupted as interrupted:
                run.outcomes.interrupted = interrupted
            finally:
                run.close()
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


def _run_inline(run: Run) -> None:
    """Run everything in this process."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        while run.schedule.unfinished:
            for key, item in run.schedule.take():
                run.take_in(attempt(run.workbench, key, item))
            while run.writer.pending:
                run.writer.wait()
                run.finish_written()


def _run_supervised(run: Run, executor: LocalExecutor, limits: Limits) -> None:
    """Run everything in workers."""
    pool = Supervisor(run.workbench, executor.n_jobs, limits, executor.preload)
    try:
        while run.schedule.unfinished and not run.out_of_time():
            for number in pool.idle:
                if batch := run.schedule.take(worker=number):
                    pool.send(number, batch)
            for number in pool.nearly_idle:
                batch = run.schedule.take(worker=number, only_short=True)
                if batch and not pool.send(number, batch):
                    run.schedule.give_back(key for key, _ in batch)
            run.writer.hurry(bool(pool.idle or pool.nearly_idle))
            outcomes, unbegun = pool.poll(1.0, [run.writer.wakeup])
            run.schedule.give_back(unbegun)
            for outcome in outcomes:
                run.take_in(outcome)
            run.finish_written()
            run.progress.running(pool.running())
    finally:
        pool.close()


def warm_up(specs: Iterable[LearnerSpec], more: Sequence[str] = ()) -> BaseContext | None:
    """Begin to import what the workers of these learners will need, in a process of its own, and return at once.

    Parameters
    ----------
    specs : iterable of LearnerSpec
    more : sequence of str
        Further modules.

    Returns
    -------
    BaseContext or None
        What makes processes that have it all; None where every process imports for itself.
    """
    context = start_fork_server([*worker_modules(spec.type for spec in specs), *more])
    return context if context.get_start_method() == "forkserver" else None


def _fits_models(plan: Plan, item: FuseItem) -> bool:
    if item.fusion == "oracle":
        return False
    kind = plan.blueprint.fusion_class(plan.blueprint.fusions[item.fusion].spec.type)
    return bool(kind.trains)


def default_jobs() -> int:
    """Return the number of cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


@contextmanager
def own_scratch(store: Store) -> Iterator[Path]:
    """Make a scratch folder for one run, locked while the run lives, so that nobody has to trust process numbers."""
    from filelock import FileLock

    scratch = store.scratch / f"{RUN}{os.getpid()}-{time.time_ns()}"
    with io.storage_errors(scratch):
        scratch.mkdir(parents=True, exist_ok=True)
        lock = FileLock(scratch / LOCK)
        lock.acquire(timeout=0)
    try:
        yield scratch
    finally:
        lock.release()
        shutil.rmtree(scratch, ignore_errors=True)


def spare_scratch(store_root: Path) -> None:
    """Remove what runs that are gone have left unfinished; what a living one is at stays."""
    for path in (store_root / "tmp").glob("*"):
        if path.name.startswith(RUN):
            if not _is_held(path):
                shutil.rmtree(path, ignore_errors=True)
        elif _is_old(path):
            shutil.rmtree(path, ignore_errors=True)
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _is_held(scratch: Path) -> bool:
    """Whether a living process holds the lock of a scratch folder; the kernel frees the lock of a dead one."""
    from filelock import FileLock, Timeout

    lock = FileLock(scratch / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return not _is_old(scratch)
    lock.release()
    return False


def _is_old(path: Path) -> bool:
    """Whether nobody can still be writing a file: writing one takes moments."""
    try:
        return time.time() - path.lstat().st_mtime > ABANDONED_SECONDS
    except OSError:
        return False
