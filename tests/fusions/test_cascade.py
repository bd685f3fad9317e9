from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fusebench.errors import FitError
from fusebench.fusions.cascade import Cascade
from fusebench.spec.model import LearnerSpec

COSTS = {"m0": 1.0, "m1": 10.0}


def two_stages(make_context, **changes):
    """Ten rows: the cheap member is sure and right on six, unsure on four and wrong on two of them."""
    y = np.array([0, 1] * 5)
    sure = np.array([0.9] * 6 + [0.6] * 4)
    right = np.array([True] * 8 + [False] * 2)
    first = np.where(right, y, 1 - y)
    cheap = np.where(first[:, None] == [0, 1], sure[:, None], 1 - sure[:, None])
    dear = np.where(y[:, None] == [0, 1], 0.99, 0.01)
    P = np.stack([cheap, dear], axis=1)
    return P, y, make_context(P, **{"costs": COSTS, **changes})


def test_the_cheapest_thresholds_that_lose_nothing(make_context):
    P, y, context = two_stages(make_context)
    fusion = Cascade().fit(P, y, context)
    told, used = fusion.explain(), fusion.usage(P, context)
    assert told["order"] == ["m0", "m1"]
    assert 0.6 < told["thresholds"][0] <= 0.9
    assert told["out_of_fold"]["score"] == 1.0
    assert told["weights"] == used["weights"] == [0.6, 0.4]
    assert used["run_share"] == {"m0": 1.0, "m1": pytest.approx(0.4)}
    assert used["cost_per_row"] == pytest.approx(1 + 0.4 * 10)
    np.testing.assert_array_equal(fusion.predict(P, context), y)
    np.testing.assert_array_equal(fusion.predict_proba(P, context), np.vstack([P[:6, 0], P[6:, 1]]))


def test_a_score_target_and_a_tolerance_save_more(make_context):
    P, y, context = two_stages(make_context)
    for params in ({"target_score": 0.8}, {"tolerance": 0.2}):
        told = Cascade(**params).fit(P, y, context).explain()
        assert told["out_of_fold"] == {"score": 0.8, "cost_per_row": 1.0}
        assert told["thresholds"] == ["always"]


def test_a_score_nobody_reaches_gives_the_best_there_is(make_context):
    P, y, context = two_stages(make_context)
    assert Cascade(target_score=2.0).fit(P, y, context).outcome_ == Cascade().fit(P, y, context).outcome_


@pytest.mark.parametrize(
    ("target", "score", "cost"), [(1.0, 0.8, 1.0), (4.9, 0.8, 1.0), (5.0, 1.0, 5.0), (50.0, 1.0, 5.0)]
)
def test_a_cost_target_buys_the_best_score(make_context, target, score, cost):
    P, y, context = two_stages(make_context)
    outcome = Cascade(target_cost=target).fit(P, y, context).outcome_
    assert (outcome.score, outcome.cost) == (pytest.approx(score), pytest.approx(cost))


def test_a_budget_below_every_member_is_an_error(make_context):
    P, y, context = two_stages(make_context)
    with pytest.raises(FitError, match=r"target_cost: 0\.5 per row is below the 1 of the cheapest member alone"):
        Cascade(target_cost=0.5).fit(P, y, context)


def test_order_is_by_cost_or_as_given(make_context):
    P, y, context = two_stages(make_context, costs={"m0": 10.0, "m1": 1.0})
    assert Cascade().fit(P, y, context).explain()["order"] == ["m1", "m0"]
    assert Cascade(order=("m0", "m1")).fit(P, y, context).explain()["order"] == ["m0", "m1"]
    P, y, context = two_stages(make_context, costs={})
    told = Cascade().fit(P, y, context).explain()
    assert (told["order"], told["costs"]) == (["m0", "m1"], "each member counts 1")
    with pytest.raises(FitError, match="no cost is declared for m0, m1"):
        Cascade(order="cost").fit(P, y, context)


def test_a_member_that_never_answers_is_not_asked(make_context):
    P, y, _ = two_stages(make_context)
    # The first member is always wrong and always sure; thresholds cannot make use of it.
    P = np.concatenate([1 - P[:, [1]], P], axis=1)
    context = make_context(P, costs={"m0": 0.5, "m1": 1.0, "m2": 10.0})
    fusion = Cascade().fit(P, y, context)
    assert fusion.explain()["thresholds"][0] == "never"
    assert fusion.usage(P, context)["run_share"] == {"m0": 0.0, "m1": 1.0, "m2": pytest.approx(0.4)}
    assert fusion.outcome_.cost == pytest.approx(5.0)
    assert fusion.explain()["members_used"] == ["m1", "m2"]


def test_confidence_may_be_the_margin(make_context):
    # Equal largest probabilities, different leads: 0.5 to 0.49 is a guess, 0.5 to 0.25 is not.
    y = np.array([0, 0, 1, 1])
    cheap = np.array([[0.5, 0.25, 0.25], [0.49, 0.5, 0.01], [0.25, 0.5, 0.25], [0.5, 0.49, 0.01]])
    P = np.stack([cheap, np.where(y[:, None] == [0, 1, 2], 0.98, 0.01)], axis=1)
    context = make_context(P, costs=COSTS)
    assert Cascade(confidence="margin").fit(P, y, context).outcome_.cost == pytest.approx(6.0)
    assert Cascade().fit(P, y, context).outcome_.cost == pytest.approx(10.0)  # the dear member alone


def test_regression_asks_whom_the_neighbours_recommend(make_context):
    at = np.r_[np.linspace(0, 1, 20), np.linspace(9, 10, 20)]
    P = np.column_stack([at + np.where(at > 5, 3.0, 0.1), at])
    context = make_context(P, X=pd.DataFrame({"at": at}), costs=COSTS)
    fusion = Cascade(k=5, tolerance=0.01).fit(P, at, context)
    query = np.array([[0.6, 0.5], [12.5, 9.5]])
    near = make_context(query, X=pd.DataFrame({"at": [0.5, 9.5]}))
    np.testing.assert_array_equal(fusion.predict(query, near), [0.6, 9.5])
    used = fusion.usage(query, near)
    assert used["run_share"] == {"m0": 0.5, "m1": 0.5}
    assert used["cost_per_row"] == pytest.approx(5.5)


def test_no_defined_score_is_an_error(make_context):
    P, y, context = two_stages(make_context, score=lambda y, labels, proba: float("nan"))
    with pytest.raises(FitError, match="the ranking metric is not defined"):
        Cascade().fit(P, y, context)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"target_cost": 1.0, "target_score": 0.5}, "target_cost: cannot be combined"),
        ({"target_cost": 1.0, "tolerance": 0.1}, "tolerance: it belongs to a score target"),
        ({"target_score": 1.0, "tolerance": 0.1}, "tolerance: it is relative to the last member"),
        ({"order": ("a",)}, "order: got a; expected each of the members once: a, b"),
        ({"order": ("a", "b", "b")}, "order: got a, b, b; expected"),
        ({"encode": "x"}, "encode: unknown encoder 'x'"),
    ],
)
def test_what_cannot_be(params, message):
    assert [one[: len(message)] for one in Cascade(**params).check(("a", "b"), frozenset({"binary"}))] == [message]


@pytest.mark.parametrize("params", [{"order": "cost"}, {"target_cost": 3.0}])
def test_missing_costs_are_found_before_anything_is_fitted(params):
    recipes = {"a": LearnerSpec(type="x", cost=1.0), "b": LearnerSpec(type="x")}
    (message,) = Cascade(**params).check_recipes(("a", "b"), recipes, frozenset({"binary"}))
    assert message.startswith(f"{next(iter(params))}: no cost is declared for b; add 'cost:' to each")
    assert Cascade().check_recipes(("a", "b"), recipes, frozenset({"binary"})) == []


def test_a_cascade_of_values_gets_the_features_it_looks_at(bench):
    results = bench(
        {
            "datasets": ["diabetes"],
            "learners": ["ridge", "dt"],
            "fusions": {"c": "cascade"},
            "cv": {"type": "holdout", "test_size": 0.3, "inner": 2},
        }
    )
    assert results.failures == ()
    assert "c" in {row.model for row in results.scores}


def test_features_are_read_for_values_only():
    assert Cascade().reads_features("continuous")
    assert not Cascade().reads_features("multiclass")
    assert not Cascade(space="predictions").reads_features("continuous")
