"""AutoGluon on the data and outer folds of core.yaml: 5-fold bagging and one stack level of the families they share.

Not the same job (no support vectors, no naive Bayes, one ensemble instead of six) but the question is the same.
Needs an environment of its own: pip install "autogluon.tabular[lightgbm,xgboost]==1.6.0"
"""

from __future__ import annotations

import os
import tempfile
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import warnings

from autogluon.tabular import TabularPredictor
from sklearn import datasets
from sklearn.model_selection import StratifiedKFold

FAMILIES = {
    "LR": {},
    "RF": {"n_estimators": 200},
    "XT": {"n_estimators": 200},
    "KNN": {},
    "XGB": {"n_estimators": 100},
    "GBM": {"num_boost_round": 100},
}
N_CPUS = 2


def one_fold(train, test):
    with tempfile.TemporaryDirectory() as folder:
        predictor = TabularPredictor("target", path=folder, verbosity=0, eval_metric="accuracy")
        predictor.fit(
            train,
            hyperparameters=FAMILIES,
            num_bag_folds=5,
            num_stack_levels=1,
            dynamic_stacking=False,
            num_cpus=N_CPUS,
            num_gpus=0,
        )
        return predictor.evaluate(test, silent=True)["accuracy"]


def main():
    warnings.simplefilter("ignore")
    begun = time.perf_counter()
    for load in (datasets.load_iris, datasets.load_wine, datasets.load_breast_cancer, datasets.load_digits):
        table = load(as_frame=True).frame
        cv = StratifiedKFold(5, shuffle=True, random_state=0).split(table, table["target"])
        scores = [one_fold(table.iloc[train], table.iloc[test]) for train, test in cv]
        print(f"{load.__name__[5:]},{sum(scores) / len(scores):.6f}")
    print(f"seconds,{time.perf_counter() - begun:.2f}")


if __name__ == "__main__":
    main()
