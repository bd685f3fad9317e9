"""Data that cannot be used: exit 2, nothing fitted, and a message that says where and what to do."""

import gzip

import numpy as np
import pandas as pd
import pytest

from fusebench import datasets
from fusebench import spec as specs
from fusebench.errors import DataError, Problem

ROWS = "".join(f"{n},{n % 7},{'ab'[n % 2]}\n" for n in range(40))
GOOD = "u,v,y\n" + ROWS


def load(tmp_path, content, suffix="csv", **entry):
    path = tmp_path / f"data.{suffix}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    spec = specs.dataset({"name": "data", "path": path.name, "target": "y", **entry})
    return datasets.load(spec, tmp_path)


def parquet(frame, tmp_path):
    path = tmp_path / "made.parquet"
    frame.to_parquet(path)
    return path.read_bytes()


BAD = [
    ("", {}, "is empty"),
    ("u,v,y\n", {}, "has a header and no rows"),
    (GOOD + "1,2\n", {}, "line 42 has 2 cells, the header has 3"),
    (GOOD + "1,2,a,4\n", {}, "line 42 has 4 cells, the header has 3"),
    (GOOD.replace(",", ";"), {}, "looks split at a semicolon"),
    ("a;b;y\n1,5;2,5;u\n2,5;3;v\n", {}, "looks split at a semicolon"),  # commas are decimal points
    (GOOD.encode().replace(b"0,0,a", b"\xff\xfe,0,a"), {}, "not UTF-8"),
    (GOOD, {"target": "Y"}, "did you mean 'y'"),
    (GOOD, {"target": "zebra"}, "The columns are 'u', 'v', 'y'"),
    ("u,y\n" + "".join(f"{n},a\n" for n in range(9)), {}, "has one class only"),
    (GOOD + "5,5,\n", {}, "has 1 missing values"),
    ("u,y\n" + "".join(f"{n},{n * 1.37}\n" for n in range(60)), {"target_type": "multiclass"}, "is continuous"),
    ("u,y\n" + "".join(f"{n},a{n % 2}\n" for n in range(60)), {"target_type": "continuous"}, "needs numbers"),
    ("u,u,y\n" + ROWS, {}, "two columns called 'u'"),
    ("y\n" + "a\nb\n" * 9, {}, "no feature columns"),
    (GOOD, {"drop": ["u", "v"]}, "no feature columns"),
    (GOOD, {"drop": "w"}, "there is no column 'w'"),
    (GOOD, {"sha256": "0" * 64}, "expected " + "0" * 64),
    (GOOD + "inf,3,a\n", {}, "infinite values; say `inf: nan`"),
    ("u,y\n" + "".join(f"{n},{n * 1.1 if n % 9 else 'oops'}\n" for n in range(60)), {}, "mixes numbers and text"),
    ("u,y\n" + "".join(f"{n},{n % 3 if n else 'inf'}\n" for n in range(30)), {}, "column 'y' has 1 infinite"),
    ("u,y\n" + "".join(f"{n},inf\n" for n in range(30)), {"target_type": "binary"}, "has 30 infinite"),
    (GOOD, {"group": "nobody"}, "group: there is no column 'nobody'"),
    (GOOD, {"weights": "y"}, "weights"),
]


@pytest.mark.parametrize(("content", "entry", "message"), BAD, ids=[str(n) for n in range(len(BAD))])
def test_bad_tables(tmp_path, content, entry, message):
    with pytest.raises(DataError) as caught:
        load(tmp_path, content, **entry)
    assert message in str(caught.value)
    assert str(caught.value).startswith("data: ")


@pytest.mark.parametrize("cut", [0, 3, 50, 400])
def test_broken_parquet(tmp_path, cut):
    whole = parquet(pd.DataFrame({"u": range(40), "y": ["a", "b"] * 20}), tmp_path)
    assert load(tmp_path, whole, "parquet").X.shape == (40, 1)
    with pytest.raises(DataError, match="Parquet"):
        load(tmp_path, whole[:cut], "parquet")


def test_truncated_gzip_and_missing_files(tmp_path):
    with pytest.raises(DataError):
        load(tmp_path, gzip.compress(GOOD.encode())[:60], "csv.gz")
    with pytest.raises(DataError, match="there is no file"):
        datasets.load(specs.dataset({"name": "data", "path": "absent.csv", "target": "y"}), tmp_path)
    with pytest.raises(DataError, match="is a folder"):
        datasets.load(specs.dataset({"name": "data", "path": ".", "target": "y"}), tmp_path)


def test_no_target_lists_the_columns(tmp_path):
    (tmp_path / "data.csv").write_text(GOOD)
    with pytest.raises(DataError, match="which column is the target"):
        datasets.load(specs.dataset({"name": "data", "path": "data.csv"}), tmp_path)


@pytest.mark.parametrize(
    ("y", "cv", "message"),
    [
        (["a", "b"] * 2, {}, "4 rows cannot be split into 5 folds"),
        (["a", "b", "c", "d"] * 2, {}, "every class has fewer rows"),
        (["a", "b"] * 20, {"type": "holdout", "test_size": 40}, "test_size"),
    ],
)
def test_impossible_folds_through_the_command_line(fusebench, tmp_path, y, cv, message):
    pd.DataFrame({"u": range(len(y)), "y": y}).to_csv(tmp_path / "d.csv", index=False)
    flags = [one for key, value in cv.items() for one in ("--set", f"cv.{key}={value}")]
    done = fusebench("compare", "--datasets", "./d.csv", "--target", "y", "--learners", "nb", *flags)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert "nothing was run" in done.stderr


def test_random_bytes_only_ever_raise_a_data_error(tmp_path):
    rng = np.random.default_rng(0)
    for n in range(150):
        raw = bytearray(GOOD.encode())
        for _ in range(rng.integers(1, 12)):
            raw[rng.integers(len(raw))] = rng.integers(256)
        try:
            assert len(load(tmp_path, bytes(raw)).X) > 0, n
        except DataError:
            continue


def test_unknown_names_have_suggestions(tmp_path):
    found = datasets.resolve(
        specs.parse(specs.from_mapping({"datasets": "irsi", "learners": ["nb"]}))[0].datasets[0], tmp_path
    )
    assert isinstance(found, Problem)
    assert "did you mean 'iris'" in found.hint


def test_labels_beyond_what_whole_numbers_hold_stay_apart(tmp_path):
    rows = "".join(f"{n},{(1e300, 2e300)[n % 2]}\n" for n in range(40))
    found = load(tmp_path, "u,y\n" + rows, target_type="binary").targets[0]
    assert list(found.classes) == [1e300, 2e300]
    np.testing.assert_array_equal(found.y, [0, 1] * 20)
