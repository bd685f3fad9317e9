"""What each model costs on each dataset, and which models nobody beats at a lower cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from fusebench.judge.compressed import dominated
from fusebench.judge.costs import ORACLE, shares_of
from fusebench.judge.scoretable import dataset_labels
from fusebench.judge.verdicts import LeaderboardRow
from fusebench.results import ModelFacts, Results

Where = tuple[str, str, str]
FRONTS = ("fit_seconds_total", "latency_us", "bytes")
"""The costs that scores are set against; seconds, microseconds for one row, bytes."""


class ModelCosts(NamedTuple):
    """One model on one dataset; a row of ``model_costs.csv``. None for what was not measured.

    Attributes
    ----------
    fits : int or None
        Fits that it needs from scratch, inner ones and its members' too.
    own_cpu_seconds, own_wall_seconds : float or None
        Of its own outer fits; of a fusion: of the fusion alone (marginal).
    total_cpu_seconds, total_wall_seconds : float or None
        Of everything that it needs from scratch (end to end).
    latency_1_us, latency_100_us, latency_1000_us : float or None
        Microseconds that it takes, warm, to answer a batch of so many raw rows; of a fusion with its members.
    bytes : int or None
        Of the fitted model, a fusion with its members.
    peak_memory_bytes : int or None
        Resident memory of the worker at its largest, libraries and data included.
    members_used : float or None
        Learners behind an answer, mean over splits.
    energy_joules : float or None
        Of all its fits.
    energy_source : str
        ``"estimated from declared watts"``, or ``"n/a"``.
    """

    dataset: str
    target: str
    model: str
    kind: str
    fits: int | None
    own_cpu_seconds: float | None
    own_wall_seconds: float | None
    total_cpu_seconds: float | None
    total_wall_seconds: float | None
    latency_1_us: float | None
    latency_100_us: float | None
    latency_1000_us: float | None
    bytes: int | None
    peak_memory_bytes: int | None
    members_used: float | None
    energy_joules: float | None
    energy_source: str


def model_costs(results: Results) -> tuple[ModelCosts, ...]:
    """Return what each model but the oracle costs on each dataset; O(rows of ``costs.csv``)."""
    gathered: dict[Where, list[Any]] = {}
    for row in results.costs:
        gathered.setdefault((row.dataset, row.target, row.model), []).append(row)
    used = members_used(results)
    watts = _watts(results)
    named = dataset_labels(results)
    kept = {place: shares_of(results, {label}, "kept_share") for place, label in named.items()}
    facts = {model.id: model for model in results.models}
    rows = []
    for where in sorted({*gathered, *results.totals}):
        model = where[2]
        if model == ORACLE or model not in facts:
            continue
        own, total = gathered.get(where, []), results.totals.get(where)
        cpu = None if total is None else total[1]
        took = results.latencies.get(where, {})
        joules = None if watts is None or cpu is None else watts * cpu
        rows.append(
            ModelCosts._make(
                (
                    *where, facts[model].kind, None if total is None else total[0],
                    _sum(row.fit_cpu_seconds for row in own), _sum(row.fit_wall_seconds for row in own),
                    cpu, None if total is None else total[2],
                    *(None if size not in took else 1e6 * took[size] for size in (1, 100, 1000)),
                    _bytes(where, gathered, facts, kept[where[:2]]),
                    max((row.peak_memory_bytes for row in own if row.peak_memory_bytes is not None), default=None),
                    used.get(where), joules, "n/a" if joules is None else "estimated from declared watts",
                )
            )
        )  # fmt: skip
    return tuple(rows)


def members_used(results: Results) -> dict[Where, float]:
    """Return how many learners stand behind an answer of each model, mean over splits."""
    facts = {model.id: model for model in results.models}
    counts: dict[Where, list[int]] = {}
    for row in results.costs:
        if row.model in facts and row.model != ORACLE:
            split = (row.repeat, row.fold)
            learners = _behind(row.model, row.dataset, row.target, split, results, facts)
            counts.setdefault((row.dataset, row.target, row.model), []).append(len(learners))
    return {where: sum(found) / len(found) for where, found in counts.items()}


def pareto_fronts(
    leaders: Sequence[LeaderboardRow], costs: Iterable[ModelCosts]
) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Return, by metric and cost, the models that no other beats in score at no more cost.

    A cost is that of a suite: seconds are summed over the datasets, latency and bytes are means. Models without a
    complete score or without the cost are in no front.
    """
    suite = suite_costs(leaders, costs)
    fronts: dict[str, dict[str, tuple[str, ...]]] = {}
    for metric in dict.fromkeys(row.metric for row in leaders):
        scores = {row.model: row.mean_score for row in leaders if row.metric == metric and row.model != ORACLE}
        fronts[metric] = {}
        for cost in FRONTS:
            points = {
                model: (score, suite[cost][model])
                for model, score in scores.items()
                if score is not None and model in suite[cost]
            }
            fronts[metric][cost] = tuple(one for one in points if not dominated(one, points))
    return fronts


def suite_costs(leaders: Sequence[LeaderboardRow], costs: Iterable[ModelCosts]) -> dict[str, dict[str, float]]:
    """Return the cost of each model over all datasets, by the names of `FRONTS`."""
    latency: dict[str, list[float | None]] = {}
    for row in costs:
        latency.setdefault(row.model, []).append(row.latency_1_us)
    suite: dict[str, dict[str, float]] = {cost: {} for cost in FRONTS}
    for leader in leaders:
        if leader.fit_seconds_total is not None:
            suite["fit_seconds_total"][leader.model] = leader.fit_seconds_total
        if leader.bytes is not None:
            suite["bytes"][leader.model] = float(leader.bytes)
    for model, found in latency.items():
        known = [one for one in found if one is not None]
        if len(known) == len(found):
            suite["latency_us"][model] = sum(known) / len(known)
    return suite


def _behind(
    model: str,
    dataset: str,
    target: str,
    split: tuple[int, int],
    results: Results,
    facts: Mapping[str, ModelFacts],
) -> frozenset[str]:
    """Return the learners that an answer of a model uses on one split."""
    if facts[model].kind == "learner":
        return frozenset({model})
    told = results.explanations.get((dataset, target, model, *split), {})
    used = told.get("members_used")
    if isinstance(used, int) and "chosen" in told:
        used = [told["chosen"]]
    named = [one for one in used if one in facts] if isinstance(used, list) else []
    members = named if isinstance(used, list) and len(named) == len(used) else facts[model].members
    return frozenset().union(
        *(_behind(one, dataset, target, split, results, facts) for one in members if one in facts and one != model)
    )


def _bytes(
    where: Where,
    costs: Mapping[Where, list[Any]],
    facts: Mapping[str, ModelFacts],
    kept: Mapping[str, Mapping[str, float]],
) -> int | None:
    """Return the size of a model and of everything that it keeps; None where a part is unknown."""
    dataset, target, model = where
    if facts[model].type == "best_single":
        return None
    sizes = [row.bytes for row in costs.get(where, []) if row.bytes is not None]
    if not sizes:
        return None
    members = () if facts[model].alone else [one for one in facts[model].members if one in facts]
    inside = {one: _bytes((dataset, target, one), costs, facts, kept) for one in members}
    known = {one: found for one, found in inside.items() if found is not None}
    if len(known) < len(inside):
        return None
    shares = kept.get(model, {})
    size: float = sum(sizes) / len(sizes)
    return round(size + sum(size_inside * shares.get(one, 1.0) for one, size_inside in known.items()))


def _watts(results: Results) -> float | None:
    resources = results.spec.get("resources")
    watts = resources.get("watts") if isinstance(resources, Mapping) else None
    return float(watts) if isinstance(watts, (int, float)) else None


def _sum(values: Iterable[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return sum(known) if known else None
