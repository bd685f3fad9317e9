"""Binned rows that fits share: the same bytes as the plain estimators, and a share only where bins agree."""

from __future__ import annotations

import re
from itertools import product

import lightgbm
import lightgbm.sklearn
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import xgboost.sklearn
from lightgbm import LGBMClassifier, LGBMRegressor
from xgboost import XGBClassifier, XGBRegressor

from fusebench import learners
from fusebench.learners import _families
from fusebench.learners.lightgbm import EARLY_STOPPING
from fusebench.spec.model import LearnerSpec

PLAIN = {
    ("lightgbm", True): LGBMClassifier,
    ("lightgbm", False): LGBMRegressor,
    ("xgboost", True): XGBClassifier,
    ("xgboost", False): XGBRegressor,
}
SHARING = [
    {"n_estimators": 5},
    {"n_estimators": 8, "learning_rate": 0.3, "max_depth": 3},
    {"n_estimators": 5, "subsample": 0.7, "colsample_bytree": 0.6, "reg_lambda": 2.0, "reg_alpha": 0.1},
    {"n_estimators": 5, "max_leaves": 5, "min_child_weight": 2.0},
]
SPLITTING = {
    "lightgbm": [
        {"max_bin": 15},
        {"min_data_in_bin": 50},
        {"min_child_samples": 5},
        {"bin_construct_sample_cnt": 100},
        {"subsample_for_bin": 100},
        {"class_weight": "balanced"},
        {"random_state": 3},
        {"zero_as_missing": True},
        {"use_missing": False},
        {"max_bin_by_feature": [7] * 6},
        {"feature_pre_filter": False},
        {"enable_bundle": False},
        {"linear_tree": True},
        {"early_stopping_rounds": 2},
        {"objective": "cross_entropy"},
        {"cat_smooth": 1.0},
        {"n_jobs": 2},
    ],
    "xgboost": [
        {"max_bin": 15},
        {"missing": 0.0},
        {"tree_method": "approx"},
        {"random_state": 3},
        {"booster": "dart"},
        {"early_stopping_rounds": 2},
        {"max_cat_to_onehot": 2},
        {"n_jobs": 2},
    ],
}


def _table(n_classes, *, missing=False, categorical=False, n=400):
    rng = np.random.default_rng(n_classes)
    X = rng.normal(size=(n, 6))
    if categorical:
        X[:, 4] = rng.integers(0, 7, n)
    signal = X[:, 0] + X[:, 1] * X[:, 2] + (X[:, 4] > 3) + rng.normal(scale=0.3, size=n)
    if missing:
        X[rng.random(X.shape) < 0.1] = np.nan
    y = signal if n_classes == 0 else np.digitize(signal, np.quantile(signal, np.arange(1, n_classes) / n_classes))
    return X, y


def _fit(type_, params, X, y, n_classes, binned=None, **options):
    kind = {0: "continuous", 2: "binary"}.get(n_classes, "multiclass")
    options = {"target_type": kind, "n_classes": n_classes, "random_state": 0} | options
    return learners.fit(LearnerSpec(type=type_, params=params), X, y, binned=binned, **options)


def _answers(fitted, X):
    return [np.asarray(one).tobytes() for pair in fitted.answer_all([X]) for one in pair if one is not None]


@pytest.mark.parametrize("type_", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("n_classes", [0, 2, 3])
@pytest.mark.parametrize("case", ["plain", "missing", "categorical", "weights", "early", "groups"])
def test_shared_fits_have_the_bytes_of_fits_alone(type_, n_classes, case):
    X, y = _table(n_classes, missing=case == "missing", categorical=case == "categorical")
    rng = np.random.default_rng(1)
    options = {
        "categorical": {"categorical": (4,)},
        "weights": {"sample_weight": rng.random(len(y)) + 0.1},
        "groups": {"groups": rng.integers(0, 40, len(y))},
    }.get(case, {})
    early = {"early_stopping_rounds": 2} if case in ("early", "groups") else {}
    binned = learners.binned_rows()
    more = early | ({"subsample_freq": 1} if type_ == "lightgbm" else {})
    for number, params in enumerate(SHARING):
        shared = _fit(type_, params | more, X, y, n_classes, binned, **options)
        alone = _fit(type_, params | more, X, y, n_classes, **options)
        assert type(shared.estimator) is PLAIN[type_, n_classes > 0]
        assert _answers(shared, X) == _answers(alone, X)
        assert vars(shared.estimator).keys() == vars(alone.estimator).keys()
        assert (binned.spared_wall > 0) == (number > 0), "every fit but the first takes over the bins"


@pytest.mark.parametrize("type_", ["lightgbm", "xgboost"])
def test_shared_fits_have_the_bytes_of_the_plain_estimators(type_):
    X, y = _table(3)
    binned = learners.binned_rows()
    silent = {"verbosity": -1} if type_ == "lightgbm" else {"verbosity": 0}
    for params in SHARING:
        shared = _fit(type_, params, X, y, 3, binned)
        plain = PLAIN[type_, True](**silent, n_jobs=1, random_state=0, **params).fit(X, y)
        assert shared.estimator.predict_proba(X).tobytes() == plain.predict_proba(X).tobytes()


@pytest.mark.parametrize("early", [{}, {"early_stopping_rounds": 2}])
@pytest.mark.parametrize("type_", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("kind", ["frame", "sparse"])
def test_frames_and_sparse_rows_are_shared_too(type_, kind, early):
    X, y = _table(2, categorical=True)
    more = dict(early)
    if kind == "frame":
        X = pd.DataFrame(X, columns=list("abcdef")).astype({"e": int}).astype({"e": "category"})
        more |= {"enable_categorical": True} if type_ == "xgboost" else {}
    else:
        X = scipy.sparse.csr_matrix(np.where(np.abs(X) > 1, X, 0.0))
    binned = learners.binned_rows()
    for params in SHARING:
        shared, alone = (_fit(type_, params | more, X, y, 2, one) for one in (binned, None))
        assert _answers(shared, X) == _answers(alone, X)
    assert binned.spared_wall > 0


@pytest.mark.parametrize(("type_", "params"), [(t, p) for t, all_ in SPLITTING.items() for p in all_])
def test_a_parameter_that_touches_the_bins_splits_the_share(type_, params):
    X, y = _table(2, categorical=True)
    usual = LearnerSpec(type=type_, params={"n_estimators": 5})
    other = LearnerSpec(type=type_, params={"n_estimators": 5, **params})
    assert learners.binning(usual) != learners.binning(other)
    binned = learners.binned_rows()
    _fit(type_, usual.params, X, y, 2, binned, categorical=(4,))
    shared = _fit(type_, other.params, X, y, 2, binned, categorical=(4,))
    assert binned.spared_wall == 0
    assert _answers(shared, X) == _answers(_fit(type_, other.params, X, y, 2, categorical=(4,)), X)


MAY_DIFFER = _families.family_of("lightgbm").free_of_binning - {"importance_type"} - EARLY_STOPPING


@pytest.mark.parametrize("name", sorted(MAY_DIFFER))
def test_the_library_itself_lets_a_finished_dataset_be_used_with_what_may_differ(name):
    X, y = _table(2)
    before, after = (0.5, 0.9) if re.search("fraction|sample$|bytree|bynode|rate|eta", name) else (3, 7)
    alike = {"verbosity": -1, "num_threads": 1}
    data = lightgbm.Dataset(X, y, params={**alike, name: before}).construct()
    lightgbm.train({**alike, "objective": "binary", name: after}, data, num_boost_round=1)  # raises where it must not


def test_learners_that_cannot_share():
    assert learners.binning(LearnerSpec(type="lgbm", calibrate="sigmoid")) is None
    assert learners.binning(LearnerSpec(type="rf")) is None
    assert learners.binning(LearnerSpec(type="hgb")) is None
    dotted, short = (learners.binning(LearnerSpec(type=one)) for one in ("lightgbm.LGBMClassifier", "lgbm"))
    assert dotted == short
    assert learners.binning(LearnerSpec(type="lgbm", params={"num_leaves": 4})) == short


@pytest.mark.parametrize("tree_method", ["approx", "exact"])
def test_a_matrix_that_training_adds_to_is_not_kept(tree_method):
    X, y = _table(2)
    binned = learners.binned_rows()
    for _ in range(2):
        _fit("xgboost", {"n_estimators": 3, "tree_method": tree_method}, X, y, 2, binned)
        assert binned.spared_wall == 0


def test_no_more_than_two_binnings_are_kept():
    X, y = _table(2)
    binned = learners.binned_rows()
    for max_bin in (15, 31, 63, 15):
        _fit("lightgbm", {"n_estimators": 2, "max_bin": max_bin}, X, y, 2, binned)
        assert binned.spared_wall == 0


def test_a_library_of_another_shape_fits_as_ever(monkeypatch):
    X, y = _table(2)
    expected = {type_: _answers(_fit(type_, {"n_estimators": 3}, X, y, 2), X) for type_ in ("lightgbm", "xgboost")}
    real = lightgbm.sklearn.Dataset

    class Another(real):
        pass

    monkeypatch.setattr(lightgbm.sklearn, "Dataset", Another)
    wrap = xgboost.sklearn._wrap_evaluation_matrices

    def positional(*, create_dmatrix, **rest):
        def create(ref, **others):
            return create_dmatrix(ref, **others)

        return wrap(create_dmatrix=create, **rest)

    monkeypatch.setattr(xgboost.sklearn, "_wrap_evaluation_matrices", positional)
    for type_, _ in product(expected, range(2)):
        binned = learners.binned_rows()
        fitted = _fit(type_, {"n_estimators": 3}, X, y, 2, binned)
        assert _answers(fitted, X) == expected[type_]
        assert binned.spared_wall == 0
    assert lightgbm.sklearn.Dataset is Another


def test_a_failing_fit_leaves_the_library_as_it_was():
    X, y = _table(2)
    for type_, params in (("lightgbm", {"objective": "nonsense"}), ("xgboost", {"objective": "nonsense"})):
        with pytest.raises(Exception, match=r"nonsense|Unknown objective"):
            _fit(type_, params, X, y, 2, learners.binned_rows())
    assert lightgbm.sklearn.Dataset is lightgbm.Dataset
