"""A failure never looks like success: take any one cell away from a run or a baseline and there is no verdict."""

import copy
import json
import shutil

import pytest

from fusebench import api
from fusebench.errors import FusebenchError, UndecidableError

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


def test_any_cell_of_the_scores_emptied_or_taken_out(finished, tmp_path):
    shutil.copytree(finished / "run", tmp_path / "run")
    path = tmp_path / "run" / "scores.csv"
    rows = [line.split(",") for line in path.read_text().splitlines()]
    for at in [0, *range(1, len(rows), 5)]:
        for column in range(len(rows[0])):
            for emptied in ([""], []):
                row = [*rows[at][:column], *emptied, *rows[at][column + 1 :]]
                path.write_text("".join(",".join(one) + "\n" for one in [*rows[:at], row, *rows[at + 1 :]]))
                assert verdict(finished / "base.json", tmp_path / "run") == 3, row


def parts(data, path=()):
    """Yield the path of everything that plain data holds."""
    for key in data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        yield (*path, key)
        yield from parts(data[key], (*path, key))


def without(data, path, *, null):
    """Return plain data without one part, or with nothing in its place."""
    data = copy.deepcopy(data)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    if null:
        inner[path[-1]] = None
    else:
        del inner[path[-1]]
    return data


@pytest.mark.parametrize("null", [False, True])
@pytest.mark.parametrize("name", ["base.json", "summary.json"])
def test_any_part_that_says_what_was_measured(finished, tmp_path, name, null):
    """What only a report tells (explanations, costs, notes) and the spec, which is for the next run, are no cells."""
    shutil.copytree(finished / "run", tmp_path / "run")
    shutil.copy(finished / "base.json", tmp_path)
    path = tmp_path / name if name == "base.json" else tmp_path / "run" / name
    whole = json.loads(path.read_text())
    deciding = {"schema_version", "name", "metrics", "models", "datasets", "scores", "failures", "failed_cells",
                "complete", "inapplicable"}  # fmt: skip
    told = {"members", "order", "alone", "variant_of", "notes"}
    tried = 0
    for one in list(parts(whole))[:: 3 if name == "base.json" else 1]:
        if one[0] not in deciding or told & set(one):
            continue
        tried += 1
        path.write_text(json.dumps(without(whole, one, null=null)))
        assert verdict(tmp_path / "base.json", tmp_path / "run") == 3, one
    assert tried > 60


@pytest.mark.parametrize("part", ["python", "cpu", "versions"])
def test_any_part_of_the_environment_that_must_be_the_same(finished, tmp_path, part):
    whole = json.loads((finished / "base.json").read_text())
    del whole["environment"][part]
    (tmp_path / "base.json").write_text(json.dumps(whole))
    baseline, run = api.read_baseline(tmp_path / "base.json"), api.read_run(finished / "run")
    assert any(part in warning for warning in api.gate(baseline, run).warnings)
    with pytest.raises(UndecidableError, match="environment"):
        api.gate(baseline, run, exact=True)


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
