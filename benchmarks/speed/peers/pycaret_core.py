"""The job of core.yaml with PyCaret: `create_model` of every learner, `blend_models` and `stack_models` of the rest.

Needs an environment of its own: pip install pycaret==3.3.2 six "xgboost<2.1" (it holds scikit-learn below 1.5).
"""

from __future__ import annotations

import os
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import warnings

from lightgbm import LGBMClassifier
from pycaret.classification import ClassificationExperiment
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from xgboost import XGBClassifier

N_JOBS = 2


def learners():
    return [
        ("lr", {"max_iter": 1000}),
        (SVC(probability=True, random_state=0), {}),
        ("rf", {"n_estimators": 200, "n_jobs": 1}),
        ("et", {"n_estimators": 200, "n_jobs": 1}),
        ("knn", {}),
        ("nb", {}),
        (XGBClassifier(n_estimators=100, n_jobs=1, random_state=0), {}),
        (LGBMClassifier(n_estimators=100, n_jobs=1, random_state=0, verbosity=-1), {}),
    ]


def one_dataset(load):
    table = load(as_frame=True).frame
    held_out = max(0.01, (table["target"].nunique() + 1) / len(table))  # it refuses fewer rows than classes
    experiment = ClassificationExperiment()
    experiment.setup(
        table,
        target="target",
        train_size=1 - held_out,  # it always holds rows out; everything else is cross-validated
        fold=5,
        normalize=True,
        session_id=0,
        n_jobs=N_JOBS,
        html=False,
        verbose=False,
    )
    models = [experiment.create_model(model, verbose=False, **options) for model, options in learners()]
    weights = [1, 1, 2, 2, 1, 1, 2, 2]
    lgbm = LGBMClassifier(n_estimators=100, n_jobs=1, random_state=0, verbosity=-1)
    experiment.blend_models(models, method="hard", verbose=False)
    experiment.blend_models(models, method="soft", verbose=False)
    experiment.blend_models(models, method="soft", weights=weights, verbose=False)
    experiment.stack_models(models, LogisticRegression(max_iter=1000), restack=False, verbose=False)
    experiment.stack_models(models, lgbm, restack=False, verbose=False)
    experiment.stack_models(models, LogisticRegression(max_iter=1000), restack=True, verbose=False)
    print(load.__name__[5:], experiment.pull()["Accuracy"]["Mean"])


def main():
    warnings.simplefilter("ignore")
    begun = time.perf_counter()
    for load in (datasets.load_iris, datasets.load_wine, datasets.load_breast_cancer, datasets.load_digits):
        one_dataset(load)
    print(f"seconds,{time.perf_counter() - begun:.2f}")


if __name__ == "__main__":
    main()
