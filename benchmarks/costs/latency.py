"""Set the latencies that a run reports beside `timeit` on the models that `fusebench fit` saves. Needs an idle machine.

Prints, per fusion and batch size, milliseconds of one call by `timeit` on the saved model, what the run's own
measurement says, and their ratio. The saved model also checks the columns of its input, which the run does not time.

    python benchmarks/costs/latency.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import timeit
from pathlib import Path

import pandas as pd
from sklearn.datasets import load_breast_cancer
from threadpoolctl import threadpool_limits

SPEC = """\
name: latency
datasets: [breast_cancer]
learners: {lr: logistic_regression, rf: {type: random_forest, n_estimators: 100}, xgb: xgboost, nb: nb}
fusions:
  light: {type: voting, voting: soft, members: [lr, nb]}
  soft: {type: voting, voting: soft}
  stack: {type: stacking, final_estimator: logistic_regression}
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "spec.yaml").write_text(SPEC)
        run("run", "spec.yaml", "--jobs", "1", "--out", "out", "-q", folder=folder)
        costs = pd.read_csv(here / "out" / "model_costs.csv").set_index("model")
        X = load_breast_cancer(as_frame=True).data
        rows = pd.concat([X, X]).reset_index(drop=True)
        print(f"{'fusion':8} {'rows':>5} {'timeit ms':>10} {'run ms':>8} {'ratio':>6}")
        for fusion in ("light", "soft", "stack"):
            run(
                "fit",
                "spec.yaml",
                "--fusion",
                fusion,
                "--dataset",
                "breast_cancer",
                "-o",
                f"{fusion}.skops",
                folder=folder,
            )
            report(fusion, here / f"{fusion}.skops", rows, costs.loc[fusion])


def report(fusion: str, path: Path, rows: pd.DataFrame, costs: pd.Series) -> None:
    import fusebench as fb

    model = fb.load(path)
    for size in (1, 100, 1000):
        batch = rows.iloc[:size]
        with threadpool_limits(1):
            model.predict(batch)
            spent = min(timeit.repeat(lambda batch=batch: model.predict(batch), number=1, repeat=15))
        told = costs[f"latency_{size}_us"] / 1e6
        print(f"{fusion:8} {size:5} {1e3 * spent:10.2f} {1e3 * told:8.2f} {told / spent:6.2f}")


def run(*arguments: str, folder: str) -> None:
    subprocess.run([sys.executable, "-m", "fusebench", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
