"""What a plan expects of fits that nobody has timed yet."""

import pytest

from fusebench import api
from fusebench.engine import plan as planning

SPEC = {"name": "p", "learners": {"rf": {"type": "rf", "n_estimators": 7}, "nb": "nb"}}


def planned(tmp_path, datasets, recorded):
    place = api.settings(store=tmp_path / "store", n_jobs=1)
    blueprint = api.make_plan(api.spec_from({**SPEC, "datasets": datasets}), place).plan.blueprint
    return planning.make_plan(blueprint, planning.CostModel(recorded))


def expected(plan, learner):
    (seconds,) = {task.expected for task in plan.fits() if task.item.learner == learner}
    return seconds


def test_a_learner_keeps_its_pace_on_other_datasets(tmp_path):
    first = planned(tmp_path, ["iris"], {})
    formula = expected(first, "rf")
    (cost_key,) = {task.cost_key for task in first.fits() if task.item.learner == "rf"}
    recorded = planning.paces(first, {cost_key: [2.5 * formula, 3.5 * formula]})
    assert len(recorded) == 2  # nothing is said of a learner that was not timed
    pace, growth = recorded.values()
    assert pace == [pytest.approx(3.0)]
    assert 1 < growth[0] < 3  # a part of the formula is for any table
    before, after = (planned(tmp_path, ["wine"], known) for known in ({}, dict.fromkeys(recorded, 3.0)))
    assert expected(after, "rf") == pytest.approx(3 * expected(before, "rf"))
    assert expected(after, "nb") == expected(before, "nb")


def test_recorded_seconds_win_over_the_pace(tmp_path):
    first = planned(tmp_path, ["iris"], {})
    (cost_key,) = {task.cost_key for task in first.fits() if task.item.learner == "rf"}
    pace_key, _ = planning.paces(first, {cost_key: [1.0]})
    assert expected(planned(tmp_path, ["iris"], {cost_key: 0.125, pace_key: 9.0}), "rf") == 0.125


def test_what_is_slow_for_few_rows_is_not_taken_for_slow_growth(tmp_path):
    """A fixed cost that the formula lacks, seen on a small table, is not multiplied by the size of a large one."""
    first = planned(tmp_path, ["iris"], {})
    formula = expected(first, "nb")
    (cost_key,) = {task.cost_key for task in first.fits() if task.item.learner == "nb"}
    recorded = {name: one for name, (one,) in planning.paces(first, {cost_key: [20 * formula]}).items()}
    assert expected(planned(tmp_path, ["iris"], recorded), "nb") == pytest.approx(20 * formula, rel=0.2)
    before, after = (expected(planned(tmp_path, ["digits"], known), "nb") for known in ({}, recorded))
    assert after < 3 * before
