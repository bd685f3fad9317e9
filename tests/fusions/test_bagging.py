from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from fusebench.engine.fusing import LearnerFitter
from fusebench.errors import FitError
from fusebench.fusions.bagging import Bagging
from fusebench.spec.model import LearnerSpec

TREE = LearnerSpec(type="decision_tree", encode="none")
KNN = LearnerSpec(type="sklearn.neighbors.KNeighborsClassifier", encode="none")
KNN_VALUES = LearnerSpec(type="sklearn.neighbors.KNeighborsRegressor", encode="none")
DRAWS = [
    {},
    {"max_samples": 0.5, "max_features": 0.5},
    {"max_samples": 60, "max_features": 4, "bootstrap": False, "bootstrap_features": True},
]


def contexts(make_context, X, y, recipes, **changes):
    """Return a prediction tensor that nothing reads, and its context with the features."""
    n_classes = 0 if y.dtype.kind == "f" else len(np.unique(y))
    P = np.zeros((len(y), len(recipes), n_classes) if n_classes else (len(y), len(recipes)))
    return P, make_context(P, X=pd.DataFrame(X), recipes=recipes, members=tuple(recipes), **changes)


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
@pytest.mark.parametrize("draws", DRAWS)
@pytest.mark.parametrize(("recipe", "theirs"), [(TREE, DecisionTreeClassifier()), (KNN, KNeighborsClassifier())])
def test_equals_scikit_learn(make_context, load, draws, recipe, theirs):
    X, y = load(return_X_y=True)
    expected = BaggingClassifier(theirs, random_state=7, **draws).fit(X, y)
    P, context = contexts(make_context, X, y, {"one": recipe}, random_state=7)
    ours = Bagging(**draws).fit(P, y, context)
    np.testing.assert_array_equal(ours.predict_proba(P, context), expected.predict_proba(X))
    np.testing.assert_array_equal(ours.predict(P, context), expected.predict(X))


@pytest.mark.parametrize("draws", DRAWS)
@pytest.mark.parametrize(("recipe", "theirs"), [(TREE, DecisionTreeRegressor()), (KNN_VALUES, KNeighborsRegressor())])
def test_equals_scikit_learn_on_values(make_context, draws, recipe, theirs):
    X, y = load_diabetes(return_X_y=True)
    expected = BaggingRegressor(theirs, random_state=3, **draws).fit(X, y)
    P, context = contexts(make_context, X, y, {"one": recipe}, random_state=3)
    ours = Bagging(**draws).fit(P, y, context)
    np.testing.assert_array_equal(ours.predict(P, context), expected.predict(X))


def test_out_of_bag_score_equals_scikit_learn(make_context):
    X, y = load_wine(return_X_y=True)
    expected = BaggingClassifier(DecisionTreeClassifier(), n_estimators=40, oob_score=True, random_state=0).fit(X, y)
    P, context = contexts(make_context, X, y, {"one": TREE})
    ours = Bagging(n_estimators=40, oob_score=True).fit(P, y, context)
    assert ours.explain()["oob_score"] == expected.oob_score_
    assert ours.explain()["oob_share"] == 1.0


def test_rows_that_every_copy_saw_do_not_count(make_context):
    X, y = load_wine(return_X_y=True)
    P, context = contexts(make_context, X, y, {"one": TREE})
    ours = Bagging(n_estimators=1, oob_score=True).fit(P, y, context)
    outside = np.setdiff1d(np.arange(len(y)), ours.bags_[0].rows)
    assert ours.explain()["oob_share"] == len(outside) / len(y)
    assert ours.explain()["oob_score"] == (ours.predict(P, context) == y)[outside].mean()


def test_members_take_turns(make_context):
    X, y = load_wine(return_X_y=True)
    P, context = contexts(make_context, X, y, {"tree": TREE, "near": KNN})
    ours = Bagging(n_estimators=3).fit(P, y, context)
    kinds = [type(bag.learner.estimator) for bag in ours.bags_]
    assert kinds == [DecisionTreeClassifier, KNeighborsClassifier, DecisionTreeClassifier]
    assert ours.explain()["members_used"] == ["tree", "near"]


def test_hard_voting_counts_labels(make_context):
    X, y = load_wine(return_X_y=True)
    recipe = LearnerSpec(type="sklearn.linear_model.LogisticRegression", params={"max_iter": 500}, encode="none")
    P, context = contexts(make_context, X / X.max(axis=0), y, {"one": recipe})
    ours = Bagging(n_estimators=4, voting="hard").fit(P, y, context)
    votes = np.stack([bag.learner.predict(context.X) for bag in ours.bags_], axis=1)
    shares = (votes[:, :, None] == np.arange(3)).mean(axis=1)
    np.testing.assert_array_equal(ours.predict_proba(P, context), shares)
    assert isinstance(ours.bags_[0].learner.estimator, LogisticRegression)


def test_an_encoder_sees_the_drawn_rows_only(make_context):
    X, y = load_wine(return_X_y=True)
    fitted_on = []

    def fit_learner(learner, X, y, **settings):
        fitted_on.append((X, settings["sample_weight"]))

    P, context = contexts(make_context, X, y, {"one": LearnerSpec(type="decision_tree")}, fit_learner=fit_learner)
    ours = Bagging(n_estimators=1).fit(P, y, context)
    seen, weights = fitted_on[0]
    assert weights is None
    pd.testing.assert_frame_equal(seen, context.X.iloc[ours.bags_[0].rows])


def test_own_random_state_of_a_learner_gives_way(make_context):
    X, y = load_wine(return_X_y=True)
    fixed = TREE.model_copy(update={"params": {"random_state": 5}})
    P, context = contexts(make_context, X, y, {"one": fixed})
    ours = Bagging(n_estimators=5).fit(P, y, context)
    assert len({bag.learner.estimator.random_state for bag in ours.bags_}) == 5


def test_estimator_comes_before_members(make_context):
    X, y = load_wine(return_X_y=True)
    P, context = contexts(make_context, X, y, {"one": TREE})
    ours = Bagging(estimator=(KNN, TREE), n_estimators=2).fit(P, y, context)
    assert list(ours.members_) == ["0:sklearn.neighbors.KNeighborsClassifier", "1:decision_tree"]


def test_refuses_members_that_are_no_learners(make_context):
    X, y = load_wine(return_X_y=True)
    (message,) = Bagging().check_recipes(("tree", "stack"), {"tree": TREE}, frozenset({"binary"}))
    assert message.startswith("members: 'stack' is no learner")
    P, context = contexts(make_context, X, y, {"one": TREE})
    with pytest.raises(FitError, match="is no learner"):
        Bagging().fit(P, y, make_context(P, X=context.X))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"max_features": 99}, "max_features: got 99"),
        ({"max_samples": 999, "bootstrap": False}, "max_samples: got 999"),
    ],
)
def test_refuses_more_than_there_is(make_context, params, message):
    X, y = load_wine(return_X_y=True)
    P, context = contexts(make_context, X, y, {"one": TREE})
    with pytest.raises(FitError, match=message):
        Bagging(**params).fit(P, y, context)


def test_check_wants_a_bootstrap_for_out_of_bag_rows():
    (message,) = Bagging(oob_score=True, bootstrap=False).check(("a",), frozenset({"binary"}))
    assert message.startswith("oob_score:")


def test_with_its_encoder_equals_a_pipeline_in_scikit_learn(make_context):
    X, y = load_wine(return_X_y=True)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    expected = BaggingClassifier(theirs, random_state=2, max_samples=0.7).fit(X, y)
    recipe = LearnerSpec(type="logistic_regression")
    fit_learner = LearnerFitter(2, 1, ("0", "1", "2"))
    P, context = contexts(make_context, X, y, {"lr": recipe}, random_state=2, fit_learner=fit_learner)
    ours = Bagging(max_samples=0.7).fit(P, y, context)
    np.testing.assert_allclose(ours.predict_proba(P, context), expected.predict_proba(X), atol=1e-10)
