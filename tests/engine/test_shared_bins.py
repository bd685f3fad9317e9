"""Grids whose members train on the same binned rows: the scores, and what it is booked as."""

import pytest

from fusebench import learners
from fusebench.engine import schedule

SPEC = {
    "datasets": ["iris", "diabetes"],
    "learners": {
        "light": {"type": "lightgbm", "n_estimators": 5, "grid": {"num_leaves": [4, 8], "learning_rate": [0.1, 0.3]}},
        "early": {"type": "lightgbm", "early_stopping_rounds": 2, "grid": {"n_estimators": [5, 9]}},
        "xgb": {"type": "xgboost", "n_estimators": 4, "grid": {"max_depth": [2, 3]}},
        "coarse": {"type": "xgboost", "n_estimators": 4, "max_bin": 8},
        "tree": "dt",
    },
    "fusions": {"mean": "averaging"},
    "cv": {"n_splits": 3, "inner": 2},
}


@pytest.fixture
def made(monkeypatch):
    """Note each binning that is made and each that is taken over."""
    notes = []
    real = learners.binned_rows

    def noted():
        binned = real()
        get_or_make = binned.get_or_make

        def noting(*arguments):
            before = binned.spared_wall
            data = get_or_make(*arguments)
            notes.append("taken over" if binned.spared_wall > before else "made")
            return data

        binned.get_or_make = noting
        return binned

    monkeypatch.setattr(learners, "binned_rows", noted)
    return notes


def test_a_grid_has_the_scores_of_fits_alone(bench, made, tmp_path, monkeypatch):
    shared = bench(SPEC)
    assert not shared.failures
    n_parts = 2 * (3 + 3 * 2)
    assert made.count("made") == n_parts * 3, "light, early and xgb, once a part"
    assert made.count("taken over") == n_parts * (3 + 1 + 1)
    monkeypatch.setattr(schedule, "_shared_bins", lambda blueprint, tasks: {})
    alone = bench(SPEC, store=tmp_path / "another")
    assert [row.score for row in shared.scores] == [row.score for row in alone.scores]
    assert len(made) == n_parts * 8


def test_every_member_is_booked_as_if_it_had_been_alone(bench, monkeypatch):
    """Else the member that happens to come first would look dearer than its neighbours."""
    real = learners.binned_rows

    def slow():
        binned = real()
        get_or_make = binned.get_or_make

        def dear(binning, make, *kind):
            data = get_or_make(binning, make, *kind)
            for name, one in binned._kept.items():
                binned._kept[name] = one._replace(cpu=100.0, wall=200.0)
            return data

        binned.get_or_make = dear
        return binned

    monkeypatch.setattr(learners, "binned_rows", slow)
    grid = {"light": {"type": "lightgbm", "n_estimators": 2, "grid": {"num_leaves": [4, 8]}}}
    found = bench({**SPEC, "datasets": ["iris"], "learners": grid})
    booked = [row for row in found.costs if row.kind == "learner"]
    assert len(booked) == 2 * 3
    assert sum(row.fit_cpu_seconds > 100 and row.fit_wall_seconds > 200 for row in booked) == 3, "one a split is spared"
