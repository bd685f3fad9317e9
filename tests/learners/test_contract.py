"""What holds for every family that is discovered."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

from fusebench import encoders, learners
from fusebench.learners._families import family_of
from fusebench.spec.model import LearnerSpec

FAST = {
    "ada_boost": {"n_estimators": 5},
    "catboost": {"iterations": 5},
    "extra_trees": {"n_estimators": 5},
    "gradient_boosting": {"n_estimators": 5},
    "hist_gradient_boosting": {"max_iter": 5},
    "lightgbm": {"n_estimators": 5},
    "mlp": {"max_iter": 20},
    "random_forest": {"n_estimators": 5},
    "xgboost": {"n_estimators": 5},
}
ENCODERS = ["none", "linear", "ordinal", "ordinal_imputed", "native", "nonnegative"]
OWN_DATA = {"bias", "item_knn", "matrix_factorization", "predictions", "transformer"}  # not for any table of numbers
TEXT = {"transformer"}


def _families(role):
    found = []
    for name in learners.REGISTRY.names():
        family = family_of(name)
        if getattr(family, role) is None or name in OWN_DATA | TEXT:
            continue
        marks = () if family.is_installed else pytest.mark.skip(reason=f"needs fusebench[{family.extra}]")
        found.append(pytest.param(name, marks=marks))
    return found


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True, as_frame=True)


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True, as_frame=True)


def _fit(name, X, y, n_classes):
    spec = LearnerSpec(type=name, params=FAST.get(name, {}))
    target_type = "multiclass" if n_classes else "continuous"
    encoder = encoders.make(learners.auto_encoder(spec, target_type))
    Z = encoder.fit_transform(X, y, target_type=target_type)
    return encoder, learners.fit(
        spec, Z, y, target_type=target_type, n_classes=n_classes, random_state=7, categorical=encoder.categorical_
    )


@pytest.mark.parametrize("name", _families("classifier"))
def test_classifier(name, iris):
    X, y = iris[0], iris[1].to_numpy()
    X_before, y_before = X.copy(), y.copy()
    encoder, fitted = _fit(name, X.iloc[::2], y[::2], 3)
    Z = encoder.transform(X.iloc[1::2])
    Z_before = Z.copy()
    proba = fitted.predict_proba(Z)
    assert proba.shape == (75, 3)
    assert proba.dtype.kind == "f"
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    labels = fitted.predict(Z)
    assert labels.shape == (75,)
    assert set(labels) <= {0, 1, 2}
    if name != "dummy":
        assert (labels == y[1::2]).mean() > 0.6
    np.testing.assert_array_equal(Z, Z_before)
    assert X.equals(X_before)
    assert np.array_equal(y, y_before)
    np.testing.assert_allclose(fitted.predict_proba(Z[:1]), proba[:1], atol=1e-6)
    assert fitted.predict(Z[:1])[0] == labels[0]


@pytest.mark.parametrize("name", _families("classifier"))
def test_classifier_gives_the_same_bits_again(name, iris):
    X, y = iris[0], iris[1].to_numpy()
    first, second = (_fit(name, X.iloc[::2], y[::2], 3) for _ in range(2))
    Z = first[0].transform(X)
    assert first[1].predict_proba(Z).tobytes() == second[1].predict_proba(Z).tobytes()
    assert first[1].predict(Z).tobytes() == second[1].predict(Z).tobytes()


@pytest.mark.parametrize("name", _families("classifier"))
def test_class_missing_in_training(name, iris):
    X, y = iris[0], iris[1].to_numpy()
    kept = y != 1
    encoder, fitted = _fit(name, X[kept], y[kept], 3)
    Z = encoder.transform(X)
    proba = fitted.predict_proba(Z)
    assert proba.shape == (150, 3)
    assert (proba[:, 1] == 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    assert set(fitted.predict(Z)) <= {0, 2}


@pytest.mark.parametrize("name", _families("classifier"))
def test_one_class_only(name, iris):
    X, y = iris[0], iris[1].to_numpy()
    encoder, fitted = _fit(name, X[y == 2], y[y == 2], 3)
    Z = encoder.transform(X)
    assert (fitted.predict(Z) == 2).all()
    np.testing.assert_array_equal(fitted.predict_proba(Z), np.tile([0.0, 0.0, 1.0], (150, 1)))
    assert "one class only" in fitted.notes[0]


@pytest.mark.parametrize("name", _families("classifier"))
def test_class_of_a_single_row(name, iris):
    X, y = iris[0], iris[1].to_numpy()
    if name == "qda":
        pytest.skip("a covariance matrix needs two rows: scikit-learn refuses, and that is the outcome")
    rows = [*range(100), 149]
    encoder, fitted = _fit(name, X.iloc[rows], y[rows], 3)
    np.testing.assert_allclose(fitted.predict_proba(encoder.transform(X)).sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", _families("regressor"))
def test_regressor(name, diabetes):
    X, y = diabetes[0], diabetes[1].to_numpy()
    before = X.copy()
    encoder, fitted = _fit(name, X.iloc[::2], y[::2], 0)
    again = _fit(name, X.iloc[::2], y[::2], 0)[1]
    Z = encoder.transform(X.iloc[1::2])
    values = fitted.predict(Z)
    assert values.shape == (221,)
    assert values.dtype.kind == "f"
    assert values.tobytes() == again.predict(Z).tobytes()
    assert X.equals(before)
    np.testing.assert_allclose(fitted.predict(Z[:1]), values[:1], rtol=1e-5)


@pytest.mark.parametrize("name", ENCODERS)
def test_columns_are_found_by_name(name, iris):
    X, y = iris[0], iris[1].to_numpy()
    encoder = encoders.make(name).fit(X, y, target_type="multiclass")
    Z, shuffled = encoder.transform(X), encoder.transform(X[list(X.columns[::-1])])
    assert np.array_equal(Z, shuffled)


@pytest.mark.parametrize("name", learners.REGISTRY.names())
def test_expected_seconds_grow_with_the_rows(name):
    spec = LearnerSpec(type=name)
    target_type = "multiclass" if family_of(name).classifier else "continuous"
    few, many = (learners.expected_seconds(spec, n, 20, target_type, 3) for n in (100, 100_000))
    assert 0 < few < many


@pytest.mark.parametrize("name", _families("classifier"))
def test_one_call_for_several_matrices_gives_the_bits_of_many_calls(name, iris):
    X, y = iris[0], iris[1].to_numpy()
    encoder, fitted = _fit(name, X.iloc[::2], y[::2], 3)
    matrices = [encoder.transform(X.iloc[start::6]) for start in (1, 3)]
    for Z, (labels, proba) in zip(matrices, fitted.answer_all(matrices), strict=True):
        np.testing.assert_array_equal(labels, fitted.predict(Z))
        np.testing.assert_array_equal(proba, fitted.predict_proba(Z))


@pytest.mark.parametrize(
    "name", [one for one in learners.REGISTRY.names() if family_of(one).follows_proba({}) and one not in OWN_DATA]
)
def test_labels_of_a_fit_that_lacks_a_class(name, iris):
    X, y = iris[0][iris[1] > 0], iris[1][iris[1] > 0].to_numpy()
    encoder, fitted = _fit(name, X.iloc[::2], y[::2], 3)
    Z = encoder.transform(X.iloc[1::2])
    [(labels, proba)] = fitted.answer_all([Z])
    np.testing.assert_array_equal(labels, fitted.predict(Z))
    assert proba.shape == (50, 3)
    assert not proba[:, 0].any()


INDEPENDENT = [name for name in learners.REGISTRY.names() if family_of(name).rows_are_independent]


@pytest.mark.parametrize("role", ["classifier", "regressor"])
@pytest.mark.parametrize("name", INDEPENDENT)
def test_rows_that_are_said_to_be_independent_have_the_same_bits_in_any_company(name, role):
    if getattr(family_of(name), role) is None:
        pytest.skip(f"{name} is no {role}")
    rng = np.random.default_rng(3)
    for n_features in (1, 3, 19):
        X = rng.normal(size=(200, n_features)) * np.exp(rng.normal(size=n_features) * 3)
        value = X[:, 0] / np.abs(X[:, 0]).max() + rng.normal(size=200) / 3
        y = np.digitize(value, [-0.2, 0.2]) if role == "classifier" else value
        spec = LearnerSpec(type=name, params=FAST.get(name, {}))
        fitted = learners.fit(
            spec,
            X[:120],
            y[:120],
            target_type="multiclass" if role == "classifier" else "continuous",
            n_classes=3 if role == "classifier" else 0,
            random_state=0,
        )
        parts = np.split(X[120:], [1, 4, 37])
        together = fitted.answer_all(parts)
        for part, (labels, proba) in zip(parts, together, strict=True):
            [(alone, alone_proba)] = fitted.answer_all([part])
            assert labels.tobytes() == alone.tobytes()
            assert proba is None or proba.tobytes() == alone_proba.tobytes()
