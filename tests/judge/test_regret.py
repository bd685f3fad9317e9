"""What choosing per split cost, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from fusebench import judge
from fusebench.judge.regret import Regret


def with_adaptive(results, members):
    models = tuple(
        replace(one, type="adaptive", members=members) if one.id == "fuse_choice" else one for one in results.models
    )
    return replace(results, models=models)


def test_one_dataset(make_results):
    results = with_adaptive(
        make_results({"a": np.array([0.7, 0.9]), "b": np.array([0.8, 0.9]), "fuse_choice": np.array([0.7, 0.9])}),
        ("a", "b"),
    )
    verdicts = judge.compare(results)
    (row,) = verdicts.regrets
    assert row[:4] == ("d", "accuracy", "fuse_choice", "b")
    assert row[4:] == pytest.approx((0.85, 0.8, 0.05))
    assert any(
        "In hindsight fuse_choice lost 5.00 pts to the best fixed choice on d, b" in one for one in verdicts.sentences
    )


def test_several_datasets_hold_one_choice_for_all_against_it(make_results, make_facts):
    both = [make_facts("d", n_splits=2), make_facts("e", n_splits=2)]
    columns = {
        "a": {"d": np.array([0.9, 0.9]), "e": np.array([0.6, 0.6])},
        "b": {"d": np.array([0.7, 0.7]), "e": np.array([0.7, 0.7])},
        "fuse_choice": {"d": np.array([0.9, 0.9]), "e": np.array([0.69, 0.69])},
    }
    verdicts = judge.compare(with_adaptive(make_results(columns, datasets=both), ("a", "b")))
    found = {row.dataset: row for row in verdicts.regrets}
    assert found["d"].regret == pytest.approx(0)
    assert (found["e"].best, found["e"].regret) == ("b", pytest.approx(0.01))
    # a has 0.75 on average, b 0.7, and choosing 0.795: better than any fixed choice.
    assert (found[""].best, found[""].regret) == ("a", pytest.approx(-0.045))
    assert any(
        "lost 0.50 pts on average to the best choice for each of 2 datasets" in one for one in verdicts.sentences
    )


def test_candidates_without_scores_and_other_fusions_have_no_regret(make_results):
    columns = {"a": np.array([0.7, 0.9]), "b": np.array([np.nan, 1.0]), "fuse_choice": np.array([0.7, 0.9])}
    verdicts = judge.compare(with_adaptive(make_results(columns), ("a", "b")))
    assert [row.best for row in verdicts.regrets] == ["a"]
    assert judge.compare(make_results({"a": np.array([0.7, 0.9]), "fuse_x": np.array([0.7, 0.9])})).regrets == ()
    assert Regret._fields[-1] == "regret"
