"""A learner behind its encoder equals the scikit-learn pipeline that it hands out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import StratifiedKFold

from fusebench import encoders, learners
from fusebench.spec.model import LearnerSpec

SPECS = {
    "lr": LearnerSpec(type="lr"),
    "svc": LearnerSpec(type="svc", params={"C": 2.0}),
    "knn": LearnerSpec(type="knn"),
    "ridge": LearnerSpec(type="ridge"),
    "nb": LearnerSpec(type="nb", calibrate="isotonic"),
    "rf": LearnerSpec(type="rf", params={"n_estimators": 10}),
    "xgb": LearnerSpec(type="xgb", params={"n_estimators": 10}),
    "lgbm": LearnerSpec(type="lgbm", params={"n_estimators": 10}),
}


@pytest.mark.parametrize("name", SPECS)
def test_numeric_data(name):
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    y = y.to_numpy()
    train, test = next(iter(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)))
    spec = SPECS[name]
    encode = learners.auto_encoder(spec, "binary")
    pipeline = encoders.as_pipeline(encode, learners.build(spec, "binary", random_state=0), X)
    pipeline = clone(pipeline).fit(X.iloc[train], y[train])
    encoder = encoders.make(encode)
    Z = encoder.fit_transform(X.iloc[train], y[train], target_type="binary")
    fitted = learners.fit(spec, Z, y[train], target_type="binary", n_classes=2, random_state=0)
    Z = encoder.transform(X.iloc[test])
    assert np.array_equal(fitted.predict_proba(Z), pipeline.predict_proba(X.iloc[test]))
    assert np.array_equal(fitted.predict(Z), pipeline.predict(X.iloc[test]))


def _mixed(n=160):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "b": rng.choice(list("xyz"), n).astype(object),
            "c": pd.Categorical(rng.choice(["u", "v"], n)),
            "d": rng.integers(0, 9, n),
        }
    )
    y = ((X.d > 4) ^ (X.b == "x")).astype(int).to_numpy()
    X.loc[::5, "a"] = np.nan
    X.loc[::6, "b"] = None
    return X, y


@pytest.mark.parametrize(
    "name",
    [one for one in learners.REGISTRY.names() if one not in {"bias", "catboost", "item_knn", "matrix_factorization"}],
)
def test_every_family_takes_missing_values_and_categories(name):
    X, y = _mixed()
    spec = LearnerSpec(type=name)
    target_type = "binary" if learners.predicts(spec, "binary") else "continuous"
    if learners.check(spec, frozenset({target_type})):
        pytest.skip("needs an extra")
    encoder = encoders.make(learners.auto_encoder(spec, target_type))
    Z = encoder.fit_transform(X, y, target_type=target_type)
    n_classes = 2 if target_type == "binary" else 0
    fitted = learners.fit(
        spec, Z, y, target_type=target_type, n_classes=n_classes, random_state=0, categorical=encoder.categorical_
    )
    assert fitted.predict(encoder.transform(X)).shape == (160,)


@pytest.mark.parametrize(
    "name", ["lr", "multinomial_nb", "complement_nb", "linear_svc", "nb", "rf", "hgb", "xgb", "lgbm"]
)
def test_text_reaches_every_kind_of_learner(name):
    X = pd.DataFrame({"text": [f"{'good' if one % 2 else 'bad'} film number{one % 9}" for one in range(80)]})
    y = np.arange(80) % 2
    spec = LearnerSpec(type=name)
    encoder = encoders.make(learners.auto_encoder(spec, "binary"), text=("text",))
    Z = encoder.fit_transform(X, y)
    fitted = learners.fit(spec, Z, y, target_type="binary", n_classes=2, random_state=0)
    assert (fitted.predict(encoder.transform(X)) == y).mean() > 0.9


@pytest.mark.parametrize("params", [{}, {"criterion": "entropy", "class_weight": "balanced", "max_samples": 0.5}])
@pytest.mark.parametrize("kind", ["random_forest", "extra_trees"])
@pytest.mark.parametrize("target_type", ["binary", "multiclass", "continuous"])
def test_a_forest_asked_tree_by_tree_gives_its_own_bits(kind, target_type, params):
    if target_type == "continuous":
        params = {"criterion": "absolute_error"} if params else {}
    if kind == "extra_trees":
        params = {**params, "bootstrap": bool(params)}
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5)) * [1, 10, 1e5, 1e-3, 1]
    value = X[:, 0] + X[:, 1] + rng.normal(size=300)
    n_classes = {"binary": 2, "multiclass": 3, "continuous": 0}[target_type]
    y = np.digitize(value, [0, 5][: n_classes - 1]) if n_classes else value
    spec = LearnerSpec(type=kind, params={"n_estimators": 17, **params})
    fitted = learners.fit(spec, X[:200], y[:200], target_type=target_type, n_classes=n_classes, random_state=0)
    for rows in (X[200:], X[200:201], np.asfortranarray(X[200:])):
        np.testing.assert_array_equal(fitted.predict(rows), fitted.estimator.predict(rows))
        if n_classes:
            np.testing.assert_array_equal(fitted.predict_proba(rows), fitted.estimator.predict_proba(rows))


def test_a_forest_says_of_rows_what_scikit_learn_says():
    X, y = load_iris(return_X_y=True)
    spec = LearnerSpec(type="rf", params={"n_estimators": 5})
    fitted = learners.fit(spec, X, y, target_type="multiclass", n_classes=3, random_state=0)
    lacking = np.where(X > 5, np.nan, X)
    knows = learners.fit(spec, lacking, y, target_type="multiclass", n_classes=3, random_state=0)
    for forest in (fitted, knows):
        for rows in (X[:, :3], X * 1e300, X[0], lacking):
            assert _answer_or_error(forest, rows) == _answer_or_error(forest.estimator, rows)


def _answer_or_error(model, rows):
    try:
        with np.errstate(over="ignore"):
            return model.predict_proba(rows).tolist()
    except ValueError as error:
        return str(error)
