"""Compressions of weights, on numbers worked out by hand and on scikit-learn's network."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from fusebench import compressions, learners
from fusebench.compressions._weights import half, int8, smallest_kept, sparse, units_kept
from fusebench.errors import FitError
from fusebench.spec.model import CompressSpec, LearnerSpec


def compressed(estimator, type_, **params):
    return compressions.compressed(CompressSpec(type=type_, params=params), estimator)


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="module")
def mlp(wine):
    return MLPClassifier((20, 10), max_iter=2000, tol=1e-3, random_state=0).fit(*wine)


def test_int8_by_hand():
    weights = np.array([[1.0, -4.0], [0.5, 2.0]])  # two units: the columns, whose largest magnitudes are 1 and 4
    found = int8(weights)
    assert found.values.tolist() == [[127, -127], [64, 64]]  # 63.5 rounds to the even neighbour
    np.testing.assert_allclose(found.whole(), [[1, -4], [64 / 127, 4 * 64 / 127]])
    assert int8(np.zeros((2, 2))).whole().tolist() == [[0, 0], [0, 0]]
    assert int8(np.array([3.0, 4.0])).whole().tolist() == [3, 4]  # a bias


def test_half_by_hand():
    found = half(np.array([[0.1, 2048.5]]))
    assert found.whole().tolist() == [[float(np.float16(0.1)), 2048.0]]
    assert found.values.nbytes == 4
    with pytest.raises(FitError, match="a weight of 7e\\+04 is too large, at most 65504"):
        half(np.array([7e4]))


def test_the_smallest_weights_go_by_hand():
    arrays = [np.array([[1.0, -5.0], [0.5, 2.0]]), np.array([[-3.0]])]
    assert smallest_kept(arrays, 0.4) == 2.0  # of five weights two go
    assert sparse(arrays[0], 2.0).whole().tolist() == [[0, -5], [0, 2]]
    assert smallest_kept([np.ones((2, 2))], 0.5) == 1.0  # ties are kept
    assert smallest_kept(arrays, 0.99) == 5.0  # one stays


def test_units_are_kept_by_the_product_of_their_norms_by_hand():
    assert units_kept(np.array([1.0, 2.0, 3.0, 1.0]), np.array([4.0, 1.0, 2.0, 4.0]), 0.5).tolist() == [0, 2]
    assert units_kept(np.ones(3), np.ones(3), 0.99).tolist() == [0]


@pytest.mark.parametrize(
    ("type_", "params", "agree", "share"),
    [
        ("half", {}, 0.99, 0.5),
        ("int8", {}, 0.97, 0.45),
        ("magnitude", {"amount": 0.3}, 0.9, 0.9),
        ("structured", {"amount": 0.2}, 0.8, 0.9),
    ],
)
def test_a_network_of_scikit_learn(mlp, wine, type_, params, agree, share):
    before = [one.copy() for one in mlp.coefs_]
    small = compressed(mlp, type_, **params)
    assert (small.predict(wine[0]) == mlp.predict(wine[0])).mean() >= agree
    np.testing.assert_allclose(small.predict_proba(wine[0]).sum(axis=1), 1)
    assert all(np.array_equal(a, b) for a, b in zip(before, mlp.coefs_, strict=True))
    slim = len(pickle.dumps([*mlp.coefs_, *mlp.intercepts_]))
    stored = small.arrays if hasattr(small, "arrays") else [*small.coefs_, *small.intercepts_]
    assert len(pickle.dumps(stored)) < share * slim + 1500  # what describes the arrays
    again = compressed(mlp, type_, **params)
    assert again.predict_proba(wine[0]).tobytes() == small.predict_proba(wine[0]).tobytes()


def test_structured_pruning_is_the_network_without_these_units(mlp, wine):
    small = compressed(mlp, "structured", amount=0.5)
    assert [one.shape for one in small.coefs_] == [(13, 10), (10, 5), (5, 3)]
    first = units_kept(*(np.linalg.norm(mlp.coefs_[n], axis=n) for n in (0, 1)), 0.5)
    np.testing.assert_array_equal(small.coefs_[0], mlp.coefs_[0][:, first])
    hidden = np.maximum(wine[0] @ small.coefs_[0] + small.intercepts_[0], 0)
    hidden = np.maximum(hidden @ small.coefs_[1] + small.intercepts_[1], 0)
    scores = hidden @ small.coefs_[2] + small.intercepts_[2]
    np.testing.assert_array_equal(small.predict(wine[0]), scores.argmax(axis=1))


def test_values():
    X, y = load_diabetes(return_X_y=True)
    mlp = MLPRegressor(hidden_layer_sizes=(10,), tol=100.0, n_iter_no_change=2, random_state=0).fit(X, y)
    np.testing.assert_allclose(compressed(mlp, "half").predict(X), mlp.predict(X), rtol=0.01)


def test_a_learner_is_compressed_inside_its_fit(wine):
    plain = LearnerSpec(type="mlp", params={"max_iter": 300})
    small = plain.model_copy(update={"compress": CompressSpec(type="half")})
    settings = {"target_type": "multiclass", "n_classes": 3, "random_state": 0}
    first, second = (learners.fit(one, *wine, **settings) for one in (plain, small))
    assert type(second.estimator).__name__ == "PackedEstimator"
    by_hand = learners.compressed(first, CompressSpec(type="half"))
    assert second.predict_proba(wine[0]).tobytes() == by_hand.predict_proba(wine[0]).tobytes()
    one_class = learners.fit(small, wine[0], np.zeros(178, dtype=int), **settings)
    assert (one_class.predict(wine[0]) == 0).all()


@pytest.mark.parametrize("name", ["random_forest", "xgboost", "lightgbm", "gradient_boosting"])
def test_fewer_trees_are_the_first_trees_of_the_full_fit(wine, name):
    spec = LearnerSpec(type=name, params={"n_estimators": 10})
    few = compressions.make(CompressSpec(type="trees", params={"keep": 0.3})).learner(
        spec, learners.traits(spec)["trees"], CompressSpec(type="trees")
    )
    assert few.params == {"n_estimators": 3}
    settings = {"target_type": "multiclass", "n_classes": 3, "random_state": 0}
    full, small = (learners.fit(one, *wine, **settings).estimator for one in (spec, few))
    X = wine[0]
    if name == "random_forest":
        first = np.mean([tree.predict_proba(X) for tree in full.estimators_[:3]], axis=0)
    elif name == "xgboost":
        first = full.predict_proba(X, iteration_range=(0, 3))
    elif name == "lightgbm":
        first = full.predict_proba(X, num_iteration=3)
    else:
        first = list(full.staged_predict_proba(X))[2]
    np.testing.assert_allclose(small.predict_proba(X), first, rtol=1e-6)


def test_every_compression_has_a_trait_of_some_learner_or_is_for_fusions():
    traits = {trait for name in learners.REGISTRY.names() for trait in learners.traits(LearnerSpec(type=name))}
    for name in compressions.REGISTRY.names():
        kind = compressions.REGISTRY.load(name)
        assert (kind.__doc__ or "").strip()
        assert kind.trait is None or kind.trait in traits
        assert kind.trait is not None or kind.fused is not compressions.Compression.fused
