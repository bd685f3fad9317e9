"""Time fits with what a worker spares the libraries beside the libraries as they are, in one process, in turns.

    python benchmarks/speed/spared.py

Prints the CPU milliseconds of a fit with one thread, the least of several, and the share of them that is left; and
checks that both give the same bytes.
"""

from __future__ import annotations

import time

from lightgbm import LGBMClassifier
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from fusebench.engine.execute._shortcuts import take_shortcuts, without_shortcuts

REPEATS = 7
MODELS = {
    "random forest, 200 trees": RandomForestClassifier(200, random_state=0, n_jobs=1),
    "extra trees, 200 trees": ExtraTreesClassifier(200, random_state=0, n_jobs=1),
    "LightGBM, 100 rounds": LGBMClassifier(n_estimators=100, random_state=0, n_jobs=1, verbosity=-1),
}


def fit(model, X, y):
    """Return the CPU seconds of a fit, and what it then says."""
    begun = time.process_time()
    model.fit(X, y)
    return time.process_time() - begun, model.predict_proba(X).tobytes()


def main():
    take_shortcuts()
    print(f"{'model':28} {'dataset':8} {'as it is':>9} {'spared':>9} {'left':>5}")
    for name, model in MODELS.items():
        for dataset, load in (("iris", load_iris), ("digits", load_digits)):
            X, y = load(return_X_y=True)
            spared, whole = [], []
            for _ in range(REPEATS):
                spared.append(fit(model, X, y))
                with without_shortcuts():
                    whole.append(fit(model, X, y))
            if len({said for _, said in spared + whole}) > 1:
                raise SystemExit(f"{name} on {dataset}: other bytes")
            quick, slow = min(spared)[0], min(whole)[0]
            print(f"{name:28} {dataset:8} {1e3 * slow:9.1f} {1e3 * quick:9.1f} {quick / slow:5.2f}")


if __name__ == "__main__":
    main()
