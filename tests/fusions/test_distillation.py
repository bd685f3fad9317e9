from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeRegressor

from fusebench.engine.fusing import LearnerFitter
from fusebench.errors import FitError
from fusebench.fusions.distillation import Distillation, softened
from fusebench.spec.model import LearnerSpec

LOGISTIC = LearnerSpec(
    type="sklearn.linear_model.LogisticRegression", params={"tol": 1e-10, "max_iter": 5000}, encode="none"
)


@pytest.fixture
def iris(make_context):
    """Return (P, y, context): a teacher's probabilities over three classes, beside the features."""
    X, y = load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    rng = np.random.default_rng(0)
    teacher = np.exp(3 * np.eye(3)[y] + rng.normal(size=(len(y), 3)))
    P = (teacher / teacher.sum(axis=1, keepdims=True))[:, None]
    return P, y, make_context(P, X=pd.DataFrame(X), members=("teacher",))


def soft_loss_minimiser(X, Q, C=1.0):
    """Return probabilities of the softmax regression that minimises C * sum -Q log P + |W|^2 / 2."""
    X1 = np.hstack([X, np.ones((len(X), 1))])

    def value_and_gradient(flat):
        W = flat.reshape(X1.shape[1], Q.shape[1])
        scores = X1 @ W
        scores -= scores.max(axis=1, keepdims=True)
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        penalty = W.copy()
        penalty[-1] = 0
        value = -C * (Q * log_p).sum() + 0.5 * (penalty**2).sum()
        return value, (C * X1.T @ (np.exp(log_p) - Q) + penalty).ravel()

    start = np.zeros(X1.shape[1] * Q.shape[1])
    found = minimize(
        value_and_gradient, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9}
    )
    scores = X1 @ found.x.reshape(X1.shape[1], Q.shape[1])
    P = np.exp(scores - scores.max(axis=1, keepdims=True))
    return P / P.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("hard_weight", [0.0, 0.3])
def test_repeated_rows_minimise_the_soft_loss(iris, hard_weight):
    P, y, context = iris
    ours = Distillation(student=LOGISTIC, hard_weight=hard_weight).fit(P, y, context)
    Q = (1 - hard_weight) * P[:, 0] + hard_weight * np.eye(3)[y]
    expected = soft_loss_minimiser(context.X.to_numpy(), Q)
    np.testing.assert_allclose(ours.predict_proba(P, context), expected, atol=1e-5)
    assert ours.explain()["exact"] is True


def test_temperature_is_undone_by_sharpening(iris):
    P, y, context = iris
    ours = Distillation(student=LOGISTIC, temperature=3.0).fit(P, y, context)
    soft = soft_loss_minimiser(context.X.to_numpy(), softened(P[:, 0], 3.0))
    np.testing.assert_allclose(ours.predict_proba(P, context), softened(soft, 1 / 3), atol=1e-4)
    assert ours.explain()["exact"] is False


def test_softened_by_hand():
    # Square roots of 0.64 and 0.36 are 0.8 and 0.6: shares 4/7 and 3/7.
    np.testing.assert_allclose(softened(np.array([[0.64, 0.36]]), 2.0), [[4 / 7, 3 / 7]])
    np.testing.assert_allclose(softened(softened(np.array([[0.64, 0.36]]), 2.0), 0.5), [[0.64, 0.36]])
    np.testing.assert_allclose(softened(np.array([[1.0, 0.0]]), 5.0), [[1.0, 0.0]])


def test_hard_weight_one_is_plain_training(iris):
    P, y, context = iris
    ours = Distillation(student=LOGISTIC, hard_weight=1.0).fit(P, y, context)
    plain = LogisticRegression(tol=1e-10, max_iter=5000).fit(context.X.to_numpy(), y)
    np.testing.assert_allclose(ours.predict_proba(P, context), plain.predict_proba(context.X.to_numpy()), atol=1e-10)


def test_one_tree_equals_a_tree_on_soft_labels(iris):
    # Gini on weighted copies is squared error on the vector of soft labels.
    P, y, context = iris
    tree = LearnerSpec(type="decision_tree", params={"max_depth": 2}, encode="none")
    ours = Distillation(student=tree).fit(P, y, context)
    soft = DecisionTreeRegressor(max_depth=2, random_state=0).fit(context.X.to_numpy(), P[:, 0])
    np.testing.assert_allclose(ours.predict_proba(P, context), soft.predict(context.X.to_numpy()), atol=1e-9)
    assert ours.explain()["exact"] is True


@pytest.mark.parametrize(
    ("type_", "params", "exact"),
    [
        ("decision_tree", {"min_samples_leaf": 5}, False),
        ("decision_tree", {"max_depth": 3}, True),
        ("random_forest", {"n_estimators": 5}, False),
        ("xgboost", {"n_estimators": 5}, True),
        ("xgboost", {"n_estimators": 5, "subsample": 0.5}, False),
        ("lightgbm", {"n_estimators": 5}, False),
    ],
)
def test_says_whether_it_is_exact(iris, type_, params, exact):
    P, y, context = iris
    fitted = []

    def fit_learner(learner, X, y, **rows):
        fitted.append(rows)

    student = LearnerSpec(type=type_, params=params)

    ours = Distillation(student=student).fit(P, y, replace(context, fit_learner=fit_learner))
    assert ours.explain()["exact"] is exact


def test_copies_share_a_group_and_their_weights_sum_to_one(iris):
    P, y, context = iris
    seen = {}

    def fit_learner(learner, X, y, **rows):
        seen.update(rows, X=X, y=y)

    P = P.copy()
    P[0, 0] = [1.0, 0.0, 0.0]
    ours = Distillation(student=LOGISTIC).fit(P, y, replace(context, fit_learner=fit_learner))
    assert ours.explain()["n_rows"] == 3 * len(y) - 2
    np.testing.assert_allclose(np.bincount(seen["groups"], weights=seen["sample_weight"]), np.ones(len(y)))
    np.testing.assert_array_equal(seen["X"], context.X.to_numpy()[seen["groups"]])


def test_the_encoder_sees_each_row_once(iris, make_context):
    P, y, context = iris
    P = P.copy()
    P[::2, 0] = np.eye(3)[y[::2]]

    X = context.X.assign(kind=pd.Categorical(np.where(y == 0, "a", "b")))
    context = replace(context, X=X)
    student = LOGISTIC.model_copy(update={"encode": "auto"})
    ours = Distillation(student=student).fit(P, y, context)
    encoded = ours.prepared_.encoder.transform(X)
    np.testing.assert_allclose(encoded[:, :4].mean(axis=0), 0, atol=1e-12)
    assert ours.predict_proba(P, context).shape == (len(y), 3)


def test_values_by_hand(make_context):
    X, y = load_diabetes(return_X_y=True)
    teacher = LinearRegression().fit(X, y).predict(X) + np.sin(np.arange(len(y)))
    P = teacher[:, None]
    context = make_context(P, X=pd.DataFrame(X), members=("teacher",))
    student = LearnerSpec(type="sklearn.linear_model.LinearRegression", encode="none")
    ours = Distillation(student=student, hard_weight=0.25).fit(P, y, context)
    expected = LinearRegression().fit(X, 0.75 * teacher + 0.25 * y).predict(X)
    np.testing.assert_allclose(ours.predict(P, context), expected)


@pytest.mark.parametrize(
    ("params", "members", "message"),
    [
        ({}, ("a", "b"), "members: got 2, expected one"),
        ({"student": LearnerSpec(type="knn")}, ("a",), "student: 'knn' takes no sample_weight"),
        ({"student": LearnerSpec(type="linear_regression")}, ("a",), "student: 'linear_regression' cannot predict"),
        ({"temperature": 2.0, "hard_weight": 0.5}, ("a",), "temperature: other than 1 beside hard_weight"),
    ],
)
def test_check_refuses(params, members, message):
    (found,) = Distillation(**params).check(members, frozenset({"binary"}))
    assert found.startswith(message)


def test_fit_refuses_two_teachers(iris):
    P, y, context = iris

    two = replace(context, members=("a", "b"))
    with pytest.raises(FitError, match="expected one"):
        Distillation().fit(np.repeat(P, 2, axis=1), y, two)


@pytest.mark.slow
@pytest.mark.parametrize("params", [{}, {"temperature": 4.0, "hard_weight": 0.5}])
def test_a_network_learns_the_loss_itself(iris, params):
    pytest.importorskip("torch")
    P, y, context = iris
    X = context.X.assign(kind=pd.Categorical(np.where(y == 0, "a", "b")))
    context = replace(context, X=X)
    student = LearnerSpec(type="torch_mlp", params={"hidden_layer_sizes": [16], "max_epochs": 60})
    ours = Distillation(student=student, **params).fit(P, y, context)
    again = Distillation(student=student, **params).fit(P, y, context)
    assert ours.explain()["exact"] is True
    assert ours.student_.inputs_.cardinalities == (3,)
    assert (ours.predict(P, context) == y).mean() > 0.9
    np.testing.assert_array_equal(ours.predict_proba(P, context), again.predict_proba(P, context))


@pytest.mark.parametrize("type_", ["xgboost", "lightgbm", "logistic_regression"])
def test_categories_and_missing_values_reach_the_student(iris, type_):
    P, y, context = iris
    X = context.X.assign(kind=pd.Categorical(np.array(["x", "y", "z"])[y])).drop(columns=[0, 1, 2])
    X.iloc[::9, 0] = np.nan
    context = replace(context, X=X, fit_learner=LearnerFitter(0, 1, ("0", "1", "2")))
    P = (0.9 * np.eye(3)[y] + 0.1 / 3)[:, None]
    ours = Distillation(student=LearnerSpec(type=type_)).fit(P, y, context)
    np.testing.assert_array_equal(ours.predict(P, context), y)
    if type_ == "xgboost":
        assert ours.student_.fitted.estimator.feature_types == ["q", "c"]
