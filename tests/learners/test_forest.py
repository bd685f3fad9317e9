"""Forests asked tree by tree: the bits of the library's own answer, also of rows with missing values."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine

from fusebench import learners
from fusebench.spec.model import LearnerSpec


def _fitted(kind, X, y):
    target = "continuous" if y.dtype.kind == "f" else "multiclass"
    spec = LearnerSpec(type=kind, params={"n_estimators": 20})
    n_classes = 0 if target == "continuous" else int(y.max()) + 1
    return learners.fit(spec, X, y, target_type=target, n_classes=n_classes, random_state=0)


def _with_gaps(X):
    X = X.copy()
    X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    return X


@pytest.mark.parametrize("kind", ["random_forest", "extra_trees"])
@pytest.mark.parametrize("load", [load_wine, load_diabetes])
@pytest.mark.parametrize("gaps", [False, True])
def test_trees_asked_directly_give_the_bits_of_the_forest(kind, load, gaps, monkeypatch):
    X, y = load(return_X_y=True)
    X = _with_gaps(X) if gaps else X
    fitted = _fitted(kind, X[::2], y[::2])
    method = "predict" if fitted.classes is None else "predict_proba"
    expected = getattr(fitted.estimator, method)(X[1::2])
    monkeypatch.setattr(type(fitted.estimator), method, None)  # nobody asks the forest itself
    [(values, proba)] = fitted.answer_all([X[1::2]])
    assert (values if proba is None else proba).tobytes() == expected.tobytes()


def test_what_the_forest_refuses_is_refused():
    X, y = load_wine(return_X_y=True)
    fitted = _fitted("random_forest", X, y)
    X[3, 2] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        fitted.answer_all([X])
