"""The job of core.yaml with scikit-learn alone: `cross_val_score` of every learner and every ensemble."""

from __future__ import annotations

import os
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import warnings

from lightgbm import LGBMClassifier
from sklearn import datasets
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier

N_JOBS = 2


def learners():
    return [
        ("lr", make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))),
        ("svc", make_pipeline(StandardScaler(), CalibratedClassifierCV(SVC(random_state=0), ensemble=False))),
        ("rf", RandomForestClassifier(n_estimators=200, n_jobs=1, random_state=0)),
        ("et", ExtraTreesClassifier(n_estimators=200, n_jobs=1, random_state=0)),
        ("knn", make_pipeline(StandardScaler(), KNeighborsClassifier())),
        ("nb", make_pipeline(StandardScaler(), GaussianNB())),
        ("xgb", XGBClassifier(n_estimators=100, n_jobs=1, random_state=0)),
        ("lgbm", LGBMClassifier(n_estimators=100, n_jobs=1, random_state=0, verbosity=-1)),
    ]


def ensembles():
    weights = [1, 1, 2, 2, 1, 1, 2, 2]
    lgbm = LGBMClassifier(n_estimators=100, n_jobs=1, random_state=0, verbosity=-1)
    lr = LogisticRegression(max_iter=1000)
    return [
        ("hard", VotingClassifier(learners())),
        ("soft", VotingClassifier(learners(), voting="soft")),
        ("weighted", VotingClassifier(learners(), voting="soft", weights=weights)),
        ("stack_lr", StackingClassifier(learners(), lr, cv=5)),
        ("stack_lgbm", StackingClassifier(learners(), lgbm, cv=5)),
        ("stack_passthrough", StackingClassifier(learners(), lr, cv=5, passthrough=True)),
    ]


def main():
    warnings.simplefilter("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"
    begun = time.perf_counter()
    for load in (datasets.load_iris, datasets.load_wine, datasets.load_breast_cancer, datasets.load_digits):
        X, y = load(return_X_y=True)
        cv = StratifiedKFold(5, shuffle=True, random_state=0)
        for name, model in [*learners(), *ensembles()]:
            scores = cross_val_score(model, X, y, cv=cv, n_jobs=N_JOBS)
            print(f"{load.__name__[5:]},{name},{scores.mean():.6f}")
    print(f"seconds,{time.perf_counter() - begun:.2f}")


if __name__ == "__main__":
    main()
