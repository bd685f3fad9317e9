"""From the models that a spec names to those of a benchmark: grids, members, compressed forms, references."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from fusebench import compressions, learners
from fusebench.engine.blueprint import BEST_SINGLE, ORACLE, UNIFORM_AVERAGE, Blueprint
from fusebench.engine.models import FusionModel
from fusebench.engine.variants import Variants
from fusebench.fusions.base import Fusion, load_fusion
from fusebench.spec.model import FusionSpec, LearnerSpec, Spec


def expand(spec: Spec) -> tuple[dict[str, LearnerSpec], dict[str, tuple[str, ...]]]:
    """Expand every grid; return the learners, and the members of each grid by the learner's id."""
    expanded: dict[str, LearnerSpec] = {}
    grids: dict[str, tuple[str, ...]] = {}
    for name, learner in spec.learners.items():
        if not learner.grid:
            expanded[name] = learner
            continue
        members = {
            f"{name}[{','.join(f'{key}={value}' for key, value in zip(learner.grid, values, strict=True))}]": values
            for values in itertools.product(*learner.grid.values())
        }
        grids[name] = tuple(members)
        for member, values in members.items():
            params = {**learner.params, **dict(zip(learner.grid, values, strict=True))}
            expanded[member] = learner.model_copy(update={"params": params, "grid": {}})
    return expanded, grids


def _compressed(learner: LearnerSpec) -> LearnerSpec:
    """Return the learner that is fitted where its spec asks for a compression."""
    if learner.compress is None:
        return learner
    method = compressions.make(learner.compress)
    return method.learner(learner, learners.traits(learner)[str(method.trait)], learner.compress)


def blueprint_of(spec: Spec) -> Blueprint:
    """Resolve a spec's models: grids, members and references; the problems come from the data."""
    expanded, grids = expand(spec)
    expanded = {name: _compressed(learner) for name, learner in expanded.items()}
    ordered = configured(spec, expanded, grids)
    variants = Variants(expanded, ordered)
    fused = {**ordered, **variants.added_fusions}
    used_as_member = {member for fusion in fused.values() for member in fusion.members if member in fused}
    return Blueprint(
        learners={**expanded, **variants.added_learners},
        # The references know the learners of the spec alone: what is compressed does not change them.
        fusions={**fused, **_references(tuple(expanded), grids)},
        random_state=spec.random_state,
        oof_of=frozenset(used_as_member),
        variant_of=variants.of,
    )


def configured(
    spec: Spec, expanded: Mapping[str, LearnerSpec], grids: Mapping[str, tuple[str, ...]]
) -> dict[str, FusionModel]:
    """Return the fusions that a spec names, with their members; those that are members come first."""
    found = {name: _resolve(name, spec, expanded, grids) for name in spec.fusions}
    return {name: found[name] for name in _members_first(found)}


def _resolve(
    name: str, spec: Spec, expanded: Mapping[str, LearnerSpec], grids: Mapping[str, tuple[str, ...]]
) -> FusionModel:
    fusion = spec.fusions[name]
    if fusion.members is not None:
        named = itertools.chain.from_iterable(grids.get(member, (member,)) for member in fusion.members)
        return FusionModel(id=name, kind="fusion", spec=fusion, members=tuple(named))
    members = tuple(expanded)
    if load_fusion(fusion.type).default_members == "everything":
        members += tuple(
            other for other, one in spec.fusions.items() if other != name and not _is_shy(load_fusion(one.type))
        )
    return FusionModel(id=name, kind="fusion", spec=fusion, members=members)


def _is_shy(kind: type[Fusion]) -> bool:
    """Whether a fusion is a member of others only where it is named: one of everything, or one that trains."""
    return kind.default_members == "everything" or kind.trains


def _members_first(configured: Mapping[str, FusionModel]) -> list[str]:
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        for member in configured[name].members:
            if member in configured and member not in ordered:
                visit(member)
        ordered[name] = None

    for name in configured:
        visit(name)
    return list(ordered)


def _references(all_learners: tuple[str, ...], grids: Mapping[str, tuple[str, ...]]) -> dict[str, FusionModel]:
    members_of = {
        **{f"{name}:tuned": ("best_single", members) for name, members in grids.items()},
        BEST_SINGLE: ("best_single", all_learners),
        UNIFORM_AVERAGE: ("uniform_average", all_learners),
        ORACLE: ("oracle", all_learners),
    }
    return {
        name: FusionModel(id=name, kind="reference", spec=FusionSpec(type=kind), members=members, tolerant=True)
        for name, (kind, members) in members_of.items()
    }
