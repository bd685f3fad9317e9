"""Items that score a model's stored predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fusebench import metrics
from fusebench.engine.fusing import Predictions
from fusebench.engine.store import Entry
from fusebench.engine.tasks import deployed
from fusebench.engine.tasks.items import LATENCIES, MEASURED_SPLIT, ScoreItem
from fusebench.errors import FitError

if TYPE_CHECKING:
    from fusebench.engine.tasks.workbench import Workbench


def score(bench: Workbench, item: ScoreItem) -> Entry:
    """Score a model under every metric, and gather what its predictions cost."""
    problem = bench.problem(item.problem)
    data = bench.data(problem)
    scores: list[list[Any]] = []
    costs: list[list[Any]] = []
    explanations: list[Any] = []
    failures: list[list[Any]] = []
    notes: set[str] = set()
    longest = 0.0
    for repeat, fold, keys in item.splits:
        found = bench.read_tests(problem, item.model, (repeat, fold), keys)
        entries = [entry for entry, _ in found]
        test = data.splits.outer[repeat, fold].test
        fused = Predictions.mean([predictions for _, predictions in found])
        for metric in problem.metrics:
            try:
                value = metrics.score(metric, data.y[test], fused.labels, fused.proba, problem.n_classes)
            except (ValueError, FitError) as error:
                failures.append([repeat, fold, "score", type(error).__name__, f"{metric}: {error}"])
                continue
            if np.isfinite(value):
                scores.append([repeat, fold, metric, float(value)])
            else:
                failures.append([repeat, fold, "score", "undefined", f"{metric} is not defined on this fold"])
        longest = max(longest, entries[0].meta["wall"])
        costs.append([repeat, fold, *_total_cost(entries)])
        notes.update(note for entry in entries for note in entry.meta.get("notes", ()))
        explanations.append([repeat, fold, entries[0].meta.get("explain", {})])
    meta: dict[str, Any] = {"scores": scores, "costs": costs, "explanations": explanations, "failures": failures}
    taken = [key for r, i, keys in item.splits if (r, i) == MEASURED_SPLIT for key in keys]
    measured = bench.entries(taken)
    for what in LATENCIES:
        meta[what] = measured[0].meta.get(what, {}) if len(measured) == 1 else {}
    if item.model in bench.blueprint.fusions:
        asked = deployed.members_asked(bench, problem, item.model, (told for *_, told in explanations), longest)
        if asked is not None:
            meta["deployed"] = asked
    every_fit = [entry.meta for key in item.all_fits if (entry := bench.reader.get(key, "fit")) is not None]
    total = [len(every_fit), sum(one["cpu"] for one in every_fit), sum(one["wall"] for one in every_fit)]
    return Entry("score", {**meta, "notes": sorted(notes), "total": total})


def _total_cost(entries: list[Entry]) -> list[Any]:
    """Return fits, CPU and wall seconds, predict seconds, bytes and peak memory of the entries behind one split."""
    metas = [entry.meta for entry in entries]
    sums = [sum(meta[name] for meta in metas) for name in ("cpu", "wall", "predict")]
    sizes = [meta["bytes"] for meta in metas]
    peaks = [meta["peak_memory"] for meta in metas if meta["peak_memory"] is not None]
    return [
        len(metas),
        *sums,
        sum(sizes) if all(size is not None for size in sizes) else None,
        max(peaks, default=None),
    ]
