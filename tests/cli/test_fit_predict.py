"""``fit`` and ``predict`` through real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

SPEC = """\
name: small
datasets: [iris]
learners: {lr: logistic_regression, nb: gaussian_nb}
fusions: {stack: stacking}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, forge) -> Path:
    path = tmp_path_factory.mktemp("winner")
    (path / "spec.yaml").write_text(SPEC)
    (path / "new.csv").write_text(
        "more,petal width (cm),petal length (cm),sepal width (cm),sepal length (cm)\n1,0.2,1.4,3.5,5.1\n2,2.1,5.6,2.8,6.4\n"
    )
    done = forge.run(["fit", "spec.yaml", "--fusion", "stack", "-o", "model.skops"], path)
    assert done["code"] == 0, done["stderr"]
    assert "model.skops: 'stack' on 150 rows of iris" in done["stderr"]
    return path


def test_predicts_to_stdout_and_to_a_file(fusebench, folder):
    shown = fusebench("predict", "model.skops", "new.csv", cwd=folder)
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert lines[0] == "prediction,probability:0,probability:1,probability:2"
    assert [line.split(",")[0] for line in lines[1:]] == ["0", "2"]
    assert shown.stderr == "note: 1 column is not the model's and ignored: 'more'\n"
    written = fusebench("predict", "model.skops", "new.csv", "-o", "out.csv", "-q", cwd=folder)
    assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
    assert (folder / "out.csv").read_text() == shown.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["fit", "spec.yaml", "--fusion", "stakc", "-o", "m.skops"], 2, "did you mean 'stack'"),
        (["fit", "spec.yaml", "--fusion", "stack", "-o", "m.pkl"], 2, "ends in .skops or .onnx"),
        (["fit", "spec.yaml", "--fusion", "stack", "-o", "/proc/nowhere/m.skops"], 74, "/proc/nowhere"),
        (["predict", "spec.yaml", "new.csv"], 2, "not a model of fusebench"),
        (["predict", "model.skops", "absent.csv"], 2, "absent.csv"),
        (["predict", "absent.skops", "new.csv"], 74, "absent.skops"),
    ],
    ids=["fusion", "suffix", "unwritable", "no model", "no table", "no file"],
)
def test_mistakes_have_their_exit_code(fusebench, folder, arguments, code, message):
    done = fusebench(*arguments, cwd=folder)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "m.skops").exists()
