"""`fusebench importance`: a table, and what a run folder gets."""

import csv
import json

import pytest

SPEC = """\
name: small
datasets:
  - {name: mine, source: file, path: mine.csv, target: y}
  - iris
learners: [nb, dt]
fusions: {vote: {type: voting, voting: soft}}
cv: {n_splits: 3}
"""
ROWS = [("x", "noise", "=cmd()", "y"), *((n % 2, (n * 7) % 11, 5, "ab"[n % 2]) for n in range(60))]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    with (tmp_path / "mine.csv").open("w", newline="") as file:
        csv.writer(file).writerows(ROWS)
    return tmp_path


def rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_a_run_folder_gets_the_rows_and_a_section(fusebench, folder):
    assert fusebench("run", "spec.yaml", "-q").returncode == 0
    run = folder / "results" / "small"
    assert "Importance of features" not in (run / "report.html").read_text()
    done = fusebench("importance", run, "--fusion", "vote", "--dataset", "mine")
    assert (done.returncode, "importance.csv" in done.stderr) == (0, True)
    found = rows(run / "importance.csv")
    assert found[0]["feature"] == "x"
    assert float(found[0]["importance"]) > 0.3 > abs(float(found[-1]["importance"])) + 0.2
    assert {one["feature"] for one in found} == {"x", "noise", "'=cmd()"}
    page = (run / "report.html").read_text()
    assert "Importance of features" in page
    assert "<bdi>noise</bdi>" in page
    scores = (run / "scores.csv").read_bytes()
    # Again: in the place of what was there; another model: beside it.
    assert fusebench("importance", run, "--fusion", "vote", "--dataset", "mine", "--n-repeats", 2).returncode == 0
    assert fusebench("importance", run, "--fusion", "nb", "--dataset", "iris", "-q").returncode == 0
    assert [one["model"] for one in rows(run / "importance.csv")] == ["vote"] * 3 + ["nb"] * 4
    assert fusebench("report", run, "--html", "again.html").returncode == 0
    assert (folder / "again.html").read_text() == (run / "report.html").read_text()
    assert (run / "scores.csv").read_bytes() == scores
    # A new run in its place has none.
    assert fusebench("run", "spec.yaml", "-q").returncode == 0
    assert not (run / "importance.csv").exists()


def test_a_spec_gets_a_table_alone(fusebench, folder):
    done = fusebench("importance", "spec.yaml", "--fusion", "dt", "--dataset", "mine", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["rows"][0]["feature"] == "x"
    assert not (folder / "results").exists()


def test_other_data_than_those_of_the_run_are_refused(fusebench, folder):
    assert fusebench("run", "spec.yaml", "-q").returncode == 0
    (folder / "mine.csv").write_text((folder / "mine.csv").read_text() + "0,1,5,a\n")
    done = fusebench("importance", "results/small", "--fusion", "vote", "--dataset", "mine")
    assert (done.returncode, "not those of the run" in done.stderr) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fusion", "vote"], "2 datasets, name one of mine, iris"),
        (["--fusion", "vot", "--dataset", "iris"], "did you mean 'vote'?"),
        (["--fusion", "oracle", "--dataset", "iris"], "looks at the answers"),
        (["--fusion", "vote", "--dataset", "iris", "--n-repeats", "0"], "--n-repeats"),
        (["--fusion", "vote", "--dataset", "iris", "--format", "latex"], "latex"),
    ],
)
def test_mistakes_exit_2(fusebench, folder, arguments, said):
    done = fusebench("importance", "spec.yaml", *arguments)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
