"""The plan: every task of a benchmark once, what it needs, and what of it is stored already. Making it fits nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from fusebench import learners
from fusebench.engine.blueprint import Blueprint
from fusebench.engine.keys import digest
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.splits import Part
from fusebench.engine.tasks.items import FitItem, FuseItem, Item, ScoreItem, Stage
from fusebench.spec.model import LearnerSpec

FUSE_SECONDS, TRAIN_SECONDS, SCORE_SECONDS = 0.002, 0.5, 0.002  # first guesses; recorded costs replace them


@dataclass(frozen=True, slots=True)
class Task:
    """One unit of work.

    Parameters
    ----------
    key : str
        The key its result is stored under; for a milestone, a name of its own.
    item : Item or None
        What a worker runs; None for a milestone (a learner's predictions for one outer split are complete).
    needs : tuple of str
        Keys of the tasks whose results it reads.
    tolerant : bool
        Whether it runs with what succeeded of its needs.
    expected : float
        Seconds it is expected to take.
    cost_key : str
        Tasks of equal cost key take about equally long.
    """

    key: str
    item: Item | None
    needs: tuple[str, ...] = ()
    tolerant: bool = False
    expected: float = 0.0
    cost_key: str = ""


class Goal(NamedTuple):
    """The scores of one model on one problem; models that are the same under two names have the same key."""

    key: str
    problem: int
    model: str


@dataclass(frozen=True)
class Plan:
    """All tasks of a blueprint.

    Parameters
    ----------
    blueprint : Blueprint
    tasks : mapping of str to Task
        By key, needs first.
    goals : tuple of Goal
        What is asked for, one for each model of each problem.
    """

    blueprint: Blueprint
    tasks: Mapping[str, Task]
    goals: tuple[Goal, ...]

    def fits(self) -> Iterator[Task]:
        """Yield the tasks that fit a learner."""
        return (task for task in self.tasks.values() if isinstance(task.item, FitItem))

    def missing(self, has: Callable[[str], bool], is_sound: Callable[[str], bool]) -> dict[str, Task]:
        """Return the tasks that must run, needs first: those that a goal which is not stored leads to.

        Parameters
        ----------
        has : callable
            Whether an entry is there.
        is_sound : callable
            Whether the entry of a goal can be read: nothing else would read it before the results are collected.
        """
        wanted: dict[str, bool] = {}
        stack = [key for key in dict.fromkeys(goal.key for goal in self.goals) if not is_sound(key)]
        wanted.update(dict.fromkeys(stack, True))
        while stack:
            for need in self.tasks[stack.pop()].needs:
                if need in wanted:
                    continue
                wanted[need] = self.tasks[need].item is None or not has(need)
                if wanted[need]:
                    stack.append(need)
        return {key: task for key, task in self.tasks.items() if wanted.get(key)}


@dataclass
class CostModel:
    """Expected seconds of tasks, from what earlier runs recorded or else from a formula.

    Parameters
    ----------
    recorded : mapping of str to float
        Seconds by cost key; and by pace key, how many times the formula a learner took on the last other datasets: its
        fixed part, and the part that grows with the data.
    """

    recorded: Mapping[str, float] = field(default_factory=dict)

    def fit(self, blueprint: Blueprint, problem: PredictionProblem, learner: str) -> tuple[str, float]:
        """Return the cost key and the expected seconds of one fit and its predictions."""
        key = f"fit {blueprint.model_digest(learner, problem)[:16]} {problem.fingerprint[:16]} {problem.target}"
        if key in self.recorded:
            return key, self.recorded[key]
        fixed, growing = _formula(blueprint, problem, learner)
        pace, growth = (self.recorded.get(one, 1.0) for one in _pace_keys(blueprint, learner))
        return key, fixed * pace + growing * growth

    def fuse(self, blueprint: Blueprint, problem: PredictionProblem, fusion: str, stage: str) -> tuple[str, float]:
        """Return the cost key and the expected seconds of one fusion on one split."""
        key = f"fuse {blueprint.model_digest(fusion, problem)[:16]} {problem.fingerprint[:16]} {problem.target} {stage}"
        trains = blueprint.fusion_class(blueprint.fusions[fusion].spec.type).trains if fusion != "oracle" else False
        guess = (TRAIN_SECONDS if trains else FUSE_SECONDS) * (1 + problem.n_samples / 20_000)
        guess += _nested_seconds(blueprint, problem, fusion)
        return key, self.recorded.get(key, guess * (problem.scheme.n_folds if stage == "oof" else 1))


def paces(plan: Plan, costs: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Return how many times the formula each learner took, by pace key, from a run's seconds by cost key.

    Of a dataset on which a share s of the formula grows with the data, a factor f says f^s of that part: what is slow
    for a hundred rows may be the fixed part alone.
    """
    found: dict[str, list[float]] = {}
    model = CostModel()
    for problem in plan.blueprint.problems:
        for learner in plan.blueprint.learners:
            key, formula = model.fit(plan.blueprint, problem, learner)
            if seconds := costs.get(key):
                pace = sum(seconds) / len(seconds) / formula
                growth = pace ** (_formula(plan.blueprint, problem, learner)[1] / formula)
                for name, factor in zip(_pace_keys(plan.blueprint, learner), (pace, growth), strict=True):
                    found.setdefault(name, []).append(factor)
    return found


def _formula(blueprint: Blueprint, problem: PredictionProblem, learner: str) -> tuple[float, float]:
    """Return the expected seconds of one fit that any table takes, and those that grow with the table."""
    spec, kind = blueprint.learners[learner], (problem.target_type, problem.n_classes)
    train = int(problem.n_samples * (1 - 1 / max(problem.scheme.n_folds, 2)))
    whole = learners.expected_seconds(spec, train, problem.n_features, *kind)
    fixed = min(whole, learners.expected_seconds(spec, 2, 1, *kind))
    return fixed, whole - fixed


def _nested_seconds(blueprint: Blueprint, problem: PredictionProblem, fusion: str) -> float:
    """Return the expected seconds of the learners that a fusion fits on its members' predictions."""
    nested = [one for one in blueprint.fusions[fusion].spec.params.values() if isinstance(one, LearnerSpec)]
    columns = len(blueprint.fusions[fusion].members) * max(problem.n_classes, 1)
    return sum(
        learners.expected_seconds(one, problem.n_samples, columns, problem.target_type, problem.n_classes)
        for one in nested
    )


def _pace_keys(blueprint: Blueprint, learner: str) -> tuple[str, str]:
    name = digest("pace", blueprint.learners[learner].model_dump(mode="json"))[:16]
    return f"pace {name}", f"growth {name}"


def make_plan(blueprint: Blueprint, costs: CostModel | None = None) -> Plan:
    """Return the deduplicated task graph of a blueprint.

    Notes
    -----
    O(tasks): per problem, learner and repeat K + K(K-1)/2 fits when paired, K(1 + k) with k own inner folds; a fusion
    adds one task per outer split.
    """
    tasks: dict[str, Task] = {}
    goals: list[Goal] = []
    for index, problem in enumerate(blueprint.problems):
        planner = _ProblemPlanner(blueprint, index, problem, costs or CostModel())
        for task in planner.tasks():
            tasks.setdefault(task.key, task)
        goals.extend(planner.goals)
    return Plan(blueprint, tasks, tuple(goals))


def _stages(*, needs_oof: bool) -> tuple[Stage, ...]:
    return ("test", "oof") if needs_oof else ("test",)


@dataclass
class _ProblemPlanner:
    blueprint: Blueprint
    index: int
    problem: PredictionProblem
    costs: CostModel
    goals: list[Goal] = field(default_factory=list)

    @cached_property
    def learners(self) -> list[str]:
        return [one for one in self.blueprint.models_on(self.problem) if one in self.blueprint.learners]

    @cached_property
    def fusions(self) -> list[str]:
        return [one for one in self.blueprint.models_on(self.problem) if one in self.blueprint.fusions]

    def tasks(self) -> Iterator[Task]:
        yield from self._fits()
        yield from self._milestones()
        yield from self._fuses()
        yield from self._scores()

    def _fit_key(self, learner: str, part: Part) -> str:
        return self.blueprint.fit_key(self.problem, learner, part)

    def _fits(self) -> Iterator[Task]:
        expected = {learner: self.costs.fit(self.blueprint, self.problem, learner) for learner in self.learners}
        for part in self.problem.scheme.parts():
            for learner in self.learners:
                item = FitItem(self.index, learner, part)
                cost_key, seconds = expected[learner]
                yield Task(self._fit_key(learner, part), item, expected=seconds, cost_key=cost_key)

    def _milestones(self) -> Iterator[Task]:
        scheme = self.problem.scheme
        for repeat, fold in scheme.outer:
            parts = dict.fromkeys([*scheme.inner_parts(repeat, fold), *scheme.test_parts(repeat, fold)])
            for learner in self.learners:
                needs = tuple(self._fit_key(learner, part) for part in parts)
                yield Task(_milestone(self.index, learner, repeat, fold), None, needs)

    def _fuses(self) -> Iterator[Task]:
        """Yield the fusions, split by split: those of one split read the same predictions, which a worker keeps."""
        steps = [
            (fusion, stage, *self.costs.fuse(self.blueprint, self.problem, fusion, stage))
            for fusion in self.fusions
            for stage in _stages(needs_oof=fusion in self.blueprint.oof_of)
        ]
        for repeat, fold in self.problem.scheme.outer:
            for fusion, stage, cost_key, seconds in steps:
                key = self.blueprint.fuse_key(self.problem, fusion, repeat, fold, stage)
                needs = tuple(
                    need
                    for member in self.blueprint.members_on(fusion, self.problem)
                    for need in member_needs(self.blueprint, self.index, member, repeat, fold)
                )
                tolerant = self.blueprint.fusions[fusion].tolerant
                yield Task(key, FuseItem(self.index, fusion, repeat, fold, stage), needs, tolerant, seconds, cost_key)

    def _scores(self) -> Iterator[Task]:
        scheme = self.problem.scheme
        for model in [*self.learners, *self.fusions]:
            splits: list[tuple[int, int, tuple[str, ...]]] = []
            for repeat, fold in scheme.outer:
                if model in self.blueprint.learners:
                    keys = tuple(self._fit_key(model, part) for part in scheme.test_parts(repeat, fold))
                else:
                    keys = (self.blueprint.fuse_key(self.problem, model, repeat, fold, "test"),)
                splits.append((repeat, fold, keys))
            key = self.blueprint.score_key(self.problem, model)
            self.goals.append(Goal(key, self.index, model))
            every_fit = (
                tuple(self._fit_key(model, p) for p in scheme.parts()) if model in self.blueprint.learners else ()
            )
            needs = tuple(dict.fromkeys([*(one for _, _, keys in splits for one in keys), *every_fit]))
            seconds = SCORE_SECONDS * len(splits) * len(self.problem.metrics) / 5
            yield Task(key, ScoreItem(self.index, model, tuple(splits), every_fit), needs, True, seconds, "score")


def member_needs(blueprint: Blueprint, index: int, member: str, repeat: int, fold: int) -> list[str]:
    """Return the keys of the tasks that give a fusion what one of its members predicts on an outer split."""
    if member in blueprint.learners:
        return [_milestone(index, member, repeat, fold)]
    problem = blueprint.problems[index]
    return [blueprint.fuse_key(problem, member, repeat, fold, stage) for stage in ("oof", "test")]


def _milestone(index: int, learner: str, repeat: int, fold: int) -> str:
    return f"milestone {index} {learner} {repeat} {fold}"


def total_seconds(tasks: Iterable[Task]) -> float:
    """Return the seconds that tasks are expected to take one after the other."""
    return sum(task.expected for task in tasks)


def describe(plan: Plan, missing: Mapping[str, Task]) -> dict[str, Any]:
    """Return counts and expected seconds for `fusebench plan`."""
    fits = list(plan.fits())
    left = [task for task in fits if task.key in missing]
    return {
        "fits": len(fits),
        "fits_stored": len(fits) - len(left),
        "fits_left": len(left),
        "fuses_left": sum(isinstance(task.item, FuseItem) for task in missing.values()),
        "expected_seconds": total_seconds(missing.values()),
    }
