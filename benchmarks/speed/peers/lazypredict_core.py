"""LazyPredict on the data and outer folds of core.yaml: all its classifiers once per fold, no ensemble, no inner folds.

Needs an environment of its own: pip install lazypredict
"""

from __future__ import annotations

import os
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import warnings

from lazypredict.Supervised import LazyClassifier
from sklearn import datasets
from sklearn.model_selection import StratifiedKFold


def main():
    warnings.simplefilter("ignore")
    begun = time.perf_counter()
    for load in (datasets.load_iris, datasets.load_wine, datasets.load_breast_cancer, datasets.load_digits):
        X, y = load(return_X_y=True)
        for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y):
            models, _ = LazyClassifier(verbose=0, ignore_warnings=True).fit(X[train], X[test], y[train], y[test])
        print(f"{load.__name__[5:]},{len(models)} models")
    print(f"seconds,{time.perf_counter() - begun:.2f}")


if __name__ == "__main__":
    main()
