"""From a spec to what has to be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench import io
from fusebench.api._costs import recorded_costs
from fusebench.api.loading import LoadedSpec
from fusebench.api.places import Settings, open_store
from fusebench.engine import check
from fusebench.engine import plan as planning
from fusebench.engine.checked import CheckedModels
from fusebench.engine.collect import stored_score
from fusebench.engine.execute import local
from fusebench.engine.expansion import blueprint_of
from fusebench.engine.prepare import Prepared, prepare, with_problems
from fusebench.engine.store import Store
from fusebench.errors import SpecError


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
    try:
        blueprint = blueprint_of(check.resolve_fusions(loaded.spec))
        prepared = prepare(loaded.spec, blueprint, loaded.base, store)
    finally:
        loaded.settle()  # what is wrong with the models is said first, whatever it led to here
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
    plan = planning.make_plan(blueprint, planning.CostModel(recorded_costs(store)))
    missing = (
        dict(plan.tasks)
        if place.fresh
        else plan.missing(store.has, lambda key: stored_score(plan, store, key) is not None)
    )
    return PreparedRun(loaded=loaded, store=store, prepared=prepared, plan=plan, missing=missing, damaged=damaged)


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


def data_notes(run: PreparedRun) -> list[str]:
    """Return what a reader should know of the datasets: what was handled, and what looks like a mistake."""
    return list(dict.fromkeys(f"{one.name}: {note}" for one in run.prepared.facts for note in one.notes))
