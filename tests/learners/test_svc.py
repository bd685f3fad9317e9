"""Labels and probabilities of a support vector machine from one evaluation of its kernel."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.svm import SVC

from fusebench import learners
from fusebench.learners.svc import _most_votes
from fusebench.spec.model import LearnerSpec

SETS = {"binary": load_breast_cancer, "three": load_wine, "ten": load_digits}


def _fitted(X, y, weights=None, **params):
    return learners.fit(
        LearnerSpec(type="svc", params=params),
        X,
        y,
        target_type="binary" if y.max() == 1 else "multiclass",
        n_classes=int(y.max()) + 1,
        random_state=0,
        sample_weight=weights,
    )


def _apart(fitted, X):
    """Return what the estimator says when each method is asked alone."""
    return fitted.classes[fitted.estimator.predict(X)], fitted.estimator.predict_proba(X)


@pytest.mark.parametrize("dataset", SETS)
@pytest.mark.parametrize(
    "params",
    [{}, {"kernel": "linear", "C": 0.01}, {"kernel": "poly", "degree": 2}, {"decision_function_shape": "ovo"}],
    ids=str,
)
@pytest.mark.parametrize("layout", [np.asarray, csr_matrix])
def test_one_evaluation_gives_the_bits_of_two(dataset, params, layout):
    X, y = SETS[dataset](return_X_y=True)
    X = (X - X.mean(axis=0)) / (X.std(axis=0) + 1)
    rows = np.random.default_rng(0).permutation(len(y))[:400]
    train, test = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    weights = np.random.default_rng(1).uniform(0.1, 3, len(train))
    fitted = _fitted(layout(X[train]), y[train], weights, **params)
    [(labels, proba)] = fitted.answer_all([layout(X[test])])
    alone = _apart(fitted, layout(X[test]))
    assert labels.tobytes() == alone[0].astype(labels.dtype).tobytes()
    assert proba.tobytes() == alone[1].tobytes()


def test_a_row_on_the_border_gets_the_label_that_libsvm_gives():
    X, y = np.array([[-1.0], [1.0], [-2.0], [2.0]] * 5), np.array([0, 1, 0, 1] * 5)
    fitted = _fitted(X, y, kernel="linear")
    border = np.zeros((1, 1))
    machine = fitted.estimator.calibrated_classifiers_[0].estimator
    assert abs(machine.decision_function(border)[0]) < 1e-12
    [(labels, _)] = fitted.answer_all([border])
    assert labels[0] == machine.predict(border)[0]


def test_equal_votes_go_to_the_first_class():
    # Class 0 beats 1, 1 beats 2 and 2 beats 0; in the second row 2 beats both others.
    assert _most_votes(np.array([[1.0, -1.0, 1.0], [0.5, -0.5, -0.5]]), 3).tolist() == [0, 2]


def test_the_kernel_is_not_evaluated_again_for_the_labels(monkeypatch):
    X, y = load_wine(return_X_y=True)
    fitted = _fitted(X, y)
    before = fitted.predict(X)

    def never(self, X):
        raise AssertionError("labels were asked for apart")

    monkeypatch.setattr(SVC, "predict", never)
    [(labels, _)] = fitted.answer_all([X])
    assert np.array_equal(labels, before)


def test_machines_that_break_ties_are_asked_twice():
    X, y = load_wine(return_X_y=True)
    fitted = _fitted(X, y, break_ties=True)
    [(labels, proba)] = fitted.answer_all([X])
    alone = _apart(fitted, X)
    assert np.array_equal(labels, alone[0])
    assert np.array_equal(proba, alone[1])
