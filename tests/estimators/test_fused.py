"""The estimators are the benchmark's own models: the same numbers, and scikit-learn's contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import KFold, RepeatedKFold, ShuffleSplit, TimeSeriesSplit
from sklearn.utils.estimator_checks import estimator_checks_generator

from fusebench import api
from fusebench.engine.fusing import Predictions
from fusebench.engine.tasks.data import DataFolders, ProblemData
from fusebench.errors import DataError, UsageError
from fusebench.estimators import FusedClassifier, FusedRegressor

LEARNERS = {"lr": "logistic_regression", "nb": "gaussian_nb", "tree": {"type": "decision_tree", "max_depth": 3}}
FUSIONS = {
    "soft": {"type": "voting", "voting": "soft"},
    "stack": {"type": "stacking", "passthrough": True, "final_estimator": "logistic_regression"},
    "greedy": {"type": "ensemble_selection", "n_iterations": 5},
    "layers": {"type": "stacking", "members": ["soft", "stack", "nb"]},
    "choose": {"type": "adaptive"},
    "bag": {"type": "bagging", "members": ["tree"], "n_estimators": 3},
    "boost": {"type": "boosting", "members": ["tree"], "n_estimators": 3},
    "student": {"type": "distillation", "members": ["stack"]},
}


def table(n: int = 150) -> pd.DataFrame:
    """Return rows with numbers, gaps, categories and dates."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(load_iris().data[:n], columns=["a", "b", "c", "d"])
    frame.loc[rng.choice(n, 12, replace=False), "b"] = np.nan
    frame["colour"] = rng.choice(["red", "green", "blue"], n)
    frame["when"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    frame["y"] = np.array(["no", "maybe", "yes"])[load_iris().target[:n]]
    return frame.sample(frac=1, random_state=0, ignore_index=True)


def benchmark(tmp_path: Path, cv: dict[str, object], fusions: dict[str, object] = FUSIONS, **more: object):
    table().to_csv(tmp_path / "mine.csv", index=False)
    data = {"name": "mine", "source": "file", "path": str(tmp_path / "mine.csv"), "target": "y"}
    spec = {"name": "b", "datasets": [data], "learners": LEARNERS, "fusions": fusions, "cv": cv, "random_state": 5}
    place = api.settings(store=tmp_path / "store", n_jobs=1)
    planned = api.make_plan(api.spec_from({**spec, **more}), place)
    outcomes = api.execute(planned, place, api.SilentProgress())
    assert not outcomes.failed
    problem = planned.plan.blueprint.problems[0]
    rows = ProblemData(problem, DataFolders(planned.store.root)(problem.data_key))
    return planned, problem, rows


def stored(planned, problem, model: str, split: tuple[int, int]) -> Predictions:
    blueprint = planned.plan.blueprint
    if model in blueprint.learners:
        (part,) = problem.scheme.test_parts(*split)
        entry = planned.store.get(blueprint.fit_key(problem, model, part))
    else:
        entry = planned.store.get(blueprint.fuse_key(problem, model, *split, "test"))
    assert entry is not None
    return Predictions.read(entry, 0)


def inner_folds(rows: ProblemData, split: tuple[int, int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the split's inner folds as positions in its training part."""
    train = rows.splits.outer[split].train
    return [(np.searchsorted(train, a), np.searchsorted(train, b)) for a, b in rows.splits.inner(*split)]


@pytest.mark.parametrize(
    ("cv", "names"),
    [
        ({"n_splits": 5}, [*FUSIONS, "nb", "best_single", "uniform_average"]),
        ({"n_splits": 3, "inner": 4}, ["stack", "layers", "student"]),
        ({"type": "time_series", "n_splits": 3}, ["stack", "bag"]),
    ],
    ids=["paired", "own", "time"],
)
def test_predicts_what_the_benchmark_stored(tmp_path, cv, names):
    fusions = {name: one for name, one in FUSIONS.items() if name in {*names, "soft", "stack"}}
    planned, problem, rows = benchmark(tmp_path, cv, fusions)
    split = problem.scheme.outer[-1]
    train, test = rows.splits.outer[split]
    labels = np.array(problem.classes)
    for name in names:
        model = FusedClassifier(LEARNERS, name, fusions=fusions, cv=inner_folds(rows, split), random_state=5)
        model.fit(rows.X.iloc[train], labels[rows.y[train]])
        expected = stored(planned, problem, name, split)
        np.testing.assert_allclose(model.predict_proba(rows.X.iloc[test]), expected.proba, rtol=0, atol=1e-12)
        assert (model.predict(rows.X.iloc[test]) == labels[expected.labels]).all()


def test_without_refitting_the_fold_models_answer(tmp_path):
    planned, problem, rows = benchmark(tmp_path, {"n_splits": 5, "refit": False}, {"soft": FUSIONS["soft"]})
    train, test = rows.splits.outer[0, 1]
    model = FusedClassifier(
        LEARNERS, {"type": "voting", "voting": "soft"}, cv=inner_folds(rows, (0, 1)), random_state=5, refit=False
    ).fit(rows.X.iloc[train], rows.y[train])
    expected = stored(planned, problem, "soft", (0, 1))
    np.testing.assert_allclose(model.predict_proba(rows.X.iloc[test]), expected.proba, rtol=0, atol=1e-12)


def _run_checks(estimator) -> None:
    failed = []
    for one, check in estimator_checks_generator(estimator, mark="skip"):
        try:
            check(one)
        except Exception as error:
            if type(error).__name__ not in {"SkipTest", "SkipTestWarning"}:
                failed.append((str(check), repr(error)))
    assert failed == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "estimator",
    [FusedClassifier(["lr", "nb"], "uniform_average"), FusedRegressor(["ridge", "knn"])],
    ids=["classifier", "regressor"],
)
def test_keeps_the_contract_of_scikit_learn(estimator):
    _run_checks(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_stacking_keeps_the_contract_of_scikit_learn():
    _run_checks(FusedClassifier(["lr", "nb"]))


def test_equals_stacking_of_scikit_learn():
    from sklearn.ensemble import StackingRegressor
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeRegressor

    X, y = load_diabetes(return_X_y=True)
    members = [
        ("ridge", make_pipeline(StandardScaler(), Ridge(random_state=0))),
        ("tree", DecisionTreeRegressor(max_depth=2, random_state=0)),
    ]
    own = FusedRegressor({"ridge": "ridge", "tree": {"type": "decision_tree", "max_depth": 2}}, cv=KFold(4))
    np.testing.assert_allclose(
        own.fit(X, y).predict(X), StackingRegressor(members, cv=KFold(4)).fit(X, y).predict(X), rtol=1e-9
    )


@pytest.mark.parametrize(
    "cv",
    [ShuffleSplit(3, random_state=0), RepeatedKFold(n_splits=2, n_repeats=2, random_state=1), TimeSeriesSplit(3)],
    ids=["shuffle", "repeated", "time"],
)
def test_takes_any_splitter(cv):
    X, y = load_diabetes(return_X_y=True)
    model = FusedRegressor({"ridge": "ridge", "tree": {"type": "decision_tree", "max_depth": 2}}, cv=cv).fit(X, y)
    assert model.score(X, y) > 0.4


def test_a_fusion_of_fusions_needs_folds():
    X, y = load_iris(return_X_y=True)
    model = FusedClassifier(["lr", "nb"], {"type": "stacking", "members": ["soft"]},
                            fusions={"soft": "uniform"} | {"soft": FUSIONS["soft"]}, cv=ShuffleSplit(2, test_size=0.6, random_state=0))  # fmt: skip
    with pytest.raises(UsageError, match="held out more than once"):
        model.fit(X, y)


def test_takes_polars_frames():
    import polars as pl

    frame = table()
    y = frame.pop("y")
    expected = FusedClassifier(LEARNERS, "uniform_average").fit(frame, y).predict_proba(frame)
    same = pl.from_pandas(frame)
    model = FusedClassifier(LEARNERS, "uniform_average").fit(same, pl.Series(y.to_list()))
    assert list(model.feature_names_in_) == list(frame.columns)
    np.testing.assert_allclose(model.predict_proba(same), expected)
    np.testing.assert_allclose(model.predict_proba(same.lazy()), expected)


def test_unseen_categories_and_gaps_are_answered():
    frame = table()
    y = frame.pop("y")
    model = FusedClassifier(["lr", "xgb"], "uniform_average").fit(frame, y)
    odd = frame.head(3).assign(colour=["violet", None, "red"], a=[np.nan, 1.0, 2.0])
    assert np.isfinite(model.predict_proba(odd)).all()


def test_weights_and_groups_reach_the_members_and_the_folds():
    from sklearn.model_selection import GroupKFold

    X, y = load_diabetes(return_X_y=True)
    groups = np.arange(len(y)) % 7
    weights = np.linspace(0.1, 5, len(y))
    plain = FusedRegressor(["ridge"], "uniform_average").fit(X, y)
    weighted = FusedRegressor(["ridge"], "uniform_average").fit(X, y, sample_weight=weights)
    assert not np.allclose(plain.predict(X), weighted.predict(X))
    FusedRegressor(["ridge", "knn"], cv=GroupKFold(3)).fit(X, y, groups=groups)
    with pytest.raises(TypeError, match="'weight'"):
        plain.fit(X, y, weight=weights)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learners": ["lr", "nope"]}, "unknown learner 'nope'"),
        ({"fusion": "stakcing"}, "did you mean 'stacking'"),
        ({"fusion": "oracle"}, "looks at the answers"),
        ({"fusion": {"type": "voting", "weights": [1.0]}}, "weights: got 1, expected 2"),
        ({"learners": ["lr", "lasso"]}, "lasso"),
        ({"scoring": "r2"}, "r2"),
    ],
)
def test_says_what_is_wrong(arguments, message):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(UsageError, match=message):
        FusedClassifier(**{"learners": ["lr", "nb"], **arguments}).fit(X, y)


def test_members_that_only_teach_are_not_kept():
    X, y = load_iris(return_X_y=True)
    model = FusedClassifier(
        ["lr", "rf"], {"type": "distillation", "members": ["soft"]}, fusions={"soft": FUSIONS["soft"]}
    )
    assert model.fit(X, y).model_.learners == {}


def test_two_workers_see_a_mapped_frame_as_it_is(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    np.save(tmp_path / "X.npy", X)
    mapped = pd.DataFrame(np.load(tmp_path / "X.npy", mmap_mode="r"), columns=list("abcdefghij"), copy=False)
    expected = FusedRegressor(["ridge", "knn"]).fit(mapped, y).predict(mapped)
    found = FusedRegressor(["ridge", "knn"], n_jobs=2).fit(mapped, y).predict(mapped)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda X: X.astype({"b": "category"}), True),
        (lambda X: X.assign(b=pd.Categorical(X["b"], categories=["z", "y", "x", "w"], ordered=True)), True),
        (lambda X: X.astype({"b": object, "c": "Int64", "a": "Float64"}), True),
        (lambda X: X.astype({"a": str, "c": float}), True),
        (lambda X: X.set_axis(range(100, 100 + len(X))), True),
        (lambda X: X.assign(a=X["a"] * 1j), "complex"),
        (lambda X: X.assign(a=np.inf), "infinite"),
        (lambda X: X.assign(a=pd.array([np.inf] * len(X), dtype="Float64")), "infinite"),
        (lambda X: X.assign(a="word"), "expected a number"),
        (lambda X: X.assign(a=pd.Timestamp("2020-01-01")), "expected a number"),
        (lambda X: pd.concat([X, X[["a"]]], axis=1), "two columns are called 'a'"),
    ],
)
def test_frames_of_every_kind_are_the_same_rows_or_refused(change, same):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=60), "b": rng.choice(["x", "y", "z"], 60), "c": rng.integers(0, 4, 60)})
    model = FusedClassifier(["nb", "dt"], "uniform_average").fit(X, X["a"] + (X["b"] == "x") > 0.3)
    if same is True:
        assert (model.predict_proba(change(X)) == model.predict_proba(X)).all()
        return
    with pytest.raises((ValueError, DataError), match=same):
        model.predict(change(X))


def test_missing_values_of_every_kind_are_the_same():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=60), "b": rng.choice(["x", "y"], 60), "c": rng.integers(0, 4, 60)})
    model = FusedClassifier(["nb", "dt"], "uniform_average").fit(X, X["a"] > 0)
    plain = X.astype({"c": float, "b": object})
    plain.loc[:9, ["b", "c"]] = [None, np.nan]
    other = X.astype({"c": "Int64", "b": "category"})
    other.loc[:9, ["b", "c"]] = pd.NA
    assert (model.predict_proba(other) == model.predict_proba(plain)).all()
