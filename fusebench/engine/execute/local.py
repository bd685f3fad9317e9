"""Run a plan on this machine, in supervised worker processes."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from fusebench.engine.execute._run import Outcomes, Progress, Run, signals_as_interrupts
from fusebench.engine.execute._supervisor import Limits, Supervisor
from fusebench.engine.execute._worker import attempt
from fusebench.engine.plan import Plan, Task
from fusebench.engine.schedule import Schedule
from fusebench.engine.store import Store
from fusebench.engine.tasks import FitItem, FuseItem, Item, Workbench
from fusebench.errors import Interrupted

INLINE_SECONDS = 1.0  # less than starting workers costs
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
        run = Run(plan, schedule, store, workbench, progress, self.n_jobs, self.time_limit)
        progress.begin(len(schedule.tasks), schedule.seconds_left / self.n_jobs)
        scratch.mkdir(parents=True, exist_ok=True)
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
            shutil.rmtree(scratch, ignore_errors=True)
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
                if batch := run.schedule.take():
                    pool.send(number, batch)
            outcomes, unbegun = pool.poll(1.0, [run.writer.wakeup])
            run.schedule.give_back(unbegun)
            for outcome in outcomes:
                run.take_in(outcome)
            run.finish_written()
            run.progress.running(pool.running())
    finally:
        pool.close()


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


def spare_scratch(store_root: Path) -> None:
    """Remove scratch folders of runs whose process is gone."""
    for folder in (store_root / "tmp").glob("run-*"):
        pid = int(folder.name.split("-")[1])
        if not psutil.pid_exists(pid):
            shutil.rmtree(folder, ignore_errors=True)
