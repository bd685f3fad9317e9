"""From a plan to results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from fusebench.api._costs import other_processors, record_costs
from fusebench.api.executors import Executor, local_executor
from fusebench.api.judging import compare
from fusebench.api.loading import load_spec, spec_from
from fusebench.api.places import Settings, settings
from fusebench.api.planning import PreparedRun, make_plan
from fusebench.api.writing import write_run
from fusebench.engine import plan as planning
from fusebench.engine.collect import collect as collect_results
from fusebench.engine.energy import Energy
from fusebench.engine.execute._run import Outcomes, Progress
from fusebench.engine.store import Store
from fusebench.engine.tasks.data import DataFolders
from fusebench.engine.tasks.items import FitItem, Item, ScoreItem
from fusebench.engine.tasks.workbench import Workbench
from fusebench.errors import UndecidableError, printable
from fusebench.results import Results

WORKERS_START_SECONDS = 0.2  # that imports beside them would make longer


def run(
    spec: Path | str | Mapping[str, Any],
    *,
    out: Path | None = None,
    store: Path | None = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
    allow_import: bool = False,
) -> Results:
    """Run a benchmark from a spec file or from plain data, and return its results.

    Parameters
    ----------
    spec : path or mapping
        A YAML file, or what it would hold.
    out : Path, optional
        Folder to write the tables to; nothing is written by default.
    store : Path, optional
        Where fits are kept; ``.fusebench`` by default.
    n_jobs : int, optional
        Worker processes; all cores by default.
    """
    loaded = (
        spec_from(spec, allow_import=allow_import)
        if isinstance(spec, Mapping)
        else load_spec(Path(spec), allow_import=allow_import)
    )
    place = settings(store=store, n_jobs=n_jobs)
    planned = make_plan(loaded, place)
    outcomes = execute(planned, place, progress or SilentProgress())
    results = collect(planned, outcomes, place)
    if out is not None:
        write_run(results, compare(results), out, loaded.base)
    if outcomes.interrupted is not None:
        raise outcomes.interrupted
    return results


def execute(run: PreparedRun, place: Settings, progress: Progress, executor: Executor | None = None) -> Outcomes:
    """Run what is missing; a plan with nothing missing costs nothing.

    Returns
    -------
    Outcomes
        Failures and interrupts are in it, not raised.
    """
    if not run.missing:
        return Outcomes()
    executor = executor or local_executor(run.loaded.spec, run.plan.blueprint, place)
    _import_verdicts()
    workbench = Workbench(run.plan.blueprint, run.store, DataFolders(run.store.root))
    with Energy() as energy:
        outcomes = executor.run(run.plan, run.missing, run.store, workbench, progress)
    outcomes.energy = energy.told()
    record_costs(run.store, {**outcomes.costs, **planning.paces(run.plan, outcomes.costs)})
    return outcomes


def _import_verdicts() -> None:
    """Begin to import what the tables will need, once the workers are busy, so that it is there when the last ends."""
    import threading
    from importlib import import_module

    def begin() -> None:
        with suppress(ImportError, OSError, MemoryError, RuntimeError):  # whoever needs it asks again, and hears why
            for name in ("fusebench.judge", "fusebench.report.html", "jinja2"):
                import_module(name)

    with suppress(RuntimeError):  # no new thread may be started here
        timer = threading.Timer(WORKERS_START_SECONDS, begin)
        timer.daemon = True
        timer.start()


def collect(run: PreparedRun, outcomes: Outcomes, place: Settings) -> Results:
    """Return the results of a run, from the store."""
    results = collect_results(
        run.loaded.spec,
        run.plan,
        run.prepared.facts,
        run.store,
        failed=outcomes.failed,
        partial=outcomes.partial,
        complete=outcomes.complete,
        n_jobs=place.n_jobs,
        notes=(*damage(run, outcomes), *_foreign(run.store)),
    )
    return replace(results, environment={**results.environment, **outcomes.energy})


def explain(
    run: PreparedRun,
    results: Results,
    place: Settings,
    progress: Progress | None = None,
) -> Results:
    """Return results with what explains their fusions: contributions, diversity, calibration, where fusions win.

    Made of stored predictions alone, on this machine: no learner is fitted, unless what stored scores were made of is
    gone, and is made again. What was explained before is kept.

    Raises
    ------
    UndecidableError
        If the store does not hold the predictions of this run.
    Interrupted
        If it was stopped; what is done is kept.
    """
    from fusebench.engine import explain as explaining
    from fusebench.engine import explained

    plan = explaining.make_plan(run.plan.blueprint)
    missing = {key: task for key, task in plan.tasks.items() if explained.stored(run.store, key, task.item) is None}
    for own, tasks in ((run.plan, _lost(run)), (plan, missing)) if missing else ():
        executor = local_executor(run.loaded.spec, run.plan.blueprint, place)
        workbench = Workbench(run.plan.blueprint, run.store, DataFolders(run.store.root))
        outcomes = executor.run(own, tasks, run.store, workbench, progress or SilentProgress()) if tasks else Outcomes()
        if outcomes.interrupted is not None:
            raise outcomes.interrupted
    contributions, diagnoses = explained.gather(plan, run.store)
    if results.scores and not any(one["calibration"] or one["diversity"] for one in diagnoses):
        raise UndecidableError(
            f"{run.store.root}: does not hold this run's predictions; run the benchmark again, or name its --store"
        )
    return replace(results, contributions=contributions, diagnoses=diagnoses)


def _lost(run: PreparedRun) -> dict[str, planning.Task]:
    """Return the tasks whose predictions are gone while the scores made of them are stored, as `cache gc` may leave it.

    A stored score is of a model that failed nowhere: whatever it lists was there.
    """
    behind: set[str] = set()
    for key, task in run.plan.tasks.items():
        if isinstance(task.item, ScoreItem) and run.store.has(key):
            behind.update(task.item.all_fits, *(keys for _, _, keys in task.item.splits))
    return {key: task for key, task in run.plan.tasks.items() if key in behind and not run.store.has(key)}


def is_explained(run: PreparedRun) -> bool:
    """Whether everything that `explain` would compute is stored already."""
    from fusebench.engine import explain as explaining

    return explaining.is_complete(run.plan.blueprint, run.store.has)


def damage(run: PreparedRun, outcomes: Outcomes) -> list[str]:
    """Return what to say about a store whose bytes were not what had been written."""
    n = len(run.damaged) + outcomes.lost
    things = "1 stored result was" if n == 1 else f"{n} stored results were"
    return [f"{things} damaged, set aside in {run.store.root / 'corrupt'} and made again"] if n else []


def _foreign(store: Store) -> Iterator[str]:
    for processor in other_processors(store):
        yield (
            f"results in {store.root} were also made on another processor ({printable(processor)}); "
            "where such are used, the last digits may differ from those of one processor alone"
        )


def n_failed_fits(outcomes: Outcomes, plan: planning.Plan) -> int:
    """Return how many fits of learners failed."""
    return sum(isinstance(plan.tasks[key].item, FitItem) for key in outcomes.failed if key in plan.tasks)


class SilentProgress:
    """Says nothing."""

    def begin(self, n_tasks: int, expected_seconds: float) -> None:
        """Say nothing."""

    def advance(self, task: planning.Task, failed: Any, seconds_left: float) -> None:
        """Say nothing."""

    def running(self, items: Sequence[Item]) -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""
