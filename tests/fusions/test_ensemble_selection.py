from __future__ import annotations

import json
import runpy
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from fusebench.errors import FitError
from fusebench.fusions._greedy import growing_error
from fusebench.fusions._growing import BinaryAUC
from fusebench.fusions.ensemble_selection import EnsembleSelection

PARITY = Path(__file__).parent / "parity"
AUTOGLUON = runpy.run_path(str(PARITY / "autogluon_weights.py"))
STORED = json.loads((PARITY / "autogluon_weights.json").read_text())["weights"]

SCORES = {
    "accuracy": lambda y, labels, proba: sk.accuracy_score(y, labels),
    "neg_log_loss": lambda y, labels, proba: -sk.log_loss(y, proba, labels=range(proba.shape[1])),
    "roc_auc": lambda y, labels, proba: sk.roc_auc_score(y, proba[:, 1]),
    "balanced_accuracy": lambda y, labels, proba: sk.balanced_accuracy_score(y, labels),
    "r2": lambda y, labels, proba: sk.r2_score(y, labels),
    "neg_root_mean_squared_error": lambda y, labels, proba: -sk.root_mean_squared_error(y, labels),
    "neg_mean_squared_error": lambda y, labels, proba: -sk.mean_squared_error(y, labels),
    "neg_mean_absolute_error": lambda y, labels, proba: -sk.mean_absolute_error(y, labels),
}
OPTIMUM = {"accuracy": 1, "roc_auc": 1, "balanced_accuracy": 1, "r2": 1}


@pytest.mark.parametrize("name", list(STORED))
def test_autogluon_weights(make_context, name):
    P, y = AUTOGLUON["table"](name)
    metric, n_iterations = AUTOGLUON["TABLES"][name][5:]
    context = make_context(P, metric=metric, score=SCORES[metric])
    fusion = EnsembleSelection(n_iterations=n_iterations, compat="autogluon").fit(P, y, context)
    np.testing.assert_array_equal(fusion.weights_, STORED[name])


@pytest.mark.parametrize("n_bins", [16, 2**16])
@pytest.mark.parametrize("name", [name for name in STORED if name.endswith("auc") or "auc_" in name])
def test_autogluon_weights_when_histograms_rule_candidates_out(make_context, monkeypatch, name, n_bins):
    monkeypatch.setattr(BinaryAUC, "MIN_ROWS", 1)
    monkeypatch.setattr(BinaryAUC, "N_BINS", n_bins)
    test_autogluon_weights(make_context, name)


@pytest.mark.parametrize("n_bins", [1, 2**16])
def test_only_hopeless_candidates_are_ruled_out(make_context, monkeypatch, n_bins):
    monkeypatch.setattr(BinaryAUC, "MIN_ROWS", 1)
    monkeypatch.setattr(BinaryAUC, "N_BINS", n_bins)
    P, y = AUTOGLUON["table"]("binary_auc")
    error = growing_error(P, y, make_context(P, metric="roc_auc", score=SCORES["roc_auc"]), 0.0)
    error.add(3)
    exact = np.array([error.after(member) for member in range(P.shape[1])])
    found = error.after_each(range(P.shape[1]))
    known = np.isfinite(found)
    np.testing.assert_array_equal(found[known], exact[known])
    assert (exact[~known] > exact.min() + 1e-6).all()
    assert known.all() == (n_bins == 1)


@pytest.mark.parametrize("name", list(STORED))
def test_fast_errors_equal_scikit_learn(make_context, name):
    P, y = AUTOGLUON["table"](name)
    metric = AUTOGLUON["TABLES"][name][5]
    error = growing_error(P, y, make_context(P, metric=metric, score=SCORES[metric]), float(np.finfo(float).eps))
    assert type(error).__name__ != "AnyScore"
    tolerance = 1e-7 if P.dtype == np.float32 else 1e-9
    mean = np.zeros(P[:, 0].shape)
    for size, member in enumerate((0, 3, 3, 5, 1, 0, 2, 4, 4)):
        for candidate in range(P.shape[1]):
            # The order of the sums matters, because it decides ties of ranks and of labels.
            average = size / (size + 1) * mean + 1 / (size + 1) * P[:, candidate]
            expected = OPTIMUM.get(metric, 0) - score_average(metric, y, average)
            assert error.after(candidate) == pytest.approx(expected, abs=tolerance)
        error.add(member)
        mean *= size / (size + 1)
        mean += P[:, member] / (size + 1)


def score_average(metric, y, average):
    if average.ndim == 1:
        return SCORES[metric](y, average, None)
    if average.shape[1] == 2:
        return SCORES[metric](y, average[:, 1] > 0.5, np.column_stack([1 - average[:, 1], average[:, 1]]))
    proba = average / average.sum(axis=1, keepdims=True)
    return SCORES[metric](y, proba.argmax(axis=1), proba)


def test_a_step_by_step_example(make_context):
    # Absolute errors: member 0 is 1 too high, member 1 is 1 too low, member 2 is 3 too high.
    y = np.array([0.0, 10.0])
    P = y[:, None] + np.array([[1.0, -1.0, 3.0]])
    context = make_context(P, metric="neg_mean_absolute_error")
    fusion = EnsembleSelection(n_iterations=10).fit(P, y, context)
    assert fusion.explain() == {"weights": [0.5, 0.5, 0.0], "members_used": ["m0", "m1"], "order": ["m0", "m1"]}
    np.testing.assert_allclose(fusion.predict(P, context), y)


def test_members_are_added_again(make_context):
    y = np.zeros(2)
    P = np.array([[1.0, -3.0]] * 2)
    fusion = EnsembleSelection(n_iterations=8).fit(P, y, make_context(P, metric="neg_mean_absolute_error"))
    np.testing.assert_allclose(fusion.weights_, [0.75, 0.25])
    assert fusion.explain()["order"] == ["m0", "m0", "m1", "m0"]


def test_identical_members_count_once(make_problem):
    P, y, context = make_problem("binary", n_members=3)
    P[:, 1] = P[:, 0]
    fusion = EnsembleSelection().fit(P, y, context)
    assert fusion.weights_[1] == 0
    assert "m1" not in fusion.explain()["members_used"]


def test_a_constant_member_does_no_harm(make_problem):
    P, y, context = make_problem("binary", n_members=3, metric="roc_auc")
    P[:, 2] = 0.5
    fusion = EnsembleSelection().fit(P, y, context)
    np.testing.assert_allclose(fusion.weights_.sum(), 1)


def test_one_member_has_all_the_weight(make_problem):
    P, y, context = make_problem("multiclass", n_members=1)
    assert EnsembleSelection().fit(P, y, context).weights_.tolist() == [1.0]


@pytest.mark.parametrize("target_type", ["binary", "multiclass"])
def test_log_loss_of_certain_members_is_finite(make_problem, target_type):
    P, y, context = make_problem(target_type, metric="neg_log_loss", score=SCORES["neg_log_loss"])
    certain = (P.max(axis=2, keepdims=True) == P).astype(float)
    proba = EnsembleSelection().fit(certain, y, context).predict_proba(certain, context)
    assert np.isfinite(sk.log_loss(y, proba))


def test_auc_needs_two_classes(make_problem):
    P, y, context = make_problem("binary", metric="roc_auc")
    with pytest.raises(FitError, match="one class only"):
        EnsembleSelection().fit(P, np.zeros_like(y), context)


def test_one_class_is_fine_for_accuracy(make_problem):
    P, y, context = make_problem("binary")
    assert EnsembleSelection().fit(P, np.zeros_like(y), context).weights_.sum() == 1


def test_any_other_metric_is_called(make_problem):
    P, y, context = make_problem("multiclass", metric="balanced_accuracy", score=SCORES["balanced_accuracy"])
    fusion = EnsembleSelection(n_iterations=10).fit(P, y, context)
    fused = SCORES["balanced_accuracy"](y, fusion.predict(P, context), None)
    assert fused >= max(SCORES["balanced_accuracy"](y, P[:, j].argmax(axis=1), None) for j in range(P.shape[1]))


def test_sorted_initialization_starts_from_the_best(make_context):
    y = np.zeros(2)
    P = np.array([[5.0, 1.0, -1.0, -4.0]] * 2)
    context = make_context(P, metric="neg_mean_absolute_error")
    fusion = EnsembleSelection(n_iterations=1, sorted_initialization=3).fit(P, y, context)
    assert fusion.explain()["order"] == ["m1", "m2"]


def test_bags_are_reproducible_and_differ_from_one_selection(make_problem):
    P, y, context = make_problem("multiclass", n_members=8)
    first = EnsembleSelection(n_bags=5).fit(P, y, context)
    again = EnsembleSelection(n_bags=5).fit(P, y, context)
    np.testing.assert_array_equal(first.weights_, again.weights_)
    np.testing.assert_allclose(first.weights_.sum(), 1)
    assert (first.weights_ > 0).sum() >= (EnsembleSelection().fit(P, y, context).weights_ > 0).sum()


def test_compat_has_no_bags():
    assert "compat" in EnsembleSelection(compat="autogluon", n_bags=2).check(("a",), frozenset({"binary"}))[0]


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "neg_log_loss"])
def test_memory_stays_below_half_of_the_input(make_context, metric):
    rng = np.random.default_rng(0)
    second = rng.random((1_000_000, 20))
    P = np.stack([1 - second, second], axis=2)
    y = rng.integers(0, 2, len(P))
    context = make_context(P, labels=np.empty((0, 20)), metric=metric)
    tracemalloc.start()
    EnsembleSelection(n_iterations=2).fit(P, y, context)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * P.nbytes
