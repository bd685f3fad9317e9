"""Fitting, checked against scikit-learn and by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.svm import SVC

from fusebench import learners
from fusebench.errors import FitError
from fusebench.learners import _calibrated, _early_stopping, _families
from fusebench.spec.model import LearnerSpec


def _iris():
    X, y = load_iris(return_X_y=True)
    return X[::2], y[::2], X[1::2]


def _fit(spec, X, y, **options):
    options = {"target_type": "multiclass", "n_classes": 3, "random_state": 0} | options
    return learners.fit(spec, X, y, **options)


def test_logistic_regression_differs_from_the_library_in_max_iter_only():
    X, y, test = _iris()
    fitted = _fit(LearnerSpec(type="lr"), X, y)
    expected = LogisticRegression(max_iter=1000, random_state=0).fit(X, y)
    assert np.array_equal(fitted.predict_proba(test), expected.predict_proba(test))
    assert fitted.notes == ()


def test_spec_wins_over_defaults():
    estimator = learners.build(LearnerSpec(type="lr", params={"max_iter": 7, "random_state": 3}), "binary")
    assert (estimator.max_iter, estimator.random_state) == (7, 3)


def test_threads_and_silence():
    boosted = learners.build(LearnerSpec(type="xgb"), "binary", random_state=5, n_threads=3)
    assert (boosted.n_jobs, boosted.verbosity, boosted.random_state) == (3, 0, 5)
    light = learners.build(LearnerSpec(type="lgbm"), "continuous", random_state=5)
    assert (light.n_jobs, light.get_params()["verbosity"], light.random_state) == (1, -1, 5)


@pytest.mark.parametrize("params", [{}, {"probability": True}])
def test_svc_has_sigmoid_probabilities_and_its_own_labels(params):
    X, y, test = _iris()
    fitted = _fit(LearnerSpec(type="svc", params=params), X, y)
    sigmoid = CalibratedClassifierCV(SVC(random_state=0), ensemble=False).fit(X, y)
    assert np.array_equal(fitted.predict_proba(test), sigmoid.predict_proba(test))
    assert np.array_equal(fitted.predict(test), SVC(random_state=0).fit(X, y).predict(test))
    assert "sigmoid" in fitted.notes[0]


def test_labels_are_free_of_calibration_when_probabilities_are_not_asked_for():
    X, y, test = _iris()
    fitted = _fit(LearnerSpec(type="ridge"), X, y, proba=False)
    assert isinstance(fitted.estimator, RidgeClassifier)
    assert np.array_equal(fitted.predict(test), RidgeClassifier(random_state=0).fit(X, y).predict(test))


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_explicit_calibration_is_that_of_scikit_learn(method):
    X, y, test = _iris()
    fitted = _fit(LearnerSpec(type="rf", params={"n_estimators": 5}, calibrate=method), X, y)
    forest = RandomForestClassifier(n_estimators=5, random_state=0, n_jobs=1)
    expected = CalibratedClassifierCV(forest, method=method).fit(X, y)
    assert np.array_equal(fitted.predict_proba(test), expected.predict_proba(test))
    assert np.array_equal(fitted.predict(test), expected.predict(test))


def test_calibration_folds_of_rare_classes():
    assert _calibrated.folds(np.repeat([0, 1], [10, 3])) == 3
    splits = _calibrated.folds(np.repeat([0, 1, 2], [10, 1, 5]))
    assert len(splits) == 5
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(16))
    assert all(10 in train for train, _ in splits)
    ((train, test),) = _calibrated.folds(np.array([0, 1, 2]))
    assert list(train) == list(test) == [0, 1, 2]


def test_calibration_keeps_groups_whole():
    y, groups = np.tile([0, 1], 15), np.repeat(np.arange(10), 3)
    splits = _calibrated.folds(y, groups)
    assert len(splits) == 5
    assert all(not set(groups[train]) & set(groups[test]) for train, test in splits)


def test_calibration_of_classes_that_are_groups_still_sees_every_class():
    X, y, test = _iris()
    fitted = _fit(LearnerSpec(type="svc"), X, y, groups=y)
    np.testing.assert_allclose(fitted.predict_proba(test).sum(axis=1), 1)


def test_forest_predicts_with_one_thread():
    X, y, _ = _iris()
    assert _fit(LearnerSpec(type="et"), X, y, n_threads=2).estimator.n_jobs == 1
    calibrated = _fit(LearnerSpec(type="et", calibrate="sigmoid"), X, y, n_threads=2).estimator
    assert {pair.estimator.n_jobs for pair in calibrated.calibrated_classifiers_} == {1}


@pytest.mark.parametrize("type_", ["xgboost", "lightgbm"])
def test_early_stopping_watches_rows_of_the_training_part(type_):
    X, y = load_breast_cancer(return_X_y=True)
    spec = LearnerSpec(type=type_, params={"n_estimators": 300, "early_stopping_rounds": 3})
    fitted = learners.fit(spec, X, y, target_type="binary", n_classes=2, random_state=0)
    best = getattr(fitted.estimator, "best_iteration_" if type_ == "lightgbm" else "best_iteration")
    assert 0 < best < 299
    assert fitted.notes == ()


def test_validation_rows_are_a_tenth_of_each_class():
    y = np.repeat([0, 1, 2], [100, 20, 1])
    chosen = _early_stopping.validation_rows(y, stratify=True, random_state=0)
    assert [int(chosen[y == code].sum()) for code in (0, 1, 2)] == [10, 2, 0]
    assert np.array_equal(chosen, _early_stopping.validation_rows(y, stratify=True, random_state=0))


def test_validation_rows_are_whole_groups_and_lose_no_class():
    groups = np.repeat(np.arange(10), 5)
    chosen = _early_stopping.validation_rows(np.zeros(50), stratify=False, random_state=1, groups=groups)
    assert chosen.sum() == 5
    assert len(set(groups[chosen])) == 1
    chosen = _early_stopping.validation_rows(groups, stratify=True, random_state=1, groups=groups)
    assert not chosen.any()


def test_weights_reach_the_estimator_or_a_note():
    X, y = load_diabetes(return_X_y=True)
    weight = np.linspace(1, 2, len(y))
    options = {"target_type": "continuous", "n_classes": 0, "sample_weight": weight}
    fitted = _fit(LearnerSpec(type="ridge"), X, y, **options)
    assert np.array_equal(fitted.predict(X), Ridge(random_state=0).fit(X, y, sample_weight=weight).predict(X))
    assert "takes no sample weights" in _fit(LearnerSpec(type="knn"), X, y, **options).notes[0]


def test_class_weight_names_the_labels_of_the_dataset():
    X, y, test = _iris()
    spec = LearnerSpec(type="lr", params={"class_weight": {"setosa": 1.0, "versicolor": 5.0, "virginica": 1.0}})
    fitted = _fit(spec, X, y, class_labels=("setosa", "versicolor", "virginica"))
    expected = LogisticRegression(max_iter=1000, random_state=0, class_weight={0: 1.0, 1: 5.0, 2: 1.0}).fit(X, y)
    assert np.array_equal(fitted.predict_proba(test), expected.predict_proba(test))
    kept = y > 0
    assert _fit(spec, X[kept], y[kept], class_labels=("setosa", "versicolor", "virginica")).estimator.class_weight == {
        0: 5.0,
        1: 1.0,
    }
    with pytest.raises(FitError, match="class_weight names 'rose'"):
        _fit(LearnerSpec(type="lr", params={"class_weight": {"rose": 2}}), X, y, class_labels=("setosa",))


def test_warnings_of_an_estimator_become_notes():
    X, y, _ = _iris()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = _fit(LearnerSpec(type="mlp", params={"max_iter": 2}), X, y)
    assert fitted.notes[0].startswith("ConvergenceWarning: ")


class Hostile(ClassifierMixin, BaseEstimator):
    """A classifier that answers whatever it is told to."""

    proba: object = None
    labels: object = None

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return type(self).labels

    def predict_proba(self, X):
        return type(self).proba


@pytest.fixture
def hostile(monkeypatch):
    family = _families.Family()
    monkeypatch.setattr(type(family), "estimator_class", lambda self, target_type: Hostile)
    monkeypatch.setattr(type(family), "classifier", "here.Hostile")
    monkeypatch.setattr("fusebench.learners._fitting.family_of", lambda type_: family)
    X, y, _ = _iris()
    return _fit(LearnerSpec(type="here.Hostile"), X, y)


@pytest.mark.parametrize(
    ("proba", "reason"),
    [
        (np.full((2, 3), np.nan), "6 values that are NaN or infinite"),
        (np.array([[1.5, -0.5, 0.0], [1, 0, 0]]), "negative probability"),
        (np.full((2, 3), 0.5), "sums to 1.5"),
        (np.full((2, 2), 0.5), r"shape \(2, 2\), expected \(2, 3\)"),
        (np.full((2, 3), "a"), "expected numbers"),
        (np.array([[0, 1, 0], [1, 0, 0]]), "expected real numbers"),
    ],
)
def test_probabilities_that_are_none(hostile, monkeypatch, proba, reason):
    monkeypatch.setattr(Hostile, "proba", proba)
    with pytest.raises(FitError, match=reason):
        hostile.predict_proba(np.zeros((2, 4)))


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (np.array([0, 3]), "not in the training data"),
        (np.array([0, -1]), "not in the training data"),
        (np.array([0.0, np.nan]), "NaN or infinite"),
        (np.array([0.0, 0.5]), "not classes"),
        (np.array([0]), r"shape \(1,\)"),
    ],
)
def test_labels_that_are_none(hostile, monkeypatch, labels, reason):
    monkeypatch.setattr(Hostile, "labels", labels)
    with pytest.raises(FitError, match=reason):
        hostile.predict(np.zeros((2, 4)))


def test_what_an_estimator_raises_is_passed_on():
    X, y, _ = _iris()
    with pytest.raises(ValueError, match="n_neighbors"):
        _fit(LearnerSpec(type="knn", params={"n_neighbors": 500}), X, y).predict(X)


def test_dotted_path_is_run_like_its_family():
    X, y, test = _iris()
    dotted = _fit(LearnerSpec(type="sklearn.svm.SVC", params={"probability": True}), X, y)
    assert np.array_equal(dotted.predict_proba(test), _fit(LearnerSpec(type="svc"), X, y).predict_proba(test))
    spec = LearnerSpec(type="sklearn.ensemble.RandomForestClassifier")
    assert learners.auto_encoder(spec, "binary") == "ordinal"
    assert learners.predicts(spec, "binary")
    assert not learners.predicts(spec, "continuous")
    assert learners.library(spec) == "sklearn"


@pytest.mark.parametrize(("type_", "rounds"), [("xgb", "n_estimators"), ("lgbm", "n_estimators"), ("hgb", "max_iter")])
def test_native_categories_reach_the_boosters(type_, rounds):
    X = np.repeat(np.arange(30.0), 200)[:, None]
    y = np.isin(X[:, 0] % 7, (1, 4)).astype(int)
    spec = LearnerSpec(type=type_, params={rounds: 3, "max_depth": 1})
    options = {"target_type": "binary", "n_classes": 2, "random_state": 0}
    native = learners.fit(spec, X, y, categorical=(0,), **options)
    numeric = learners.fit(spec, X, y, **options)
    # One split by a set of categories finds what no split by a threshold can.
    assert log_loss(y, native.predict_proba(X)) < log_loss(y, numeric.predict_proba(X))
    assert native.predict_proba(np.array([[np.nan]])).shape == (1, 2)
    assert native.notes == ()


def test_more_categories_than_bins_are_numbers_with_a_note():
    X, y = np.arange(300.0)[:, None], np.arange(300) % 2
    spec = LearnerSpec(type="hgb", params={"max_iter": 2})
    fitted = learners.fit(spec, X, y, target_type="binary", n_classes=2, random_state=0, categorical=(0,))
    assert fitted.notes == ("columns of over 255 categories are used as numbers",)
