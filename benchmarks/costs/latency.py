"""Set the latencies that a run reports beside `timeit` on the models that are saved. Needs an idle machine.

Runs every learner and every cheap fusion on data sets of numbers, of categories and with values as targets, saves each
model, loads it, and times its ``predict`` as ``python -m timeit`` does (best of 5 repeats, one thread; with
``--processor`` by the processor's time, for a machine that is not idle). Prints per model and batch size milliseconds
of one call, what the run had said, and their ratio; a ``*`` marks ratios beyond 20%. ``--passes`` does all of it again
and sets the best against the best, and tells how often one pass of ``timeit`` is within 20% of another: no figure can
agree with it oftener.

    python benchmarks/costs/latency.py [--datasets breast_cancer,german] [--csv ratios.csv]
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
import timeit
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

import fusebench as fb
from fusebench import datasets
from fusebench.spec.model import DatasetSpec

SIZES = (1, 100, 1000)
REPEATS = 5
LEARNERS = {
    "classification": ["lr", "nb", "dt", "knn", "svc", "rf", "xgb", "lgbm"],
    "regression": ["ridge", "knn", "dt", "rf", "xgb", "lgbm"],
}
BOTH = {"mean": "averaging", "weighted": "weighted", "stack": "stacking", "selection": "ensemble_selection"}
FUSIONS: dict[str, dict[str, Any]] = {
    "classification": {
        **BOTH,
        "soft": {"type": "voting", "voting": "soft"},
        "hard": {"type": "voting", "voting": "hard"},
        "light": {"type": "voting", "voting": "soft", "members": ["lr", "nb"]},
        "knora_u": "knora_u",
        "knora_e": "knora_e",
    },
    "regression": {**BOTH, "light": {"type": "averaging", "members": ["ridge", "dt"]}},
}
REFERENCES = ("best_single", "uniform_average")


class Timed(NamedTuple):
    """One model at one batch size, in milliseconds of one call."""

    dataset: str
    model: str
    rows: int
    timeit_ms: float
    run_ms: float
    ratio: float


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--datasets", default="breast_cancer,german,penguins,digits,diabetes")
    parser.add_argument("--models", help="only these")
    parser.add_argument("--seconds", type=float, default=0.1, help="of one repeat")
    parser.add_argument("--processor", action="store_true", help="time by the processor's clock, not the wall's")
    parser.add_argument("--passes", type=int, default=1)
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    passes = [one_pass(arguments) for _ in range(arguments.passes)]
    best = pd.DataFrame([best_of(rows) for rows in zip(*passes, strict=True)])
    ratios = best["ratio"].to_numpy()
    print(f"{within(ratios)} of {len(ratios)} within 20%; from {np.nanmin(ratios):.2f} to {np.nanmax(ratios):.2f}, "
          f"median {np.nanmedian(ratios):.2f}")  # fmt: skip
    if arguments.passes > 1:
        first, second = (np.array([row.timeit_ms for row in one]) for one in passes[:2])
        print(f"timeit and timeit again: {within(second / first)} of {len(first)} within 20%")
    if arguments.csv:
        best.to_csv(arguments.csv, index=False)


def one_pass(arguments: argparse.Namespace) -> list[Timed]:
    """Time every model of every dataset once, printing as they come."""
    found: list[Timed] = []
    print(f"{'dataset':14} {'model':15} {'rows':>5} {'timeit ms':>10} {'run ms':>9} {'ratio':>6}")
    for dataset in arguments.datasets.split(","):
        for row in timed(dataset, arguments):
            found.append(row)
            mark = "" if abs(row.ratio - 1) <= 0.2 else " *"
            print(f"{row.dataset:14} {row.model:15} {row.rows:5} {row.timeit_ms:10.3f} {row.run_ms:9.3f} "
                  f"{row.ratio:6.2f}{mark}", flush=True)  # fmt: skip
    return found


def best_of(rows: tuple[Timed, ...]) -> Timed:
    """Return the fastest of what several passes found, of either side."""
    spent, told = min(row.timeit_ms for row in rows), float(np.nanmin([row.run_ms for row in rows]))
    return rows[0]._replace(timeit_ms=spent, run_ms=told, ratio=told / spent)


def within(ratios: Any) -> int:
    """Return how many ratios are within 20%."""
    return int((np.abs(ratios - 1) <= 0.2).sum())


def timed(dataset: str, arguments: argparse.Namespace) -> Iterator[Timed]:
    data = table_of(dataset)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        kind = "regression" if dataset in {"diabetes", "concrete", "abalone"} else "classification"
        spec = {"name": "latency", "datasets": [dataset], "learners": LEARNERS[kind], "fusions": FUSIONS[kind]}
        run = fb.run(spec, out=here / "out", store=here / "store", n_jobs=1, progress=False)
        costs = pd.read_csv(here / "out" / "model_costs.csv").set_index("model")
        wanted = arguments.models.split(",") if arguments.models else [*LEARNERS[kind], *FUSIONS[kind], *REFERENCES]
        for model in wanted:
            fb.save(run.fit(model), here / f"{model}.skops")
            saved = fb.load(here / f"{model}.skops")
            for size in SIZES:
                spent = 1e3 * best(saved, as_read(data, size), arguments)
                told = costs.loc[model, f"latency_{size}_us"] / 1e3
                yield Timed(dataset, model, size, spent, told, told / spent)


def table_of(dataset: str) -> pd.DataFrame:
    """Return the features of a dataset that has a name."""
    found = datasets.resolve(DatasetSpec(name=dataset), Path())
    if not isinstance(found, DatasetSpec):
        raise SystemExit(f"no dataset {dataset}")
    return datasets.load(found, Path()).X


def as_read(X: pd.DataFrame, size: int) -> pd.DataFrame:
    """Return so many rows as `pandas.read_csv` would return them."""
    rows = X.iloc[np.resize(np.arange(len(X)), size)]
    return pd.read_csv(io.StringIO(rows.to_csv(index=False)))


def best(model: Any, rows: pd.DataFrame, arguments: argparse.Namespace) -> float:
    """Return the seconds of one call, as ``python -m timeit`` finds them."""
    with threadpool_limits(1):
        clock = time.process_time if arguments.processor else time.perf_counter
        timer = timeit.Timer(lambda: model.predict(rows), timer=clock)
        once = max(1e-7, min(timer.repeat(2, 1)))
        number = max(1, round(arguments.seconds / once))
        return min(timer.repeat(REPEATS, number)) / number


if __name__ == "__main__":
    sys.exit(main())
