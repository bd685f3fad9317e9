"""What `show` says of a dataset, and the warnings: ids, leaks, constants, duplicates."""

import numpy as np
import pandas as pd
import pytest

from fusebench import datasets
from fusebench import spec as specs
from fusebench.errors import UsageError

N = 200


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, N)
    return pd.DataFrame({"u": rng.normal(size=N), "v": rng.choice(list("abc"), N), "y": y})


def notes(tmp_path, frame, **entry):
    frame.to_parquet(tmp_path / "t.parquet")
    spec = specs.dataset({"name": "t", "path": "t.parquet", "target": "y", **entry})
    return "\n".join(datasets.load(spec, tmp_path).notes)


LEAKS = {
    "a code of the class": lambda y, rng: np.where(y == 1, "p", "q"),
    "many codes of each class": lambda y, rng: [f"{'pq'[one]}{rng.integers(9)}" for one in y],
    "a threshold": lambda y, rng: y - 0.5 + rng.uniform(-0.4, 0.4, N),
    "missing only in one class": lambda y, rng: np.where(y == 1, np.nan, 3.0),
}
HONEST = {
    "noise": lambda y, rng: rng.normal(size=N),
    "nearly a leak": lambda y, rng: np.where(np.arange(N) == 7, 1 - y, y) + rng.uniform(-0.2, 0.2, N),
    "a category of every row": lambda y, rng: [f"name {n}" for n in range(N)],
}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_column_that_gives_the_class_away(tmp_path, frame, kind):
    frame["x"] = LEAKS[kind](frame.y.to_numpy(), np.random.default_rng(1))
    assert "column 'x' alone predicts the target 'y' without a mistake" in notes(tmp_path, frame)


@pytest.mark.parametrize("kind", HONEST)
def test_a_column_that_does_not(tmp_path, frame, kind):
    frame["x"] = HONEST[kind](frame.y.to_numpy(), np.random.default_rng(1))
    assert "alone predict" not in notes(tmp_path, frame)


def test_a_column_that_gives_values_away(tmp_path, frame):
    frame["y"] = np.random.default_rng(2).normal(size=N)
    frame["fahrenheit"] = frame.y * 1.8 + 32
    assert "column 'fahrenheit' alone predicts" in notes(tmp_path, frame)
    frame["fahrenheit"] += np.random.default_rng(3).normal(size=N)
    assert "alone predict" not in notes(tmp_path, frame)


def test_leaks_beyond_the_sample_are_judged_by_all_rows(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 9000)
    almost = y.copy()
    almost[1] = 1 - almost[1]  # a row that the sample of every ninth row misses
    frame = pd.DataFrame({"exact": y, "almost": almost, "y": y})
    assert "column 'exact' alone predicts" in notes(tmp_path, frame)


def test_ids_constants_and_duplicates(tmp_path, frame):
    frame["key"] = np.arange(5000, 5000 + N)
    frame["customer_id"] = np.random.default_rng(0).permutation(N) * 17
    frame["name"] = [f"n{n}" for n in range(N)]
    frame["amount"] = np.random.default_rng(0).permutation(N) * 17
    frame["one"], frame["two"] = 1, "same"
    found = notes(tmp_path, frame)
    assert (
        "3 columns look like ids, every row has another value; drop those that are: 'key', 'customer_id', 'name'"
        in found
    )
    assert "2 columns are constant: 'one', 'two'" in found
    again = pd.concat([frame[["u", "v", "y"]], frame[["u", "v", "y"]].iloc[:7]])
    assert "7 rows repeat another row's features" in notes(tmp_path, again)
    again["u"] = again["u"].where(np.arange(len(again)) >= 3, np.nan)
    assert "4 rows repeat" in notes(tmp_path, again)


@pytest.mark.slow
def test_show_names_everything(fusebench, tmp_path, frame):
    frame.assign(leak=frame.y * 2.0, gone=np.where(frame.u > 0, frame.u, np.nan)).to_csv(
        tmp_path / "my.csv", index=False
    )
    shown = fusebench("show", "./my.csv", "--target", "y")
    assert shown.returncode == 0, shown.stderr
    for line in (
        "rows        200", "features    4: 3 numbers, 1 categories", "target      y: 2 classes", "cells in 1 of 4 columns",
        "duplicates  0 rows", "licence     not stated", "source      file ./my.csv", "'leak' alone predicts the target 'y'",
    ):  # fmt: skip
        assert line in shown.stdout
    without = fusebench("show", "my.csv")
    assert without.returncode == 0
    assert "say `--target COLUMN`" in without.stdout
    wrong = fusebench("show", "my.csv", "--target", "Y")
    assert (wrong.returncode, "did you mean 'y'" in wrong.stderr) == (2, True)


def test_show_of_an_entry_a_suite_and_of_nothing():
    shown = datasets.show("iris")
    assert "licence     CC BY 4.0" in shown
    assert "citation    R. A. Fisher" in shown
    with pytest.raises(UsageError, match="did you mean 'suite:small'"):
        datasets.show("suite:smal")


@pytest.mark.slow  # needs the packages that ship data
def test_show_of_a_suite():
    with pytest.raises(UsageError, match=r"suite of \d+ datasets: iris"):
        datasets.show("suite:small")


def test_show_of_openml_says_what_openml_says(web):
    web.openml(31, "credit-g")
    shown = datasets.show("openml:31")
    assert "licence     Public" in shown
    assert "citation    Somebody, 1994." in shown


def test_names_from_data_reach_the_terminal_harmless(tmp_path, fusebench):
    (tmp_path / "evil.csv").write_text("\x1b[31mred,y\n" + "\x1b]0;title\x07,a\nplain,b\n" * 30)
    shown = fusebench("show", "evil.csv", "--target", "y")
    assert shown.returncode == 0, shown.stderr
    assert "\x1b" not in shown.stdout
