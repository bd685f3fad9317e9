"""Hostile members and parameters: a clear error before anything is fitted, or the rule that the documentation states."""

from __future__ import annotations

import numpy as np
import pytest

from fusebench.errors import FitError
from fusebench.fusions.base import load_fusion

WEIGHTED = ["voting", "averaging", "rank_averaging", "borda", "weighted"]
LEARNED = [
    ("weighted", {"weights": rule}) for rule in ("accuracy", "inverse_error", "log_loss", "nnls", "pseudo_bma_plus")
]


@pytest.mark.parametrize("name", WEIGHTED)
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((1.0, -1.0), "weights: got -1.0, a weight must be at least 0"),
        ((0.0, 0.0), "weights: all are 0, at least one must be positive"),
        ((1.0,), "weights: got 1, expected 2 (one per member: a, b)"),
        ((1.0, 2.0, 3.0), "weights: got 3, expected 2 (one per member: a, b)"),
        ((1.0, float("nan")), "weights: got [1.0, nan], every weight must be a finite number"),
    ],
)
def test_weights_that_make_no_sense(name, weights, message):
    assert load_fusion(name)(weights=weights).check(("a", "b"), frozenset({"binary"})) == [message]


def test_mistakes_exit_with_2_before_anything_is_fitted(fusebench, tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "name: x\ndatasets: [iris]\nlearners: {lr: logistic_regression, knn: knn}\n"
        "fusions:\n"
        "  a: {type: voting, weights: [1, -1]}\n"
        "  b: {type: averaging, weights: [1]}\n"
        "  c: {type: pruned, method: budget, budget: 3}\n"
        "  d: {type: cascade, order: [lr]}\n"
    )
    done = fusebench("run", spec, "--store", tmp_path / "store")
    assert done.returncode == 2
    for line in (
        ":5:30: fusions.a.weights: got -1, a weight must be at least 0",
        ":6:33: fusions.b.weights: got 1, expected 2 (one per member: lr, knn)",
        ":7:45: fusions.c.budget: no cost is declared for lr, knn; add 'cost:' to each",
        ":8:29: fusions.d.order: got lr; expected each of the members once: lr, knn",
        "4 errors, nothing was run",
    ):
        assert line in done.stderr
    assert not list((tmp_path / "store").rglob("*.npz"))


def test_one_member_is_too_few_for_a_cascade():
    from fusebench import spec as specs
    from fusebench.engine.check import check_models

    spec, _ = specs.parse(specs.from_mapping({"name": "x", "datasets": "iris", "learners": "knn", "fusion": "cascade"}))
    messages = [problem.message for problem in check_models(spec, allow_import=False)]
    assert messages == ["cascade needs at least 2 members, got 1"]


@pytest.mark.parametrize(("name", "params"), [*LEARNED, ("ensemble_selection", {}), ("pruned", {}), ("adaptive", {})])
def test_one_member_gets_all_the_weight(make_problem, name, params):
    P, y, context = make_problem("binary", n_members=1)
    assert load_fusion(name)(**params).fit(P, y, context).explain()["weights"] == [1.0]


@pytest.mark.parametrize(("name", "params"), [*LEARNED, ("ensemble_selection", {}), ("pruned", {})])
def test_identical_members_predict_as_one(make_problem, name, params):
    P, y, context = make_problem("binary", n_members=1)
    twice, both = np.repeat(P, 2, axis=1), make_problem("binary", n_members=2)[2]
    context = load_fusion(name)(**params).fit(twice, y, both)
    np.testing.assert_allclose(context.predict_proba(twice, both), P[:, 0])


@pytest.mark.parametrize("rule", ["log_loss", "nnls", "pseudo_bma_plus"])
def test_a_constant_member_gets_no_weight_beside_a_good_one(make_problem, rule):
    P, y, context = make_problem("continuous", n_members=2)
    P = np.column_stack([y + np.tile([0.01, -0.01], len(y) // 2), np.full(len(y), y.mean())])
    weights = load_fusion("weighted")(weights=rule).fit(P, y, context).weights_
    np.testing.assert_allclose(weights, [1, 0], atol=0.01)


def test_a_member_that_is_certain_and_wrong_loses_weight_and_nothing_is_infinite(make_context):
    y = np.array([0, 1] * 10)
    modest = np.where(y[:, None] == [0, 1], 0.7, 0.3)
    certain = np.eye(2)[y]
    certain[0] = certain[0, ::-1]  # probability 0 for what happened
    P = np.stack([modest, certain], axis=1)
    context = make_context(P, metric="neg_log_loss")
    # 19 log(0.7 + 0.3 w) + log(0.7 (1 - w)) is largest where 19 * 0.3 / (0.7 + 0.3 w) = 1 / (1 - w): w = 5 / 6.
    weights = load_fusion("weighted")(weights="log_loss").fit(P, y, context).weights_
    np.testing.assert_allclose(weights, [1 / 6, 5 / 6], atol=1e-6)
    # The bootstrap weighs members by their own loss, and -log 2.2e-16 = 36 on one row is more than 19 times -log 0.7.
    weights = load_fusion("weighted")(weights="pseudo_bma_plus").fit(P, y, context).weights_
    assert 0.5 < weights[0] < 1
    assert np.isfinite(load_fusion("ensemble_selection")().fit(P, y, context).predict_proba(P, context)).all()


NEEDS_TWO_CLASSES = ["stacking", "blending", "calibrated"]


@pytest.mark.parametrize("name", NEEDS_TWO_CLASSES)
def test_one_class_out_of_fold_is_named(make_problem, name):
    P, y, context = make_problem("binary", classes=np.array(["no", "yes"]))
    with pytest.raises(FitError, match=r"the out-of-fold part holds one class only \('yes'\)"):
        load_fusion(name)().fit(P, np.ones_like(y), context)


def test_one_class_has_no_area_under_the_curve(make_problem):
    P, y, context = make_problem("binary", metric="roc_auc", classes=np.array(["no", "yes"]))
    with pytest.raises(FitError, match=r"holds one class only \('no'\); roc_auc is not defined"):
        load_fusion("ensemble_selection")().fit(P, np.zeros_like(y), context)


@pytest.mark.parametrize("name", ["weighted", "voting", "averaging", "borda", "rank_averaging", "pruned", "adaptive"])
def test_one_class_is_enough_for_weights_and_rules(make_problem, name):
    P, y, context = make_problem("binary")
    proba = load_fusion(name)().fit(P, np.ones_like(y), context).predict_proba(P, context)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
