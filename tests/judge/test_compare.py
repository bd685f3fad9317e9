"""The comparisons and the leaderboard of a run."""

from dataclasses import replace

import numpy as np
import pytest

from fusebench import judge, stats
from fusebench.results import applicable

RF = np.array([0.90, 0.92, 0.91, 0.89, 0.93])
SPREAD = np.array([0.001, -0.001, 0.002, 0.0, -0.002])


@pytest.fixture
def one(make_results):
    return make_results(
        {
            "rf": RF, "svm": RF - 0.05 + SPREAD, "fuse": RF + 0.04 - SPREAD, "best_single": RF, "oracle": RF + 0.06,
        }
    )  # fmt: skip


def row_of(rows, model):
    return next(row for row in rows if row.model == model)


def test_one_dataset_ranks_by_mean_and_never_ranks_the_oracle(one):
    board = judge.compare(one).leaderboard
    assert [(row.model, row.rank) for row in board] == [
        ("fuse", 1.0), ("rf", 2.5), ("best_single", 2.5), ("svm", 4.0), ("oracle", None),
    ]  # fmt: skip
    assert row_of(board, "oracle").mean_score == pytest.approx(0.97)
    assert row_of(board, "oracle").group == row_of(board, "oracle").verdict == ""


def test_intervals_are_corrected_and_costs_include_members(one):
    row = row_of(judge.compare(one).leaderboard, "fuse")
    want = stats.corrected_t(RF + 0.04 - SPREAD, 0.25)
    assert (row.ci_low, row.ci_high) == pytest.approx((want.low, want.high))
    assert row.diff_best_single == pytest.approx(0.04)
    assert (row.fit_seconds_marginal, row.fit_seconds_total) == (2.5, 3.0)
    assert row.predict_us_per_row == pytest.approx(2000)  # 0.02 s for 20 rows, and as much for the member
    assert row.bytes == 2000


def test_comparisons_hold_all_pairs_with_holm_over_all_of_them(one):
    verdicts = judge.compare(one)
    assert len(verdicts.comparisons) == 6
    assert {row.dataset for row in verdicts.comparisons} == {"d"}
    tested = [row for row in verdicts.comparisons if row.p is not None]
    same = next(row for row in verdicts.comparisons if {row.model_a, row.model_b} == {"rf", "best_single"})
    assert (same.verdict, same.p, same.mean_diff, same.se) == ("identical", None, 0.0, 0.0)
    smallest = min(tested, key=lambda row: row.p)
    assert smallest.p_holm == pytest.approx(6 * smallest.p)


def test_groups_and_verdicts_against_best_single(one):
    board = judge.compare(one).leaderboard
    assert {row.model: (row.verdict, row.group) for row in board} == {
        "fuse": ("better", "a"), "rf": ("identical", "b"), "best_single": ("", "b"), "svm": ("worse", "c"),
        "oracle": ("", ""),
    }  # fmt: skip


def test_the_words(one):
    verdicts = judge.compare(one)
    assert verdicts.sentences[0] == "fuse is better than every other model under accuracy (family-wise level 0.05)."
    assert verdicts.sentences[1].startswith("fuse beats best_single on d (accuracy: +4.00 pts [95% CI ")
    assert any(text.startswith("low power: there are at most 5 folds") for text in verdicts.warnings)


def test_undecided_is_never_called_equal(make_results):
    noise = np.array([0.03, -0.02, 0.01, -0.03, 0.02])
    verdicts = judge.compare(make_results({"rf": RF, "fuse": RF + noise, "best_single": RF}))
    assert row_of(verdicts.leaderboard, "fuse").verdict == "undecided"
    assert row_of(verdicts.leaderboard, "fuse").group == row_of(verdicts.leaderboard, "rf").group == "a"
    assert "fuse ranks first under accuracy, but cannot be told apart from rf, best_single." in verdicts.sentences
    assert "which does not show that they are equal" in verdicts.sentences[1]


def test_failures_have_no_mean_and_no_rank(make_results):
    broken = RF.copy()
    broken[1:4] = np.nan
    verdicts = judge.compare(make_results({"rf": RF, "svm": broken, "best_single": RF}))
    row = row_of(verdicts.leaderboard, "svm")
    assert (row.failures, row.mean_score, row.rank, row.verdict, row.group) == ("3/5 folds failed", None, None, "", "")
    assert "accuracy: svm lacks scores on d; it has no mean there and is not compared" in verdicts.warnings


def test_a_constant_shift_is_decided_by_the_margin_alone(make_results):
    verdicts = judge.compare(make_results({"a": RF, "b": RF - 0.005, "c": RF - 0.02}))
    words = {(row.model_a, row.model_b): (row.verdict, row.p) for row in verdicts.comparisons}
    assert words == {("a", "b"): ("equivalent", None), ("a", "c"): ("better", None), ("b", "c"): ("better", None)}


def test_one_fold_is_not_tested(make_results):
    verdicts = judge.compare(make_results({"a": [0.9], "b": [0.8]}))
    assert verdicts.comparisons == ()
    assert any(text.startswith("no test and no interval over folds: there is one fold") for text in verdicts.warnings)
    assert [row.ci_low for row in verdicts.leaderboard] == [None, None]


@pytest.fixture
def suite(make_results, make_facts):
    def build(n_datasets, seed=0):
        rng = np.random.default_rng(seed)
        datasets = [make_facts(f"d{at}") for at in range(n_datasets)]
        base = {one.name: 0.8 + rng.normal(0, 0.02, 5) for one in datasets}
        up = {name: scores + 0.03 + rng.normal(0, 0.005, 5) for name, scores in base.items()}
        return make_results({"rf": base, "fuse": up, "best_single": base}, datasets=datasets)

    return build


def test_several_datasets_are_compared_by_signed_ranks(suite):
    verdicts = judge.compare(suite(8))
    overall = [row for row in verdicts.comparisons if row.dataset == ""]
    assert {row.method for row in overall} == {"wilcoxon_exact"}
    fuse = next(row for row in overall if {row.model_a, row.model_b} == {"rf", "fuse"})
    assert fuse.p == 2 / 2**8
    assert fuse.se is None
    assert row_of(verdicts.leaderboard, "fuse").verdict == "better"
    assert row_of(verdicts.leaderboard, "fuse").rank == 1.0
    assert row_of(verdicts.leaderboard, "rf").rank == 2.5
    assert set(verdicts.per_dataset) == set(verdicts.datasets) == {f"d{at}" for at in range(8)}


def test_too_few_datasets_show_ranks_only(suite):
    verdicts = judge.compare(suite(3))
    row = row_of(verdicts.leaderboard, "fuse")
    assert (row.rank, row.verdict, row.group) == (1.0, "undecided", "")
    assert any("below 7 datasets, and there are 3" in text for text in verdicts.warnings)
    assert verdicts.sentences[0] == "fuse ranks first under accuracy; nothing could be tested."


def test_a_failure_takes_the_worst_rank_and_its_dataset_leaves_the_tests(make_results, make_facts):
    datasets = [make_facts("d0"), make_facts("d1")]
    rf = {"d0": RF, "d1": RF}
    broken = {"d0": RF + 0.01, "d1": np.array([np.nan, *RF[1:]])}
    verdicts = judge.compare(
        make_results({"rf": rf, "x": broken, "low": {k: v - 0.1 for k, v in rf.items()}}, datasets=datasets)
    )
    assert {row.model: row.rank for row in verdicts.leaderboard} == {"rf": 1.5, "x": 2.0, "low": 2.5}
    assert row_of(verdicts.leaderboard, "x").failures == "1/10 folds failed"
    assert any("1 of 2 datasets were dropped" in text for text in verdicts.warnings)


def test_metrics_without_a_margin_have_no_posterior(make_results):
    verdicts = judge.compare(make_results({"a": RF, "b": RF + SPREAD}, metrics=("neg_log_loss",)))
    assert verdicts.comparisons[0].p_worse is None
    assert judge.compare(
        make_results({"a": RF, "b": RF + SPREAD}, metrics=("neg_log_loss",)), margins={"neg_log_loss": 0.1}
    ).comparisons[0].p_equivalent == pytest.approx(1.0, abs=1e-4)


def test_members_asked_for_some_rows_count_for_those(make_results):
    results = make_results({"rf": RF, "fuse": RF})
    told = {("d", "y", "fuse", 0, fold): {"run_share": {"rf": 0.25 if fold else 0.75}} for fold in range(2)}
    (row,) = [row for row in judge.compare(replace(results, explanations=told)).leaderboard if row.model == "fuse"]
    assert row.predict_us_per_row == pytest.approx(1000 + 0.5 * 1000)


def test_a_model_that_cannot_predict_such_targets_is_no_row_and_no_failure(make_results):
    found = make_results({"nb": [0.8, 0.7, 0.9, 0.6, 0.8], "svr": [np.nan] * 5, "best_single": [0.8] * 5})
    unable = replace(found, failures=())
    assert [row.model for row in judge.compare(found).leaderboard] == ["best_single", "nb", "svr"]
    assert [row.model for row in judge.compare(unable).leaderboard] == ["best_single", "nb"]
    assert not any("svr" in warning for warning in judge.compare(unable).warnings)
    assert "svr" in [row.model for row in judge.compare(replace(unable, complete=False)).leaderboard]


def test_a_metric_belongs_to_the_targets_that_have_scores_under_it(make_results, make_facts):
    datasets = [make_facts("a"), make_facts("b")]
    found = make_results({"nb": {"a": [0.8] * 5, "b": [0.7] * 5}}, datasets=datasets, metrics=("accuracy", "r2"))
    kept = tuple(row for row in found.scores if (row.dataset, row.metric) in {("a", "accuracy"), ("b", "r2")})
    found = replace(found, scores=kept)
    assert applicable(found, "accuracy") == {("a", "y")}
    assert applicable(found, "r2") == {("b", "y")}
