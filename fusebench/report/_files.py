"""The files of a run folder, each written aside, synced and renamed."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from fusebench import io
from fusebench.report.base import Verdicts
from fusebench.results import SCHEMA_VERSION, Cost, Failure, Importance, Results, failed_cells, inapplicable_models

FORMULA_STARTS = ("=", "+", "-", "@", "\t")
SCORES = ("dataset", "target", "model", "kind", "repeat", "fold", "metric", "score")
LEADERBOARD = (
    "model", "kind", "metric", "rank", "mean_score", "ci_low", "ci_high", "diff_best_single", "verdict", "group",
    "fit_seconds_marginal", "fit_seconds_total", "predict_us_per_row", "bytes", "failures",
)  # fmt: skip
COMPARISONS = (
    "dataset", "metric", "model_a", "model_b", "method", "mean_diff", "se", "ci_low", "ci_high", "p", "p_holm",
    "p_worse", "p_equivalent", "p_better", "verdict",
)  # fmt: skip
MODEL_COSTS = (
    "dataset", "target", "model", "kind", "fits", "own_cpu_seconds", "own_wall_seconds", "total_cpu_seconds",
    "total_wall_seconds", "latency_1_us", "latency_100_us", "latency_1000_us", "bytes", "peak_memory_bytes",
    "members_used", "energy_joules", "energy_source",
)  # fmt: skip
CONTRIBUTIONS = ("dataset", "fusion", "member", "metric", "shapley", "leave_one_out", "weight_mean", "weight_sd")


def write_run(results: Results, verdicts: Verdicts, folder: Path, base: Path | None = None) -> None:
    """Write every table of a run; the summary last, so that a folder with it is whole.

    Parameters
    ----------
    base : Path, optional
        What paths in the spec are relative to; the current folder by default. In the folder's own ``spec.yaml`` they
        are relative to the folder, so that it can be run from there.

    Raises
    ------
    StorageError
        If the folder cannot be written.
    """
    import yaml

    from fusebench.report.html import Html

    files = {
        "spec.yaml": yaml.safe_dump(
            _plain(_moved(results.spec, base or Path(), folder)), sort_keys=False, allow_unicode=True
        ),
        "environment.json": as_json(results.environment),
        "scores.csv": as_csv(SCORES, results.scores),
        "leaderboard.csv": as_csv(LEADERBOARD, verdicts.leaderboard),
        "comparisons.csv": as_csv(COMPARISONS, verdicts.comparisons),
        "model_costs.csv": as_csv(MODEL_COSTS, verdicts.costs),
        "costs.csv": as_csv(Cost._fields, results.costs),
        "failures.csv": as_csv(Failure._fields, results.failures),
        "contributions.csv": as_csv(CONTRIBUTIONS, _contributions(results)),
        "report.html": Html().render(results, verdicts),
        "summary.json": as_json(summary(results, verdicts)),
    }
    if verdicts.compressed:
        files = {"compressed.csv": as_csv(verdicts.compressed[0]._fields, verdicts.compressed), **files}
    if results.importances:
        files = {"importance.csv": as_csv(Importance._fields, results.importances), **files}
    with io.storage_errors(folder):
        if not results.importances:
            (folder / "importance.csv").unlink(missing_ok=True)  # of the run that stood here before
        io.write_together({str(folder / name): [text.encode()] for name, text in files.items()})


def _moved(spec: Mapping[str, Any], base: Path, folder: Path) -> dict[str, Any]:
    """Return a spec whose data files are named relative to another folder."""
    moved = dict(spec)
    datasets = spec.get("datasets")
    if isinstance(datasets, (list, tuple)):
        moved["datasets"] = [_moved_entry(one, base, folder) for one in datasets]
    return moved


def _moved_entry(one: Any, base: Path, folder: Path) -> Any:
    """Return a dataset's definition with its files moved; those of a package are found from nowhere else."""
    if not isinstance(one, Mapping) or one.get("source") == "package":
        return one
    moved = {key: _moved_path(one[key], base, folder) for key in ("path", "labels") if key in one}
    return {**one, **moved}


def _moved_path(path: Any, base: Path, folder: Path) -> Any:
    if isinstance(path, (list, tuple)):
        return [_moved_path(one, base, folder) for one in path]
    if not isinstance(path, str) or Path(path).is_absolute() or "://" in path:
        return path
    return Path(os.path.relpath(base / path, folder)).as_posix()


def summary(results: Results, verdicts: Verdicts) -> dict[str, Any]:
    """Return everything but the tables, as plain data."""
    return {
        "schema_version": SCHEMA_VERSION,
        "name": results.name,
        "complete": results.complete,
        "metrics": list(results.metrics),
        "models": [
            {
                "id": one.id,
                "kind": one.kind,
                "type": one.type,
                "members": list(one.members),
                "order": one.order,
                "alone": one.alone,
                "variant_of": one.variant_of,
            }
            for one in results.models
        ],
        "datasets": [_dataset(one) for one in results.datasets],
        "leaderboard": [row._asdict() for row in verdicts.leaderboard],
        "fronts": verdicts.fronts,
        "sentences": list(verdicts.sentences),
        "warnings": list(verdicts.warnings),
        "compressed": [row._asdict() for row in verdicts.compressed],
        "distilled": [row._asdict() for row in verdicts.distilled],
        "regrets": [row._asdict() for row in verdicts.regrets],
        "notes": list(results.notes),
        "n_failures": len(results.failures),
        "failed_cells": [list(cell) for cell in failed_cells(results)],
        "inapplicable": [list(one) for one in sorted(inapplicable_models(results))],
        "contributions": [row._asdict() for row in results.contributions],
        "diagnoses": list(results.diagnoses),
        "importances": [row._asdict() for row in results.importances],
        "totals": _totals(results),
        "latencies": [
            {"dataset": d, "target": t, "model": m, "seconds": {str(size): took for size, took in told.items()}}
            for (d, t, m), told in sorted(results.latencies.items())
        ],
        "explanations": [
            {"dataset": d, "target": t, "model": m, "repeat": r, "fold": f, "explain": told}
            for (d, t, m, r, f), told in sorted(results.explanations.items())
        ],
    }


def _dataset(one: Any) -> dict[str, Any]:
    return {
        "dataset": one.name,
        "target": one.target,
        "target_type": one.target_type,
        "n_samples": one.n_samples,
        "n_features": one.n_features,
        "n_classes": one.n_classes,
        "fingerprint": one.fingerprint,
        "preprocessing": one.preprocessing,
        "folds": [
            [*split, one.n_train[split], one.n_test[split], hashed] for split, hashed in sorted(one.fold_hashes.items())
        ],
        "notes": list(one.notes),
    }


def _totals(results: Results) -> list[dict[str, Any]]:
    kinds = {one.id: one.kind for one in results.models}
    own: dict[tuple[str, str, str], float] = {}
    for row in results.costs:
        key = (row.dataset, row.target, row.model)
        own[key] = own.get(key, 0.0) + (row.fit_cpu_seconds or 0.0)
    return [
        {
            "dataset": dataset,
            "target": target,
            "model": model,
            "kind": kinds[model],
            "fits": fits,
            "fit_cpu_seconds": cpu,
            "fit_wall_seconds": wall,
            "own_cpu_seconds": own.get((dataset, target, model), 0.0),
        }
        for (dataset, target, model), (fits, cpu, wall) in sorted(results.totals.items())
    ]


def _contributions(results: Results) -> list[tuple[Any, ...]]:
    """Return what each member adds, where that was computed, and the mean and spread of its learned weight."""
    weights = learned_weights(results)
    rows = {
        (_label(results, row.dataset, row.target), row.fusion, row.member, row.metric): (row.shapley, row.leave_one_out)
        for row in results.contributions
    }
    for dataset, target, fusion, member in weights:
        rows.setdefault((_label(results, dataset, target), fusion, member, results.metrics[0]), (None, None))
    spread = {
        (_label(results, dataset, target), fusion, member): found
        for (dataset, target, fusion, member), found in weights.items()
    }
    return [(*key, *rows[key], *spread.get(key[:3], (None, None))) for key in sorted(rows)]


def learned_weights(results: Results) -> dict[tuple[str, str, str, str], tuple[float, float | None]]:
    """Return mean and standard deviation over splits of each member's learned weight, by dataset, target and fusion."""
    members = {one.id: one.members for one in results.models}
    gathered: dict[tuple[str, str, str, str], list[float]] = {}
    for (dataset, target, fusion, _, _), told in results.explanations.items():
        weights = told.get("weights")
        if not isinstance(weights, (list, tuple)) or len(weights) != len(members.get(fusion, ())):
            continue
        for member, weight in zip(members[fusion], weights, strict=True):
            if isinstance(weight, (int, float)):
                gathered.setdefault((dataset, target, fusion, member), []).append(float(weight))
    found = {}
    for key, values in gathered.items():
        mean = sum(values) / len(values)
        spread = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1)) if len(values) > 1 else None
        found[key] = (mean, spread)
    return found


def _label(results: Results, dataset: str, target: str) -> str:
    """Return how a dataset is named: by its name alone where it has one target."""
    alone = sum(one.name == dataset for one in results.datasets) < 2
    return dataset if alone else f"{dataset}:{target}"


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV: full floats, empty for None, no text that a spreadsheet would run."""
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(one) for one in row] for row in rows)
    return stream.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value


def as_json(value: Any) -> str:
    """Return strict JSON: what is not finite becomes null."""
    return json.dumps(_plain(value), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
