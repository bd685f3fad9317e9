"""``fusebench fuse``: tables of predictions, good and bad, with exit code and stderr."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from fusebench.cli import main

N = 24
IDS = [f"q{n}" for n in range(N)]
TRUTH = [("cat", "dog", "owl")[n % 3] for n in range(N)]
NEXT = {"cat": "dog", "dog": "owl", "owl": "cat"}


def votes(**columns):
    """Three models: `a` wrong on rows 0 to 3, `b` on 4 to 9, `c` on 10 to 17; never two at once."""
    wrong = {"a": range(4), "b": range(4, 10), "c": range(10, 18)}
    models = {name: [NEXT[one] if n in rows else one for n, one in enumerate(TRUTH)] for name, rows in wrong.items()}
    return pd.DataFrame({"id": IDS, "y_true": TRUTH, **models, **columns})


def shares(sums_to=1.0):
    """Two models that give probabilities."""
    table = pd.DataFrame({"id": IDS, "y_true": TRUTH})
    for model, sure in (("p", 0.8), ("r", 0.6)):
        for label in NEXT:
            table[f"{model}:{label}"] = [sure if one == label else (sums_to - sure) / 2 for one in TRUTH]
    return table


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, in_this_process):
    """Run `fusebench fuse` on a table in this process; return exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(table, *flags):
        if isinstance(table, pd.DataFrame):
            table.to_csv("t.csv", index=False)
        elif table is not None:
            (tmp_path / "t.csv").write_text(table)
        arguments = ["fusebench", "fuse", "t.csv", "--jobs", "1", *flags]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return stopped.value.code, said.out, said.err

    return call


def test_true_answers_give_a_ranked_table_and_fused_predictions(fusebench, tmp_path):
    votes().to_csv(tmp_path / "answers.csv", index=False)
    done = fusebench("fuse", "answers.csv", "--fusions", "voting,weighted", "--folds", "4", "--format", "json")
    assert done.returncode == 0, done.stderr
    board = {row["model"]: row["mean_score"] for row in json.loads(done.stdout)["leaderboard"]}
    assert board["voting"] == board["oracle"] == 1  # two of three are always right
    assert [board[one] for one in "abc"] == pytest.approx([20 / 24, 18 / 24, 16 / 24])
    fused = pd.read_csv(tmp_path / "results/fuse-answers/predictions.csv")
    assert list(fused.columns) == ["id", "fold", "y_true", "voting", "weighted"]
    assert list(fused.id) == IDS
    assert list(fused.voting) == TRUTH
    assert "did not see the answers" in done.stderr
    assert (tmp_path / "results/fuse-answers/scores.csv").exists()


def test_what_was_fused_can_be_fused_again(run, tmp_path):
    assert run(votes(), "--fusions", "voting,weighted", "-q")[0] == 0
    again = pd.read_csv(tmp_path / "results/fuse-t/predictions.csv")
    code, out, err = run(again, "--fusions", "voting", "--format", "csv")
    assert code == 0, err
    assert "voting-fusion,fusion,accuracy" in out  # a model is called voting by now
    assert run(again, "--folds", "3")[:1] == (2,)  # it has folds of its own


def test_without_true_answers_only_what_learns_nothing(run, tmp_path):
    blind = votes().drop(columns="y_true")
    code, out, err = run(blind, "--format", "csv")
    assert code == 0
    assert [line.split(",") for line in out.splitlines()] == [
        ["id", "voting"],
        *map(list, zip(IDS, TRUTH, strict=True)),
    ]
    assert "nothing is scored" in err
    assert (tmp_path / "results/fuse-t/predictions.csv").read_text() == out
    code, out, err = run(blind, "--fusions", "voting,stacking")
    assert (code, out) == (2, "")
    assert "--fusions stacking: it learns from true answers, and the table has no column 'y_true'" in err


def test_values_and_probabilities_without_answers(run):
    values = pd.DataFrame({"id": IDS, "m": np.arange(N) + 0.5, "n": np.arange(N) + 1.5})
    assert run(values, "--format", "csv")[1].splitlines()[1] == "q0,1.0"
    _code, out, _ = run(shares().drop(columns="y_true"), "--fusions", "averaging", "--format", "json")
    assert [row["averaging"] for row in json.loads(out)["rows"]] == TRUTH


def test_regression_is_told_by_its_decimals(run):
    y = np.linspace(-1, 1, N)
    table = pd.DataFrame({"id": IDS, "y_true": y, "m": y + 0.1, "n": y - 0.2})
    code, out, err = run(table, "--scoring", "neg_mean_absolute_error", "--fusions", "averaging", "--format", "json")
    assert code == 0, err
    board = {row["model"]: row["mean_score"] for row in json.loads(out)["leaderboard"]}
    assert (board["m"], board["averaging"]) == pytest.approx((-0.1, -0.05))


def test_open_answers_of_which_none_is_frequent(run):
    """No label has as many rows as there are folds: the folds are not stratified then, and voting works."""
    truth = [str(n) for n in range(N)]
    table = pd.DataFrame({"id": IDS, "y_true": truth, "m": [f"{one}.0" for one in truth], "n": truth, "o": "7"})
    code, out, err = run(table, "--target-type", "classification", "--fusions", "voting", "--format", "json")
    assert code == 0, err
    board = {row["model"]: row["mean_score"] for row in json.loads(out)["leaderboard"]}
    assert (board["m"], board["n"], board["voting"]) == (1, 1, 1)  # "3.0" is 3
    assert board["o"] == pytest.approx(1 / N, abs=0.02)


def test_strange_answers_are_votes_unless_the_labels_are_named(run):
    table = votes(d="I cannot say")
    table.loc[0, "d"] = "cat"
    code, out, err = run(table, "--fusions", "voting", "--format", "json")
    assert code == 0
    assert "23 answers are labels that are the true one of no row; they count as votes: 'I cannot say'" in err
    _, out, err = run(table, "--classes", "cat,dog,owl", "--fusions", "voting", "--format", "json")
    assert "d: 23 answers outside the known classes count as abstentions: 'I cannot say'" in err
    assert next(row for row in json.loads(out)["leaderboard"] if row["model"] == "voting")["mean_score"] == 1


def test_names_with_colons_markup_and_formulas(run, tmp_path):
    """Models are called what is allowed; labels and ids are text in CSV, whatever a spreadsheet would make of them."""
    truth = ["=1+1" if n % 2 else "-5" for n in range(N)]
    table = pd.DataFrame({"id": ["=cmd()", *IDS[1:]], "y_true": truth})
    for name in ("llama3:8b", "[red]x[/red]", "=HYPERLINK(1)", "oracle"):
        table[name] = truth
    code, out, err = run(table, "--fusions", "voting")
    assert code == 0, err
    assert "model 'llama3:8b' is called llama3-8b here" in err
    assert "red-x-red" in out.replace("-/", "-")
    assert "model 'oracle' is called oracle-2 here" in err
    text = (tmp_path / "results/fuse-t/predictions.csv").read_text()
    assert text.splitlines()[1].startswith("'=cmd(),")
    assert "'=1+1" in text
    assert ",-5," in text


BAD = {
    "no file": (None, [], "there is no file t.csv"),
    "empty file": ("", [], "t.csv is empty"),
    "header only": ("id,y_true,a,b\n", [], "t.csv has a header and no rows"),
    "no models": (votes()[["id", "y_true"]], [], "there are no columns of predictions beside 'id', 'y_true'"),
    "one model": (votes()[["id", "y_true", "a"]], [], "fusing needs two models or more, the table has 'a'"),
    "no id column": (votes().rename(columns={"id": "ID"}), [], "there is no column 'id'"),
    "missing ids": (votes(id=["", "", *IDS[2:]]), [], "2 rows have no 'id' (data row 1, 2)"),
    "duplicate ids": (votes(id=["q1", *IDS[1:]]), [], "column 'id' repeats 'q1' (data rows 1 and 2)"),
    "missing answers": (votes(y_true=["", *TRUTH[1:]]), [], "column 'y_true' is empty in 1 of 24 rows (ids 'q0')"),
    "one class": (votes(y_true="cat"), [], "has one class only ('cat')"),
    "not summing to 1": (shares(0.9), [], "the probabilities of 24 rows do not sum to 1, first id 'q0' (they sum to 0.9)"),
    "negative": (shares().assign(**{"p:cat": -0.1}), [], "24 rows hold a probability outside 0 to 1, first id 'q0' (-0.1)"),
    "above 1": (shares().assign(**{"p:cat": 1.5}), [], "outside 0 to 1"),
    "NaN": (shares().assign(**{"p:cat": ["NaN", *["0.1"] * 23]}), [], "column 'p:cat', id 'q0': got 'NaN', expected a probability"),
    "infinite": (shares().assign(**{"p:cat": ["inf", *["0.1"] * 23]}), [], "got 'inf', expected a probability"),
    "half empty": (shares().assign(**{"p:cat": ["", *["0.1"] * 23]}), [], "got an empty cell, expected a probability"),
    "unknown class": (shares().rename(columns={"p:owl": "p:owll"}), [], "probabilities of 'owll', which is no known class; did you mean 'owl'?"),
    "no known answer": (votes(a=["Cat"] * N), [], "model 'a': none of its answers is the true answer of any row (such as 'Cat')"),
    "answers of another list": (votes(), ["--classes", "cat,dog"], "holds 'owl', which is none of the `classes`"),
    "both kinds": (shares().assign(p=TRUTH), [], "model 'p' has a column of labels and columns of probabilities"),
    "same class twice": (shares().assign(**{"p: cat": 0.1}), [], "columns 'p:cat' and 'p: cat' are for the same class"),
    "duplicate columns": ("id,y_true,a,a\n1,x,x,x\n", [], "two columns called 'a'"),
    "one fold": (votes(fold=1), [], "column 'fold' holds one fold only ('1')"),
    "missing fold": (votes(fold=["", *["1"] * 11, *["2"] * 12]), [], "column 'fold' is empty for id 'q0'"),
    "text among values": (pd.DataFrame({"id": IDS, "y_true": np.linspace(0, 1, N), "m": 0.5, "n": ["x", *["0.1"] * 23]}), [], "model 'n': column 'n', id 'q0': got 'x', expected a value"),
    "mixed true values": (pd.DataFrame({"id": IDS, "y_true": ["cat", *np.linspace(0.1, 0.9, 23)], "m": 0.5, "n": 0.1}), [], "column 'y_true', id 'q0': got 'cat', expected a finite number"),
    "infinite value": (pd.DataFrame({"id": IDS, "y_true": np.linspace(0, 1, N), "m": 0.5, "n": ["-inf", *["0.1"] * 23]}), [], "got '-inf', expected a value"),
    "ragged": ("id,y_true,a,b\n1,x,x,x\n2,x,x\n", [], "line 3 has 3 cells, the header has 4"),
    "another delimiter": ("id;y_true;a;b\n1;x;x;y\n", [], "looks split at a semicolon"),
    "unknown fusion": (votes(), ["--fusions", "votting"], "unknown fusion 'votting'"),
    "unknown metric": (votes(), ["--scoring", "acuracy"], "unknown metric 'acuracy'"),
    "metric of values": (votes(), ["--scoring", "r2"], "'r2' scores values and the target holds classes"),
    "target type": (votes(), ["--target-type", "ordinal"], "--target-type: got 'ordinal'"),
    "too many folds": (votes(), ["--folds", "30"], "24 rows cannot be split into 30 folds"),
    "features wanted": (votes(), ["--fusions", "bagging"], "bagging needs features, 't' has none"),
    "column to ignore": (votes(), ["--ignore", "z"], "there is no column 'z'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_said_and_nothing_is_run(case, run, tmp_path):
    table, flags, message = BAD[case]
    code, out, err = run(table, *flags)
    assert (code, out) == (2, ""), err
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "results").exists() or not list((tmp_path / "results").rglob("*.csv"))


def test_features_of_the_table_serve_what_looks_at_them(run):
    table = votes(length=np.arange(N))
    code, out, err = run(table, "--features", "length", "--fusions", "knora_u", "--format", "csv", "-q")
    assert code == 0, err
    assert "knora_u,fusion,accuracy" in out


def test_neighbours_are_sought_among_answers_where_there_are_no_features(run):
    code, out, err = run(shares(), "--fusions", "knora_u,ola,cascade", "--format", "csv", "-q")
    assert code == 0, err
    for name in ("knora_u", "ola", "cascade"):
        assert f"{name},fusion,accuracy" in out


def test_only_the_plan(run, tmp_path):
    code, out, _ = run(votes(), "--dry-run", "--save-spec", "spec.yaml")
    assert code == 0
    assert "fits to do" in out
    assert "type: predictions" in (tmp_path / "spec.yaml").read_text()
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("how", ["gone", "forged"])
def test_fused_predictions_that_are_lost_are_made_again(run, tmp_path, how):
    from fusebench.engine.store import Entry, Store, read_entry

    assert run(votes(), "--fusions", "voting", "--folds", "4", "--out", "out")[0] == 0
    whole = (tmp_path / "out" / "predictions.csv").read_text()
    assert whole.count("cat") > N / 3
    store = Store(tmp_path / ".fusebench")
    for key in list(store.keys()):
        entry = read_entry(store.path(key))
        if entry.kind == "fuse" and how == "gone":
            store.remove(key)
        elif entry.kind == "fuse":
            store.put(key, Entry("fuse", entry.meta, {name: one[1:] for name, one in entry.arrays.items()}))
    code, _, said = run(votes(), "--fusions", "voting", "--folds", "4", "--out", "out")
    assert code == 0, said
    assert (tmp_path / "out" / "predictions.csv").read_text() == whole
