"""The gate and its baseline."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fusebench import judge
from fusebench.errors import UndecidableError, UsageError
from fusebench.judge.baseline import load

BASE = np.array([0.90, 0.92, 0.91, 0.89, 0.93])
# From the project's table of hand-checkable cases: k=5, ratio 1/4, margin 0.01.
CASES = {
    "identical": ([0, 0, 0, 0, 0], 0.0, 0.0, 1.0, (0.0, 1.0, 0.0), "IDENTICAL", False),
    "constant_drop": ([-0.02] * 5, -0.02, 0.0, 0.0, (1.0, 0.0, 0.0), "REGRESSED", True),
    "float_noise": ([1e-17, -1e-17, 0, 0, 1e-17], 0.0, 0.0, 1.0, (0.0, 1.0, 0.0), "IDENTICAL", False),
    "noisy": (
        [-0.03, 0.01, -0.05, 0.0, -0.02], -0.018, 0.016015617378046968, 0.1619704154959214,
        (0.6781778715785428, 0.24415937398382226, 0.07766275443763491), "INCONCLUSIVE", False,
    ),
    "clear": (
        [-0.05, -0.04, -0.06, -0.05, -0.045], -0.049, 0.004974937185533099, 0.00029799999999999976,
        (0.9992849933093281, 0.0005702784102379344, 0.00014472828043404477), "REGRESSED", True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("conservative", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_hand_checked_cases(case, conservative, make_results):
    d, mean, se, p_drop, chances, word, failed = CASES[case]
    report = judge.gate(
        judge.baseline_of(make_results({"m": BASE})), make_results({"m": BASE + np.array(d)}), conservative=conservative
    )
    (row,) = report.rows
    assert (row.mean_diff, row.se, row.p_drop) == pytest.approx((mean, se, p_drop), abs=1e-9)
    assert (row.p_worse, row.p_equivalent, row.p_better) == pytest.approx(chances, abs=1e-9)
    assert (row.verdict, row.failed, report.failed) == (word, failed, failed)
    assert row.df == 4


def test_models_that_cannot_predict_a_target_are_not_judged(make_results, make_facts):
    datasets = [make_facts("flowers"), make_facts("prices")]
    alone = {"nb": {"flowers": BASE, "prices": np.full(5, np.nan)}, "rf": {"flowers": BASE, "prices": BASE}}
    results = replace(make_results(alone, datasets=datasets), failures=())
    before = judge.baseline_of(results)
    assert not before.failures
    assert before == load(judge.dump(before), "here")
    report = judge.gate(before, results)
    assert {(row.dataset, row.model) for row in report.rows if row.model == "nb"} == {("flowers", "nb")}
    assert any("not applicable" in one and "nb on prices" in one for one in report.warnings)
    failing = judge.gate(
        judge.baseline_of(make_results(alone, datasets=datasets)), make_results(alone, datasets=datasets)
    )
    assert any((row.dataset, row.model, row.reason[:3]) == ("prices", "nb", "all") for row in failing.rows)


def test_holm_goes_over_everything_checked(make_results):
    d = np.array([-0.05, -0.01, -0.03, -0.02, -0.02])
    before = {f"m{at}": BASE for at in range(30)}
    alone = judge.gate(judge.baseline_of(make_results({"m0": BASE})), make_results({"m0": BASE + d}))
    among = judge.gate(judge.baseline_of(make_results(before)), make_results(before | {"m0": BASE + d}))
    assert alone.failed
    assert not among.failed
    row = next(row for row in among.rows if row.model == "m0")
    assert row.p_holm == pytest.approx(30 * row.p_drop)


def test_the_suite_sees_what_no_dataset_shows(make_results, make_facts):
    rng = np.random.default_rng(1)
    datasets = [make_facts(f"d{at}") for at in range(8)]
    before = {one.name: BASE for one in datasets}
    now = {name: BASE - 0.03 + 0.025 * rng.standard_normal(5) for name in before}
    report = judge.gate(
        judge.baseline_of(make_results({"m": before}, datasets=datasets)), make_results({"m": now}, datasets=datasets)
    )
    assert [row.dataset for row in report.rows if row.failed] == [""]
    assert len(report.rows) == 9


def test_words(make_results):
    d = np.array([-0.05, -0.04, -0.06, -0.05, -0.045])
    report = judge.gate(judge.baseline_of(make_results({"m": BASE})), make_results({"m": BASE + d}))
    (line,) = report.sentences()
    assert line == (
        "d, m, accuracy: \N{MINUS SIGN}4.90 pts [95% CI \N{MINUS SIGN}6.28 pts, \N{MINUS SIGN}3.52 pts], "
        "p <0.001 (Holm <0.001), P(worse by >1.00 pts) 1.00 → REGRESSED; could detect ≥1.53 pts"
    )
    assert json.loads(json.dumps(report.as_dict(), allow_nan=False))["failed"] is True


def test_new_failures_fail_by_themselves(make_results):
    broken = BASE.copy()
    broken[2] = np.nan
    report = judge.gate(judge.baseline_of(make_results({"m": BASE, "k": BASE})), make_results({"m": broken, "k": BASE}))
    row = next(row for row in report.rows if row.model == "m")
    assert (row.verdict, row.failed, row.reason) == ("REGRESSED", True, "new failures: 1/5 folds")
    old = judge.gate(judge.baseline_of(make_results({"m": broken, "k": BASE})), make_results({"m": broken, "k": BASE}))
    assert not old.failed


def test_exact_fails_on_any_change_and_needs_the_same_environment(make_results):
    before, tiny = judge.baseline_of(make_results({"m": BASE})), BASE + np.array([0, 0, 0, 0, 1e-6])
    assert not judge.gate(before, make_results({"m": tiny})).failed
    assert judge.gate(before, make_results({"m": tiny}), exact=True).failed
    elsewhere = make_results({"m": BASE}, versions={"numpy": "3"})
    assert judge.gate(before, elsewhere).warnings == ("environment: numpy 3, was 2",)
    with pytest.raises(UndecidableError, match="numpy 3, was 2"):
        judge.gate(before, elsewhere, exact=True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"fingerprint": "g"}, "other data"),
        ({"preprocessing": "q"}, "prepared in another way"),
        ({"prefix": "x"}, "other test rows in repeat 0, fold 0 and 4 more"),
        ({"name": "e"}, "d: in the baseline, not in the run"),
        ({"target": "z"}, "the run has target z"),
    ],
)
def test_what_cannot_be_paired_is_refused(change, says, make_results, make_facts):
    now = make_results({"m": BASE}, datasets=[make_facts(**change)])
    with pytest.raises(UndecidableError, match=says):
        judge.gate(judge.baseline_of(make_results({"m": BASE})), now)


def test_other_folds_models_metrics_and_unfinished_runs_are_refused(make_results):
    before = judge.baseline_of(make_results({"m": BASE, "k": BASE}))
    for now, says in (
        (make_results({"m": BASE}), "k: in the baseline, not in the run"),
        (make_results({"m": [*BASE, 0.9], "k": [*BASE, 0.9]}), "6 folds, the baseline has 5"),
        (make_results({"m": BASE, "k": BASE}, metrics=("roc_auc",)), "not scored by accuracy"),
        (make_results({"m": BASE, "k": BASE}, complete=False), "not complete"),
    ):
        with pytest.raises(UndecidableError, match=says) as caught:
            judge.gate(before, now)
        assert caught.value.exit_code == 3


def test_one_fold_cannot_be_judged_unless_identical(make_results):
    before = judge.baseline_of(make_results({"m": [0.9]}))
    assert not judge.gate(before, make_results({"m": [0.9]})).failed
    with pytest.raises(UndecidableError, match="one fold only"):
        judge.gate(before, make_results({"m": [0.8]}))


def test_margins_are_needed_beyond_accuracies(make_results):
    loss = {"metrics": ("neg_log_loss",)}
    before, now = judge.baseline_of(make_results({"m": -BASE}, **loss)), make_results({"m": -BASE - 0.2}, **loss)
    with pytest.raises(UsageError, match="--margin METRIC=VALUE"):
        judge.gate(before, now)
    assert judge.gate(before, now, margins={"neg_log_loss": 0.1}).failed
    both = {"metrics": ("accuracy", "neg_log_loss")}
    report = judge.gate(judge.baseline_of(make_results({"m": BASE}, **both)), make_results({"m": BASE - 0.005}, **both))
    assert report.warnings == ("not judged, for want of a margin: neg_log_loss; give --margin METRIC=VALUE",)
    assert [row.verdict for row in report.rows] == ["EQUIVALENT", "INCONCLUSIVE"]


def test_margin_option():
    metrics = ("accuracy", "neg_log_loss", "roc_auc_ovr")
    assert judge.parse_margins(["0.02", "neg_log_loss=0.1"], metrics) == {
        "accuracy": 0.02, "roc_auc_ovr": 0.02, "neg_log_loss": 0.1,
    }  # fmt: skip
    for text, says in (("x", "not a number"), ("-1", ">= 0"), ("acuracy=0.1", "did you mean 'accuracy'")):
        with pytest.raises(UsageError, match=says):
            judge.parse_margins([text], metrics)


@pytest.fixture
def written(make_results):
    return judge.dump(judge.baseline_of(make_results({"m": BASE, "k": BASE - 1e-3, "oracle": BASE})))


def test_a_baseline_reads_back_and_diffs_line_by_line(written, make_results):
    again = load(written, "b.json")
    assert again == judge.baseline_of(make_results({"m": BASE, "k": BASE - 1e-3, "oracle": BASE}))
    assert judge.dump(again) == written
    other = BASE.copy()
    other[0] += 0.01
    changed = judge.dump(judge.baseline_of(make_results({"m": other, "k": BASE - 1e-3, "oracle": BASE})))
    assert sum(a != b for a, b in zip(written.splitlines(), changed.splitlines(), strict=True)) == 1
    assert '"cores"' not in written


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda text: text[: len(text) // 2], "cut off"),
        (lambda text: "", "cut off"),
        (lambda text: "[]", "no schema_version"),
        (lambda text: text.replace('"schema_version": 1', '"schema_version": 2'), "upgrade fusebench"),
        (lambda text: text.replace("0.92", "NaN", 1), "holds NaN"),
        (lambda text: text.replace('["d", "y", "m", 0, 1, "accuracy", 0.92],\n', ""), "lacks the score of m on"),
        (lambda text: text.replace('"m", 0, 1,', '"m", 0, 0,'), "second score of m on d"),
        (lambda text: text.replace('"m", 0, 1,', '"m", 0, 7,'), "belongs to no dataset"),
        (lambda text: text.replace('"metrics"', '"metric"'), "lacks metrics"),
        (lambda text: text.replace('0.92]', '"0.92"]', 1), "is no number"),
    ],
)  # fmt: skip
def test_a_spoilt_baseline_is_refused(spoil, says, written):
    with pytest.raises(UndecidableError, match=says):
        load(spoil(written), "b.json")


def test_a_missing_baseline_is_undecidable(tmp_path):
    with pytest.raises(UndecidableError, match="no such baseline"):
        judge.read_baseline(tmp_path / "none.json")


def test_diff_pairs_the_overlap_and_falls_back_to_welch(make_results, make_facts):
    ten = np.linspace(0.88, 0.93, 10)
    before = judge.side_of("a", judge.baseline_of(make_results({"m": ten})))
    shift = np.linspace(-0.002, 0.002, 10)
    same = judge.diff(before, judge.side_of("b", judge.baseline_of(make_results({"m": ten - 0.04 + shift}))))
    assert [row.verdict for row in same.rows] == ["REGRESSED"]
    some = make_facts(n_splits=10)
    hashes = {key: text if key[1] < 8 else "other" for key, text in some.fold_hashes.items()}
    partly = make_results({"m": ten - 0.04 + shift}, datasets=[replace(some, fold_hashes=hashes)])
    (row,) = judge.diff(before, judge.side_of("b", judge.baseline_of(partly))).rows
    assert (row.n_folds, row.reason) == (8, "paired on the 8 folds that both sides have")
    unlike = make_results({"m": ten - 0.04 + shift}, datasets=[make_facts(n_splits=10, prefix="x")])
    (row,) = judge.diff(before, judge.side_of("b", judge.baseline_of(unlike))).rows
    assert row.reason == "unpaired, less sensitive"
    assert row.se > same.rows[0].se
    data = make_results({"m": ten}, datasets=[make_facts(n_splits=10, fingerprint="g")])
    with pytest.raises(UndecidableError, match="other data"):
        judge.diff(before, judge.side_of("b", judge.baseline_of(data)))


def test_diff_of_means_checks_the_margin_and_says_so(tmp_path):
    for name, score in (("a", "0.9"), ("b", "0.8")):
        (tmp_path / f"{name}.csv").write_text(f"dataset,model,metric,score\nd,m,accuracy,{score}\n")
    report = judge.diff(*(judge.read_side(tmp_path / f"{name}.csv") for name in "ab"))
    assert [row.verdict for row in report.rows] == ["REGRESSED"]
    assert any("margin alone" in text for text in report.warnings)
