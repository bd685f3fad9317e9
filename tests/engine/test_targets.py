"""Datasets with several targets: shared folds, missing cells."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusebench.engine.execute._run import Outcomes
from fusebench.engine.tasks.data import DataFolders
from fusebench.engine.tasks.items import FitItem
from fusebench.engine.tasks.workbench import Workbench
from fusebench.errors import DataError, SpecError

N = 90


@pytest.fixture
def table(tmp_path):
    """Write a table with a class and a value to predict; a quarter of the values are missing."""

    def write(missing=slice(0, None, 4)):
        rng = np.random.default_rng(0)
        kind = np.arange(N) % 3
        frame = pd.DataFrame({"a": kind + rng.normal(0, 0.3, N), "b": rng.normal(size=N)})
        frame["kind"] = np.array(["x", "y", "z"])[kind]
        frame["size"] = 2.0 * frame["a"] + rng.normal(0, 0.1, N)
        frame.loc[np.arange(N)[missing], "size"] = np.nan
        frame.to_csv(tmp_path / "two.csv", index=False)
        return {"name": "two", "source": "file", "path": "two.csv", "target": ["kind", "size"]}

    return write


def test_targets_share_folds_stratified_by_the_first(bench, table):
    results = bench({"datasets": [table()], "learners": {"dt": "dt", "knn": "knn"}, "fusions": {"mean": "averaging"}})
    kind, size = results.datasets
    assert (kind.n_samples, size.n_samples) == (N, N - 23)
    assert set(kind.n_test.values()) == {N // 5}
    assert sum(size.n_test.values()) == size.n_samples
    assert not results.failures
    assert {(one.target, one.metric) for one in results.scores} == {("kind", "accuracy"), ("size", "r2")}
    # A fold of the value's rows is what the shared fold leaves of it, not a fold of its own.
    assert len(set(size.n_test.values())) > 1


def test_a_target_without_values_in_a_fold_is_refused(bench, table):
    with pytest.raises(DataError, match=r"two: target 'size' has 3 values, none of them on one side of fold \d"):
        bench({"datasets": [table(slice(3, None))], "learners": {"dt": "dt"}, "cv": {"n_splits": 3, "inner": 2}})


TWO_IRIS = {"name": "iris2", "source": "sklearn", "loader": "iris", "target": ["target", "petal width (cm)"]}
SMALL = {"hidden_layer_sizes": [8], "max_epochs": 3, "early_stopping": False}
MULTI = {"type": "torch_multitask", **SMALL}
METRICS = {"classification": ["accuracy"], "regression": ["neg_mean_squared_error"]}


def count_fits(monkeypatch):
    """Count the fits for one target and for several."""
    from fusebench import learners

    counted = {"several": 0, "one": 0}
    fit, fit_targets = learners.fit, learners.fit_targets

    def count(name, original):
        def counting(*arguments, **named):
            counted[name] += 1
            return original(*arguments, **named)

        return counting

    monkeypatch.setattr(learners, "fit", count("one", fit))
    monkeypatch.setattr(learners, "fit_targets", count("several", fit_targets))
    return counted


@pytest.mark.slow
def test_one_fit_per_split_serves_all_targets(tmp_path, monkeypatch):
    from fusebench import api

    pytest.importorskip("torch")
    counted = count_fits(monkeypatch)
    data = {"name": "t", "datasets": [TWO_IRIS], "learners": {"multi": MULTI, "dt": "dt"}, "scoring": METRICS}
    data["fusions"] = {"mean": "averaging", "stack": {"type": "stacking", "members": ["multi", "dt"]}}
    loaded = api.spec_from(data, base=tmp_path)
    place = api.settings(store=tmp_path / "store", n_jobs=1)
    planned = api.make_plan(loaded, place)
    assert planned.plan.blueprint.problems[0].shared_digest == planned.plan.blueprint.problems[1].shared_digest
    workbench = Workbench(planned.plan.blueprint, planned.store, DataFolders(planned.store.root))
    for key, task in planned.missing.items():
        if task.item is not None:
            planned.store.put(key, workbench.run(task.item))
    # 15 splits of paired nesting; for each target the tree is fitted anew, and a meta-learner per outer split.
    assert counted == {"several": 15, "one": 30 + 10}
    results = api.collect(planned, Outcomes(), place)
    assert not results.failures
    scored = {(one.target, one.model) for one in results.scores}
    assert {(t, m) for t in ("target", "petal width (cm)") for m in ("multi", "dt", "mean", "stack")} <= scored
    note = "one fit serves 2 targets (target, petal width (cm)); each is shown with an equal share of its time"
    assert any(note in said for said in results.notes)


@pytest.mark.slow
@pytest.mark.parametrize("inner", ["paired", 3])
def test_stored_predictions_are_those_of_the_estimator(tmp_path, table, inner):
    """The value of the second target, missing in some rows, against the estimator run by hand."""
    pytest.importorskip("torch")
    from fusebench import api
    from fusebench.learners._targets import Target
    from fusebench.learners._torch_multitask import TorchMultitask

    data = {"name": "t", "datasets": [table()], "learners": {"multi": MULTI}, "cv": {"n_splits": 5, "inner": inner}}
    loaded = api.spec_from(data, base=tmp_path)
    place = api.settings(store=tmp_path / "store", n_jobs=1)
    planned = api.make_plan(loaded, place)
    workbench = Workbench(planned.plan.blueprint, planned.store, DataFolders(planned.store.root))
    for key, task in planned.missing.items():
        if isinstance(task.item, FitItem):
            planned.store.put(key, workbench.run(task.item))
    size = planned.plan.blueprint.problems[1]
    oof, test = workbench._member(size, "multi", (0, 1))
    frame = pd.read_csv(tmp_path / "two.csv")
    X, values = frame[["a", "b"]].to_numpy(), frame["size"].to_numpy()
    kind = Target(
        name="kind", y=np.unique(frame["kind"], return_inverse=True)[1], target_type="multiclass", n_classes=3
    )
    both = [kind, Target(name="size", y=values, target_type="continuous")]
    whole = workbench.data(size).dataset_splits

    def by_hand(train, rows):
        model = TorchMultitask(**SMALL, random_state=0).fit_targets(X[train], [one.take(train) for one in both])
        return model.predict_targets(X[rows])[1][~np.isnan(values[rows])]

    train, rows = whole.outer[0, 1]
    np.testing.assert_array_equal(test.labels, by_hand(train, rows))
    expected = np.full(N, np.nan)
    for fitted, held in whole.inner(0, 1):
        expected[held[~np.isnan(values[held])]] = by_hand(fitted, held)
    known = train[~np.isnan(values[train])]
    np.testing.assert_array_equal(oof.labels, expected[known])


@pytest.mark.slow
def test_a_failed_shared_fit_is_shown_for_every_target(bench):
    pytest.importorskip("torch")
    broken = {**MULTI, "optimizer": "sgd", "learning_rate": 1e30}
    results = bench({"datasets": [TWO_IRIS], "learners": {"multi": broken, "dt": "dt"}, "scoring": METRICS})
    own = [one for one in results.failures if one.model == "multi"]
    assert {one.target for one in own} == {"target", "petal width (cm)"}
    assert all("the loss is" in one.detail and "learning_rate=1e+30" in one.detail for one in own)
    assert {one.model for one in results.scores} >= {"dt", "best_single"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lambdas": [1]}, r"lambdas: got 1, expected 2 \(one per target: target, petal width \(cm\)\)"),
        ({"lambdas": [1, -1]}, r"lambdas: got \[1, -1\], each must be a finite number of at least 0"),
        ({"lambdas": 3}, "lambdas: got 3, expected a list of numbers, one per target"),
        ({"encode": "target"}, "an encoder that looks at one cannot serve it"),
        ({"compress": "half"}, "does not apply to 'torch_multitask'"),
        ({"calibrate": "sigmoid"}, "cannot be calibrated inside its training part"),
    ],
)
def test_what_a_learner_of_all_targets_refuses(bench, wrong, message):
    pytest.importorskip("torch")
    with pytest.raises(SpecError, match=message):
        bench({"datasets": [TWO_IRIS], "learners": {"multi": {**MULTI, **wrong}}, "scoring": METRICS})


@pytest.mark.slow
def test_the_seed_benchmark_is_the_estimator_on_one_split(fusebench, tmp_path):
    pytest.importorskip("torch")
    from sklearn.datasets import load_iris
    from sklearn.model_selection import train_test_split

    from fusebench.learners._targets import Target
    from fusebench.learners._torch_multitask import TorchMultitask

    spec = Path(__file__).parents[2] / "benchmarks" / "seed_multitask_iris.yaml"
    done = fusebench("run", spec, "--jobs", 1, "--out", "out")
    assert done.returncode == 0, done.stderr
    scores = pd.read_csv(tmp_path / "out" / "scores.csv").query("model == 'multitask'").set_index("metric").score
    X, y = load_iris(return_X_y=True)
    area = X[:, 2] * X[:, 3]
    train, test = train_test_split(np.arange(150), test_size=0.2, random_state=42)
    both = [
        Target(name="species", y=y, target_type="multiclass", n_classes=3),
        Target(name="area", y=area, target_type="continuous"),
    ]
    network = TorchMultitask((64,), lambdas=(1, 1), early_stopping=False, random_state=42)
    codes, values = network.fit_targets(X[train], [one.take(train) for one in both]).predict_targets(X[test])
    assert network.network_.shared.body[0].weight.shape == (64, 4)
    assert scores["accuracy"] == (codes == y[test]).mean()
    assert scores["neg_mean_squared_error"] == pytest.approx(-np.mean((values - area[test]) ** 2), rel=1e-12)
