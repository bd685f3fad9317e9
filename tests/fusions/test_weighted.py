from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize, nnls
from scipy.stats import norm

from fusebench.fusions._solve import log_score_weights, nnls_weights
from fusebench.fusions.weighted import Weighted

RULES = ["accuracy", "inverse_error", "log_loss", "nnls", "pseudo_bma_plus"]


def test_accuracy_by_hand(make_context):
    P = np.eye(2)[np.array([[0, 1], [0, 0], [1, 1], [1, 0]])]
    y = np.array([0, 0, 1, 0])
    # Right: the first member 3 of 4, the second 3 of 4; flip one of the second's.
    labels = np.array([[0, 1], [0, 1], [1, 1], [1, 0]])
    context = make_context(P, labels=labels)
    np.testing.assert_allclose(Weighted(weights="accuracy").fit(P, y, context).weights_, [0.6, 0.4])
    np.testing.assert_allclose(Weighted(weights="inverse_error").fit(P, y, context).weights_, [2 / 3, 1 / 3])


def test_inverse_error_of_values_by_hand(make_context):
    y = np.array([0.0, 2.0])
    P = y[:, None] + np.array([[1.0, 2.0]])
    context = make_context(P)
    np.testing.assert_allclose(Weighted(weights="inverse_error").fit(P, y, context).weights_, [0.8, 0.2])


def test_members_without_error_share_the_weight(make_context):
    y = np.array([0.0, 2.0, 3.0])
    P = y[:, None] + np.array([[0.0, 0.0, 1.0]])
    assert Weighted(weights="inverse_error").fit(P, y, make_context(P)).weights_.tolist() == [0.5, 0.5, 0]


def test_accuracy_of_useless_members_is_equal(make_context):
    y = np.array([0.0, 2.0])
    P = np.array([[9.0, 8.0], [9.0, 8.0]])
    assert Weighted(weights="accuracy").fit(P, y, make_context(P)).weights_.tolist() == [0.5, 0.5]


def test_log_loss_weights_by_hand():
    # Density (a, b) for the first half, (b, a) for the other: equal weights by symmetry. With 3 of 4 rows for the
    # first, the derivative 3 (a - b) / (b + w (a - b)) = (a - b) / (a - w (a - b)) gives w = (3 a - b) / (4 (a - b)).
    a, b = 0.9, 0.1
    np.testing.assert_allclose(log_score_weights(np.array([[a, b], [b, a]])), [0.5, 0.5], atol=1e-6)
    weights = log_score_weights(np.array([[a, b]] * 3 + [[b, a]]))
    np.testing.assert_allclose(weights[0], (3 * a - b) / (4 * (a - b)), atol=1e-6)


@pytest.mark.parametrize("n_members", [1, 2, 5, 20])
@pytest.mark.parametrize("seed", range(3))
def test_log_loss_weights_satisfy_the_optimality_conditions(n_members, seed):
    rng = np.random.default_rng(seed)
    densities = rng.beta(2, 1 + rng.uniform(0, 3, n_members), size=(300, n_members))
    weights = log_score_weights(densities)
    gradient = (densities / (densities @ weights)[:, None]).mean(axis=0)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    assert gradient.max() <= 1 + 2e-9
    np.testing.assert_allclose(gradient[weights > 1e-3], 1, atol=1e-5)


def test_log_loss_weights_beat_a_general_solver():
    rng = np.random.default_rng(0)
    densities = rng.beta(2, 2, size=(200, 6))
    weights = log_score_weights(densities)
    general = minimize(
        lambda v: -np.log(densities @ (np.exp(v) / np.exp(v).sum())).mean(), np.zeros(6), options={"gtol": 1e-10}
    )
    assert -np.log(densities @ weights).mean() <= general.fun + 1e-9


@pytest.mark.parametrize("copies", [2, 5])
def test_identical_members_do_not_confuse_the_solver(copies):
    rng = np.random.default_rng(0)
    one = rng.beta(2, 1, size=(100, 1))
    densities = np.hstack([np.repeat(one, copies, axis=1), rng.beta(1, 1, size=(100, 1))])
    weights = log_score_weights(densities)
    pair = log_score_weights(densities[:, -2:])
    np.testing.assert_allclose(weights[:copies].sum(), pair[0], atol=1e-4)


def test_extreme_densities_have_a_solution():
    densities = np.array([[1.0, 1e-300], [1e-300, 1.0], [1.0, 1.0]])
    np.testing.assert_allclose(log_score_weights(densities), [0.5, 0.5], atol=1e-6)


def test_gaussian_residuals(make_problem):
    P, y, context = make_problem("continuous", n_members=3)
    weights = Weighted(weights="log_loss").fit(P, y, context).weights_
    residuals = y[:, None] - P
    densities = norm.pdf(residuals, scale=np.sqrt((residuals**2).mean(axis=0)))
    gradient = (densities / (densities @ weights)[:, None]).mean(axis=0)
    assert gradient.max() <= 1 + 1e-8


def test_nnls_equals_scipy(make_problem):
    P, y, context = make_problem("multiclass")
    table = P.transpose(0, 2, 1).reshape(-1, P.shape[1])
    theirs, _ = nnls(table, np.eye(3)[y].reshape(-1))
    np.testing.assert_allclose(Weighted(weights="nnls").fit(P, y, context).weights_, theirs / theirs.sum(), atol=1e-10)
    P, y, context = make_problem("continuous")
    theirs, _ = nnls(P, y)
    np.testing.assert_allclose(Weighted(weights="nnls").fit(P, y, context).weights_, theirs / theirs.sum(), atol=1e-10)


def test_nnls_of_useless_columns_is_equal():
    assert nnls_weights(-np.eye(2), np.ones(2)).tolist() == [0.5, 0.5]


def test_pseudo_bma_plus_prefers_the_better_and_is_reproducible(make_problem):
    P, y, context = make_problem("binary", n_samples=60, n_members=2)
    weights = Weighted(weights="pseudo_bma_plus").fit(P, y, context).weights_
    assert weights[0] > weights[1]
    np.testing.assert_array_equal(weights, Weighted(weights="pseudo_bma_plus").fit(P, y, context).weights_)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("target_type", ["binary", "multiclass", "continuous"])
def test_every_rule_beats_the_worst_member(make_problem, rule, target_type):
    P, y, context = make_problem(target_type, n_samples=400)
    fusion = Weighted(weights=rule).fit(P, y, context)
    worst = context.score(y, context.labels[:, -1], None)
    assert context.score(y, fusion.predict(P, context), None) > worst
    assert fusion.weights_.sum() == pytest.approx(1)


@pytest.mark.parametrize("rule", RULES)
def test_certain_and_wrong_members_have_finite_weights(make_context, rule):
    P = np.array([[[1.0, 0.0], [0.0, 1.0]]] * 3 + [[[0.0, 1.0], [1.0, 0.0]]])
    fusion = Weighted(weights=rule).fit(P, np.array([0, 0, 1, 1]), make_context(P))
    assert np.isfinite(fusion.weights_).all()
    assert fusion.weights_[0] > fusion.weights_[1]


def test_a_list_of_weights_is_checked_and_scaled(make_problem):
    P, y, context = make_problem("binary", n_members=2)
    assert Weighted(weights=(3, 1)).fit(P, y, context).weights_.tolist() == [0.75, 0.25]
    assert "got 1, expected 2" in Weighted(weights=(3,)).check(("a", "b"), frozenset({"binary"}))[0]
    assert Weighted(weights="nnls").check(("a", "b"), frozenset({"binary"})) == []


@pytest.mark.parametrize("seed", [360, 372, 399])
def test_log_loss_weights_of_members_that_give_labels_only(seed):
    """Ratios of densities have no bound here; the curvature is singular to the last bit on the way."""
    rng = np.random.default_rng(seed)
    n_samples, n_members = int(rng.integers(60, 480)), int(rng.integers(2, 9))
    right = rng.random((n_samples, n_members)) < rng.uniform(0.3, 0.99, size=n_members)
    densities = np.where(right, 1.0, 2.2e-16)
    densities[rng.random((n_samples, n_members)) < 0.03] = 0.25  # abstentions
    weights = log_score_weights(densities)
    assert weights.sum() == pytest.approx(1)
    assert weights.min() >= 0


def test_log_loss_weights_without_the_quadratic_solver(monkeypatch):
    """Its solver may give up; first order steps reach the same optimum, here the one worked out by hand above."""

    def give_up(*_):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr("scipy.optimize.nnls", give_up)
    weights = log_score_weights(np.array([[0.9, 0.1]] * 3 + [[0.1, 0.9]]))
    np.testing.assert_allclose(weights[0], 2.6 / 3.2, atol=1e-4)
