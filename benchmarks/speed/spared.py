"""Time imports and fits with what they are spared beside the libraries as they are, in turns.

    python benchmarks/speed/spared.py

Prints the CPU milliseconds of the libraries' import in a fresh process, and of a fit with one thread, the least of
several, and the share of them that is left; and checks that both kinds of fits give the same bytes.
"""

from __future__ import annotations

import subprocess
import sys
import time

from lightgbm import LGBMClassifier
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from fusebench.engine.execute._shortcuts import take_shortcuts, without_shortcuts

REPEATS = 7
QUICKLY = "from fusebench.engine.execute._quick_imports import import_quickly; import_quickly();"
IMPORTS = (
    "import time; begun = time.process_time(); import sklearn.ensemble, xgboost, lightgbm, pandas;"
    "print(time.process_time() - begun)"
)
MODELS = {
    "random forest, 200 trees": RandomForestClassifier(200, random_state=0, n_jobs=1),
    "extra trees, 200 trees": ExtraTreesClassifier(200, random_state=0, n_jobs=1),
    "LightGBM, 100 rounds": LGBMClassifier(n_estimators=100, random_state=0, n_jobs=1, verbosity=-1),
}


def imports(before):
    """Return the CPU seconds of the libraries' import."""
    done = subprocess.run([sys.executable, "-c", before + IMPORTS], capture_output=True, text=True, check=True)
    return float(done.stdout)


def show(what, dataset, slow, quick):
    """Print one row of the table."""
    print(f"{what:28} {dataset:8} {1e3 * slow:9.1f} {1e3 * quick:9.1f} {quick / slow:5.2f}", flush=True)


def fit(model, X, y):
    """Return the CPU seconds of a fit, and what it then says."""
    begun = time.process_time()
    model.fit(X, y)
    return time.process_time() - begun, model.predict_proba(X).tobytes()


def main():
    take_shortcuts()
    print(f"{'what':28} {'dataset':8} {'as it is':>9} {'spared':>9} {'left':>5}")
    pairs = [(imports(""), imports(QUICKLY)) for _ in range(REPEATS)]
    show("imports", "", *map(min, zip(*pairs, strict=True)))
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
            show(name, dataset, min(whole)[0], min(spared)[0])


if __name__ == "__main__":
    main()
