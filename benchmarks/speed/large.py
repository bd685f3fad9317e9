"""One million rows, 50 features, 5 learners and 3 fusions on one machine: wall time and peak memory of all processes.

python benchmarks/speed/large.py --rows 1000000 --out results/speed
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from core import PeakMemory

SPEC = """
name: large
datasets: [{name: large, path: large.parquet, target: y}]
learners:
  lr: {type: logistic_regression, max_iter: 100}
  nb: gaussian_nb
  dt: {type: decision_tree, max_depth: 8}
  hgb: {type: hist_gradient_boosting, max_iter: 50}
  lgbm: {type: lightgbm, n_estimators: 50}
fusions:
  soft: {type: voting, voting: soft}
  stack: {type: stacking, final_estimator: logistic_regression}
  best: {type: ensemble_selection, n_iterations: 10}
cv: {type: holdout, test_size: 0.2, inner: 3}
scoring: [accuracy, neg_log_loss]
"""


def table_of(n_rows, n_features=50):
    """Return rows with a signal that is partly linear and partly not."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_features)).astype(np.float32)
    signal = X[:, :10].sum(axis=1) + 3 * np.sin(X[:, 10]) * X[:, 11] + rng.normal(scale=2, size=n_rows)
    frame = pd.DataFrame(X, columns=[f"x{c}" for c in range(n_features)])
    return frame.assign(y=np.where(signal > 0, "yes", "no"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table_of(arguments.rows).to_parquet(Path(folder) / "large.parquet")
        (Path(folder) / "large.yaml").write_text(SPEC)
        begun = time.perf_counter()
        command = [
            sys.executable,
            "-m",
            "fusebench",
            "run",
            "large.yaml",
            "--jobs",
            str(arguments.jobs),
            "--out",
            "out",
        ]
        with PeakMemory() as peak:
            done = subprocess.run(command, cwd=folder, check=False, text=True, stdout=subprocess.PIPE)
        print(done.stdout)
        done.check_returncode()
        totals = json.loads((Path(folder) / "out" / "summary.json").read_text())["totals"]
    rows = [
        ("rows", arguments.rows),
        ("wall seconds", time.perf_counter() - begun),
        ("fit CPU seconds", sum(row["fit_cpu_seconds"] for row in totals if row["kind"] == "learner")),
        ("peak memory of all processes, MiB", peak.bytes / 2**20),
    ]
    for what, value in rows:
        print(f"{what:40} {value:12,.1f}")
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        with (arguments.out / "large.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("what", "value"), *((what, f"{value:.1f}") for what, value in rows)])


if __name__ == "__main__":
    main()
