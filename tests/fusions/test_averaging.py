from __future__ import annotations

import numpy as np
import pytest

from fusebench.errors import FitError
from fusebench.fusions.averaging import Averaging

P = np.array([[[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]])
GEOMETRIC = np.cbrt([0.9 * 0.6 * 0.2, 0.1 * 0.4 * 0.8])


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("mean", [1.7 / 3, 1.3 / 3]),
        ("median", [0.6, 0.4]),
        ("geometric", GEOMETRIC / GEOMETRIC.sum()),
        ("log_pool", GEOMETRIC / GEOMETRIC.sum()),
        ("product", [0.108 / 0.14, 0.032 / 0.14]),
        ("max", [0.9 / 1.7, 0.8 / 1.7]),
        ("min", [0.2 / 0.3, 0.1 / 0.3]),
    ],
)
def test_rules_by_hand(make_context, method, expected):
    context = make_context(P)
    fused = Averaging(method=method).fit(P, np.array([0]), context).predict_proba(P, context)
    np.testing.assert_allclose(fused, [expected], rtol=1e-12)


def test_trimmed_mean_drops_the_extremes(make_context):
    values = np.array([[100.0, 1.0, 2.0, 3.0, -50.0]])
    context = make_context(values)
    assert Averaging(method="trimmed").fit(values, np.array([0]), context).predict(values, context).tolist() == [2.0]


def test_trimming_keeps_at_least_one(make_context):
    values = np.array([[1.0, 2.0]])
    context = make_context(values)
    fusion = Averaging(method="trimmed", trim=0.49).fit(values, np.array([0]), context)
    assert fusion.predict(values, context).tolist() == [1.5]


def test_log_pool_weights_are_exponents(make_context):
    two = P[:, :2]
    context = make_context(two)
    fused = Averaging(method="log_pool", weights=(3, 1)).fit(two, np.array([0]), context).predict_proba(two, context)
    odds = (0.9 / 0.1) ** 0.75 * (0.6 / 0.4) ** 0.25
    np.testing.assert_allclose(fused[0, 0] / fused[0, 1], odds, rtol=1e-12)


@pytest.mark.parametrize("method", ["geometric", "product", "min"])
def test_members_that_exclude_every_class_still_give_probabilities(make_context, method):
    certain = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    context = make_context(certain)
    fused = Averaging(method=method).fit(certain, np.array([0]), context).predict_proba(certain, context)
    np.testing.assert_allclose(fused, [[0.5, 0.5]])


def test_geometric_mean_of_values(make_context):
    values = np.array([[1.0, 4.0], [2.0, 8.0]])
    context = make_context(values)
    fusion = Averaging(method="geometric").fit(values, np.zeros(2), context)
    np.testing.assert_allclose(fusion.predict(values, context), [2.0, 4.0])
    with pytest.raises(FitError, match="smallest prediction is -1"):
        fusion.predict(-values[:1] / 4, context)


def test_what_makes_no_sense_is_refused():
    members = ("a", "b")
    assert "takes no weights" in Averaging(method="max", weights=(1, 2)).check(members, frozenset({"binary"}))[0]
    assert "continuous" in Averaging(method="product").check(members, frozenset({"continuous"}))[0]
    assert Averaging(method="product").check(members, frozenset({"multiclass"})) == []
