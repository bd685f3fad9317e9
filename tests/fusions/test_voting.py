from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from fusebench.fusions.voting import Voting

PAIR = np.array([[[0.9, 0.1], [0.4, 0.6], [0.45, 0.55]]])


def test_hard_voting_takes_the_majority_though_the_mean_disagrees(make_context):
    context = make_context(PAIR)
    fusion = Voting().fit(PAIR, np.array([0]), context)
    np.testing.assert_allclose(fusion.predict_proba(PAIR, context), [[1 / 3, 2 / 3]])
    assert fusion.predict(PAIR, context).tolist() == [1]


def test_soft_voting_takes_the_mean(make_context):
    context = make_context(PAIR)
    fusion = Voting(voting="soft").fit(PAIR, np.array([0]), context)
    np.testing.assert_allclose(fusion.predict_proba(PAIR, context), [[1.75 / 3, 1.25 / 3]])
    assert fusion.predict(PAIR, context).tolist() == [0]


def test_a_tie_goes_to_the_smallest_code(make_context):
    P = np.full((1, 2, 3), 1 / 3)
    context = make_context(P, labels=np.array([[2, 1]]))
    assert Voting().fit(P, np.array([0]), context).predict(P, context).tolist() == [1]


def test_hard_voting_uses_labels_and_not_the_most_probable_class(make_context):
    context = make_context(PAIR, labels=np.array([[1, 0, 0]]))
    assert Voting(weights=(3, 1, 1)).fit(PAIR, np.array([0]), context).predict(PAIR, context).tolist() == [1]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((1, 2), "got 2, expected 3"),
        ((1, -1, 1), "got -1"),
        ((0, 0, 0), "all are 0"),
        ((1, float("inf"), 1), "finite"),
    ],
)
def test_wrong_weights_are_named(weights, message):
    problems = Voting(weights=weights).check(("a", "b", "c"), frozenset({"binary"}))
    assert len(problems) == 1
    assert problems[0].startswith("weights: ")
    assert message in problems[0]


def test_a_method_needs_soft_voting():
    assert "needs voting: soft" in Voting(method="product").check(("a",), frozenset({"binary"}))[0]
    assert Voting(method="product", voting="soft").check(("a",), frozenset({"binary"})) == []


@pytest.mark.parametrize("voting", ["hard", "soft"])
@pytest.mark.parametrize("weights", [None, (2, 1, 1), (0.3, 0.5, 0.7)])
def test_equals_scikit_learn(make_context, voting, weights):
    X, y = load_iris(return_X_y=True)
    X = X[:, :2]
    members = [
        ("lr", LogisticRegression(max_iter=1000)),
        ("nb", GaussianNB()),
        ("dt", DecisionTreeClassifier(max_depth=2, random_state=0)),
    ]
    theirs = VotingClassifier(members, voting=voting, weights=weights).fit(X, y)
    P = np.stack([model.predict_proba(X) for model in theirs.estimators_], axis=1)
    labels = np.stack([model.predict(X) for model in theirs.estimators_], axis=1)
    context = make_context(P, labels=labels)
    ours = Voting(voting=voting, weights=weights).fit(P, y, context)
    np.testing.assert_array_equal(ours.predict(P, context), theirs.predict(X))
    if voting == "soft":
        np.testing.assert_array_equal(ours.predict_proba(P, context), theirs.predict_proba(X))


@pytest.mark.parametrize("weights", [None, (2.5, 1)])
def test_equals_scikit_learn_on_values(make_context, weights):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = X[:, 0] + rng.normal(size=50)
    models = [("lr", LinearRegression()), ("dt", DecisionTreeRegressor(max_depth=3, random_state=0))]
    theirs = VotingRegressor(models, weights=weights).fit(X, y)
    P = np.stack([model.predict(X) for model in theirs.estimators_], axis=1)
    context = make_context(P)
    np.testing.assert_array_equal(Voting(weights=weights).fit(P, y, context).predict(P, context), theirs.predict(X))


def test_explains_shares():
    class Members:
        members = ("a", "b")

    assert Voting(weights=(3, 1)).fit(np.empty(0), np.empty(0), Members()).explain() == {
        "weights": [0.75, 0.25],
        "members_used": ["a", "b"],
    }
