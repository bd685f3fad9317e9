"""From stored explanations of splits to what a run says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fusebench.engine.explain import N_BINS
from fusebench.engine.plan import Plan
from fusebench.engine.store import Entry, Store
from fusebench.engine.tasks.items import ExplainItem, Item
from fusebench.results import Contribution


def gather(plan: Plan, store: Store) -> tuple[tuple[Contribution, ...], tuple[Mapping[str, Any], ...]]:
    """Return the contributions and the diagnoses, means and sums over splits, of a plan of explanations."""
    fusions: dict[tuple[int, str], list[Mapping[str, Any]]] = {}
    splits: dict[int, list[Mapping[str, Any]]] = {}
    for key, task in plan.tasks.items():
        entry, item = stored(store, key, task.item), task.item
        if entry is None or not isinstance(item, ExplainItem):
            continue
        if item.model:
            fusions.setdefault((item.problem, item.model), []).append(entry.meta)
        else:
            splits.setdefault(item.problem, []).append(entry.meta)
    problems = plan.blueprint.problems
    rows = [
        row
        for (index, fusion), told in fusions.items()
        for row in _contributions(problems[index].dataset, problems[index].target, fusion, told)
    ]
    diagnoses = tuple(
        {"dataset": problems[index].dataset, "target": problems[index].target, **_diagnosis(told)}
        for index, told in sorted(splits.items())
    )
    return tuple(sorted(rows, key=lambda row: row[:5])), diagnoses


def stored(store: Store, key: str, item: Item | None) -> Entry | None:
    """Return the stored explanation of an item, of its own sort: of a fusion's members or of all models' answers."""
    entry = store.get(key, "explain")
    if entry is None or not isinstance(item, ExplainItem) or ("members" in entry.meta) != bool(item.model):
        return None
    per_metric = [entry.meta[name] for name in ("shapley", "leave_one_out", "error")] if item.model else []
    whole = all(
        one.keys() == per_metric[0].keys() and len(values) == len(entry.meta["members"])
        for one in per_metric
        for values in one.values()
    )
    return entry if whole else None


def _contributions(dataset: str, target: str, fusion: str, told: list[Mapping[str, Any]]) -> Iterator[Contribution]:
    members = told[0]["members"]
    for metric in dict.fromkeys(name for one in told for name in one["shapley"]):
        known = [one for one in told if metric in one["shapley"]]
        for at, member in enumerate(members):
            shapley, left = (
                math.fsum(one[name][metric][at] for one in known) / len(known) for name in ("shapley", "leave_one_out")
            )
            error = math.sqrt(math.fsum(one["error"][metric][at] ** 2 for one in known)) / len(known)
            yield Contribution(dataset, target, fusion, member, metric, shapley, left, error)


def _diagnosis(told: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "calibration": list(_calibration(told)),
        "diversity": list(_diversity(told)),
        "wins": [
            {"fusion": fusion, **dict(zip(("right", "wrong", "both_wrong"), counts, strict=True))}
            for fusion, counts in _summed(told, "wins").items()
        ],
    }


def _calibration(told: list[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    r"""Yield reliability bins, the expected calibration error and the Brier score of each model.

    ECE is :math:`\sum_b \frac{n_b}{n} |acc_b - conf_b|` over ten equal bins of the confidence in the predicted class;
    the Brier score is :math:`\frac1n \sum_i \sum_k (p_{ik} - [y_i = k])^2`.
    """
    for model in dict.fromkeys(name for one in told for name in one.get("bins", ())):
        parts = [one["bins"][model] for one in told if model in one.get("bins", ())]
        counts, sums, hits = (np.sum([part[at] for part in parts], axis=0) for at in range(3))
        n = float(counts.sum())
        yield {
            "model": model,
            "ece": float(np.abs(hits - sums).sum() / n),
            "brier": sum(part[3] for part in parts) / n,
            "bins": [[int(counts[b]), float(sums[b]), int(hits[b])] for b in range(N_BINS)],
        }


def _diversity(told: list[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    r"""Yield measures of each pair of learners.

    Disagreement: the share of rows with different labels. With :math:`n_{11}, n_{10}, n_{01}, n_{00}` rows that both,
    only a, only b and none get right: :math:`Q = \frac{n_{11} n_{00} - n_{01} n_{10}}{n_{11} n_{00} + n_{01} n_{10}}`,
    double fault :math:`n_{00} / n`; error correlation is that of the two columns of errors (for regression: residuals).
    L. I. Kuncheva, C. J. Whitaker, Measures of diversity in classifier ensembles, Machine Learning, 2003.
    """
    sums: dict[tuple[str, str], Any] = {}
    for one in told:
        for a, b, *counts in one.get("pairs", ()):
            sums[a, b] = np.asarray(counts, dtype=np.float64) + sums.get((a, b), 0.0)
    for (a, b), counts in sums.items():
        if len(counts) == 6:
            n, ea, eb, aa, bb, ab = counts.tolist()
            root = math.sqrt(max(0.0, aa - ea * ea / n) * max(0.0, bb - eb * eb / n))
            yield {"a": a, "b": b, "error_correlation": (ab - ea * eb / n) / root if root > 0 else None}
            continue
        both, only_a, only_b, none, differ = counts.tolist()
        n = both + only_a + only_b + none
        across, along = only_a * only_b, both * none
        root = math.sqrt((both + only_a) * (only_b + none) * (both + only_b) * (only_a + none))
        yield {
            "a": a,
            "b": b,
            "disagreement": differ / n,
            "q": (along - across) / (along + across) if along + across > 0 else None,
            "double_fault": none / n,
            "error_correlation": (along - across) / root if root > 0 else None,
        }


def _summed(told: list[Mapping[str, Any]], name: str) -> dict[str, list[int]]:
    sums: dict[str, list[int]] = {}
    for one in told:
        for model, counts in one.get(name, {}).items():
            before = sums.get(model, [0] * len(counts))
            sums[model] = [x + y for x, y in zip(before, counts, strict=True)]
    return sums
