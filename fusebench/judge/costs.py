"""What each model costs, for the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fusebench.judge.scoretable import dataset_labels
from fusebench.results import ModelFacts, Results

BEST_SINGLE, ORACLE = "best_single", "oracle"


class ModelCost(NamedTuple):
    """The cost columns of ``leaderboard.csv``; None for what was not measured."""

    fit_seconds_marginal: float | None
    fit_seconds_total: float | None
    predict_us_per_row: float | None
    bytes: int | None


def costs_of(results: Results, labels: set[str]) -> dict[str, ModelCost]:
    """Return what each model cost on some datasets.

    Prediction and size are of a model with all its members, where it needs them to predict; a member that is asked for
    some rows only counts for that share. They are unknown for the oracle, which is no model, and for best_single, which
    is another learner on every split.

    Parameters
    ----------
    labels : set of str
        The datasets, as `dataset_labels` names them.
    """
    fit, predict_us, size = _own(results, labels)
    named = dataset_labels(results)
    total: dict[str, float] = {}
    for (dataset, target, model), (_, cpu, _) in results.totals.items():
        if named.get((dataset, target)) in labels:
            total[model] = total.get(model, 0.0) + cpu
    facts = {model.id: model for model in results.models}
    costs = {}
    asked, kept = (shares_of(results, labels, name) for name in ("run_share", "kept_share"))
    for model in facts:
        deployable = model not in (ORACLE, BEST_SINGLE)
        weight = _expected(size, _needed(model, facts, kept)) if deployable else None
        costs[model] = ModelCost(
            fit_seconds_marginal=fit.get(model) if model != ORACLE else None,
            fit_seconds_total=total.get(model) if model != ORACLE else None,
            predict_us_per_row=_expected(predict_us, _needed(model, facts, asked)) if deployable else None,
            bytes=None if weight is None else round(weight),
        )
    return costs


def _own(results: Results, labels: set[str]) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Return CPU seconds, microseconds per row and mean bytes of each model without its members."""
    named = dataset_labels(results)
    n_test = {
        (facts.name, facts.target, *split): count for facts in results.datasets for split, count in facts.n_test.items()
    }
    fit: dict[str, float] = {}
    predict: dict[str, list[float]] = {}
    sizes: dict[str, list[int]] = {}
    for row in results.costs:
        if named.get((row.dataset, row.target)) not in labels:
            continue
        if row.fit_cpu_seconds is not None:
            fit[row.model] = fit.get(row.model, 0.0) + row.fit_cpu_seconds
        tested = n_test.get((row.dataset, row.target, row.repeat, row.fold), 0)
        if row.predict_seconds is not None and tested:
            spent = predict.setdefault(row.model, [0.0, 0.0])
            spent[0] += row.predict_seconds
            spent[1] += tested
        if row.bytes is not None:
            sizes.setdefault(row.model, []).append(row.bytes)
    predict_us = {model: 1e6 * spent / tested for model, (spent, tested) in predict.items()}
    return fit, predict_us, {model: sum(found) / len(found) for model, found in sizes.items()}


def _direct(model: str, facts: Mapping[str, ModelFacts]) -> tuple[str, ...]:
    """Return the members that a model needs to predict."""
    if model not in facts or facts[model].alone:
        return ()
    return tuple(member for member in facts[model].members if member in facts)


def shares_of(results: Results, labels: set[str], name: str) -> dict[str, dict[str, float]]:
    """Return the mean of a share per member that fusions explain, over the splits of some datasets.

    Parameters
    ----------
    labels : set of str
        The datasets, as `dataset_labels` names them.
    name : {"run_share", "kept_share"}
        Of rows that a member is asked for; of whether it is part of the model at all. Fusions that say nothing ask and
        keep every member.
    """
    named = dataset_labels(results)
    seen: dict[str, dict[str, list[float]]] = {}
    for (dataset, target, fusion, _, _), told in results.explanations.items():
        if named.get((dataset, target)) in labels and isinstance(told.get(name), Mapping):
            for member, share in told[name].items():
                seen.setdefault(fusion, {}).setdefault(member, []).append(float(share))
    return {
        fusion: {member: sum(found) / len(found) for member, found in members.items()}
        for fusion, members in seen.items()
    }


def _needed(model: str, facts: Mapping[str, ModelFacts], shares: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return the share of the rows that each model has to predict so that this one does."""
    found = {model: 1.0}
    for member in _direct(model, facts):
        own = shares.get(model, {}).get(member, 1.0)
        for name, share in _needed(member, facts, shares).items():
            found[name] = max(found.get(name, 0.0), own * share)
    return found


def _expected(values: Mapping[str, float], shares: Mapping[str, float]) -> float | None:
    if not all(model in values for model in shares):
        return None
    return sum(values[model] * share for model, share in sorted(shares.items()))
