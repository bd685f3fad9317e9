"""From measured parts to what each model takes to answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fusebench.engine.blueprint import ORACLE, Blueprint
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.tasks.deployed import choice

Seconds = dict[int, float]
"""By batch size."""
Explanations = Mapping[tuple[str, str, str, int, int], Mapping[str, Any]]


class Measured:
    """What scores tell of latencies: see `fusebench.engine.tasks.latencies`."""

    def __init__(self) -> None:
        self._alone: dict[tuple[str, str, str], Seconds] = {}
        self._among: dict[tuple[str, str, str], Seconds] = {}
        self._deployed: dict[tuple[str, str, str], list[str]] = {}
        self._checks: dict[tuple[str, str], Seconds] = defaultdict(dict)

    def add(self, where: tuple[str, str, str], meta: Mapping[str, Any]) -> None:
        """Take what was measured of one model on one target."""
        self._alone[where] = _by_size(meta.get("latency", {}))
        self._among[where] = _by_size(meta.get("among", {})) or self._alone[where]
        if "deployed" in meta:
            self._deployed[where] = meta["deployed"]
        known = self._checks[where[:2]]
        for size, seconds in _by_size(meta.get("checks", {})).items():
            known[size] = min(known.get(size, seconds), seconds)

    def totals(
        self, blueprint: Blueprint, explanations: Explanations
    ) -> Iterator[tuple[tuple[str, str, str], Mapping[int, float]]]:
        """Yield what each model takes to answer: checking the rows, its own work, and that of every member it uses."""
        for problem in blueprint.problems:
            where = (problem.dataset, problem.target)
            for model in [*blueprint.learners, *blueprint.fusions]:
                # A fusion that chooses its members need not choose the same on every split: those of one fitted on all
                # rows where they are known, else the mean over splits.
                sums = [
                    _added([self._checks[where], *(self._part((*where, one), behind) for one in behind)])
                    for split in problem.scheme.outer
                    for behind in [_asked(blueprint, problem, model, explanations, split, self._deployed)]
                ]
                sizes = set.intersection(*map(set, sums)) if sums else set()
                if sizes:
                    yield (*where, model), {size: sum(one[size] for one in sums) / len(sums) for size in sorted(sizes)}

    def _part(self, where: tuple[str, str, str], behind: frozenset[str]) -> Seconds:
        return (self._alone if len(behind) == 1 else self._among).get(where, {})


def _by_size(told: Mapping[str, float]) -> Seconds:
    return {int(size): seconds for size, seconds in told.items()}


def _added(parts: Sequence[Seconds]) -> Seconds:
    """Return sums by batch size, of the sizes that every part has."""
    return {size: sum(part[size] for part in parts) for size in set.intersection(*map(set, parts))}


def _asked(
    blueprint: Blueprint,
    problem: PredictionProblem,
    model: str,
    explanations: Explanations,
    split: tuple[int, int],
    deployed: Mapping[tuple[str, str, str], Sequence[str]],
) -> frozenset[str]:
    """Return the models that must answer when a model is asked: itself and, of a late fusion, the members it uses."""
    if model in blueprint.learners or model == ORACLE:
        return frozenset({model})
    if blueprint.fusion_class(blueprint.fusions[model].spec.type).trains:
        return frozenset({model})  # it answers with models of its own
    where = (problem.dataset, problem.target, model)
    members = deployed[where] if where in deployed else choice(explanations.get((*where, *split), {}))
    known = [one for one in members or () if one in blueprint.learners or one in blueprint.fusions]
    asked = known if members is not None and len(known) == len(members) else blueprint.members_on(model, problem)
    return frozenset({model}).union(*(_asked(blueprint, problem, one, explanations, split, deployed) for one in asked))
