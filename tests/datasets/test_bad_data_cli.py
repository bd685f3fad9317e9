"""Bad data on the command line: exit code 2, a line on stderr that says what is wrong, and nothing fitted."""

import sys

import numpy as np
import pandas as pd
import pytest

from fusebench.cli import main

ROWS = "".join(f"{n},{n % 7},{'ab'[n % 2]}\n" for n in range(40))
GOOD = "u,v,y\n" + ROWS


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, in_this_process):
    """Run the command line in this process, as `fusebench` would."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["fusebench", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return run


def _parquet(tmp_path):
    pd.DataFrame({"u": range(40), "y": ["a", "b"] * 20}).to_parquet(tmp_path / "whole.parquet")
    return (tmp_path / "whole.parquet").read_bytes()


CSV = {
    "empty": ("", "is empty"),
    "header only": ("u,v,y\n", "has a header and no rows"),
    "ragged row": (GOOD + "1,2\n", "line 42 has 2 cells, the header has 3"),
    "long row": (GOOD + "1,2,a,4\n", "line 42 has 4 cells, the header has 3"),
    "wrong delimiter": (GOOD.replace(",", ";"), "looks split at a semicolon: say delimiter: ';'"),
    "not UTF-8": (GOOD.encode().replace(b"0,0,a", b"\xff\xfe,0,a"), "is not UTF-8"),
    "target absent": ("u,v,z\n" + ROWS, "there is no column 'y'; The columns are 'u', 'v', 'z'"),
    "one class": ("u,y\n" + "".join(f"{n},a\n" for n in range(9)), "has one class only ('a')"),
    "one value": ("u,y\n" + "".join(f"{n},1.5\n" for n in range(9)), "has one value only"),
    "target with missing values": (GOOD + "5,5,\n", "target: column 'y' has 1 missing values"),
    "target of mixed types": (
        "u,y\n" + "".join(f"{n},{n * 1.1 if n % 9 else 'oops'}\n" for n in range(60)), "mixes numbers and text, such as 'oops'",
    ),
    "continuous target": ("u,y\n" + "".join(f"{n},{n * 1.37}\n" for n in range(60)), "no learner of this spec predicts its target"),
    "duplicate columns": ("u,u,y\n" + ROWS, "two columns called 'u'"),
    "no features": ("y\n" + "a\nb\n" * 9, "no feature columns are left beside the target"),
    "fewer rows than folds": ("u,y\n1,a\n2,b\n3,a\n4,b\n", "4 rows cannot be split into 5 folds; lower cv.n_splits"),
    "small classes": ("u,y\n" + "1,a\n2,b\n3,c\n" * 2, "every class has fewer rows than the 5 folds"),
    "infinite values": (GOOD + "inf,3,a\n", "has 1 infinite values; say `inf: nan`"),
    "NUL bytes": (GOOD.replace("5", "\0"), "data: "),
}  # fmt: skip


def _refused(done, message, tmp_path):
    code, err = done
    assert code == 2, err
    assert message in err, err
    assert "nothing was run" in err or err.count("\n") == 1
    assert not list((tmp_path / "results").rglob("*.csv"))


@pytest.mark.parametrize("kind", CSV)
def test_bad_tables(run, tmp_path, kind):
    content, message = CSV[kind]
    (tmp_path / "data.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    if kind == "NUL bytes":  # read as text, or refused: never a bug
        code, err = run("compare", "--datasets", "./data.csv", "--target", "y", "--learners", "nb", "--dry-run")
        assert code in {0, 2}, err
        return
    _refused(run("compare", "--datasets", "./data.csv", "--target", "y", "--learners", "nb"), message, tmp_path)


@pytest.mark.parametrize("cut", [0, 3, 50, 400])
def test_broken_parquet(run, tmp_path, cut):
    (tmp_path / "data.parquet").write_bytes(_parquet(tmp_path)[:cut])
    done = run("compare", "--datasets", "./data.parquet", "--target", "y", "--learners", "nb")
    _refused(done, "cannot be read as Parquet", tmp_path)


ENTRIES = {
    "checksum": ({"sha256": "0" * 64}, "expected " + "0" * 64),
    "empty text column": ({"text": ["note"]}, "text: column 'note' is empty in every row"),
    "a group with all rows": ({"group": "one", "cv": "group"}, "all rows are one group, which cannot be split"),
    "too few groups": ({"group": "two", "cv": "group"}, "2 groups cannot be split into 5 folds"),
    "no group column": ({"cv": "group"}, "has no `group` column"),
    "time that is no time": ({"time": "v", "cv": "time_series"}, "holds neither numbers nor ISO dates"),
    "time with gaps": ({"time": "gap", "cv": "time_series"}, "time: column 'gap' has 1 missing values"),
    "absent column": ({"group": "Uu"}, "group: there is no column 'Uu'; did you mean 'u'"),
    "excluded to nothing": ({"exclude": {"one": [1]}}, "exclude: no rows are left"),
    "excluding nothing": ({"exclude": {"v": ["zebra"]}}, "no row of column 'v' holds 'zebra'"),
    "several files that differ": ({"path": ["data.csv", "other.csv"]}, "file 2 has other columns than the first"),
    "unknown field": ({"gruop": "one"}, "unknown key 'gruop'"),
    "negative weights": ({"weights": "minus"}, "must hold numbers of at least 0"),
    "names for another width": ({"names": ["a", "b"]}, "got 2 names"),
    "unknown encoding": ({"encoding": "utf-9"}, "there is no encoding 'utf-9'"),
    "unknown format": ({"format": "xml"}, "format: got 'xml'"),
    "ARFF that is none": ({"format": "arff"}, "has no @data line"),
    "libsvm that is none": ({"format": "libsvm"}, "cannot be read as libsvm"),
    "a workbook that is none": ({"format": "xlsx"}, "cannot be read as a workbook"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ENTRIES)
def test_bad_entries(run, tmp_path, kind):
    import yaml

    fields, message = ENTRIES[kind]
    frame = pd.DataFrame({"u": range(40), "v": ["x", "z"] * 20, "y": ["a", "b"] * 20, "one": 1, "note": ""})
    frame = frame.assign(two=[0, 1] * 20, minus=-1.0, gap=[None, *range(39)])
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.drop(columns="u").to_csv(tmp_path / "other.csv", index=False)
    fields = dict(fields)
    cv = {"type": fields.pop("cv", "kfold"), "n_splits": 5}
    entry = {"name": "data", "source": "file", "path": "data.csv", "target": "y", **fields}
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump({"datasets": [entry], "learners": ["nb"], "cv": cv}))
    _refused(run("run", "spec.yaml"), message, tmp_path)


def test_unseen_categories_at_prediction_fail_nothing(tmp_path, bench):
    rng = np.random.default_rng(0)
    city = np.repeat([f"city {n}" for n in range(6)], 20)
    frame = pd.DataFrame({"city": city, "u": rng.normal(size=120), "g": city, "y": rng.integers(0, 2, 120)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = bench(
        {
            "datasets": [{"name": "t", "path": "t.csv", "target": "y", "group": "g"}],
            "learners": {
                "lr": "lr", "dt": "dt", "knn": "knn", "nb": "nb", "lgbm": {"type": "lgbm", "n_estimators": 5},
                "xgb": {"type": "xgb", "n_estimators": 5}, "target": {"type": "lr", "encode": "target"},
            },
            "cv": {"type": "group", "n_splits": 3, "inner": 2},
        }
    )  # fmt: skip
    assert not found.failures
    assert {score.model for score in found.scores} >= {"lr", "dt", "knn", "nb", "lgbm", "xgb", "target"}


def test_unseen_users_and_items_at_prediction_fail_nothing(tmp_path, bench):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"user": np.repeat(np.arange(12), 10), "item": [f"i{n % 15}" for n in range(120)]})
    frame = frame.assign(stars=rng.integers(1, 6, 120), g=frame.user)
    frame.to_csv(tmp_path / "t.csv", index=False)
    entry = {
        "name": "t", "path": "t.csv", "target": "stars", "target_type": "continuous", "group": "g", "categorical": ["user"],
    }  # fmt: skip
    learners = {"bias": "bias", "mf": {"type": "mf", "n_factors": 2}, "item_knn": "item_knn"}
    cv = {"type": "group", "n_splits": 3, "inner": 2}
    found = bench({"datasets": [entry], "learners": learners, "cv": cv})
    assert not found.failures
    assert all(np.isfinite(score.score) for score in found.scores)
