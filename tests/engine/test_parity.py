"""Fold scores against scikit-learn's own ensembles, and paired nesting against plain loops."""

import warnings
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn import datasets as bundled
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from fusebench import api

pytestmark = pytest.mark.usefixtures("in_this_process")

TOLERANCE = 1e-12
WEIGHTS = [1, 2, 0.5]
NONE = {"encode": "none"}
CLASSIFIERS = {
    "lr": {"type": "lr", "max_iter": 100, **NONE},
    "nb": {"type": "nb", **NONE},
    "rf": {"type": "rf", "n_estimators": 5, **NONE},
}
LGBM = {"type": "lgbm", "n_estimators": 5}
FUSIONS = {
    "hard": "voting",
    "soft": {"type": "voting", "voting": "soft"},
    "weighted": {"type": "voting", "voting": "soft", "weights": WEIGHTS},
    "stack": "stacking",
    "stack_lgbm": {"type": "stacking", "final_estimator": LGBM},
    "stack_pass": {
        "type": "stacking",
        "passthrough": True,
        "final_estimator": {"type": "lr", "max_iter": 100, **NONE},
    },
    "stack_pass_lgbm": {"type": "stacking", "passthrough": True, "final_estimator": {**LGBM, **NONE}},
}


def fold_scores(results):
    found = defaultdict(list)
    for row in results.scores:
        found[row.dataset, row.model, row.metric].append(row.score)
    return found


def classifiers():
    return [
        ("lr", LogisticRegression(max_iter=100, random_state=0)),
        ("nb", GaussianNB()),
        ("rf", RandomForestClassifier(5, random_state=0)),
    ]


def lgbm():
    return LGBMClassifier(n_estimators=5, random_state=0, n_jobs=1, verbosity=-1)


def ensembles(members):
    lr = LogisticRegression(max_iter=100, random_state=0)
    return {
        "hard": VotingClassifier(members),
        "soft": VotingClassifier(members, voting="soft"),
        "weighted": VotingClassifier(members, voting="soft", weights=WEIGHTS),
        "stack": StackingClassifier(members, cv=5),
        "stack_lgbm": StackingClassifier(members, lgbm(), cv=5),
        "stack_pass": StackingClassifier(members, lr, cv=5, passthrough=True),
        "stack_pass_lgbm": StackingClassifier(members, lgbm(), cv=5, passthrough=True),
    }


@pytest.fixture(autouse=True)
def _quiet():
    # One thread, as in the workers: on unscaled data the last bit of a product steers where lbfgs stops.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", ["iris", pytest.param("wine", marks=pytest.mark.slow), "breast_cancer"])
def test_classification(bench, name):
    spec = {
        "datasets": [name],
        "learners": CLASSIFIERS,
        "fusions": FUSIONS,
        "cv": {"n_splits": 3, "inner": 5},
        "scoring": ["accuracy", "neg_log_loss"],
    }
    ours = fold_scores(bench(spec))
    X, y = getattr(bundled, f"load_{name}")(return_X_y=True)
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    for model, estimator in ensembles(classifiers()).items():
        metrics = ["accuracy"] if model == "hard" else ["accuracy", "neg_log_loss"]
        theirs = cross_validate(estimator, X, y, cv=cv, scoring=metrics)
        for metric in metrics:
            np.testing.assert_allclose(ours[name, model, metric], theirs[f"test_{metric}"], rtol=0, atol=TOLERANCE)


def test_regression(bench):
    spec = {
        "datasets": ["diabetes"],
        "learners": {
            "ridge": {"type": "ridge", **NONE},
            "rf": {"type": "rf", "n_estimators": 5, **NONE},
            "dt": {"type": "dt", **NONE},
        },
        "fusions": {
            "vote": "voting",
            "weighted": {"type": "voting", "weights": WEIGHTS},
            "stack": "stacking",
            "stack_pass": {"type": "stacking", "passthrough": True},
        },
        "cv": {"n_splits": 3, "inner": 5},
        "scoring": ["r2", "neg_mean_absolute_error"],
    }
    ours = fold_scores(bench(spec))
    members = [
        ("ridge", Ridge(random_state=0)),
        ("rf", RandomForestRegressor(5, random_state=0)),
        ("dt", DecisionTreeRegressor(random_state=0)),
    ]
    X, y = bundled.load_diabetes(return_X_y=True)
    theirs = {
        "vote": VotingRegressor(members),
        "weighted": VotingRegressor(members, weights=WEIGHTS),
        "stack": StackingRegressor(members, cv=5),
        "stack_pass": StackingRegressor(members, cv=5, passthrough=True),
    }
    for model, estimator in theirs.items():
        found = cross_validate(
            estimator, X, y, cv=KFold(3, shuffle=True, random_state=0), scoring=["r2", "neg_mean_absolute_error"]
        )
        for metric in ("r2", "neg_mean_absolute_error"):
            np.testing.assert_allclose(ours["diabetes", model, metric], found[f"test_{metric}"], rtol=1e-12)


@pytest.fixture
def mixed(tmp_path):
    """A table with numbers, categories and missing cells of both kinds."""
    rng = np.random.default_rng(3)
    n = 240
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "b": rng.exponential(size=n),
            "colour": rng.choice(["red", "green", "blue"], n),
            "size": rng.choice(["s", "m", "l", "xl"], n),
        }
    )
    frame["y"] = np.where(frame.a + (frame.colour == "red") + rng.normal(size=n) > 0.5, "yes", "no")
    for column in ("a", "b", "colour"):
        frame.loc[rng.choice(n, 20, replace=False), column] = np.nan
    frame.to_csv(tmp_path / "mixed.csv", index=False)
    return pd.read_csv(tmp_path / "mixed.csv")


def test_categories_and_missing_values(bench, mixed):
    spec = {
        "datasets": [{"name": "mixed", "path": "mixed.csv", "target": "y"}],
        "learners": {"lr": "lr", "nb": "nb", "knn": "knn"},
        "fusions": {"hard": "voting", "soft": FUSIONS["soft"], "weighted": FUSIONS["weighted"], "stack": "stacking"},
        "cv": {"n_splits": 3, "inner": 5},
        "scoring": ["accuracy", "neg_log_loss"],
    }
    results = bench(spec)
    assert results.failures == ()
    ours = fold_scores(results)
    X, y = mixed.drop(columns="y"), (mixed.y == "yes").astype(int)

    def encoded(estimator):
        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        words = make_pipeline(
            SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        )
        columns = ColumnTransformer(
            [
                ("numbers", numbers, make_column_selector(dtype_include="number")),
                ("words", words, make_column_selector(dtype_exclude="number")),
            ]
        )
        return make_pipeline(columns, estimator)

    members = [
        ("lr", encoded(LogisticRegression(max_iter=1000, random_state=0))),
        ("nb", encoded(GaussianNB())),
        ("knn", encoded(KNeighborsClassifier())),
    ]
    theirs = {
        "hard": VotingClassifier(members),
        "soft": VotingClassifier(members, voting="soft"),
        "weighted": VotingClassifier(members, voting="soft", weights=WEIGHTS),
        "stack": StackingClassifier(members, cv=5),
    }
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    for model, estimator in theirs.items():
        found = cross_validate(estimator, X, y, cv=cv, scoring="accuracy", error_score="raise")
        np.testing.assert_allclose(ours["mixed", model, "accuracy"], found["test_score"], rtol=0, atol=TOLERANCE)


def test_paired_nesting_against_plain_loops(bench):
    """Stacking whose meta-features come from models fitted without folds i and j, written out."""
    spec = {
        "datasets": ["wine"],
        "learners": CLASSIFIERS,
        "fusions": {"stack": "stacking", "soft": FUSIONS["soft"]},
        "scoring": ["accuracy", "neg_log_loss"],
    }
    results = bench(spec)
    assert results.totals["wine", "target", "rf"][0] == 15
    ours = fold_scores(results)
    X, y = bundled.load_wine(return_X_y=True)
    folds = [test for _, test in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)]
    for i in range(5):
        rest = [j for j in range(5) if j != i]
        blocks, targets = [], []
        for j in rest:
            train = np.concatenate([folds[k] for k in range(5) if k not in {i, j}])
            train.sort()
            blocks.append(
                np.hstack([model.fit(X[train], y[train]).predict_proba(X[folds[j]]) for _, model in classifiers()])
            )
            targets.append(y[folds[j]])
        order = np.argsort(np.concatenate([folds[j] for j in rest]))
        meta = LogisticRegression().fit(np.vstack(blocks)[order], np.concatenate(targets)[order])
        train = np.sort(np.concatenate([folds[j] for j in rest]))
        probabilities = [model.fit(X[train], y[train]).predict_proba(X[folds[i]]) for _, model in classifiers()]
        stacked = meta.predict_proba(np.hstack(probabilities))
        assert ours["wine", "stack", "accuracy"][i] == accuracy_score(y[folds[i]], stacked.argmax(axis=1))
        assert ours["wine", "stack", "neg_log_loss"][i] == pytest.approx(-log_loss(y[folds[i]], stacked), abs=1e-9)
        soft = np.mean(probabilities, axis=0)
        assert ours["wine", "soft", "neg_log_loss"][i] == pytest.approx(-log_loss(y[folds[i]], soft), abs=1e-12)


def test_the_seed_benchmark_equals_voting_classifier(tmp_path):
    from pathlib import Path

    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import train_test_split
    from sklearn.svm import SVC

    results = api.run(Path(__file__).parents[2] / "benchmarks" / "seed_voting_iris.yaml", store=tmp_path, n_jobs=1)
    X, y = bundled.load_iris(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)
    members = [
        ("lr", LogisticRegression(max_iter=1000, random_state=42)),
        ("svm", CalibratedClassifierCV(SVC(random_state=42), ensemble=False)),
        ("rf", RandomForestClassifier(random_state=42)),
    ]
    expected = VotingClassifier(members, voting="soft").fit(X_train, y_train).score(X_test, y_test)
    assert fold_scores(results)["iris", "vote", "accuracy"] == [expected]


def test_without_refitting_only_pairs_are_fitted(bench):
    spec = {
        "datasets": ["iris"],
        "learners": ["nb", "knn"],
        "fusions": {"soft": FUSIONS["soft"]},
        "cv": {"refit": False},
    }
    results = bench(spec)
    assert results.totals["iris", "target", "nb"][0] == 10
    X, y = bundled.load_iris(return_X_y=True)
    folds = [test for _, test in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)]
    for i, score in enumerate(fold_scores(results)["iris", "nb", "accuracy"]):
        probabilities = []
        for j in range(5):
            if j != i:
                train = np.sort(np.concatenate([folds[k] for k in range(5) if k not in {i, j}]))
                model = make_pipeline(StandardScaler(), GaussianNB()).fit(X[train], y[train])
                probabilities.append(model.predict_proba(X[folds[i]]))
        assert score == accuracy_score(y[folds[i]], np.mean(probabilities, axis=0).argmax(axis=1))


def test_a_grid_costs_no_fit_for_its_tuned_reference(bench):
    spec = {"datasets": ["iris"], "learners": {"knn": {"type": "knn", "grid": {"n_neighbors": [1, 15]}}, "nb": "nb"}}
    results = bench(spec)
    models = {one.id: one.kind for one in results.models}
    assert models["knn:tuned"] == "reference"
    assert {"knn[n_neighbors=1]", "knn[n_neighbors=15]"} < set(models)
    chosen = {told["chosen"] for key, told in results.explanations.items() if key[2] == "knn:tuned"}
    assert chosen <= {"knn[n_neighbors=1]", "knn[n_neighbors=15]"}
    assert results.totals["iris", "target", "knn[n_neighbors=1]"][0] == 15


def test_multi_layer_stacking_runs_and_oracle_is_the_bound(bench):
    spec = {
        "datasets": ["iris"],
        "learners": ["nb", "knn", "lr"],
        "fusions": {
            "layer1": "stacking",
            "vote": FUSIONS["soft"],
            "top": {"type": "stacking", "members": ["layer1", "vote", "lr"]},
        },
    }
    results = bench(spec)
    assert results.failures == ()
    ours = fold_scores(results)
    for model in ("nb", "knn", "lr"):
        assert all(
            o >= s for o, s in zip(ours["iris", "oracle", "accuracy"], ours["iris", model, "accuracy"], strict=True)
        )
    assert len(ours["iris", "top", "accuracy"]) == 5
