from __future__ import annotations

import numpy as np
import pytest

from fusebench.errors import FitError
from fusebench.fusions.pruned import Pruned
from fusebench.spec.model import LearnerSpec


def squared(y, labels, proba):
    return -float(((y - labels) ** 2).mean())


# Errors 1, -1 and 4: the first two cancel.
VALUES = np.array([[1.0, -1.0, 4.0], [1.0, -1.0, 4.0]])


@pytest.mark.parametrize("method", ["backward", "margin"])
def test_members_that_only_harm_go(make_context, method):
    context = make_context(VALUES, score=squared)
    fusion = Pruned(method=method).fit(VALUES, np.zeros(2), context)
    # All three: (4/3)^2 = 1.78. One of the first two: 1. So a single member is already good enough.
    assert fusion.explain()["members_used"] == ["m0"]


def test_tolerance_below_all_keeps_the_needed(make_context):
    values = np.array([[1.0, -1.0], [1.0, -1.0]])
    context = make_context(values, score=squared)
    assert Pruned().fit(values, np.zeros(2), context).weights_.tolist() == [0.5, 0.5]
    assert Pruned(tolerance=1.0).fit(values, np.zeros(2), context).weights_.tolist() == [1, 0]
    assert Pruned(tolerance=0.99).fit(values, np.zeros(2), context).weights_.tolist() == [0.5, 0.5]


def test_margin_order_complements(make_context):
    # Right on rows 0-1, on rows 0-1 again, and on rows 2-3: the third complements the first, the second does not.
    y = np.zeros(4, dtype=int)
    labels = np.array([[0, 0, 1], [0, 0, 1], [1, 1, 0], [1, 1, 0]])
    P = np.eye(2)[labels]
    from fusebench.fusions.pruned import _margin_order

    assert _margin_order(P, y, make_context(P, labels=labels)) == [0, 2, 1]


def test_the_budget_is_kept(make_context):
    context = make_context(VALUES, score=squared, costs={"m0": 3.0, "m1": 3.0, "m2": 1.0})
    assert Pruned(method="budget", budget=3).fit(VALUES, np.zeros(2), context).explain()["members_used"] == ["m0"]
    assert Pruned(method="budget", budget=1).fit(VALUES, np.zeros(2), context).explain()["members_used"] == ["m2"]
    with pytest.raises(FitError, match="the cheapest takes 1"):
        Pruned(method="budget", budget=0.5).fit(VALUES, np.zeros(2), context)


def test_costs_must_be_declared(make_context):
    context = make_context(VALUES, score=squared, costs={"m0": 3.0})
    with pytest.raises(FitError, match="no cost is declared for m1, m2"):
        Pruned(method="budget", budget=3).fit(VALUES, np.zeros(2), context)


def test_budget_and_method_go_together():
    assert "needs one" in Pruned(method="budget").check(("a",), frozenset({"binary"}))[0]
    assert "takes none" in Pruned(budget=1.0).check(("a",), frozenset({"binary"}))[0]
    assert Pruned().check(("a",), frozenset({"binary"})) == []


def test_the_budget_may_be_bytes(make_context):
    context = make_context(VALUES, score=squared, costs={}, bytes={"m0": 300.0, "m1": 300.0, "m2": 100.0})
    chosen = Pruned(method="budget", budget=300, budget_of="bytes").fit(VALUES, np.zeros(2), context)
    assert chosen.explain()["members_used"] == ["m0"]
    with pytest.raises(FitError, match="no cost is declared"):
        Pruned(method="budget", budget=300).fit(VALUES, np.zeros(2), context)


def test_missing_declarations_are_found_before_anything_is_fitted():
    recipes = {"a": LearnerSpec(type="x", cost=2.0), "b": LearnerSpec(type="x", bytes=9)}

    def found(**params):
        return Pruned(method="budget", **params).check_recipes(("a", "b"), recipes, frozenset({"binary"}))

    assert found(budget=3.0) == ["budget: no cost is declared for b; add 'cost:' to each"]
    assert found(budget=3.0, budget_of="bytes") == ["budget: no bytes is declared for a; add 'bytes:' to each"]
    recipes["b"] = LearnerSpec(type="x", cost=4.0)
    assert found(budget=1.0) == ["budget: 1 pays for no member, the cheapest takes 2"]
    assert found(budget=2.0) == []


def test_complementary_order_mends_what_is_wrong_together(make_context):
    y = np.zeros(5, dtype=int)
    # The first is best; the second is right where it is right already, the third where it is wrong.
    labels = np.array([[0, 0, 1], [0, 0, 1], [0, 0, 1], [1, 1, 0], [1, 1, 0]])
    P = np.eye(2)[labels]
    from fusebench.fusions.pruned import _complementary_order

    assert _complementary_order(P, y, make_context(P, labels=labels)) == [0, 2, 1]
    (message,) = Pruned(method="complementary").check(("a",), frozenset({"continuous"}))
    assert message.startswith("method: 'complementary' counts wrong classes")


@pytest.mark.parametrize("method", ["backward", "margin"])
@pytest.mark.parametrize("target_type", ["binary", "multiclass", "continuous"])
def test_the_subset_is_as_good_as_all(make_problem, method, target_type):
    P, y, context = make_problem(target_type, n_members=6)
    P[:, 5] = P[:, 4]
    fusion = Pruned(method=method).fit(P, y, context)
    mean = P.mean(axis=1)
    everyone = context.score(y, mean if P.ndim == 2 else mean.argmax(axis=1), None)
    assert context.score(y, fusion.predict(P, context), None) >= everyone
    loose = Pruned(method=method, tolerance=0.05).fit(P, y, context)
    assert (loose.weights_ > 0).sum() < 6
