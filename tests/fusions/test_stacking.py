from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from fusebench.engine.fusing import LearnerFitter
from fusebench.errors import FitError
from fusebench.fusions.stacking import Stacking
from fusebench.spec.model import LearnerSpec

TREE = LearnerSpec(type="decision_tree", params={"max_depth": 3}, encode="none")


def out_of_fold(models, X, y, method):
    return np.stack([cross_val_predict(model, X, y, cv=5, method=method) for model in models], axis=1)


def predictions(models, X, method):
    return np.stack([getattr(model, method)(X) for model in models], axis=1)


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
@pytest.mark.parametrize("final_estimator", [None, TREE])
@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_equals_scikit_learn(make_context, load, final_estimator, passthrough):
    X, y = load(return_X_y=True)
    models = [("nb", GaussianNB()), ("dt", DecisionTreeClassifier(max_depth=4, random_state=0))]
    theirs_final = None if final_estimator is None else DecisionTreeClassifier(max_depth=3, random_state=0)
    theirs = StackingClassifier(models, theirs_final, cv=5, passthrough=passthrough).fit(X, y)
    spec = final_estimator
    if passthrough and spec is None:
        spec = LearnerSpec(type="sklearn.linear_model.LogisticRegression", encode="none")
    frame = pd.DataFrame(X)
    P = out_of_fold([model for _, model in models], X, y, "predict_proba")
    ours = Stacking(final_estimator=spec, passthrough=passthrough).fit(P, y, make_context(P, X=frame))
    test = predictions(theirs.estimators_, X, "predict_proba")
    context = make_context(test, X=frame)
    np.testing.assert_allclose(ours.predict_proba(test, context), theirs.predict_proba(X), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(ours.predict(test, context), theirs.predict(X))


@pytest.mark.parametrize("passthrough", [False, True])
def test_equals_scikit_learn_on_values(make_context, passthrough):
    X, y = load_diabetes(return_X_y=True)
    models = [("lr", LinearRegression()), ("dt", DecisionTreeRegressor(max_depth=3, random_state=0))]
    theirs = StackingRegressor(models, cv=5, passthrough=passthrough).fit(X, y)
    spec = LearnerSpec(type="sklearn.linear_model.RidgeCV", encode="none") if passthrough else None
    P = out_of_fold([model for _, model in models], X, y, "predict")
    frame = pd.DataFrame(X)
    ours = Stacking(final_estimator=spec, passthrough=passthrough).fit(P, y, make_context(P, X=frame))
    test = predictions(theirs.estimators_, X, "predict")
    np.testing.assert_allclose(ours.predict(test, make_context(test, X=frame)), theirs.predict(X), rtol=1e-12)


def columns_of(P, context, **params):
    """Return the table that the final estimator sees."""
    seen = []

    def fit_learner(learner, X, y, **kwargs):
        seen.append(X)
        return LogisticRegressionStub()

    class LogisticRegressionStub:
        pass

    from dataclasses import replace

    Stacking(**params).fit(P, np.arange(len(P)) % max(context.n_classes, 2), replace(context, fit_learner=fit_learner))
    return seen


def test_columns_stand_kind_by_kind_and_member_by_member(make_context):
    P = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.3, 0.7], [0.5, 0.5]]])
    context = make_context(P, labels=np.array([[0, 1], [1, 1]]))
    (table,) = columns_of(P, context, features=("proba", "labels", "ranks"))
    np.testing.assert_allclose(
        table,
        [
            [0.1, 0.8, 0, 1, 0.25, 0.75],
            [0.7, 0.5, 1, 1, 0.75, 0.25],
        ],
    )


def test_logits_of_certainty_are_finite(make_context):
    P = np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[0.25, 0.75]]])
    (table,) = columns_of(P, make_context(P), features="logit")
    assert np.isfinite(table).all()
    assert table[2, 0] == pytest.approx(np.log(3))


def test_class_wise_learners_see_their_class_alone(make_problem):
    P, _, context = make_problem("multiclass", n_samples=30, n_members=2)
    tables = columns_of(P, context, meta_learner="class_wise")
    assert [table.shape for table in tables] == [(30, 2)] * 3
    np.testing.assert_array_equal(tables[1], P[:, :, 1])


def test_the_shared_learner_sees_every_pair_of_row_and_class(make_problem):
    P, _, context = make_problem("multiclass", n_samples=30, n_members=2)
    (table,) = columns_of(P, context, meta_learner="shared")
    np.testing.assert_array_equal(table, np.vstack([P[:, :, code] for code in range(3)]))


@pytest.mark.parametrize("meta_learner", ["joint", "class_wise", "shared"])
@pytest.mark.parametrize("target_type", ["binary", "multiclass"])
def test_every_kind_of_meta_learner_beats_the_worst_member(make_problem, meta_learner, target_type):
    P, y, context = make_problem(target_type, n_samples=600)
    fusion = Stacking(meta_learner=meta_learner).fit(P[:300], y[:300], context.take(np.arange(300)))
    test = context.take(np.arange(300, 600))
    proba = fusion.predict_proba(P[300:], test)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    worst = (P[300:, -1].argmax(axis=1) == y[300:]).mean()
    assert (fusion.predict(P[300:], test) == y[300:]).mean() > worst


def test_a_class_absent_from_the_rows_of_fit_has_no_probability(make_problem):
    P, y, context = make_problem("multiclass")
    rows = y != 2
    for meta_learner in ("joint", "class_wise"):
        fusion = Stacking(meta_learner=meta_learner).fit(P[rows], y[rows], context.take(rows))
        assert (fusion.predict_proba(P, context)[:, 2] == 0).all()


def test_one_class_is_an_error_that_names_it(make_problem):
    P, y, context = make_problem("binary", classes=np.array(["ham", "spam"]))
    with pytest.raises(FitError, match=r"one class only.*spam"):
        Stacking().fit(P, np.ones_like(y), context)


def test_feature_weighted_columns_are_products(make_context):
    P = np.array([[1.0, 2.0], [3.0, 4.0]])
    context = make_context(P, X=pd.DataFrame({"a": [10.0, 100.0]}))
    spec = LearnerSpec(type="linear_regression", encode="none")
    (table,) = columns_of(P, context, feature_weighted=True, final_estimator=spec)
    np.testing.assert_array_equal(table, [[1, 2, 10, 20], [3, 4, 300, 400]])


def test_feature_weighted_stacking_finds_where_a_member_is_right(make_context):
    rng = np.random.default_rng(0)
    y, side = rng.normal(size=400), rng.integers(0, 2, 400)
    noise = rng.normal(size=400)
    P = np.column_stack([np.where(side == 0, y, noise), np.where(side == 1, y, noise)])
    context = make_context(P, X=pd.DataFrame({"side": side.astype(float)}))
    spec = LearnerSpec(type="linear_regression", encode="none")
    fusion = Stacking(feature_weighted=True, final_estimator=spec).fit(P, y, context)
    np.testing.assert_allclose(fusion.predict(P, context), y, atol=1e-8)


def test_raw_passthrough_of_text_is_an_error(make_problem):
    P, y, context = make_problem("binary", X=pd.DataFrame({"word": ["red"] * 200}))
    spec = LearnerSpec(type="logistic_regression", encode="none")
    with pytest.raises(FitError, match="numeric features"):
        Stacking(passthrough=True, final_estimator=spec).fit(P, y, context)


def test_parameters_that_contradict_are_named():
    members, continuous = ("a", "b"), frozenset({"continuous"})
    assert "logit" in Stacking(features="logit").check(members, continuous)[0]
    assert "empty" in Stacking(features=()).check(members, continuous)[0]
    assert "each may stand once" in Stacking(features=("proba", "proba")).check(members, continuous)[0]
    assert "choose one" in Stacking(passthrough=True, feature_weighted=True).check(members, continuous)[0]


def test_features_are_needed_only_where_they_are_used():
    assert not Stacking().needs_features
    assert Stacking(passthrough=True).needs_features
    assert Stacking(feature_weighted=True).needs_features
    assert not Stacking(features="labels").needs_proba


def test_explains_a_linear_learner(make_problem):
    P, y, context = make_problem("binary", n_members=2)
    weights = Stacking().fit(P, y, context).explain()["weights"]
    coefficients = np.abs(LogisticRegression().fit(P[:, :, 1], y).coef_[0])
    np.testing.assert_allclose(weights, coefficients / coefficients.sum())


def test_labels_alone_need_no_probabilities(make_context):
    labels = np.array([[0, 2], [1, 1], [2, 0], [0, 0]])
    context = make_context(np.full((4, 2, 3), 1 / 3), labels=labels)
    (table,) = columns_of(labels.astype(float), context, features="labels")
    np.testing.assert_array_equal(table, np.hstack([np.eye(3)[labels[:, 0]], np.eye(3)[labels[:, 1]]]))


@pytest.mark.parametrize("load", [load_wine, load_diabetes])
def test_the_default_final_estimator_through_real_learners(make_context, load):
    X, y = load(return_X_y=True)
    regression = load is load_diabetes
    method = "predict" if regression else "predict_proba"
    models = [("l", LinearRegression())] if regression else [("nb", GaussianNB())]
    theirs = (StackingRegressor if regression else StackingClassifier)(models, cv=5).fit(X, y)
    P = out_of_fold([model for _, model in models], X, y, method)
    test = predictions(theirs.estimators_, X, method)
    context = make_context(P, fit_learner=LearnerFitter(0, 1, () if regression else ("0", "1", "2")))
    ours = Stacking().fit(P, y, context)
    fused = getattr(ours, method)(test, make_context(test))
    np.testing.assert_allclose(fused, getattr(theirs, method)(X), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("target_type", ["binary", "continuous"])
def test_passthrough_is_encoded_for_the_final_estimator(make_problem, target_type):
    rng = np.random.default_rng(0)
    colours = pd.Series(rng.choice(["red", "blue"], 200), dtype="category")
    X = pd.DataFrame({"colour": colours, "size": np.where(rng.random(200) < 0.2, np.nan, 1.0)})
    fit_learner = LearnerFitter(0, 1, ("0", "1"))
    P, y, context = make_problem(target_type, X=X, fit_learner=fit_learner)
    for family in ("lightgbm", "logistic_regression" if target_type == "binary" else "ridge", "knn"):
        spec = LearnerSpec(type=family)
        fusion = Stacking(passthrough=True, final_estimator=spec).fit(P, y, context)
        assert np.isfinite(fusion.predict(P, context)).all()
    fusion = Stacking(passthrough=True).fit(P, y, context)  # the default one too, which reads numbers only
    assert np.isfinite(fusion.predict(P, context)).all()
