"""Encoders: equal to scikit-learn by hand, and what holds for every one of them."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import issparse
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from fusebench import encoders
from fusebench.encoders._numbers import NumberBlock
from fusebench.errors import FitError

NUMBERS, CATEGORIES = ["age", "height"], ["colour", "size"]


def _mixed(n=80, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "colour": rng.choice(["red", "green", "blue"], n).astype(object),
            "height": rng.integers(100, 200, n),
            "size": pd.Categorical(rng.choice([10, 2, 30], n)),
        }
    )
    X.loc[::7, "age"] = np.nan
    X.loc[::11, "colour"] = np.nan
    return X, rng.integers(0, 2, n)


def _rich(n=60):
    X, y = _mixed(n)
    X["flag"] = np.arange(n) % 2 == 0
    X["when"] = pd.date_range("2020-01-31", periods=n, freq="D")
    X["count"] = pd.array([1, None, 3] * (n // 3), dtype="Int64")
    X["maybe"] = pd.array([True, None, False] * (n // 3), dtype="boolean")
    X["lasted"] = pd.to_timedelta(np.arange(n), unit="min")
    return X, y


@pytest.mark.parametrize(("name", "scaler"), [("linear", StandardScaler()), ("nonnegative", MinMaxScaler(clip=True))])
def test_numbers_equal_the_pipeline_by_hand(name, scaler):
    X, y = load_iris(return_X_y=True, as_frame=True)
    train, test = X[::2], X[1::2]
    by_hand = make_pipeline(SimpleImputer(strategy="median"), scaler).fit(np.ascontiguousarray(train))
    encoder = encoders.make(name)
    assert np.array_equal(encoder.fit_transform(train, y[::2]), by_hand.transform(np.ascontiguousarray(train)))
    assert np.array_equal(encoder.transform(test), by_hand.transform(np.ascontiguousarray(test)))


def test_scaling_has_the_bits_of_scikit_learn_also_where_a_column_hardly_varies():
    rng = np.random.default_rng(0)
    X = np.column_stack([np.full(50, 0.1), 1e9 + rng.normal(0, 1e-7, 50), np.zeros(50), rng.lognormal(0, 9, 50)])
    expected = StandardScaler().fit(X)
    scaled = encoders.make("linear").fit_transform(pd.DataFrame(X))
    assert scaled.tobytes() == ((X - expected.mean_) / expected.scale_).tobytes()
    assert (expected.scale_[[0, 2]] == 1).all()


@pytest.mark.parametrize("n", [1, 2, 3, 8, 51, 120])
def test_missing_values_become_numpys_median(n):
    train = np.random.default_rng(n).normal(size=(n, 3)).round(1)
    filled = NumberBlock("none").fit(train).transform(np.full((1, 3), np.nan))
    assert filled.tolist() == [np.median(train, axis=0).tolist()]


def _all_numbers(n=60):
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(3, 5, (n, 3)), columns=["a", "b", "c"])
    X.loc[::9, "b"] = np.nan
    return X.assign(constant=0.1, empty=np.nan, whole=rng.integers(-5, 5, n), flag=rng.random(n) < 0.5), X["a"] > 3


ON_NUMBERS = [name for name in encoders.REGISTRY.names() if encoders.takes_numbers_at_once(name)]


def test_what_leaves_numbers_alone_or_scales_them_takes_a_matrix():
    assert {"linear", "onehot", "nonnegative", "ordinal", "ordinal_imputed", "native", "none"} <= set(ON_NUMBERS)
    assert not {"frame", "text", "tfidf", "pixels"} & set(ON_NUMBERS)


@pytest.mark.parametrize("name", ON_NUMBERS)
def test_a_matrix_of_numbers_gets_the_bits_of_the_frame(name):
    X, y = _all_numbers()
    train, test = X[10:], X[:10]
    by_frame, at_once = encoders.make(name), encoders.make(name)
    expected = by_frame.fit_transform(train, y[10:].to_numpy())
    block = at_once.on_numbers(encoders.Columns.of(X))
    values = np.ascontiguousarray(X.to_numpy(dtype=np.float64))
    block.fit(values[10:])
    assert block.transform(values[10:]).tobytes() == expected.tobytes()
    assert block.transform(values[:10]).tobytes() == by_frame.transform(test).tobytes()
    assert at_once.transform(test).tobytes() == by_frame.transform(test).tobytes()
    assert at_once.categorical_ == by_frame.categorical_


@pytest.mark.parametrize(("name", "scaler"), [("linear", StandardScaler()), ("onehot", "passthrough")])
def test_mixed_columns_equal_the_pipeline_by_hand(name, scaler):
    (X, y), (X_test, _) = _mixed(), _mixed(seed=1)
    X_test.loc[3, "colour"] = "violet"
    by_hand = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), scaler), NUMBERS),
            (
                "categories",
                make_pipeline(
                    SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore", sparse_output=False)
                ),
                CATEGORIES,
            ),
        ]
    ).fit(X)
    encoder = encoders.make(name).fit(X, y)
    np.testing.assert_allclose(encoder.transform(X_test), by_hand.transform(X_test), rtol=1e-13, atol=1e-13)
    own = encoder.as_transformer(X).fit(X)
    assert np.array_equal(encoder.transform(X_test), own.transform(X_test))


def test_ordinal_equals_the_encoder_by_hand():
    (X, y), (X_test, _) = _mixed(), _mixed(seed=1)
    X_test.loc[3, "colour"] = "violet"
    by_hand = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    expected = by_hand.fit(X[CATEGORIES]).transform(X_test[CATEGORIES])
    Z = encoders.make("ordinal").fit(X, y).transform(X_test)
    assert np.array_equal(Z[:, [1, 3]], expected)
    assert np.array_equal(Z[:, [0, 2]], X_test[NUMBERS].to_numpy(), equal_nan=True)
    imputed = encoders.make("ordinal_imputed").fit(X, y).transform(X_test)
    assert np.array_equal(imputed[:, 0], X_test["age"].fillna(X["age"].median()))


def test_native_marks_categories_and_leaves_the_unknown_missing():
    (X, y), (X_test, _) = _mixed(), _mixed(seed=1)
    X_test.loc[3, "colour"] = "violet"
    encoder = encoders.make("native").fit(X, y)
    Z = encoder.transform(X_test)
    assert encoder.categorical_ == (1, 3)
    assert np.isnan(Z[3, 1])
    assert np.isnan(Z[0, 1])
    assert set(Z[:, 3]) == {0, 1, 2}
    assert encoders.make("native").fit(_rich()[0]).categorical_ == (1, 3)


def test_native_places_categories_behind_a_date():
    X = pd.DataFrame({"when": pd.date_range("2020", periods=3), "colour": ["a", "b", "a"]})
    encoder = encoders.make("native").fit(X)
    assert encoder.categorical_ == (6,)
    assert encoder.transform(X)[:, 6].tolist() == [0, 1, 0]


@pytest.mark.parametrize("target_type", ["binary", "multiclass", "continuous"])
def test_target_is_cross_fitted_on_the_training_rows(target_type):
    X, _ = _mixed()
    rng = np.random.default_rng(1)
    y = rng.normal(size=80) if target_type == "continuous" else rng.integers(0, 2 + (target_type == "multiclass"), 80)
    encoder = encoders.make("target", random_state=3)
    Z = encoder.fit_transform(X[["colour"]], y, target_type=target_type)
    # scikit-learn's folds are of the target, so the names of the categories do not matter.
    codes = X[["colour"]].fillna("none")
    folds = (KFold if target_type == "continuous" else StratifiedKFold)(5, shuffle=True, random_state=3)
    by_hand = TargetEncoder(cv=folds, target_type="continuous" if target_type == "continuous" else "auto")
    np.testing.assert_allclose(Z, by_hand.fit_transform(codes, y), rtol=1e-13)
    np.testing.assert_allclose(encoder.transform(X[["colour"]]), by_hand.transform(codes), rtol=1e-13)
    assert not np.allclose(Z, encoder.transform(X[["colour"]]))


def test_target_of_noise_says_nothing_about_the_training_labels():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"id": rng.permutation(400).astype(str)})
    y = rng.integers(0, 2, 400)
    Z = encoders.make("target").fit_transform(X, y)
    assert abs(np.corrcoef(Z[:, 0], y)[0, 1]) < 0.3


NUMBERS_ONLY = {"none", "frame", "text", "pixels"}
FOR_ALL = [
    pytest.param(
        one,
        marks=[
            pytest.mark.skip(reason=problem.message) for problem in encoders.check(one) if "extra" in problem.message
        ],
    )
    for one in encoders.REGISTRY.names()
    if one not in NUMBERS_ONLY
]


@pytest.mark.parametrize("name", FOR_ALL)
def test_every_encoder_on_every_kind_of_column(name):
    X, y = _rich()
    X = X.assign(sequence=["ACDE" if one % 2 else "KLKL" for one in range(len(X))])
    before = X.copy()
    encoder = encoders.make(name, text=("sequence",))
    Z = encoder.fit_transform(X[:40], y[:40], target_type="binary")
    test = encoder.transform(X[40:])
    assert Z.shape[1] == test.shape[1] > len(X.columns)
    assert (Z.shape[0], test.shape[0]) == (40, 20)
    assert X.equals(before)
    shuffled = encoder.transform(X[40:][X.columns[::-1]])
    one = encoder.transform(X[40:41])
    dense, shuffled, one = (m.toarray() if issparse(m) else m for m in (test, shuffled, one))
    assert np.array_equal(dense, shuffled, equal_nan=True)
    np.testing.assert_allclose(dense[:1], one, rtol=1e-12, atol=1e-15)
    again = encoders.make(name, text=("sequence",))
    again.fit(X[:40], y[:40], target_type="binary")
    second = again.transform(X[40:])
    assert np.array_equal(dense, second.toarray() if issparse(second) else second, equal_nan=True)


@pytest.mark.parametrize("name", ["linear", "ordinal", "native", "target"])
def test_one_row_and_columns_that_are_all_missing(name):
    X, y = _mixed()
    X["age"] = np.nan
    X["colour"] = pd.Series([None] * len(X), dtype=object)
    encoder = encoders.make(name)
    Z = encoder.fit_transform(X, y)
    assert Z.shape[0] == len(X)
    filled = X.head(1).assign(age=3.0, colour="red")
    assert encoder.transform(filled).shape == (1, Z.shape[1])


def test_categories_of_mixed_types_have_an_order():
    X = pd.DataFrame({"mixed": pd.Series([1, "a", 2.5, None, "b", True], dtype=object)})
    Z = encoders.make("ordinal").fit(X).transform(X)
    assert Z[3, 0] == -1
    assert Z[1, 0] < Z[4, 0]


def test_dates_become_parts():
    X = pd.DataFrame({"when": pd.to_datetime(["1970-01-02 12:00", None])})
    Z = encoders.make("ordinal").fit(X).transform(X)
    assert Z[0].tolist() == [1.5, 1970, 1, 2, 4, 12]
    assert np.isnan(Z[1]).all()


def test_none_hands_over_numbers_in_row_order():
    X = pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": [True, False]})
    Z = encoders.make("none").fit(X).transform(X)
    assert np.array_equal(Z, [[1, 0.5, 1], [2, np.nan, 0]], equal_nan=True)
    assert Z.flags.c_contiguous


def test_none_refuses_what_is_not_a_number():
    with pytest.raises(FitError, match=r"needs numeric columns, got 'colour', 'size'"):
        encoders.make("none").fit(_mixed()[0])


def test_absent_column_is_named():
    X, y = _mixed()
    with pytest.raises(FitError, match="lack the column 'height'"):
        encoders.make("linear").fit(X, y).transform(X.drop(columns="height"))


def test_many_categories_come_sparse():
    X = pd.DataFrame({"id": [f"v{one}" for one in range(1200)]})
    assert issparse(encoders.make("linear").fit(X).transform(X))


def test_pipeline_outside_a_benchmark():
    X, y = _rich()
    pipeline = encoders.as_pipeline("linear", LogisticRegression(max_iter=1000), X)
    encoder = encoders.make("linear")
    expected = LogisticRegression(max_iter=1000).fit(encoder.fit_transform(X, y), y)
    assert np.array_equal(pipeline.fit(X, y).predict_proba(X), expected.predict_proba(encoder.transform(X)))


def test_unknown_names_and_parameters():
    (problem,) = encoders.check("linaer")
    assert problem.hint.startswith("did you mean 'linear'?")
    (problem,) = encoders.check({"type": "linear", "scale": True})
    assert (problem.path, problem.on_key) == (("scale",), True)
    assert encoders.check("auto") == []
    with pytest.raises(FitError, match="unknown encoder"):
        encoders.make("nothing")


def test_small_numeric_frames_are_fast():
    X, y = load_iris(return_X_y=True, as_frame=True)

    def seconds(name):
        begun = perf_counter()
        encoders.make(name).fit(X, y).transform(X)
        return perf_counter() - begun

    # The best of many: generous, since other work may share the machine.
    assert min(seconds("none") for _ in range(50)) < 1e-3
    assert min(seconds("linear") for _ in range(50)) < 3e-3
