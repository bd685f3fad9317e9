"""A failure never looks like success: take any one cell away from a run or a baseline and there is no verdict."""

import copy
import json
import shutil

import pytest

from fusebench import api
from fusebench.errors import FusebenchError

pytestmark = pytest.mark.usefixtures("in_this_process")

SPEC = {
    "name": "cells",
    "datasets": ["iris", "wine"],
    "learners": ["nb", "dt"],
    "fusions": {"vote": "voting"},
    "cv": {"n_splits": 3, "inner": 2},
    "scoring": ["accuracy", "neg_log_loss"],
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run folder and the baseline of the same run."""
    folder = tmp_path_factory.mktemp("cells")
    results = api.run(SPEC, out=folder / "run", store=folder / "store", n_jobs=1)
    api.write_baseline(results, folder / "base.json", folder)
    return folder


def verdict(baseline, run):
    """Return the exit code that `fusebench check` ends with."""
    try:
        found = api.gate(api.read_baseline(baseline), api.read_run(run))
    except FusebenchError as error:
        return error.exit_code
    return int(found.failed)


def test_whole_they_are_fine(finished):
    assert verdict(finished / "base.json", finished / "run") == 0


def test_any_score_of_a_run(finished, tmp_path):
    shutil.copytree(finished / "run", tmp_path / "run")
    path = tmp_path / "run" / "scores.csv"
    lines = path.read_text().splitlines(keepends=True)
    assert len(lines) > 60
    for at in range(1, len(lines)):
        path.write_text("".join(lines[:at] + lines[at + 1 :]))
        assert verdict(finished / "base.json", tmp_path / "run") == 3, lines[at]


@pytest.mark.parametrize("part", ["scores", "models", "datasets", "metrics"])
def test_any_cell_of_a_baseline(finished, tmp_path, part):
    whole = json.loads((finished / "base.json").read_text())
    for at in list(whole[part]) if isinstance(whole[part], dict) else range(len(whole[part])):
        data = copy.deepcopy(whole)
        del data[part][at]
        (tmp_path / "base.json").write_text(json.dumps(data))
        assert verdict(tmp_path / "base.json", finished / "run") == 3, (part, at)


def test_any_fold_of_a_baseline(finished, tmp_path):
    whole = json.loads((finished / "base.json").read_text())
    for n, dataset in enumerate(whole["datasets"]):
        for at in range(len(dataset["folds"])):
            data = copy.deepcopy(whole)
            del data["datasets"][n]["folds"][at]
            (tmp_path / "base.json").write_text(json.dumps(data))
            assert verdict(tmp_path / "base.json", finished / "run") == 3, (n, at)


@pytest.mark.parametrize("name", ["scores.csv", "summary.json"])
def test_a_file_that_is_cut_anywhere_or_gone(finished, tmp_path, name):
    shutil.copytree(finished / "run", tmp_path / "run")
    raw = (tmp_path / "run" / name).read_bytes()
    for at in [*range(0, len(raw) - 2, max(len(raw) // 60, 1)), *range(len(raw) - 20, len(raw) - 2)]:
        (tmp_path / "run" / name).write_bytes(raw[:at])
        assert verdict(finished / "base.json", tmp_path / "run") in {2, 3}, at
    (tmp_path / "run" / name).unlink()
    assert verdict(finished / "base.json", tmp_path / "run") in {2, 3}
