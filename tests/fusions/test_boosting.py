from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor, GradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from fusebench.engine.fusing import LearnerFitter
from fusebench.errors import FitError
from fusebench.fusions._rounds import weighted_median
from fusebench.fusions.boosting import Boosting
from fusebench.spec.model import LearnerSpec


def tree(depth, **params):
    return LearnerSpec(type="decision_tree", params={"max_depth": depth, **params}, encode="none")


STUMP = tree(1)
LINEAR = LearnerSpec(type="sklearn.linear_model.LinearRegression", encode="none")
NEAR = LearnerSpec(type="sklearn.neighbors.KNeighborsRegressor", encode="none")
NEAR_CLASSES = LearnerSpec(type="sklearn.neighbors.KNeighborsClassifier", encode="none")
BAYES = LearnerSpec(type="sklearn.naive_bayes.GaussianNB", encode="none")


def contexts(make_context, X, y, recipes, **changes):
    """Return a prediction tensor that nothing reads, and its context with the features."""
    n_classes = 0 if y.dtype.kind == "f" else len(np.unique(y))
    P = np.zeros((len(y), len(recipes), n_classes) if n_classes else (len(y), len(recipes)))
    return P, make_context(P, X=pd.DataFrame(X), recipes=recipes, members=tuple(recipes), **changes)


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine, load_digits])
@pytest.mark.parametrize("params", [{}, {"n_estimators": 7, "learning_rate": 0.3}])
def test_copies_of_a_stump_equal_scikit_learn(make_context, load, params):
    X, y = load(return_X_y=True)
    expected = AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), random_state=5, **params).fit(X, y)
    P, context = contexts(make_context, X, y, {"stump": STUMP}, random_state=5)
    ours = Boosting(**params).fit(P, y, context)
    np.testing.assert_array_equal(ours.alphas_, expected.estimator_weights_)
    np.testing.assert_array_equal(ours.predict_proba(P, context), expected.predict_proba(X))
    np.testing.assert_array_equal(ours.predict(P, context), expected.predict(X))


@pytest.mark.parametrize("loss", ["linear", "square", "exponential"])
@pytest.mark.parametrize(
    ("recipe", "theirs"),
    [(tree(3), DecisionTreeRegressor(max_depth=3)), (LINEAR, LinearRegression()), (NEAR, KNeighborsRegressor())],
)
def test_r2_equals_scikit_learn(make_context, loss, recipe, theirs):
    X, y = load_diabetes(return_X_y=True)
    expected = AdaBoostRegressor(theirs, random_state=1, loss=loss, n_estimators=20).fit(X, y)
    P, context = contexts(make_context, X, y, {"one": recipe}, random_state=1)
    ours = Boosting(loss=loss, n_estimators=20).fit(P, y, context)
    # Least squares differs in its last bits between the memory layouts of a data frame and an array.
    rtol = 1e-12 if recipe is LINEAR else 0
    n_rounds = len(ours.turns_)
    np.testing.assert_allclose(ours.alphas_[:n_rounds], expected.estimator_weights_[:n_rounds], rtol=rtol)
    np.testing.assert_allclose(ours.predict(P, context), expected.predict(X), rtol=rtol)


def test_residual_boosting_of_trees_equals_gradient_boosting(make_context):
    X, y = load_diabetes(return_X_y=True)
    expected = GradientBoostingRegressor(n_estimators=25, random_state=0).fit(X, y)
    P, context = contexts(make_context, X, y, {"tree": tree(3)})
    ours = Boosting(method="residual", n_estimators=25).fit(P, y, context)
    np.testing.assert_allclose(ours.predict(P, context), expected.predict(X), rtol=1e-9)


def test_residuals_by_hand(make_context):
    # F0 = 2; the line through the residuals (-1, 0, 1) is x, half of it is added: F1 = (1.5, 2, 2.5).
    X, y = np.array([[-1.0], [0.0], [1.0]]), np.array([1.0, 2.0, 3.0])
    P, context = contexts(make_context, X, y, {"line": LINEAR})
    ours = Boosting(method="residual", n_estimators=2, learning_rate=0.5).fit(P, y, context)
    np.testing.assert_allclose(ours.errors_, [(0.25 + 0 + 0.25) / 3, (0.0625 + 0 + 0.0625) / 3])
    np.testing.assert_allclose(ours.predict(P, context), [1.25, 2.0, 2.75])


def test_samme_by_hand(make_context):
    # A stump at 0.5 gets the fourth of five rows wrong: e = 1/5, alpha = log 4, its weight becomes 4/8.
    X, y = np.array([[0.0], [1.0], [2.0], [3.0], [4.0]]), np.array([0, 1, 1, 0, 1])
    P, context = contexts(make_context, X, y, {"stump": STUMP})
    ours = Boosting(n_estimators=2).fit(P, y, context)
    assert ours.errors_[0] == pytest.approx(1 / 5)
    assert ours.alphas_[0] == pytest.approx(np.log(4))
    # Second stump at 3.5: rows 1 and 2 (weight 1/8 each) are wrong.
    assert ours.errors_[1] == pytest.approx(1 / 4)
    assert ours.alphas_[1] == pytest.approx(np.log(3))
    votes = np.array([-1, 1, 1, 1, 1]) * np.log(4) + np.array([-1, -1, -1, -1, 1]) * np.log(3)
    # Each vote counts for its class and against the other one.
    np.testing.assert_allclose(ours._decision(context), 2 * votes / np.log(12))
    np.testing.assert_allclose(ours.predict_proba(P, context)[:, 1], 1 / (1 + np.exp(-2 * votes / np.log(12))))


def test_weighted_median_by_hand():
    values = np.array([[3.0, 1.0, 2.0], [10.0, 20.0, 30.0]])
    np.testing.assert_array_equal(weighted_median(values, np.array([0.2, 0.5, 0.3])), [1.0, 20.0])
    np.testing.assert_array_equal(weighted_median(values, np.array([0.6, 0.1, 0.3])), [3.0, 10.0])


def test_members_take_turns_and_both_count(make_context):
    X, y = load_wine(return_X_y=True)
    P, context = contexts(make_context, X, y, {"stump": STUMP, "bayes": BAYES})
    ours = Boosting(n_estimators=6).fit(P, y, context)
    assert ours.turns_ == [0, 1, 0, 1, 0, 1][: len(ours.turns_)]
    assert ours.explain()["members_used"] == ["stump", "bayes"]
    assert sum(ours.explain()["weights"]) == pytest.approx(1)


def test_a_member_no_better_than_chance_is_passed_over(make_context):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    y = (np.arange(120) % 3 == 0).astype(int) + (X[:, 0] > 0)
    dummy = LearnerSpec(type="sklearn.dummy.DummyClassifier", params={"strategy": "constant", "constant": 2})
    P, context = contexts(make_context, X, y, {"dummy": dummy, "stump": STUMP})
    ours = Boosting(n_estimators=4).fit(P, y, context)
    assert set(ours.turns_) == {1}
    with pytest.raises(FitError, match="better than chance"):
        Boosting(estimator=dummy).fit(P, y, context)


def test_a_learner_without_weights_is_refused_or_resampled(make_context):
    X, y = load_wine(return_X_y=True)
    recipes = {"stump": STUMP, "near": NEAR_CLASSES}
    P, context = contexts(make_context, X, y, recipes)
    (message,) = Boosting().check_recipes(tuple(recipes), recipes, frozenset({"multiclass"}))
    assert message == "members: 'near' takes no sample_weight; remove, or set resample: true"
    with pytest.raises(FitError, match="'near' takes no sample_weight"):
        Boosting().fit(P, y, context)
    assert Boosting(resample=True).check_recipes(tuple(recipes), recipes, frozenset({"multiclass"})) == []
    ours = Boosting(resample=True, n_estimators=4).fit(P, y, context)
    assert (ours.predict(P, context) == y).mean() > 0.7


def test_one_class_in_the_training_part(make_context):
    X = np.arange(6.0)[:, None]
    P = np.zeros((6, 1, 2))
    context = make_context(P, X=pd.DataFrame(X), recipes={"m0": STUMP})
    ours = Boosting().fit(P, np.zeros(6, dtype=int), context)
    np.testing.assert_array_equal(ours.predict_proba(P, context), [[1.0, 0.0]] * 6)
    np.testing.assert_array_equal(ours.predict(P, context), np.zeros(6))


def test_residuals_of_classes_are_refused():
    (message,) = Boosting(method="residual").check(("a",), frozenset({"binary", "continuous"}))
    assert message == "method: 'residual' predicts values, got a binary target; use adaboost"


def test_a_constant_target_has_no_residuals(make_context):
    P, context = contexts(make_context, np.arange(4.0)[:, None], np.ones(4), {"line": LINEAR})
    with pytest.raises(FitError, match="constant"):
        Boosting(method="residual").fit(P, np.ones(4), context)


def test_through_the_fitter_of_a_run_it_equals_scikit_learn(make_context):
    X, y = load_wine(return_X_y=True)
    expected = AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), n_estimators=10, random_state=5).fit(X, y)
    recipe = LearnerSpec(type="decision_tree", params={"max_depth": 1})
    fit_learner = LearnerFitter(5, 1, ("0", "1", "2"))
    P, context = contexts(make_context, X, y, {"stump": recipe}, random_state=5, fit_learner=fit_learner)
    ours = Boosting(n_estimators=10).fit(P, y, context)
    np.testing.assert_array_equal(ours.predict_proba(P, context), expected.predict_proba(X))


def test_learners_of_the_wrong_kind_are_refused():
    line = LearnerSpec(type="linear_regression")
    (message,) = Boosting(estimator=line).check_recipes((), {}, frozenset({"binary"}))
    assert message == "estimator: 'linear_regression' cannot predict a binary target"
