"""From stored scores to results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from fusebench import spec as specs
from fusebench.engine.blueprint import Blueprint
from fusebench.engine.environment import environment
from fusebench.engine.measured import Measured
from fusebench.engine.plan import Plan
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.schedule import Failed
from fusebench.engine.store import Entry, Store
from fusebench.engine.tasks.items import LATENCIES, EncodeItem, ExplainItem, FitItem, FuseItem, ScoreItem
from fusebench.results import Cost, DatasetFacts, Failure, Kind, ModelFacts, Results, Score
from fusebench.spec.model import Spec


def collect(
    spec: Spec,
    plan: Plan,
    facts: tuple[DatasetFacts, ...],
    store: Store,
    *,
    failed: Mapping[str, Failed],
    partial: Mapping[str, Entry],
    complete: bool,
    n_jobs: int,
    notes: tuple[str, ...] = (),
) -> Results:
    """Return everything that a run found, from the score entries of a plan.

    Parameters
    ----------
    failed : mapping of str to Failed
        By task key.
    partial : mapping of str to Entry
        Score entries that are not stored because some of their splits failed.
    """
    blueprint = plan.blueprint
    scores: list[Score] = []
    costs: list[Cost] = []
    failures = list(_failures(plan, failed))
    explanations: dict[tuple[str, str, str, int, int], Mapping[str, Any]] = {}
    totals: dict[tuple[str, str, str], tuple[int, float, float]] = {}
    said: dict[str, None] = dict.fromkeys(notes)
    measured = Measured()
    for key, index, model in plan.goals:
        entry = partial.get(key) or (None if key in failed else stored_score(plan, store, key))
        if entry is None:
            continue
        problem = blueprint.problems[index]
        where = (problem.dataset, problem.target, model)
        kind = kind_of(blueprint, model)
        scores.extend(Score(*where, kind, *row) for row in entry.meta["scores"])
        costs.extend(Cost(*where, kind, *row) for row in entry.meta["costs"])
        failures.extend(Failure(*where, *row) for row in entry.meta["failures"])
        explanations.update({(*where, r, i): told for r, i, told in entry.meta["explanations"] if told})
        measured.add(where, entry.meta)
        if model in blueprint.learners:
            totals[where] = tuple(entry.meta["total"])
        said.update(dict.fromkeys(f"{problem.dataset}, {model}: {note}" for note in entry.meta["notes"]))
    for problem in blueprint.problems:
        totals |= _fusion_totals(blueprint, problem, totals, costs)
    return Results(
        name=spec.name,
        spec=specs.to_mapping(spec),
        metrics=tuple(dict.fromkeys(metric for problem in blueprint.problems for metric in problem.metrics)),
        models=tuple(_models(blueprint)),
        datasets=facts,
        scores=tuple(sorted(scores)),
        costs=tuple(sorted(costs, key=lambda row: row[:6])),
        failures=tuple(sorted(set(failures))),
        environment=environment(n_jobs),
        notes=tuple(said),
        totals=totals,
        explanations=explanations,
        latencies=dict(measured.totals(blueprint, explanations)),
        complete=complete,
    )


def stored_score(plan: Plan, store: Store, key: str) -> Entry | None:
    """Return the stored scores of a goal; what holds scores of something else is set aside."""
    entry, item = store.get(key, "score"), plan.tasks[key].item
    if entry is None or item is None:
        return None
    problem = plan.blueprint.problems[item.problem]
    splits, told = set(problem.scheme.outer), entry.meta
    rows = [tuple(row[:3]) for row in told["scores"]]
    own = [tuple(row[:2]) for row in told["costs"]]
    if (
        len(set(rows)) == len(rows)
        and len(set(own)) == len(own)
        and splits.issuperset(own)
        and all((r, i) in splits and metric in problem.metrics for r, i, metric in rows)
        and all(size.isdecimal() for what in LATENCIES for size in told.get(what, ()))
    ):
        return entry
    store.reject(key)
    return None


def kind_of(blueprint: Blueprint, model: str) -> Kind:
    """Return whether a model is a learner, a fusion or a reference."""
    return "learner" if model in blueprint.learners else blueprint.fusions[model].kind


def _models(blueprint: Blueprint) -> Iterator[ModelFacts]:
    for order, (name, learner) in enumerate(blueprint.learners.items()):
        yield ModelFacts(id=name, kind="learner", type=learner.type, order=order)
    for order, (name, fusion) in enumerate(blueprint.fusions.items(), start=len(blueprint.learners)):
        yield ModelFacts(
            id=name,
            kind=fusion.kind,
            type=fusion.spec.type,
            members=fusion.members,
            order=order,
            alone=fusion.kind == "fusion" and blueprint.fusion_class(fusion.spec.type).uses_members != "always",
            variant_of=blueprint.variant_of.get(name, ""),
        )


def _failures(plan: Plan, failed: Mapping[str, Failed]) -> Iterator[Failure]:
    """Yield why models lack predictions; a task that several names share failed for each of them."""
    blueprint = plan.blueprint
    names: dict[tuple[str, str], list[tuple[PredictionProblem, str]]] = defaultdict(list)
    for goal in plan.goals if failed else ():
        problem = blueprint.problems[goal.problem]
        names[blueprint.identity(problem, goal.model)].append((problem, goal.model))
    for key, failure in failed.items():
        task = plan.tasks.get(key)
        if task is None:
            continue
        match task.item:
            case FitItem(index, model, part, _):
                repeat, fold = part.repeat, part.fold
                detail = failure.detail if part.inner < 0 else f"(inner model {part.inner}) {failure.detail}"
            case FuseItem(index, model, repeat, fold, _, _):
                detail = failure.detail
            case EncodeItem() | ScoreItem() | ExplainItem() | None:
                continue
        for problem, same in names[blueprint.identity(blueprint.problems[index], model)]:
            yield Failure(problem.dataset, problem.target, same, repeat, fold, failure.stage, failure.reason, detail)


def _fusion_totals(
    blueprint: Blueprint,
    problem: PredictionProblem,
    learner_totals: Mapping[tuple[str, str, str], tuple[int, float, float]],
    costs: list[Cost],
) -> dict[tuple[str, str, str], tuple[int, float, float]]:
    """Return what each fusion costs from scratch: its own work and that of everything it is made of."""
    own: dict[str, tuple[int, float, float]] = {}
    for row in costs:
        if (row.dataset, row.target) == (problem.dataset, problem.target) and row.model in blueprint.fusions:
            before = own.get(row.model, (0, 0.0, 0.0))
            added = (row.fits, row.fit_cpu_seconds or 0.0, row.fit_wall_seconds or 0.0)
            own[row.model] = (before[0] + added[0], before[1] + added[1], before[2] + added[2])
    totals = {}
    for model, alone in own.items():
        parts = [alone]
        for member in _everything_in(blueprint, model):
            known = learner_totals.get((problem.dataset, problem.target, member)) or own.get(member)
            parts.extend([known] if known is not None else [])
        totals[problem.dataset, problem.target, model] = (
            sum(part[0] for part in parts),
            sum(part[1] for part in parts),
            sum(part[2] for part in parts),
        )
    return totals


def _everything_in(blueprint: Blueprint, fusion: str) -> set[str]:
    model = blueprint.fusions[fusion]
    if model.kind == "fusion" and blueprint.fusion_class(model.spec.type).uses_members == "never":
        return set()
    members = set(model.members)
    return members.union(*(_everything_in(blueprint, one) for one in members if one in blueprint.fusions))
