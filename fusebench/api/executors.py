"""Who runs a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from fusebench.api.places import Settings
from fusebench.engine.blueprint import Blueprint
from fusebench.engine.defaults import executor_name, scheduler_address
from fusebench.engine.execute._run import Outcomes, Progress
from fusebench.engine.execute.early import worker_modules
from fusebench.engine.execute.local import LocalExecutor
from fusebench.engine.plan import Plan, Task
from fusebench.engine.store import Store
from fusebench.engine.tasks.workbench import Workbench
from fusebench.errors import UsageError
from fusebench.spec.model import Spec


class Executor(Protocol):
    """Runs what is missing of a plan."""

    enforces_limits: ClassVar[bool]
    """Whether limits of time and memory per fit hold."""

    def run(
        self,
        plan: Plan,
        missing: Mapping[str, Task],
        store: Store,
        workbench: Workbench,
        progress: Progress,
    ) -> Outcomes:
        """Run it and say what came of it."""
        ...


def local_executor(spec: Spec, blueprint: Blueprint, place: Settings) -> LocalExecutor:
    """Return the executor that runs a spec on this machine."""
    return LocalExecutor(
        n_jobs=place.n_jobs,
        timeout=spec.resources.timeout,
        memory=spec.resources.memory,
        time_limit=place.time_limit,
        preload=worker_modules(one.type for one in blueprint.learners.values()),
    )


def choose_executor(
    name: str | None, scheduler: str | None, spec: Spec, blueprint: Blueprint, place: Settings
) -> Executor:
    """Return the executor that a flag or the environment names.

    Raises
    ------
    UsageError
        If there is no such executor, or a scheduler is named without Dask.
    """
    name = executor_name(name)
    if name == "local":
        if scheduler is not None:
            raise UsageError("--scheduler needs --executor dask")
        return local_executor(spec, blueprint, place)
    if name == "dask":
        from fusebench.engine.execute.dask import DaskExecutor

        return DaskExecutor(scheduler=scheduler_address(scheduler), n_jobs=place.n_jobs, time_limit=place.time_limit)
    raise UsageError(f"--executor: unknown executor '{name}'; there is local and dask")


def unenforced_limits(executor: Executor, spec: Spec) -> str:
    """Return what to say where a spec limits fits and the executor leaves that to others; empty for nothing."""
    timeouts = [one.timeout for one in spec.learners.values()] + [one.timeout for one in spec.fusions.values()]
    limited = spec.resources.timeout or spec.resources.memory or any(timeouts)
    if executor.enforces_limits or not limited:
        return ""
    return "limits of time and memory per fit are those of the cluster's workers; the spec's are not enforced there"
