"""How large a drop the gate catches.

    python -m benchmarks.verdicts.power [n_runs]

Writes ``power.csv`` and ``power.svg``. A run's fold differences are normal around minus the drop, with standard
deviation 0.02 and the same correlation between all folds: 1 / k, what the corrected t assumes for k folds (0.1 for 10
folds).
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from fusebench import stats
from fusebench.judge.decide import decide

DESIGNS = ((5, 1), (10, 1), (5, 3), (10, 10))
SUITES = (1, 5, 20)
DROPS = tuple(round(0.0025 * step, 4) for step in range(21))
FOLD_SD, MARGIN, ALPHA, BLOCK = 0.02, 0.01, 0.05, 500
HEADER = ("design", "n_datasets", "rule", "drop", "correlation", "n_runs", "caught")


def main(n_runs: int) -> None:
    rng = np.random.default_rng(1)
    rows = []
    for k, repeats in DESIGNS:
        for n_datasets in SUITES:
            caught = np.zeros((2, len(DROPS)))
            for _ in range(n_runs // BLOCK):
                noise = differences(k * repeats, n_datasets, 1 / k, rng)
                for at, drop in enumerate(DROPS):
                    for rule in (0, 1):
                        caught[rule, at] += gate_fails(noise - drop, k, conservative=bool(rule)).sum()
            rows += [
                (f"{k}x{repeats}", n_datasets, ("default", "conservative")[rule], drop, 1 / k, n_runs // BLOCK * BLOCK,
                 round(caught[rule, at] / (n_runs // BLOCK * BLOCK), 4))
                for rule in (0, 1) for at, drop in enumerate(DROPS)
            ]  # fmt: skip
    folder = Path(__file__).parent
    with (folder / "power.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])
    plot(rows, folder / "power.svg")
    for row in rows:
        if row[3] in (0.0, 0.02, 0.03):
            print(*row)


def differences(n_folds: int, n_datasets: int, correlation: float, rng: np.random.Generator) -> np.ndarray:
    """Return differences around 0, (n_folds, BLOCK, n_datasets)."""
    common = rng.standard_normal((1, BLOCK, n_datasets))
    own = rng.standard_normal((n_folds, BLOCK, n_datasets))
    return FOLD_SD * (np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)


def gate_fails(d: np.ndarray, k: int, *, conservative: bool) -> np.ndarray:
    """Return whether the gate fails on one model, (BLOCK,): its datasets and the suite are one family."""
    result = stats.corrected_t(d.reshape(len(d), -1), 1 / (k - 1))
    mean, se = (one.reshape(d.shape[1:]) for one in (result.mean, result.se))
    columns = [mean, se, np.full_like(mean, float(result.df))]
    if d.shape[2] > 1:
        columns = [
            np.concatenate([one, whole[:, None]], axis=1)
            for one, whole in zip(columns, stats.pooled_t(*columns), strict=True)
        ]
    return decide(*columns, np.full_like(columns[0], MARGIN), alpha=ALPHA, conservative=conservative).failed.any(axis=1)


def plot(rows: list[tuple], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "verdicts"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(SUITES), figsize=(11, 3.6), sharey=True)
    for axis, n_datasets in zip(axes, SUITES, strict=True):
        for colour, (k, repeats) in enumerate(DESIGNS):
            for rule, style in (("default", "-"), ("conservative", ":")):
                line = [(row[3], row[6]) for row in rows if row[:3] == (f"{k}x{repeats}", n_datasets, rule)]
                label = f"{k}x{repeats}" if rule == "default" else None
                axis.plot(*zip(*line, strict=True), style, color=f"C{colour}", label=label)
        axis.axvline(MARGIN, color="grey", linewidth=0.5)
        axis.set_title(f"{n_datasets} dataset{'s' * (n_datasets > 1)}")
        axis.set_xlabel("true drop")
    axes[0].set_ylabel("share of runs in which the gate fails")
    axes[0].legend(title="folds x repeats\n(dotted: conservative)", fontsize=8, title_fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
