"""Every format of a table, and every way in which text, ARFF and archives can be broken."""

import io
import lzma
import zipfile

import numpy as np
import pandas as pd
import pytest

from fusebench import datasets
from fusebench import spec as specs
from fusebench.errors import DataError

FRAME = pd.DataFrame({"n": [1.5, 2.5, None, 4.0] * 6, "c": ["x", "y", "x", None] * 6, "y": ["a", "b"] * 12})
KEEL = (
    "@relation toy\n@attribute Number real[0.0,9.0]\n@attribute Kind {red, deep_blue}\n@attribute Class{no,yes}\n"
    "@inputs Number, Kind\n@outputs Class\n@data\n" + "1.5, red, no\n2, deep_blue, yes\n?, red, no\n" * 8
)
WEKA = (
    "% a remark\n@RELATION 'my data'\n\n@ATTRIBUTE 'first one' NUMERIC\n@attribute \"say \\\"so\\\"\" string\n"
    "@attribute y {a,'b c'}\n@DATA\n% another\n" + "1,'it\\'s, so',a\n2,?,'b c'\n" * 9
)


def load(tmp_path, content, name="t.csv", **entry):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return datasets.load(specs.dataset({"name": "t", "source": "file", "path": name, **entry}), tmp_path)


def _bytes(write):
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def _zip(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


CSV = FRAME.to_csv(index=False)
SAME = {
    "t.feather": _bytes(FRAME.to_feather),
    "t.parquet": _bytes(FRAME.to_parquet),
    "t.parquet.brotli": _bytes(lambda file: FRAME.to_parquet(file, compression="brotli")),
    "t.parquet.xz": lzma.compress(_bytes(FRAME.to_parquet)),
    "t.tsv": FRAME.to_csv(index=False, sep="\t"),
    "t.csv.zip": _zip(**{"inner.csv": CSV, "__MACOSX/inner.csv": "x"}),
    "t.arff": "@relation t\n@attribute n numeric\n@attribute c {x,y}\n@attribute y {a,b}\n@data\n" + FRAME.to_csv(index=False, header=False, na_rep="?"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_the_same_table_in_any_format_is_the_same_dataset(tmp_path, name):
    one = load(tmp_path, CSV, target="y")
    assert load(tmp_path, SAME[name], name, target="y").fingerprint == one.fingerprint


def test_a_workbook(tmp_path):
    pytest.importorskip("openpyxl", reason="needs openpyxl: pip install 'fusebench[datasets]'")
    content = _bytes(lambda file: FRAME.to_excel(file, index=False, sheet_name="data"))
    one = load(tmp_path, CSV, target="y").fingerprint
    assert load(tmp_path, content, "t.xlsx", target="y").fingerprint == one
    assert load(tmp_path, content, "t.xlsx", target="y", sheet="data").fingerprint == one
    with pytest.raises(DataError, match="cannot be read as a workbook"):
        load(tmp_path, content, "t.xlsx", target="y", sheet="other")


def test_keel(tmp_path):
    found = load(tmp_path, KEEL, "toy.dat")  # its first line says what it is, and @outputs the target
    assert found.targets[0].name == "Class"
    assert list(found.targets[0].classes) == ["no", "yes"]
    assert list(found.X["Kind"].cat.categories) == ["deep_blue", "red"]
    assert found.X["Number"].isna().sum() == 8
    assert load(tmp_path, KEEL, "toy.dat", target="Kind").targets[0].name == "Kind"


def test_weka(tmp_path):
    found = load(tmp_path, WEKA, "t.arff", target="y")
    assert list(found.X) == ["first one", 'say "so"']
    assert found.X['say "so"'].cat.categories.tolist() == ["it's, so"]
    assert list(found.targets[0].classes) == ["a", "b c"]


def test_sparse_arff(tmp_path):
    head = "@relation t\n@attribute u numeric\n@attribute v {no,yes}\n@attribute y {a,b}\n@data\n"
    found = load(tmp_path, head + "{0 3, 2 b}\n{1 yes}\n{}\n" * 5, "t.arff", target="y")
    assert found.X["u"].tolist()[:3] == [3, 0, 0]
    assert found.X["v"].tolist()[:3] == ["no", "yes", "no"]
    with pytest.raises(DataError, match="line 6: '7 1' is no `position value`"):
        load(tmp_path, head + "{7 1}\n", "t.arff", target="y")


def test_libsvm(tmp_path):
    found = load(tmp_path, "-1 1:0.5 3:2\n+1 2:1\n" * 10, "t.libsvm")
    assert found.X.iloc[:2].to_numpy().tolist() == [[0.5, 0, 2], [0, 1, 0]]
    assert list(found.targets[0].classes) == [-1, 1]
    again = load(tmp_path, _zip(**{"a.txt": "-1 1:0.5\n+1 2:1\n" * 10}), "t.zip", format="libsvm")
    assert again.X.shape == (20, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("@relation t\n@attribute u numeric\n", "has no @data line"),
        ("@relation t\n@data\n1\n", "declares no attributes"),
        ("@relation t\n@attribute u\n@data\n1\n", "line 2 declares no attribute with a type"),
        ("@relation t\n@attribute u numeric\n@attribute u numeric\n@data\n1,2\n", "two columns called 'u'"),
        ("@relation t\n@attribute u numeric\n@data\n", "has a header and no rows"),
        (KEEL + "1, red\n", "line 32 has 2 cells, 3 attributes are declared"),
        (KEEL + "1, red, no, no\n", "line 32 has 4 cells, 3 attributes are declared"),
        (KEEL + "high, red, no\n", "attribute 'Number' is declared real"),
    ],
)
def test_broken_arff(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path, text, "t.arff", target="y")
    assert str(caught.value).startswith("t: ")


def test_options_of_text(tmp_path):
    values = np.arange(40.0) / 4
    rows = [f"{value:.2f}".replace(".", ",") + f";{'ab'[n % 2]}" for n, value in enumerate(values)]
    found = load(
        tmp_path, "# made by hand\n\nw;y\n" + "\n".join(rows), target="y", delimiter=";", decimal=",", skip_rows=2
    )
    np.testing.assert_allclose(found.X["w"], values)
    blank = "\n".join(f"  {n}   {n % 7}\t{'ab'[n % 2]} " for n in range(40))
    found = load(tmp_path, blank, "t.data", delimiter="whitespace", names=["u", "v", "y"], target="y")
    assert list(found.X) == ["u", "v"]
    assert load(tmp_path, blank, "t.data", delimiter="whitespace", header=False, target=-1).X.shape == (40, 2)
    tabs = "u\ty\n" + "1\ta\n2\tb\n" * 20
    assert list(load(tmp_path, tabs, delimiter="\\t", target="y").X) == ["u"]
    latin = "größe,y\n" + "1,a\n2,b\n" * 20
    assert list(load(tmp_path, latin.encode("latin-1"), encoding="latin-1", target="y").X) == ["größe"]
    with pytest.raises(DataError, match="name its encoding, such as `encoding: latin-1`"):
        load(tmp_path, latin.encode("latin-1"), target="y")
    assert list(load(tmp_path, ("\ufeffu,y\n" + "1,a\n2,b\n" * 20).encode(), target="y").X) == ["u"]


def test_archives(tmp_path):
    two = _zip(**{"a.csv": CSV, "b.csv": CSV + "9,x,a\n"})
    assert len(load(tmp_path, two, "t.zip", target="y", member="b.csv").X) == 25
    with pytest.raises(DataError, match=r"holds 2 files, name one as `member:`; it holds a\.csv, b\.csv"):
        load(tmp_path, two, "t.zip", target="y")
    with pytest.raises(DataError, match=r"has no file 'c\.csv'"):
        load(tmp_path, two, "t.zip", target="y", member="c.csv")
    with pytest.raises(DataError, match="cannot be read"):
        load(tmp_path, two[:100], "t.zip", target="y")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["numbers", "mixed"])
def test_half_a_million_rows_load_in_three_seconds_and_three_times_their_size(kind):
    import re
    import subprocess
    import sys
    from pathlib import Path

    script = Path(__file__).parents[2] / "benchmarks" / "speed" / "loading.py"
    done = subprocess.run(
        [sys.executable, str(script), "--kind", kind], capture_output=True, text=True, timeout=300, check=True
    )
    seconds, times = map(float, re.search(r"([\d.]+) s CPU, peak ([\d.]+) times", done.stdout).groups())
    assert seconds < 3, done.stdout
    assert times < 3, done.stdout
