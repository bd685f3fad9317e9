"""A grid of gradient boosting whose members share binned rows, beside the same grid in which each bins for itself.

First what binning costs alone, as a share of one fit; then the whole run, CPU seconds of all its processes and wall
seconds, with and without sharing, in turn. Both runs must write the same bytes of scores.

    python benchmarks/speed/binned.py --repeats 3 --out results/speed
    python benchmarks/speed/binned.py --rows 2000 --repeats 1
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
from large import table_of

SPEC = """
name: binned
datasets: [{name: table, path: table.parquet, target: y}]
learners:
  lgbm: {type: lightgbm, n_estimators: 50, grid: {num_leaves: [15, 31, 63], learning_rate: [0.1, 0.3]}}
  xgb: {type: xgboost, n_estimators: 50, grid: {max_depth: [4, 6, 8], learning_rate: [0.1, 0.3]}}
fusions: {best: {type: ensemble_selection, n_iterations: 10}}
cv: {type: holdout, test_size: 0.2, inner: 3}
scoring: [accuracy, neg_log_loss]
"""
WITHOUT = """
from fusebench.engine import schedule
schedule._shared_bins = lambda blueprint, tasks: {}
"""
RUN = "import sys; from fusebench.cli import main; sys.exit(main())"
ALONE = """
import sys, time, warnings
import pandas, lightgbm, xgboost
warnings.simplefilter("ignore")
table = pandas.read_parquet("table.parquet")
X, y = table.drop(columns="y").to_numpy("float64"), (table["y"] == "yes").to_numpy("int64")
def seconds(work):
    begun = time.process_time()
    work()
    return time.process_time() - begun
light = seconds(lightgbm.Dataset(X, y, params={"verbosity": -1, "num_threads": 1}).construct)
extreme = seconds(lambda: xgboost.QuantileDMatrix(X, y, nthread=1, max_bin=256))
print(light, light / seconds(lambda: lightgbm.LGBMClassifier(n_estimators=50, n_jobs=1, verbosity=-1).fit(X, y)))
print(extreme, extreme / seconds(lambda: xgboost.XGBClassifier(n_estimators=50, n_jobs=1, verbosity=0).fit(X, y)))
"""
ENVIRONMENT = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")}


def timed(code, folder, *arguments):
    """Return CPU seconds of a process and all its descendants, and wall seconds."""
    begun = time.perf_counter()
    command = [sys.executable, "-c", code, *arguments]
    process = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    spent = {}  # workers are killed at the end, so nobody could ask afterwards
    while process.poll() is None:
        with suppress(psutil.Error):
            for one in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
                times = one.cpu_times()
                spent[one.pid, one.create_time()] = times.user + times.system
        time.sleep(0.05)
    if process.returncode:
        sys.exit(f"the run ended with {process.returncode}")
    return sum(spent.values()), time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows = [("rows", arguments.rows)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table_of(arguments.rows).to_parquet(folder / "table.parquet")
        (folder / "spec.yaml").write_text(SPEC)
        alone = [sys.executable, "-c", ALONE]
        said = subprocess.run(alone, check=True, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True).stdout
        for library, line in zip(("lightgbm", "xgboost"), said.splitlines(), strict=True):
            seconds, share = map(float, line.split())
            rows += [
                (f"{library}: CPU seconds of binning", seconds),
                (f"{library}: of a fit of 50 trees, %", 100 * share),
            ]
        found = {"shared": [], "unshared": []}
        for repeat in range(arguments.repeats):
            both = [("shared", ""), ("unshared", WITHOUT)]
            for how, before in reversed(both) if repeat % 2 else both:
                own = f"{how}{repeat}"
                words = (
                    "run",
                    "spec.yaml",
                    "-q",
                    "--jobs",
                    str(arguments.jobs),
                    "--out",
                    own,
                    "--store",
                    f"{own}-store",
                )
                found[how].append(timed(before + RUN, folder, *words))
            scores = {(folder / f"{how}{repeat}" / "scores.csv").read_bytes() for how in found}
            if len(scores) > 1:
                sys.exit("the scores differ")
    for position, what in enumerate(("CPU", "wall")):
        shared, unshared = (statistics.median(one[position] for one in found[how]) for how in ("shared", "unshared"))
        rows += [(f"shared: {what} seconds", shared), (f"unshared: {what} seconds", unshared)]
        rows += [(f"shared / unshared: {what}", shared / unshared)]
    for what, value in rows:
        print(f"{what:40} {value:12,.3f}")
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        with (arguments.out / "binned.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("what", "value"), *((what, f"{value:.4f}") for what, value in rows)])


if __name__ == "__main__":
    main()
