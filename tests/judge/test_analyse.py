"""Statistics of any score table."""

import json
from pathlib import Path

import numpy as np
import pytest

from fusebench import judge
from fusebench.errors import DataError, UsageError

GOLDEN = Path(__file__).parents[1] / "stats" / "golden"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))


def table(*means, models="abc", metric="accuracy"):
    """Return a table of means, one row a dataset."""
    blocks = tuple(
        judge.Block(dataset=f"d{at}", folds=(("0", "0"),), scores=np.array([row], dtype=float), test_train_ratio=None)
        for at, row in enumerate(means)
    )
    return judge.ScoreTable(metric=metric, models=tuple(models), blocks=blocks)


def folds(scores, models="ab", ratio=0.25):
    scores = np.array(scores, dtype=float)
    names = tuple(("0", str(at)) for at in range(len(scores)))
    block = judge.Block(dataset="d", folds=names, scores=scores, test_train_ratio=ratio)
    return judge.ScoreTable(metric="accuracy", models=tuple(models), blocks=(block,))


def analysed(*arguments, **options):
    result = judge.analyse(*arguments, **options)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    return result


def test_published_table_across_datasets():
    result = analysed(judge.read_scores(GOLDEN / "demsar2006_table6_auc.csv"), rope=0.01)
    want = EXPECTED["demsar.from_3digit_auc"]["value"]
    assert result["ranks"] == pytest.approx(want["mean_ranks"])
    omnibus = result["omnibus"]
    for got, name in ((omnibus, "tie_corrected"), (omnibus["uncorrected"], "no_tie_correction")):
        assert {key: got[key] for key in want[name]} == pytest.approx(want[name], abs=1e-6)
    assert (omnibus["df1"], omnibus["df2"]) == (3, 39)
    assert result["nemenyi"] == {"alpha": 0.05, "cd": pytest.approx(1.2535591471176057)}
    for pair in result["pairs"]:
        expected = EXPECTED["demsar.wilcoxon"]["value"][f"{pair['a']}|{pair['b']}"]
        assert (pair["p"], pair["p_holm"]) == pytest.approx((expected["p_two_exact"], expected["p_holm"]), abs=1e-9)
        assert (pair["method"], pair["dataset"], pair["se"]) == ("wilcoxon_exact", None, None)
        assert pair["p_worse"] + pair["p_equivalent"] + pair["p_better"] == pytest.approx(1)
    assert (result["n_datasets"], result["n_models"], result["min_datasets_for_significance"]) == (14, 4, 8)
    elo = EXPECTED["elo.demsar"]["value"]
    for model, numbers in result["elo"].items():
        want_elo = [elo["uncalibrated"][model], elo["plus"][model], elo["minus"][model]]
        assert list(numbers.values()) == pytest.approx(want_elo, abs=0.05)


def test_published_folds_of_one_dataset():
    scores = judge.read_scores(GOLDEN / "sklearn_grid_search_stats_folds.csv", test_train_ratio=1 / 9)
    result = analysed(scores, rope=0.01)
    for pair in result["pairs"]:
        want = EXPECTED["sklearn_grid_search_stats"]["value"][f"{pair['a']}|{pair['b']}"]
        names = {"mean": "mean", "se": "se", "df": "df", "t": "t", "p": "p_two", "p_holm": "p_two_holm",
                 "p_worse": "p_left", "p_equivalent": "p_rope", "p_better": "p_right"}  # fmt: skip
        assert [pair[key] for key in names] == pytest.approx([want[name] for name in names.values()], abs=1e-6)
        assert pair["ci95"] == pytest.approx(want["ci95"], abs=1e-6)
    assert result["elo"] is None
    assert result["omnibus"]["chi2"] is None


def test_the_pool_does_not_change_a_pairwise_p():
    full = judge.read_scores(GOLDEN / "gh2008.csv")
    for models in (full.models, ("C4.5", "CN2", "NaiveBayes"), ("C4.5", "k-NN(k=1)", "Kernel", "CN2")):
        pairs = analysed(full.only(models))["pairs"]
        p = next(pair["p"] for pair in pairs if (pair["a"], pair["b"]) == ("C4.5", "CN2"))
        assert p == pytest.approx(4.015117883682251e-05)


@pytest.mark.parametrize(("models", "least"), EXPECTED["n_min_datasets_for_any_significance"]["value"].items())
def test_least_number_of_datasets(models, least):
    k = int(models.removeprefix("k="))
    models = [f"m{at}" for at in range(k)]
    result = analysed(table(np.arange(k), np.arange(k), models=models, metric="x"))
    assert result["min_datasets_for_significance"] == least
    assert any(f"below {least} datasets" in text for text in result["warnings"])


def test_a_baseline_halves_the_comparisons_and_anchors_elo():
    result = analysed(judge.read_scores(GOLDEN / "demsar2006_table6_auc.csv"), baseline="C4.5")
    assert [(pair["a"], pair["b"]) for pair in result["pairs"]] == [
        ("C4.5+m", "C4.5"), ("C4.5+cf", "C4.5"), ("C4.5+m+cf", "C4.5"),
    ]  # fmt: skip
    assert result["pairs"][0]["p_holm"] == pytest.approx(3 * 0.0078125)
    assert result["elo"]["C4.5"]["elo"] == 1000
    assert result["groups"] == []


def test_identical_models():
    result = analysed(table(*[[0.5, 0.5, 0.5]] * 4))
    assert {pair["verdict"] for pair in result["pairs"]} == {"identical"}
    assert {pair["p"] for pair in result["pairs"]} == {1.0}
    assert result["omnibus"]["chi2"] is None
    assert result["groups"] == [["a", "b", "c"]]
    (pair,) = analysed(folds([[0.5, 0.5]] * 5))["pairs"]
    assert (pair["verdict"], pair["t"], pair["p"], pair["mean"]) == ("identical", None, None, 0.0)


def test_constant_differences_have_no_t():
    (pair,) = analysed(folds([[0.5 + 0.1 * at, 0.47 + 0.1 * at] for at in range(5)]))["pairs"]
    assert (pair["verdict"], pair["t"], pair["p"], pair["p_better"]) == ("better", None, None, 1.0)
    assert pair["ci95"] == pytest.approx([0.03, 0.03])


def test_perfect_agreement_has_an_infinite_f():
    result = analysed(table(*[[0.3, 0.2, 0.1]] * 5))
    assert (result["omnibus"]["F"], result["omnibus"]["p_F"]) == (None, 0.0)
    assert any("not estimable" in text for text in result["warnings"])


def test_one_fold_and_one_dataset():
    result = analysed(folds([[0.9, 0.8]]))
    assert (result["pairs"], result["groups"], result["elo"]) == ([], [], None)
    assert result["ranks"] == {"a": 1.0, "b": 2.0}
    assert any("one fold only" in text for text in result["warnings"])


def test_missing_scores_are_dropped_aloud_or_imputed_aloud():
    rows = [[0.9, 0.8, 0.7]] * 8 + [[np.nan, 0.8, 0.7]]
    result = analysed(table(*rows))
    assert any("1 of 9 datasets were dropped" in text for text in result["warnings"])
    assert result["ranks"] == pytest.approx({"a": 11 / 9, "b": 17 / 9, "c": 26 / 9})
    filled = analysed(table(*rows), impute=True)
    assert any("imputed: 1 missing score of a" in text for text in filled["warnings"])
    assert len([text for text in filled["warnings"] if "dropped" in text]) == 0


def test_scores_in_percent_get_no_default_margin():
    result = analysed(table([90, 80, 70], [91, 81, 70]))
    assert result["pairs"][0]["p_worse"] is None
    assert any("scale from 0 to 1" in text for text in result["warnings"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"alpha": 0.0}, "between 0 and 1"),
        ({"rope": -1.0}, "finite number >= 0"),
        ({"rope": float("nan")}, "finite number >= 0"),
        ({"baseline": "z"}, "no model 'z'; there is a, b, c"),
    ],
)
def test_options_out_of_range(options, says):
    with pytest.raises(UsageError, match=says):
        judge.analyse(table([1, 2, 3]), **options)


def test_nothing_to_compare():
    with pytest.raises(UsageError, match="at least 2 models"):
        judge.analyse(table([1.0], models="a"))
    with pytest.raises(UsageError, match="no model has a complete set"):
        judge.analyse(table([np.nan] * 3))


def write(tmp_path, text):
    path = tmp_path / "scores.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_tidy_table(tmp_path):
    text = "dataset,model,fold,score\n" + "".join(
        f"d,{m},{f},{s}\n" for f in range(5) for m, s in (("a", 0.5), ("b", f))
    )
    scores = judge.read_scores(write(tmp_path, text))
    (block,) = scores.blocks
    assert (scores.metric, scores.models, block.test_train_ratio) == ("score", ("a", "b"), 0.25)
    assert block.scores.tolist() == [[0.5, f] for f in range(5)]


def test_a_run_s_own_table(tmp_path):
    head = "dataset,target,model,kind,repeat,fold,metric,score\n"
    rows = [
        f"d,{t},{m},{k},{r},{f},{metric},0.{f + 1}\n"
        for t in "yz" for m, k in (("rf", "learner"), ("'=x", "learner"), ("oracle", "reference"))
        for r in range(2) for f in range(5) for metric in ("accuracy", "roc_auc")
    ]  # fmt: skip
    scores = judge.read_scores(write(tmp_path, head + "".join(rows)))
    assert scores.models == ("rf", "=x")
    assert [block.dataset for block in scores.blocks] == ["d:y", "d:z"]
    assert (scores.blocks[0].n_repeats, scores.blocks[0].test_train_ratio) == (2, 0.25)
    assert "only accuracy is analysed" in scores.warnings[0]
    assert judge.read_scores(write(tmp_path, head + "".join(rows)), metric="roc_auc").metric == "roc_auc"


def test_lower_is_better_turns_scores_round(tmp_path):
    text = "dataset,a,b\nx,1,2\ny,3,5\n"
    result = analysed(judge.read_scores(write(tmp_path, text), lower_is_better=True))
    assert result["ranks"] == {"a": 1.0, "b": 2.0}
    assert result["pairs"][0]["mean"] == 1.5


def test_wide_folds_need_a_ratio(tmp_path):
    path = write(tmp_path, "fold,a,b\n0,1,2\n1,3,5\n")
    with pytest.raises(UsageError, match="--test-train-ratio"):
        judge.read_scores(path)
    assert judge.read_scores(path, test_train_ratio=0.5).blocks[0].test_train_ratio == 0.5
    with pytest.raises(UsageError, match="> 0"):
        judge.read_scores(path, test_train_ratio=0.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("dataset,a,b\n", "only a header"),
        ("dataset;a;b\nx;1;2\n", "separated by commas"),
        ("dataset,a,b\nx,1\n", "scores.csv:2: 2 cells, the header has 3"),
        ("dataset,a,b\nx,1,two\n", "scores.csv:2: 'two' in column 'b' is not a number"),
        ("dataset,a,a\nx,1,2\n", "column 'a' appears twice"),
        ("name,a,b\nx,1,2\n", "first column is 'name'"),
        ("model,score\na,1\n", "no 'dataset'"),
        ("dataset,a,b\nx,1,2\nx,1,2\n", "a second score of a on x, the first is in line 2; several folds need"),
        ("dataset,model,fold,score\nx,a,0,1\nx,a,0,2\n", "scores.csv:3: a second score of a on x"),
        (b"dataset,a\n\xff,1\n", "not UTF-8"),
        (b"dataset,a\n\0,1\n", "NUL"),
    ],
)
def test_bad_tables(text, says, tmp_path):
    with pytest.raises(DataError, match=says) as caught:
        judge.read_scores(write(tmp_path, text))
    assert caught.value.exit_code == 2


def test_a_table_that_cannot_be_read(tmp_path):
    for absent in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(UsageError, match="there is no such score table"):
            judge.read_scores(absent)
