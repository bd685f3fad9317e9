"""What a distilled student keeps of its teacher: the share of the gain, at which part of the size and the latency."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from fusebench import compressions
from fusebench.judge.costs import ModelCost, costs_of
from fusebench.judge.margins import in_words
from fusebench.judge.scoretable import ScoreTable
from fusebench.learners.base import REGISTRY
from fusebench.results import Results

DISTILS = "distillation"
NO_PARAMETERS = frozenset({"type", "timeout", "cost", "grid", "encode", "calibrate", "bytes", "compress"})


class Distilled(NamedTuple):
    """A student, its teacher, and the same learner without a teacher.

    Attributes
    ----------
    dataset : str
        Empty: the mean over datasets.
    model, teacher : str
        The fusion that distils, and its member.
    alone : str
        The learner of this run that is the student trained on the labels; empty where there is none.
    score, teacher_score : float
        Mean scores.
    alone_score : float or None
    gain_kept : float or None
        (score - alone_score) / (teacher_score - alone_score); None where the teacher is no better than the student
        alone, or that is not in the run.
    size_ratio, latency_ratio : float or None
        Of the student to the teacher with all its members.
    exact : bool or None
        Whether the student minimised the very loss of distillation on every split; see the fusion's own text.
    """

    dataset: str
    metric: str
    model: str
    teacher: str
    alone: str
    score: float
    teacher_score: float
    alone_score: float | None
    gain_kept: float | None
    size_ratio: float | None
    latency_ratio: float | None
    exact: bool | None


def distilled(results: Results, table: ScoreTable) -> tuple[Distilled, ...]:
    """Return what every distillation kept under one metric: over all datasets first, then on each.

    Datasets on which the student or the teacher lacks a score are left out.
    """
    teachers = {one.id: one.members[0] for one in results.models if one.type == DISTILS and len(one.members) == 1}
    return tuple(row for model, teacher in teachers.items() for row in _rows(results, table, model, teacher))


def in_sentences(rows: Iterable[Distilled], metric: str) -> list[str]:
    """Return what was kept under one metric in words, a sentence per student."""
    said: dict[str, str] = {}
    for row in rows:
        if row.metric == metric and row.model not in said:
            said[row.model] = _sentence(row)
    return list(said.values())


def _sentence(row: Distilled) -> str:
    where = f" on {row.dataset}" if row.dataset else " over all datasets"
    how = {True: "exactly", False: "approximately", None: "not known how exactly"}[row.exact]
    cost = f"at {_times(row.size_ratio)} of its bytes and {_times(row.latency_ratio)} of its latency, {how} distilled"
    if row.alone_score is None:
        against = in_words(row.score - row.teacher_score, row.metric, signed=True)
        hint = "list the student among the learners to see its share of the gain"
        return f"{row.model}: {against} against its teacher {row.teacher}{where} ({row.metric}), {cost}; {hint}."
    if row.gain_kept is None:
        kept = f"had no gain to keep: {row.teacher} is no better than {row.alone} alone"
    else:
        gain = in_words(row.teacher_score - row.alone_score, row.metric, signed=True)
        kept = f"keeps {row.gain_kept:.0%} of the gain of {row.teacher} over {row.alone} alone ({gain})"
    return f"{row.model} {kept}{where} ({row.metric}), {cost}."


def _times(ratio: float | None) -> str:
    return "n/a" if ratio is None else f"{ratio:.3g}x"


def _rows(results: Results, table: ScoreTable, model: str, teacher: str) -> Iterator[Distilled]:
    names = [name for name in (model, teacher) if name in table.models]
    if len(names) < 2:
        return
    alone = student_alone(results.spec, model)
    means = table.only((model, teacher, *([alone] if alone in table.models else []))).means
    usable = np.flatnonzero(np.isfinite(means[:, :2]).all(axis=1))
    parts: list[tuple[str, list[int]]] = [(table.blocks[at].dataset, [int(at)]) for at in usable]
    if len(parts) > 1:
        parts = [("", usable.tolist()), *parts]
    told = _exactness(results, model)
    for dataset, positions in parts:
        own = means[positions].mean(axis=0)
        labels = {table.blocks[at].dataset for at in positions}
        costs = costs_of(results, labels)
        without = float(own[2]) if len(own) > 2 and np.isfinite(own[2]) else None
        yield Distilled(
            dataset,
            table.metric,
            model,
            teacher,
            alone,
            float(own[0]),
            float(own[1]),
            without,
            gain_kept(float(own[0]), float(own[1]), without),
            _ratio(costs, model, teacher, "bytes"),
            _ratio(costs, model, teacher, "predict_us_per_row"),
            told,
        )


def gain_kept(score: float, teacher: float, alone: float | None) -> float | None:
    """Return the share of the teacher's gain over the student alone that a student keeps; None without a gain."""
    if alone is None or teacher - alone <= 1e-12:
        return None
    return (score - alone) / (teacher - alone)


def student_alone(spec: Mapping[str, Any], model: str) -> str:
    """Return the learner of a spec that is the student of one of its distillations, empty if there is none."""
    fusions = spec.get("fusions", {})
    wanted = (fusions[model] if model in fusions else _compression(fusions, model)).get("student")
    kinds = [wanted] if wanted is not None else ["logistic_regression", "ridge"]
    recipes = [_recipe({"type": one} if isinstance(one, str) else one) for one in kinds]
    learners = spec.get("learners", {})
    return next((name for name, one in learners.items() if not one.get("grid") and _recipe(one) in recipes), "")


def _compression(fusions: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """Return the entry of a fusion's ``compress:`` that a model comes from, empty if there is none."""
    for name, fusion in fusions.items():
        for one in fusion.get("compress", ()):
            params = {key: value for key, value in one.items() if key != "type"}
            if model == f"{name}+{compressions.label(one['type'], params)}":
                found: Mapping[str, Any] = one
                return found
    return {}


def _recipe(learner: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what makes two learners the same."""
    given = str(learner["type"])
    params = {name: value for name, value in learner.items() if name not in NO_PARAMETERS}
    return REGISTRY.canonical(given) or given, params, learner.get("encode", "auto"), learner.get("calibrate")


def _exactness(results: Results, model: str) -> bool | None:
    told = [
        one["exact"] for (_, _, name, _, _), one in results.explanations.items() if name == model and "exact" in one
    ]
    return all(told) if told else None


def _ratio(costs: Mapping[str, ModelCost], model: str, teacher: str, column: str) -> float | None:
    own, other = (getattr(costs[name], column) for name in (model, teacher))
    return own / other if own is not None and other else None
