"""Models fitted with a worker's shortcuts: the bits of those fitted without, and the library's own word on all else."""

import pickle
import subprocess
import sys
import warnings

import lightgbm
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn import ensemble, tree
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from fusebench.engine.execute._quick_fits import shortcuts

KINDS = ["RandomForestClassifier", "ExtraTreesClassifier", "RandomForestRegressor", "ExtraTreesRegressor"]
CALLS = {
    "check_classification_targets",
    "_check_sample_weight",
    "is_classifier",
    "_make_estimator",
    "__call__",
    "train",
}


@pytest.fixture
def take_shortcuts(monkeypatch):
    """Return what takes the shortcuts, until the test ends."""

    def take():
        for owner, name, short in shortcuts():
            monkeypatch.setattr(owner, name, short)

    return take


@pytest.fixture
def asked(monkeypatch):
    """Return the names of the library's functions that are called from here on; requested before the shortcuts are."""
    names = []

    def counted(name, whole):
        return lambda *args, **more: names.append(name) or whole(*args, **more)

    for owner, name, _ in shortcuts():
        monkeypatch.setattr(owner, name, counted(name, vars(owner)[name]))
    return names


def _data(kind):
    return load_diabetes(return_X_y=True) if "Regressor" in kind else load_wine(return_X_y=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"bootstrap": True, "max_samples": 0.5},
        {"bootstrap": False, "max_depth": 3, "max_features": None, "min_samples_leaf": 2},
        {"max_leaf_nodes": 8, "ccp_alpha": 0.01},
        {"bootstrap": True, "oob_score": True, "n_jobs": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_forest_has_the_bits_of_the_library_alone(kind, params, weighted, take_shortcuts):
    X, y = _data(kind)
    weights = np.random.default_rng(0).uniform(0.1, 2, len(y)) if weighted else None

    def grown():
        forest = getattr(ensemble, kind)(n_estimators=40, random_state=3, **params)
        return pickle.dumps(forest.fit(X, y, sample_weight=weights), protocol=5), forest.predict(X).tobytes()

    expected = grown()
    take_shortcuts()
    assert grown() == expected


def test_every_shortcut_is_taken_where_the_library_is_as_it_was_known():
    assert {name for _, name, _ in shortcuts()} == CALLS


def test_the_library_is_asked_once_a_forest_not_once_a_tree(asked, take_shortcuts):
    X, y = load_wine(return_X_y=True)
    take_shortcuts()
    ensemble.RandomForestClassifier(n_estimators=30, random_state=0, n_jobs=1).fit(X, y)
    assert asked == ["check_classification_targets"]


@pytest.mark.parametrize("params", [{"class_weight": "balanced"}, {"class_weight": "balanced_subsample"}])
def test_class_weights_have_the_bits_of_the_library_alone(params, take_shortcuts):
    X, y = load_breast_cancer(return_X_y=True)

    def grown():
        forest = ensemble.RandomForestClassifier(n_estimators=8, random_state=1, **params).fit(X, y)
        return forest.predict_proba(X).tobytes()

    expected = grown()
    take_shortcuts()
    assert grown() == expected


def test_other_ensembles_and_sparse_rows_are_as_ever(take_shortcuts):
    X, y = load_wine(return_X_y=True)
    models = [
        ensemble.BaggingClassifier(n_estimators=4, random_state=0),
        ensemble.AdaBoostClassifier(n_estimators=4, random_state=0),
        ensemble.BaggingClassifier(tree.DecisionTreeClassifier(max_depth=2), n_estimators=4, random_state=0, n_jobs=2),
    ]

    def answers():
        sparse = ensemble.ExtraTreesClassifier(n_estimators=5, random_state=0).fit(csr_matrix(X), y)
        return [model.fit(X, y).predict_proba(X).tobytes() for model in models] + [sparse.predict_proba(X).tobytes()]

    expected = answers()
    take_shortcuts()
    assert answers() == expected


def test_what_the_library_refuses_is_refused(take_shortcuts):
    take_shortcuts()
    X, y = load_wine(return_X_y=True)
    forest = ensemble.RandomForestClassifier(n_estimators=3, random_state=0)
    forest.fit(X, y)  # a target that passed must not let others pass
    amounts = y + np.random.default_rng(0).random(len(y))
    with pytest.raises(ValueError, match="Unknown label type"):
        forest.fit(X, amounts)
    with pytest.raises(ValueError, match="Unknown label type"):
        tree.DecisionTreeClassifier().fit(X, amounts)
    with pytest.raises(ValueError, match="NaN"):
        forest.fit(X, y, sample_weight=np.full(len(y), np.nan))
    with pytest.raises(ValueError, match="shape"):
        tree.DecisionTreeClassifier().fit(X, y, sample_weight=np.zeros(len(y) - 1, dtype=int))


def test_a_warning_about_many_labels_is_given_to_every_forest(take_shortcuts):
    take_shortcuts()
    X = np.random.default_rng(0).random((40, 3))
    y = np.arange(40) // 1.5
    for _ in range(2):
        with pytest.warns(UserWarning, match="unique classes"):
            tree.DecisionTreeClassifier().fit(X, y.round())


BOOSTED = {
    "plain": {},
    "goss": {"data_sample_strategy": "goss"},
    "dart": {"boosting_type": "dart"},
    "rf": {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
    "linear": {"linear_tree": True},
    "stopped": {"early_stopping_rounds": 2, "learning_rate": 0.9},
    "one leaf": {"min_child_samples": 10_000},
}


@pytest.mark.parametrize("kind", ["LGBMClassifier", "LGBMRegressor"])
@pytest.mark.parametrize("params", BOOSTED.values(), ids=BOOSTED)
def test_a_booster_has_the_bits_of_one_read_from_its_text(kind, params, take_shortcuts):
    X, y = load_diabetes(return_X_y=True) if kind == "LGBMRegressor" else load_wine(return_X_y=True)
    X[::7, 2] = np.nan
    X[:, 0] = np.arange(len(y)) % 5
    watched = {"eval_set": [(X[1::2], y[1::2])]} if "early_stopping_rounds" in params else {}

    def fitted():
        model = getattr(lightgbm, kind)(n_estimators=15, n_jobs=1, verbosity=-1, random_state=0, **params)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X[::2], y[::2], categorical_feature=[0], **watched)
        proba = model.predict_proba(X) if kind == "LGBMClassifier" else model.predict(X)
        leaves = model.predict(X, pred_leaf=True)
        again = pickle.loads(pickle.dumps(model))
        return proba.tobytes(), leaves.tobytes(), again.predict(X).tobytes(), model.booster_.num_trees()

    expected = fitted()
    take_shortcuts()
    assert fitted() == expected


def test_a_booster_is_written_out_only_where_rounds_are_left_out(take_shortcuts, monkeypatch):
    take_shortcuts()
    read = []
    whole = lightgbm.Booster.model_from_string
    monkeypatch.setattr(lightgbm.Booster, "model_from_string", lambda *args: read.append(1) or whole(*args))
    X, y = load_wine(return_X_y=True)
    model = lightgbm.LGBMClassifier(n_estimators=3, verbosity=-1).fit(X, y)
    assert (read, hasattr(model.booster_, "train_set")) == ([], False)


def test_a_process_without_forests_loads_none():
    code = (
        "import sys; from fusebench.engine.execute._shortcuts import take_shortcuts; take_shortcuts();"
        "assert not {'sklearn.ensemble', 'sklearn.tree', 'lightgbm'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
