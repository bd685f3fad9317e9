"""How often the verdicts cry wolf: equal models, real cross-validations.

    python -m benchmarks.verdicts.false_alarms [n_datasets]

Writes ``false_alarms.csv``: for each design the rate at which the gate fails although nothing changed for the worse,
for one model and for 30 at once, on one dataset and on suites; and the rate at which a table of comparisons of ten
equal models holds any difference.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.verdicts.centroids import Floats, dataset, fold_scores
from fusebench import stats
from fusebench.judge.decide import decide
from fusebench.judge.pairs import across, within

DESIGNS = ((5, 1), (10, 1), (5, 3), (10, 10))
N_MODELS, N_COMPARED, MARGIN, ALPHA = 30, 10, 0.01, 0.05
HEADER = ("check", "design", "n_datasets", "n_models", "rule", "n_families", "false_alarms", "rate", "allowed")


def main(n_datasets: int) -> None:
    rng = np.random.default_rng(0)
    rows: list[tuple[object, ...]] = []
    scores: dict[tuple[int, int], list[Floats]] = {design: [] for design in DESIGNS}
    for _ in range(n_datasets):
        X, y = dataset(2 * N_MODELS, rng)
        for design in DESIGNS:
            scores[design].append(fold_scores(X, y, *design, rng))
    for design, found in scores.items():
        rows.extend(gate_rows(design, found))
        rows.append(comparison_row(design, found))
    rows.append(across_row(10 * n_datasets, rng))
    with (Path(__file__).parent / "false_alarms.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])
    for row in rows:
        print(*row)


def gate_rows(design: tuple[int, int], found: list[Floats]) -> Iterator[tuple[object, ...]]:
    """Yield the false alarms of the gate; the second half of the models is 'now', the first half the baseline."""
    d = np.stack([scores[:, N_MODELS:] - scores[:, :N_MODELS] for scores in found])  # (datasets, folds, models)
    result = stats.corrected_t(d.transpose(1, 0, 2).reshape(d.shape[1], -1), 1 / (design[0] - 1))
    mean, se = (one.reshape(len(found), N_MODELS) for one in (result.mean, result.se))
    df = np.full_like(mean, float(result.df))
    for n_models, n_datasets in ((1, 1), (N_MODELS, 1), (1, 5), (N_MODELS, 5), (N_MODELS, 20)):
        families = [suites(one, n_models, n_datasets) for one in (mean, se, df)]
        if n_datasets > 1:
            pooled = stats.pooled_t(*families)
            families = [
                np.concatenate([one, whole[..., None]], axis=-1) for one, whole in zip(families, pooled, strict=True)
            ]
        flat = [one.reshape(len(one), -1) for one in families]
        for rule, allowed in (("default", ALPHA), ("conservative", 0.01)):
            margins = np.full_like(flat[0], MARGIN)
            failed = decide(*flat, margins, alpha=ALPHA, conservative=rule == "conservative").failed.any(axis=1)
            yield _row("gate", design, n_datasets, n_models, rule, failed, allowed)


def suites(values: Floats, n_models: int, n_datasets: int) -> Floats:
    """Return (families, models, datasets); one model alone gives every pair of a dataset its own family."""
    n = len(values) // n_datasets * n_datasets
    grouped = values[:n].reshape(-1, n_datasets, values.shape[1]).transpose(0, 2, 1)
    return grouped if n_models > 1 else grouped.reshape(-1, 1, n_datasets)


def comparison_row(design: tuple[int, int], found: list[Floats]) -> tuple[object, ...]:
    differ = [
        any(
            word in ("better", "worse")
            for word in within("d", one[:, :N_COMPARED], 1 / (design[0] - 1), margin=None, alpha=ALPHA).verdicts
        )
        for one in found
    ]
    return _row("comparisons", design, 1, N_COMPARED, "holm", np.array(differ), ALPHA)


def across_row(n_datasets: int, rng: np.random.Generator, size: int = 20) -> tuple[object, ...]:
    differ = []
    for _ in range(n_datasets // size):
        means = [fold_scores(*dataset(N_COMPARED, rng), 5, 1, rng).mean(axis=0) for _ in range(size)]
        words = across(np.stack(means), margin=None, alpha=ALPHA).verdicts
        differ.append(any(word in ("better", "worse") for word in words))
    return _row("comparisons", (5, 1), size, N_COMPARED, "holm", np.array(differ), ALPHA)


def _row(
    check: str, design: tuple[int, int], n_datasets: int, n_models: int, rule: str, failed: np.ndarray, allowed: float
) -> tuple[object, ...]:
    name = f"{design[0]}x{design[1]}"
    return (
        check,
        name,
        n_datasets,
        n_models,
        rule,
        len(failed),
        int(failed.sum()),
        round(float(failed.mean()), 4),
        allowed,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
