"""Labels and probabilities of naive Bayes from one evaluation of its densities."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.naive_bayes import GaussianNB

from fusebench import learners
from fusebench.spec.model import LearnerSpec


def _fitted(X, y, **params):
    kind = "binary" if y.max() == 1 else "multiclass"
    spec = LearnerSpec(type="nb", params=params)
    return learners.fit(spec, X, y, target_type=kind, n_classes=int(y.max()) + 1, random_state=0)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
@pytest.mark.parametrize("params", [{}, {"var_smoothing": 0.1}], ids=str)
def test_one_evaluation_gives_the_bits_of_two(load, params, monkeypatch):
    X, y = load(return_X_y=True)
    fitted = _fitted(X[::2], y[::2], **params)
    expected = fitted.estimator.predict(X[1::2]), fitted.estimator.predict_proba(X[1::2])
    evaluated = []
    evaluate = GaussianNB._joint_log_likelihood
    monkeypatch.setattr(GaussianNB, "_joint_log_likelihood", lambda self, X: evaluated.append(1) or evaluate(self, X))
    [(labels, proba)] = fitted.answer_all([X[1::2]])
    assert labels.tolist() == expected[0].tolist()
    assert proba.tobytes() == expected[1].tobytes()
    assert len(evaluated) == 1


def test_equal_densities_get_the_first_class():
    X, y = np.array([[-1.0], [1.0], [-2.0], [2.0]]), np.array([0, 1, 0, 1])
    [(labels, proba)] = _fitted(X, y).answer_all([np.zeros((1, 1))])
    assert labels[0] == 0
    assert proba[0].tolist() == pytest.approx([0.5, 0.5], abs=1e-12)


def test_the_fitted_estimator_stays_as_it_was():
    X, y = load_iris(return_X_y=True)
    fitted = _fitted(X, y)
    fitted.answer_all([X])
    assert "_joint_log_likelihood" not in vars(fitted.estimator)
    assert type(fitted.estimator) is GaussianNB


@pytest.mark.parametrize("broken", [np.full((2, 4), np.nan), np.zeros((2, 3)), np.zeros((0, 4))], ids=lambda X: X.shape)
def test_rows_that_the_estimator_refuses_are_still_refused(broken):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=r"NaN|features|sample"):
        _fitted(X, y).answer_all([broken])


def test_rows_that_the_estimator_converts_are_still_converted():
    X, y = load_iris(return_X_y=True)
    fitted = _fitted(X, y)
    whole = np.floor(X).astype(np.int64)
    [(_, proba)] = fitted.answer_all([whole])
    assert proba.tobytes() == fitted.estimator.predict_proba(whole).tobytes()
