"""The command line through real processes: what it prints, and the exit codes it promises.

Each code once through an interpreter of its own (`cold_fusebench`), the rest through forks of a warm one.
"""

import json
import os

import pandas as pd
import pytest

from fusebench import api
from fusebench.errors import UsageError

TINY = "name: tiny\ndatasets: [iris]\nlearners: {nb: nb, knn: knn}\nfusions: {vote: {type: voting, voting: soft}}\n"
WORSE = TINY.replace("knn: knn", "knn: {type: knn, n_neighbors: 90}")


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    return "tiny.yaml"


def test_run_prints_a_table_and_writes_the_folder(cold_fusebench, fusebench, spec, tmp_path):
    done = cold_fusebench("run", spec)
    assert done.returncode == 0, done.stderr
    for text in ("accuracy on 1 dataset", "vote", "best_single", "oracle is an upper bound", "low power"):
        assert text in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    folder = tmp_path / "results" / "tiny"
    assert {path.name for path in folder.iterdir()} == {
        "spec.yaml", "environment.json", "scores.csv", "leaderboard.csv", "comparisons.csv", "costs.csv", "failures.csv", "model_costs.csv",
        "contributions.csv", "summary.json", "report.html",
    }  # fmt: skip
    scores = pd.read_csv(folder / "scores.csv")
    assert list(scores) == ["dataset", "target", "model", "kind", "repeat", "fold", "metric", "score"]
    assert len(scores) == 5 * (2 + 1 + 3)
    assert json.loads((folder / "summary.json").read_text())["schema_version"] == 1
    again = fusebench("run", folder / "spec.yaml", "--out", "again", "-q")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again" / "scores.csv").read_bytes() == (folder / "scores.csv").read_bytes()


@pytest.mark.parametrize("name", ["table", "json", "csv", "markdown", "latex"])
def test_formats(fusebench, spec, name):
    done = fusebench("run", spec, "--format", name, "-q")
    assert done.returncode == 0, done.stderr
    assert "vote" in done.stdout
    if name == "json":
        assert json.loads(done.stdout)["name"] == "tiny"
    if name == "latex":
        assert r"\toprule" in done.stdout


def test_filters_and_overrides(fusebench, spec, tmp_path):
    done = fusebench("run", spec, "--learners", "nb", "--set", "cv.n_splits=3", "--set", "cv.n_repeats=2", "-q")
    assert done.returncode == 0, done.stderr
    scores = pd.read_csv(tmp_path / "results/tiny/scores.csv")
    assert set(scores.model) == {"nb", "vote", "best_single", "uniform_average", "oracle"}
    assert len(scores[scores.model == "nb"]) == 6
    wrong = fusebench("run", spec, "--learners", "nbb")
    assert (wrong.returncode, "did you mean 'nb'" in wrong.stderr) == (2, True)


def test_compare_a_new_users_file(fusebench, tmp_path):
    frame = pd.DataFrame({"a": range(60), "b": ["x", "y", "z"] * 20, "y": ["no", "yes"] * 30})
    frame.to_csv(tmp_path / "my.csv", index=False)
    command = ["compare", "--datasets", "./my.csv", "--target", "y", "--learners", "nb,dt", "--save-spec", "spec.yaml"]
    done = fusebench(*command)
    assert done.returncode == 0, done.stderr
    assert "accuracy on 1 dataset (my)" in done.stdout
    assert fusebench("validate", "spec.yaml").returncode == 0
    lost = fusebench("compare", "--datasets", "./my.csv", "--target", "Y", "--learners", "nb")
    assert lost.returncode == 2
    assert "did you mean 'y'" in lost.stderr


def test_plan_fits_nothing(fusebench, spec, tmp_path):
    done = fusebench("plan", spec)
    assert done.returncode == 0, done.stderr
    assert "30 of 30 fits to do" in done.stdout
    assert not (tmp_path / "results").exists()
    fusebench("run", spec, "-q")
    assert "0 of 30 fits to do" in fusebench("plan", spec).stdout


def test_init_validate_schema(fusebench, tmp_path):
    assert fusebench("init").returncode == 0
    assert fusebench("validate", "spec.yaml").returncode == 0
    assert fusebench("init").returncode == 2
    schema = json.loads(fusebench("schema").stdout)
    assert "stacking" in json.dumps(schema)


@pytest.mark.parametrize("kind", ["learners", "fusions", "datasets", "metrics", "encoders"])
def test_list_and_show(fusebench, kind):
    listed = fusebench("list", kind).stdout.split("\n")
    assert len(listed) > 5
    shown = fusebench("show", listed[3].split()[0])
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.strip()


def test_show_of_nothing(cold_fusebench):
    done = cold_fusebench("show", "stackin")
    assert (done.returncode, "did you mean 'stacking'" in done.stderr) == (2, True)


@pytest.mark.slow
def test_cache(fusebench, spec, tmp_path):
    fusebench("run", spec, "-q")
    assert "entries" in fusebench("cache", "info").stdout
    assert ", 0 were damaged" in fusebench("cache", "verify").stdout
    assert fusebench("cache", "gc", "--max-size", "1KB").returncode == 0
    assert fusebench("run", spec, "-q").returncode == 0
    assert fusebench("cache", "clear").returncode == 0
    assert not list((tmp_path / ".fusebench").glob("objects/*/*"))
    assert fusebench("cache", "info", "--store", "absent").returncode == 2


def test_version_help_and_doctor(cold_fusebench, fusebench):
    assert cold_fusebench("--version").stdout.startswith("fusebench ")
    assert "compare" in fusebench("--help").stdout
    assert "scikit-learn" in fusebench("doctor").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"], ["run", "absent.yaml"], ["nothing"], ["run", "tiny.yaml", "--jobs", "0"], ["run", "tiny.yaml", "--format", "pdf"],
        ["run", "tiny.yaml", "--set", "nonsense"], ["run", "tiny.yaml", "--timeout", "soon"], ["run", "tiny.yaml", "--memory", "0"],
        ["run", "tiny.yaml", "--time-limit", "never"], ["run", "tiny.yaml", "--executor", "slurm"], ["run", "."],
        ["compare", "--datasets", ","], ["compare", "--datasets", "irsi"], ["list", "things"], ["check", "b.json", "--update"],
        ["run", "tiny.yaml", "--set", "learners.knn.n_neighbours=3"], ["run", "tiny.yaml", "--set", "scoring=acuracy"],
        ["run", "tiny.yaml", "--set", "learners.x=xgbost"], ["run", "tiny.yaml", "--set", "fusions.x=stackin"],
        ["run", "tiny.yaml", "--set", "learners.x=os.system"], ["run", "tiny.yaml", "--set", "fusions.vote.weights=[1, -1]"],
        ["run", "tiny.yaml", "--set", "cv.n_splits=1000"], ["run", "tiny.yaml", "--set", "learners.knn.n_neighbors=-1"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_exits_2_and_says_why(fusebench, spec, tmp_path, arguments):
    done = fusebench(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results" / "tiny" / "scores.csv").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_output_is_found_before_the_first_fit(fusebench, spec, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert fusebench("run", spec, "--out", "locked/out").returncode == 74


def test_an_output_that_is_a_file_is_found_before_the_first_fit(cold_fusebench, spec, tmp_path):
    (tmp_path / "taken").write_text("")
    done = cold_fusebench("run", spec, "--out", "taken/out")
    assert done.returncode == 74, done.stderr
    assert not list((tmp_path / ".fusebench").glob("objects/*/*"))


@pytest.mark.slow
def test_a_full_disk_exits_74_and_keeps_what_was_finished(fusebench, spec, tmp_path):
    done = fusebench("run", spec, "-q", env={"FUSEBENCH_FAULT": "enospc:120"})
    assert done.returncode == 74, done.stderr
    assert "No space left" in done.stderr
    assert list((tmp_path / ".fusebench").glob("objects/*/*"))
    assert fusebench("run", spec, "-q").returncode == 0


@pytest.mark.slow
def test_the_gate(cold_fusebench, fusebench, spec, tmp_path):
    (tmp_path / "worse.yaml").write_text(WORSE)
    assert cold_fusebench("check", "base.json").returncode == 3
    assert fusebench("check", "base.json", spec, "--update", "-q").returncode == 0
    same = fusebench("check", "base.json", "-q")
    assert same.returncode == 0, same.stderr
    assert "IDENTICAL" in same.stdout
    summary = tmp_path / "summary.md"
    options = ["--github", "--junit", "junit.xml"]
    fell = cold_fusebench("check", "base.json", "worse.yaml", "-q", *options, env={"GITHUB_STEP_SUMMARY": str(summary)})
    assert fell.returncode == 1
    assert "REGRESSED" in fell.stdout
    assert "could detect" in fell.stdout
    assert "::error title=fusebench check::" in fell.stdout
    assert "FAILED" in summary.read_text()
    assert "<failure message=" in (tmp_path / "junit.xml").read_text()
    assert "accuracy fell" in fell.stderr
    other = fusebench("check", "base.json", spec, "-q", "--format", "json")
    assert json.loads(other.stdout)["failed"] is False
    (tmp_path / "folds.yaml").write_text(TINY + "random_state: 1\n")
    assert fusebench("check", "base.json", "folds.yaml", "-q").returncode == 3


@pytest.mark.slow
@pytest.mark.parametrize("part", ["scores", "datasets", "models"])
def test_a_baseline_that_lacks_a_cell_is_undecidable(fusebench, spec, tmp_path, part):
    fusebench("check", "base.json", spec, "--update", "-q")
    data = json.loads((tmp_path / "base.json").read_text())
    if isinstance(data[part], list):
        data[part].pop()
    else:
        data[part].popitem()
    (tmp_path / "base.json").write_text(json.dumps(data))
    done = fusebench("check", "base.json", "-q")
    assert done.returncode == 3, done.stderr
    whole = (tmp_path / "base.json").read_text()
    (tmp_path / "base.json").write_text(whole[: len(whole) // 2])
    assert fusebench("check", "base.json", "-q").returncode == 3


@pytest.mark.slow
def test_the_gate_judges_a_run_folder(fusebench, spec, tmp_path):
    (tmp_path / "worse.yaml").write_text(WORSE)
    fusebench("run", spec, "-q", "--out", "good")
    fusebench("run", "worse.yaml", "-q", "--out", "bad")
    assert fusebench("check", "base.json", "good", "--update").returncode == 0
    assert fusebench("check", "base.json", "good").returncode == 0
    assert fusebench("check", "base.json", "bad").returncode == 1
    scores = tmp_path / "good" / "scores.csv"
    lines = scores.read_text().splitlines(keepends=True)
    scores.write_text("".join(lines[:7] + lines[8:]))
    lost = fusebench("check", "base.json", "good")
    assert (lost.returncode, "lacks the score of" in lost.stderr) == (3, True)
    for absent, code in (("results", 2), (".", 2), ("absent.yaml", 2)):
        assert fusebench("check", "base.json", absent).returncode == code


@pytest.mark.slow
def test_a_baseline_finds_its_data_from_any_folder(fusebench, tmp_path):
    (tmp_path / "specs").mkdir()
    frame = pd.DataFrame({"a": range(60), "y": ["no", "yes"] * 30})
    frame.to_csv(tmp_path / "specs" / "my.csv", index=False)
    spec = "name: own\ndatasets: [{name: my, source: file, path: my.csv, target: y}]\nlearners: [nb, dt]\n"
    (tmp_path / "specs" / "own.yaml").write_text(spec)
    assert fusebench("run", "specs/own.yaml", "-q").returncode == 0
    again = fusebench("run", "results/own/spec.yaml", "-q", "--out", "again")
    assert again.returncode == 0, again.stderr
    assert fusebench("check", "kept/base.json", "specs/own.yaml", "--update", "-q").returncode == 0
    done = fusebench("check", "kept/base.json", "-q")
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) not in (tmp_path / "kept" / "base.json").read_text()


@pytest.mark.slow
def test_diff_and_stats(fusebench, spec, tmp_path):
    (tmp_path / "worse.yaml").write_text(WORSE)
    fusebench("run", spec, "-q", "--out", "a")
    fusebench("run", "worse.yaml", "-q", "--out", "b")
    done = fusebench("diff", "a", "b")
    assert (done.returncode, "REGRESSED" in done.stdout) == (0, True)
    told = fusebench("stats", "a/scores.csv", "--format", "json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["schema_version"] == 1
    assert "cannot be told apart" in fusebench("stats", "a/scores.csv").stdout
    assert fusebench("stats", "absent.csv").returncode == 2
    assert fusebench("diff", "a", "absent").returncode == 2


@pytest.mark.slow
def test_a_dataset_of_a_suite_can_be_kept_alone(tmp_path):
    spec = tmp_path / "suite.yaml"
    spec.write_text("datasets: [suite:small]\nlearners: {nb: nb}\n")
    kept = {"iris", "wine"}
    assert {one.name for one in api.load_spec(spec, only={"datasets": kept}).spec.datasets} == kept
    assert len(api.load_spec(spec, only={"datasets": ["suite:small"]}).spec.datasets) > 20
    with pytest.raises(UsageError, match="the spec has no 'irs'; did you mean 'iris'"):
        api.load_spec(spec, only={"datasets": ["irs"]})
