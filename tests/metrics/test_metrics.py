"""Scores equal scikit-learn's, and the table of names equals scikit-learn's list."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LinearRegression
from sklearn.metrics import accuracy_score, get_scorer, get_scorer_names, log_loss
from sklearn.naive_bayes import GaussianNB

from fusebench import metrics
from fusebench.errors import FitError
from fusebench.metrics import _names

LOADERS = {"binary": load_breast_cancer, "multiclass": load_iris, "continuous": load_diabetes}
N_CLASSES = {"binary": 2, "multiclass": 3, "continuous": 0}
APPLICABLE = [
    (name, kind) for name in sorted(_names.TARGET_TYPES) for kind in LOADERS if metrics.check(name, kind) is None
]


def test_table_is_scikit_learns_list():
    assert set(get_scorer_names()) == set(_names.TARGET_TYPES)


def test_table_knows_what_needs_probabilities():
    for name in _names.TARGET_TYPES:
        assert metrics.needs_proba(name) == (get_scorer(name)._response_method != "predict"), name


@pytest.fixture(scope="module")
def fitted():
    found = {}
    for kind, load in LOADERS.items():
        X, y = load(return_X_y=True)
        X = X[:, :1] if kind == "multiclass" else X
        estimator = (LinearRegression() if kind == "continuous" else GaussianNB()).fit(X[::2], y[::2])
        found[kind] = estimator, X[1::2], y[1::2]
    return found


@pytest.mark.parametrize(("name", "kind"), APPLICABLE)
@pytest.mark.filterwarnings("ignore:'k' ")
def test_equal_to_the_scorer_on_the_estimator(name, kind, fitted):
    estimator, X, y = fitted[kind]
    proba = estimator.predict_proba(X) if N_CLASSES[kind] else None
    assert metrics.score(name, y, estimator.predict(X), proba, N_CLASSES[kind]) == get_scorer(name)(estimator, X, y)


def test_log_loss_of_a_fold_that_lacks_a_class():
    y, proba = np.array([0, 2]), np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    assert metrics.score("neg_log_loss", y, y, proba, 3) == -log_loss(y, proba, labels=[0, 1, 2])
    assert metrics.score("neg_log_loss", y, y, proba, 3) == pytest.approx(-(np.log(1 / 0.7) + np.log(1 / 0.6)) / 2)


@pytest.mark.parametrize("name", ["roc_auc_ovr", "roc_auc_ovo", "average_precision"])
def test_ranking_of_a_fold_that_lacks_a_class_is_not_defined(name):
    y, proba = np.array([0, 2]), np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    with pytest.raises(FitError, match="hold 2 of 3 classes"):
        metrics.score(name, y, y, proba, 3)


def test_roc_auc_of_one_class():
    with pytest.raises(FitError, match="hold 1 of 2 classes"):
        metrics.score("roc_auc", np.array([1, 1]), np.array([1, 1]), np.array([[0.4, 0.6], [0.3, 0.7]]), 2)


def test_undefined_values_are_not_returned():
    with pytest.raises(FitError, match="not defined on these 1 rows"):
        metrics.score("r2", np.array([1.0]), np.array([2.0]), None, 0)


def test_labels_decide_label_metrics_and_probabilities_the_others():
    y, labels, proba = np.array([0, 1]), np.array([1, 0]), np.array([[0.9, 0.1], [0.2, 0.8]])
    assert metrics.score("accuracy", y, labels, proba, 2) == 0
    assert metrics.score("roc_auc", y, labels, proba, 2) == 1
    with pytest.raises(FitError, match="needs probabilities"):
        metrics.score("roc_auc", y, labels, None, 2)


def test_expected_calibration_error_by_hand():
    proba = np.array([[0.9, 0.1], [0.9, 0.1], [0.35, 0.65], [0.4, 0.6]])
    y = np.array([0, 1, 1, 0])
    # 0.9 twice in one bin: |1/2 - 0.9|; 0.65 and 0.6 share (0.6, 0.667] and (0.533, 0.6]: |1 - 0.65| and |0 - 0.6|.
    expected = (2 * 0.4 + 0.35 + 0.6) / 4
    assert metrics.score("neg_ece", y, y, proba, 2) == pytest.approx(-expected)
    perfect = np.eye(3)[[0, 1, 2]]
    assert metrics.score("neg_ece", np.array([0, 1, 2]), np.array([0, 1, 2]), perfect, 3) == 0


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("acuracy", "binary", "did you mean 'accuracy'?"),
        ("rmse", "continuous", "did you mean 'neg_root_mean_squared_error'?"),
        ("log_loss", "binary", "did you mean 'neg_log_loss'?"),
        ("roc_auc", "multiclass", "use 'roc_auc_ovr'"),
        ("f1", "multiclass", "use 'f1_macro'"),
        ("r2", "binary", "'r2' scores values and the target holds classes"),
        ("accuracy", "continuous", "use for example 'r2'"),
        ("neg_ece", "continuous", "scores classes"),
        ("f1_samples", "binary", "multilabel"),
    ],
)
def test_what_does_not_fit_is_said(name, kind, message):
    assert message in str(metrics.check(name, kind))


def test_every_metric_can_be_described():
    for name in metrics.names():
        assert metrics.describe(name).startswith(f"{name} (metric)\n\nTargets: ")
    assert "expected calibration error" in metrics.describe("neg_ece")


def test_checking_imports_no_scikit_learn():
    code = (
        "import sys; from fusebench import metrics; metrics.check('roc_auc', 'binary'); metrics.check('x', 'binary'); "
        "metrics.needs_proba('neg_ece'); print('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_an_abstention_is_wrong_and_no_class_of_its_own():
    y, labels = np.array([0, 1, 1, 0]), np.array([-1, 1, -1, 1])  # 1 true positive, 1 false, 1 missed
    assert metrics.score("accuracy", y, labels, None, 2) == 0.25
    assert metrics.score("f1", y, labels, None, 2) == 0.5
    assert metrics.score("recall_macro", y, labels, None, 2) == 0.25  # of class 0: 0 of 2, of class 1: 1 of 2


def test_accuracy_has_the_bits_of_scikit_learn():
    rng = np.random.default_rng(0)
    for n in (1, 3, 7, 50, 333):
        y, labels = rng.integers(0, 3, n), rng.integers(0, 3, n)
        assert metrics.score("accuracy", y, labels, None, 3) == accuracy_score(y, labels)
