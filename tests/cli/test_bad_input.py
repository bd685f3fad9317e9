"""Every line of the list of bad input: exit code 2, why, where, nothing fitted, no traceback.

The commands run in forks of one warm process (`benchmarks/reliability/forge.py`); they are the real command line.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from fusebench import api
from fusebench.errors import SpecError

ROOT = Path(__file__).parents[2]
GOOD = "name: bad\ndatasets: [iris]\nlearners:\n  nb: nb\n"
ALIASES = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


def refused(done, *, says, line=None):
    assert done["code"] == 2, (done["code"], done["stdout"], done["stderr"])
    assert says in done["stderr"], done["stderr"]
    assert "Traceback" not in done["stderr"]
    assert "a bug" not in done["stderr"]
    if line is not None:
        assert re.search(rf"spec\.yaml:{line}:\d+: ", done["stderr"]), done["stderr"]


SPECS = {
    "empty": ("", "is empty", None),
    "only a comment": ("# nothing\n", "is empty", None),
    "not a mapping": ("- iris\n", "got a list", 1),
    "a single value": ("iris\n", "got a single value", 1),
    "several documents": (GOOD + "---\n" + GOOD, "second document", 5),
    "not UTF-8": (GOOD.encode() + b"# \xff\n", "line 5 is not UTF-8", None),
    "NUL bytes": (GOOD + "scoring: a\0b\n", "NUL bytes", 5),
    "tab indent": ("datasets:\n\t- iris\n", "a tab indents this line", 2),
    "unclosed quote": ('name: "bad\ndatasets: [iris]\n', "never closed", 1),
    "duplicate key": (GOOD + "  nb: lr\n", "duplicate key 'nb', first on line 4", 5),
    "unknown key": (GOOD + "fusoins: {}\n", "did you mean 'fusions'?", 5),
    "unknown key of cv": (GOOD + "cv: {n_split: 5}\n", "did you mean 'n_splits'?", 5),
    "wrong type": (GOOD + "cv: {n_splits: five}\n", "expected a whole number", 5),
    "wrong type of a section": (GOOD + "fusions: 5\n", "expected a mapping", 5),
    "out of range": (GOOD + "cv: {n_splits: 1}\n", "expected at least 2", 5),
    "parameter out of range": (GOOD + "  svm: {type: svc, C: -1}\n", "C", 5),
    "parameter of a wrong type": (GOOD + "  rf: {type: rf, n_estimators: many}\n", "n_estimators", 5),
    "unknown parameter": (GOOD + "  rf: {type: rf, n_estimator: 5}\n", "did you mean 'n_estimators'?", 5),
    "unknown learner": (GOOD + "  xgb: {type: xgbost}\n", "did you mean 'xgboost'?", 5),
    "unknown parameter of a fusion": (
        GOOD + "fusions: {v: {type: voting, min_members: 2}}\n",
        "fusions.v.min_members: unknown parameter 'min_members'",
        5,
    ),
    "a single member": (GOOD + "fusions: {v: {type: voting, member: nb}}\n", "did you mean 'members'?", 5),
    "unknown fusion": (GOOD + "fusions: {v: votin}\n", "did you mean 'voting'?", 5),
    "unknown metric": (GOOD + "scoring: [acuracy]\n", "did you mean 'accuracy'?", 5),
    "metric of another target": (GOOD + "scoring: [r2]\n", "r2", 5),
    "unknown dataset": ("datasets: [irsi]\nlearners: [nb]\n", "did you mean 'iris'?", 1),
    "unknown encoder of a final estimator": (
        GOOD + "fusions:\n  s: {type: stacking, final_estimator: {type: lr, encode: onhot}}\n",
        "onehot",
        6,
    ),
    "unknown encoder": (GOOD + "  lr: {type: lr, encode: onhot}\n", "onehot", 5),
    "duplicate id": (GOOD + "fusions: {nb: voting}\n", "duplicate id 'nb'", 5),
    "absent member": (
        GOOD + "fusions: {v: {type: voting, members: [nb, rf]}}\n",
        "no learner or fusion is called 'rf'",
        5,
    ),
    "cycle": (
        GOOD + "fusions:\n  a: {type: voting, members: [b, nb]}\n  b: {type: voting, members: [a, nb]}\n",
        "a -> b -> a",
        6,
    ),
    "alias bomb": (ALIASES + GOOD, "more than", None),
    "merge keys": (GOOD + "cv: {<<: {n_splits: 3}}\n", "merge keys", 5),
    "depth 100,000": ("datasets: " + "[" * 100_000, "nested deeper than 50", 1),
    "recursive alias": (GOOD + "scoring: &s [*s]\n", "inside what it names", 5),
    "alias of nothing": (GOOD + "scoring: [*s]\n", "has no anchor", 5),
    "python tag": (GOOD + "scoring: !!python/object/apply:os.system [touch owned]\n", "is not allowed", 5),
    "python name": (GOOD + "  lr: !!python/name:os.system\n", "is not allowed", 5),
    "nan parameter": (GOOD + "  svm: {type: svc, C: .nan}\n", "finite number", 5),
    "too large a number": (GOOD + "  svm: {type: svc, C: 1e400}\n", "too large for a number", 5),
    "too many digits": (GOOD + f"  svm: {{type: svc, C: {'9' * 350}}}\n", "too large for a number", 5),
    "too many digits of another base": (GOOD + f"random_state: 0x{'f' * 6000}\n", "too large for a number", 5),
    "a name of digits without end": (GOOD.replace("bad", f"0o{'7' * 9000}"), "too large for a number", 1),
    "a date for a type": (GOOD + "  lr: 2024-01-02\n", "unknown learner '2024-01-02'", 5),
    "a date for a number": (GOOD + "random_state: 2024-01-02\n", "expected a whole number", 5),
    "an id that leaves the folder": (GOOD + "  ../../etc: lr\n", "is not allowed", 5),
    "an absolute id": (GOOD + "  /etc/passwd: lr\n", "is not allowed", 5),
    "a name that leaves the folder": (GOOD.replace("bad", "../../etc"), "is not allowed", 1),
    "an absolute name": (GOOD.replace("bad", "/tmp/x"), "is not allowed", 1),
    "a dataset's name that leaves the folder": (
        "datasets: [{name: ../../x, path: x.csv, target: y}]\nlearners: [nb]\n",
        "is not allowed",
        1,
    ),
    "an id of 101 characters": (GOOD + f"  {'x' * 101}: lr\n", "at most 100", 5),
    "control characters in an id": (GOOD + '  "a\\e[31m": lr\n', "is not allowed", 5),
    "a class of another package": (GOOD + "  x: os.system\n", "--allow-import", 5),
    "a class that is not there": (GOOD + "  x: sklearn.linear_model.Nothing\n", "Nothing", 5),
    "a function of a trusted package": (GOOD + "  x: sklearn.datasets.fetch_openml\n", "fetch_openml", 5),
    "timeout 0": (GOOD + "resources: {timeout: 0}\n", "expected a time above 0", 5),
    "timeout -1": (GOOD + "resources: {timeout: -1}\n", "expected a time above 0", 5),
    "timeout soon": (GOOD + "resources: {timeout: soon}\n", "expected a time above 0", 5),
    "timeout soon of a learner": (GOOD + "  lr: {type: lr, timeout: soon}\n", "expected a time above 0", 5),
    "memory of nothing": (GOOD + "resources: {memory: 0}\n", "expected a size above 0", 5),
}


@pytest.mark.parametrize("what", SPECS)
def test_specs(forge, tmp_path, what):
    text, says, line = SPECS[what]
    (tmp_path / "spec.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    done = forge.run(["run", "spec.yaml", "-q"], tmp_path)
    refused(done, says=says, line=line)
    assert "nothing was run" in done["stderr"]
    assert not (tmp_path / "owned").exists()
    assert not (tmp_path / "results" / "bad" / "scores.csv").exists()
    if what != "metric of another target":  # only the data show that
        assert not (tmp_path / ".fusebench").exists()
        with pytest.raises(SpecError, match=re.escape(says)):  # what `validate` does
            api.load_spec(tmp_path / "spec.yaml")


def test_a_spec_that_is_missing_or_a_folder(forge, tmp_path):
    refused(forge.run(["run", "spec.yaml"], tmp_path), says="there is no such file")
    (tmp_path / "spec.yaml").mkdir()
    refused(forge.run(["run", "spec.yaml"], tmp_path), says="is a folder")


def test_all_errors_at_once(forge, tmp_path):
    (tmp_path / "spec.yaml").write_text(
        GOOD + "  x: xgbost\nfusions: {v: votin}\ncv: {n_splits: 5}\nscoring: [acuracy]\n"
    )
    done = forge.run(["validate", "spec.yaml"], tmp_path)
    for line in (5, 6, 8):
        refused(done, says="3 errors, nothing was run", line=line)


def test_an_extra_that_is_not_installed(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['catboost'] = None\n")
    (tmp_path / "spec.yaml").write_text(GOOD + "  cat: catboost\n")
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "fusebench", "run", "spec.yaml"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2, done.stderr
    assert "pip install 'fusebench[catboost]'" in done.stderr


ROWS = "".join(f"{n},{n % 7},{'ab'[n % 2]}\n" for n in range(40))
TABLE = "u,v,y\n" + ROWS
DATA = {
    "empty": ("", {}, "is empty"),
    "header only": ("u,v,y\n", {}, "has a header and no rows"),
    "ragged row": (TABLE + "1,2\n", {}, "line 42 has 2 cells"),
    "long row": (TABLE + "1,2,a,b\n", {}, "line 42 has 4 cells"),
    "wrong delimiter": (TABLE.replace(",", ";"), {}, "looks split at a semicolon"),
    "not UTF-8": (TABLE.encode().replace(b"0,0,a", b"\xff,0,a"), {}, "not UTF-8"),
    "target absent": (TABLE, {"target": "zebra"}, "'u', 'v', 'y'"),
    "one class": ("u,y\n" + "".join(f"{n},a\n" for n in range(40)), {}, "one class only"),
    "missing values in the target": (TABLE + "5,5,\n", {}, "1 missing value"),
    "mixed types in the target": (
        "u,y\n" + "".join(f"{n},{n * 1.1 if n % 9 else 'oops'}\n" for n in range(60)),
        {},
        "mixes numbers and text",
    ),
    "continuous target for a classifier": ("u,y\n" + "".join(f"{n},{n * 1.37}\n" for n in range(60)), {}, "continuous"),
    "duplicate columns": ("u,u,y\n" + ROWS, {}, "two columns called 'u'"),
    "no feature columns": ("y\n" + "a\nb\n" * 9, {}, "no feature columns"),
    "fewer rows than folds": ("u,y\n1,a\n2,b\n3,a\n", {}, "3 rows cannot be split into 5 folds"),
    "every class smaller than the folds": ("u,y\n" + "1,a\n2,b\n3,c\n4,d\n" * 2, {}, "every class has fewer rows"),
    "checksum mismatch": (TABLE, {"sha256": "0" * 64}, "expected " + "0" * 64),
    "infinite values": (TABLE + "inf,3,a\n", {}, "say `inf: nan`"),
    "no file": (None, {}, "there is no file"),
}


@pytest.mark.parametrize("what", DATA)
def test_data(forge, tmp_path, what):
    content, entry, says = DATA[what]
    if content is not None:
        (tmp_path / "d.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    fields = "".join(f", {key}: '{value}'" for key, value in {"target": "y", **entry}.items())
    (tmp_path / "spec.yaml").write_text(f"name: bad\ndatasets: [{{name: d, path: d.csv{fields}}}]\nlearners: [nb]\n")
    done = forge.run(["run", "spec.yaml", "-q"], tmp_path)
    refused(done, says=says)
    assert "nothing was run" in done["stderr"]
    assert not (tmp_path / "results" / "bad" / "scores.csv").exists()


@pytest.mark.parametrize("keep", [0, 4, 300])
def test_broken_and_truncated_parquet(forge, tmp_path, keep):
    pd.DataFrame({"u": range(40), "y": ["a", "b"] * 20}).to_parquet(tmp_path / "d.parquet")
    whole = (tmp_path / "d.parquet").read_bytes()
    (tmp_path / "d.parquet").write_bytes(whole[:keep] + b"?" * (keep == 4))
    done = forge.run(["compare", "--datasets", "./d.parquet", "--target", "y", "--learners", "nb"], tmp_path)
    refused(done, says="cannot be read as Parquet")


def test_openml_offline(forge, tmp_path):
    (tmp_path / "spec.yaml").write_text("name: bad\ndatasets: ['openml:31']\nlearners: [nb]\n")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    nowhere["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    done = forge.run(["run", "spec.yaml", "-q"], tmp_path, env=nowhere)
    refused(done, says="openml")
    assert "stored" in done["stderr"]


HANDLED = {
    "a small class": ("u,y\n" + "1,a\n2,b\n" * 20 + "3,rare\n4,rare\n", "fewer rows than the 5 folds"),
    "odd names": ('"u[1]<x>",{v},":w","y"\n' + "".join(f"{n},{n % 7},{n % 3},{'ab'[n % 2]}\n" for n in range(40)), "["),
    "labels with gaps": ("u,y\n" + "".join(f"{n},{(0, 5, 9)[n % 3]}\n" for n in range(60)), None),
    "missing features": ("u,v,y\n" + "".join(f"{n or ''},{n % 7},{'ab'[n % 2]}\n" for n in range(40)), "missing"),
    "a constant column": ("u,v,y\n" + "".join(f"{n},1,{'ab'[n % 2]}\n" for n in range(40)), "constant"),
    "NA strings": ("u,v,y\n" + "".join(f"{n},{'NA' if n % 4 else 'x'},{'ab'[n % 2]}\n" for n in range(40)), "NA"),
    "duplicate rows": ("u,y\n" + "1,a\n2,b\n" * 30, "repeat another row's features"),
    "a column that looks like an id": (
        "id,v,y\n" + "".join(f"A{n:04d},{n % 7},{'ab'[n % 2]}\n" for n in range(60)),
        "id",
    ),
}


@pytest.mark.parametrize("what", HANDLED)
def test_what_is_handled_with_a_note(forge, tmp_path, what):
    content, says = HANDLED[what]
    (tmp_path / "d.csv").write_text(content)
    argv = ["compare", "--datasets", "./d.csv", "--target", "y", "--learners", "dt,nb", "--fusions", "averaging"]
    done = forge.run([*argv, "--jobs", "1"], tmp_path)
    assert done["code"] == 0, done["stderr"]
    if says is not None:
        notes = [line for line in done["stderr"].splitlines() if line.startswith("note: ")]
        assert any(says in note for note in notes), notes


def test_infinite_values_that_the_dataset_allows(forge, tmp_path):
    (tmp_path / "d.csv").write_text(TABLE + "inf,3,a\n")
    (tmp_path / "spec.yaml").write_text(
        "name: ok\ndatasets: [{name: d, path: d.csv, target: y, inf: nan}]\nlearners: [nb]\n"
    )
    assert forge.run(["run", "spec.yaml", "-q", "--jobs", "1"], tmp_path)["code"] == 0


def test_names_from_data_never_steer_the_terminal_or_run_in_a_page(forge, tmp_path):
    evil = ["\x1b[31mred", "[bold]b[/bold]", "<script>alert(1)</script>", "\u202eabc"]
    frame = pd.DataFrame({evil[0]: range(60), evil[1]: [n % 7 for n in range(60)]})
    frame["y"] = [evil[2:][n % 2] for n in range(60)]
    frame.to_csv(tmp_path / "d.csv", index=False)
    argv = ["compare", "--datasets", "./d.csv", "--target", "y", "--learners", "nb,dt", "-v", "--jobs", "1"]
    done = forge.run(argv, tmp_path)
    assert done["code"] == 0, done["stderr"]
    for shown in (done["stdout"], done["stderr"]):
        assert "\x1b[31m" not in shown
        assert "\u202e" not in shown
    for page in tmp_path.glob("results/*/*.html"):
        assert "<script>alert(1)" not in page.read_text()
    (tmp_path / "e.csv").write_text("\x1b[31mu,\x1b[31mu,y\n1,2,a\n3,4,b\n")
    wrong = forge.run(["compare", "--datasets", "./e.csv", "--target", "y", "--learners", "nb"], tmp_path)
    refused(wrong, says="two columns")
    assert "\x1b" not in wrong["stderr"]


def test_a_target_that_no_dataset_takes_is_refused(forge, tmp_path):
    refused = forge.run(["compare", "--datasets", "iris,suite:small", "--target", "y"], tmp_path)
    assert refused["code"] == 2
    assert "--target y: leave it out; no dataset here is a file or openml:ID" in refused["stderr"]
    assert not list(tmp_path.iterdir())
