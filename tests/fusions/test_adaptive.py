from __future__ import annotations

import numpy as np
import pytest

from fusebench.errors import FitError
from fusebench.fusions.adaptive import Adaptive


def with_scores(make_context, scores, **changes):
    """Return (P, y, context) whose members have these scores on each inner fold (the mean of their predictions)."""
    scores = np.asarray(scores, dtype=float)
    P = np.repeat(scores, 2, axis=0)
    fold = np.repeat(np.arange(len(scores)), 2)
    context = make_context(P, fold=fold, score=lambda y, labels, proba: float(labels.mean()), **changes)
    return P, np.zeros(len(P)), context


# Differences to the first: 0.1, 0.3, 0.1, 0.3: mean 0.2, variance 0.04 / 3, error sqrt(0.04 / 3 * 7 / 12) = 0.0882.
CLEAR = [[1.0, 0.9], [1.0, 0.7], [1.0, 0.9], [1.0, 0.7]]
# Differences 0.1, -0.1, 0.1, 0.1: mean 0.05, variance 0.01, error sqrt(0.01 * 7 / 12) = 0.0764.
CLOSE = [[1.0, 0.9], [1.0, 1.1], [1.0, 0.9], [1.0, 0.9]]


def test_the_best_wins_when_it_is_clear(make_context):
    P, y, context = with_scores(make_context, CLEAR, sizes={"m0": 5, "m1": 1})
    assert Adaptive().fit(P, y, context).explain()["members_used"] == ["m0"]


def test_the_simpler_one_wins_within_one_standard_error(make_context):
    P, y, context = with_scores(make_context, CLOSE, sizes={"m0": 5, "m1": 1})
    explained = Adaptive().fit(P, y, context).explain()
    assert explained["members_used"] == ["m1"]
    assert explained["best"] == "m0"
    assert Adaptive(standard_errors=0.6).fit(P, y, context).chosen_ == 0
    assert Adaptive(standard_errors=0.7).fit(P, y, context).chosen_ == 1


@pytest.mark.parametrize(("costs", "expected"), [({"m0": 2.0, "m1": 1.0}, 1), ({"m1": 1.0}, 0), ({}, 0)])
def test_equal_sizes_go_by_cost_if_all_have_one_then_by_order(make_context, costs, expected):
    P, y, context = with_scores(make_context, CLOSE, costs=costs)
    assert Adaptive().fit(P, y, context).chosen_ == expected


def test_identical_candidates_go_to_the_first(make_context):
    P, y, context = with_scores(make_context, [[0.1 + 0.2, 0.3], [0.3, 0.3]])
    assert Adaptive(standard_errors=0).fit(P, y, context).chosen_ == 0


def test_without_folds_the_best_on_all_rows_is_chosen(make_problem):
    P, y, context = make_problem("multiclass", fold=None, sizes={"m0": 9})
    assert Adaptive().fit(P, y, context).chosen_ == 0


def test_folds_of_one_class_are_left_out(make_problem):
    P, y, context = make_problem("binary", n_samples=100)
    fold = np.where(np.arange(100) < 50, np.arange(100) // 10, np.where(y == 0, 5, 6))
    context = make_problem("binary", n_samples=100, fold=fold)[2]
    assert Adaptive().fit(P, y, context).scores_.shape == (5, 4)


def test_no_score_at_all_is_an_error(make_problem):
    P, y, context = make_problem("binary", score=lambda y, labels, proba: float("nan"))
    with pytest.raises(FitError, match="no candidate has a finite accuracy"):
        Adaptive().fit(P, y, context)


def test_predictions_are_the_chosen_members_own(make_problem):
    P, y, context = make_problem("binary")
    labels = 1 - P.argmax(axis=2)
    context = make_problem("binary", labels=labels)[2]
    fusion = Adaptive().fit(P, y, context)
    np.testing.assert_array_equal(fusion.predict(P, context), labels[:, fusion.chosen_])
    np.testing.assert_array_equal(fusion.predict_proba(P, context), P[:, fusion.chosen_])


def test_candidates_are_everything_but_what_trains_or_chooses():
    from fusebench.engine.expansion import blueprint_of
    from fusebench.spec.model import DatasetSpec, FusionSpec, LearnerSpec, Spec

    fusions = {name: FusionSpec(type=name) for name in ("adaptive", "voting", "stacking", "bagging")}
    fusions["named"] = FusionSpec(type="adaptive", members=("a", "bagging"))
    spec = Spec(
        name="x",
        datasets=(DatasetSpec(name="iris"),),
        learners={"a": LearnerSpec(type="ridge"), "b": LearnerSpec(type="knn")},
        fusions=fusions,
    )
    found = blueprint_of(spec)
    assert found.fusions["adaptive"].members == ("a", "b", "voting", "stacking")
    assert found.fusions["named"].members == ("a", "bagging")
    assert found.oof_of == {"voting", "stacking", "bagging"}
