"""Rating models, on ratings that follow a known rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import check_estimator

from fusebench import encoders, learners
from fusebench.learners._ratings import BiasRegressor, ItemKNNRegressor, MatrixFactorizationRegressor
from fusebench.spec.model import LearnerSpec

ALL = ["bias", "item_knn", "matrix_factorization"]


@pytest.fixture(scope="module")
def ratings():
    rng = np.random.default_rng(0)
    users, items = (grid.ravel() for grid in np.meshgrid(np.arange(60), np.arange(40), indexing="ij"))
    tastes = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 40))
    y = 3 + rng.normal(size=60)[users] * 0.5 + rng.normal(size=40)[items] * 0.5 + tastes[users, items]
    X = pd.DataFrame({"user": [f"u{one}" for one in users], "item": items})
    test = rng.random(len(y)) < 0.2
    return X[~test], y[~test], X[test], y[test]


def test_biases_by_hand():
    X, y = np.array([[0, 0], [0, 1], [1, 0]]), np.array([5.0, 3.0, 1.0])
    model = BiasRegressor(n_epochs=1, reg_user=1, reg_item=0).fit(X, y)
    # mean 3; items: (2 - 2) / 2 = 0 and 0 / 1 = 0; users: (2 + 0) / 3 and -2 / 2.
    np.testing.assert_allclose(model.predict([[0, 0], [1, 1], [9, 9]]), [3 + 2 / 3, 2, 3])


def _error(name, ratings):
    X, y, X_test, y_test = ratings
    spec = LearnerSpec(type=name)
    encoder = encoders.make(learners.auto_encoder(spec, "continuous")).fit(X)
    fitted = learners.fit(spec, encoder.transform(X), y, target_type="continuous", n_classes=0, random_state=0)
    return np.sqrt(np.mean((fitted.predict(encoder.transform(X_test)) - y_test) ** 2))


def test_factors_and_neighbours_beat_the_biases(ratings):
    errors = {name: _error(name, ratings) for name in ALL}
    assert errors["matrix_factorization"] < 0.5 * errors["bias"]
    assert errors["item_knn"] < 0.9 * errors["bias"]
    assert errors["bias"] < ratings[3].std()


@pytest.mark.parametrize("model", [BiasRegressor(), ItemKNNRegressor(), MatrixFactorizationRegressor(random_state=0)])
def test_unseen_users_and_items_get_what_is_known(model, ratings):
    X = np.column_stack([ratings[0]["user"].str[1:].astype(int), ratings[0]["item"]])
    y = ratings[1]
    model.fit(X, y)
    predicted = model.predict([[999, 0], [0, 999], [999, 999], [0, 0]])
    assert np.isfinite(predicted).all()
    assert predicted[2] == y.mean()
    assert predicted[0] == pytest.approx(y.mean() + model.item_bias_[0])
    assert model.predict(X).tobytes() == model.fit(X, y).predict(X).tobytes()
    assert y.min() <= predicted.min()
    assert predicted.max() <= y.max()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", [BiasRegressor(), ItemKNNRegressor(), MatrixFactorizationRegressor(random_state=0)])
def test_they_pass_the_checks_of_scikit_learn(model):
    failed = [one for one in check_estimator(model, on_fail=None, on_skip=None) if one["status"] == "failed"]
    assert not failed


def test_other_columns_may_hold_anything_and_unknown_users_are_missing_ones():
    X = np.array([["ann", "x", "?"], ["ann", "y", "?"], ["bob", "x", "!"]], dtype=object)
    model = BiasRegressor().fit(X, [5.0, 3.0, 1.0])
    assert np.isfinite(model.predict(np.array([["eve", "z", "?"], ["bob", "y", "?"]], dtype=object))).all()
    gaps = np.array([[0, 0, np.nan], [0, 1, 1.0], [1, 0, np.nan]])
    assert np.isfinite(BiasRegressor().fit(gaps, [5.0, 3.0, 1.0]).predict([[np.nan, np.nan, np.nan]])).all()


def test_one_column_is_not_enough():
    with pytest.raises(ValueError, match="needs the columns 0"):
        BiasRegressor().fit(np.zeros((3, 1)), np.zeros(3))


def test_parameters_are_checked():
    (problem,) = learners.check(LearnerSpec(type="mf", params={"n_factors": 0}), frozenset({"continuous"}))
    assert "'n_factors' parameter of MatrixFactorizationRegressor" in problem.message
