"""A run folder read back, and everything that can be wrong with one."""

import json

import pytest

from fusebench import api
from fusebench.errors import UndecidableError, UsageError

pytestmark = pytest.mark.usefixtures("in_this_process")

SPEC = {
    "datasets": ["iris", "diabetes"],
    "learners": {"nb": "nb", "knn": "knn", "broken": {"type": "knn", "n_neighbors": 10_000}},
    "fusions": {"vote": {"type": "voting", "voting": "soft", "members": ["nb", "knn"]}, "mean": "averaging"},
    "scoring": {"classification": ["accuracy", "neg_log_loss"], "regression": ["r2"]},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A run of a mixed suite in which one learner fails everywhere, and its folder."""
    place = tmp_path_factory.mktemp("run")
    loaded = api.spec_from({"name": "mixed", **SPEC}, base=place)
    settings = api.settings(store=place / "store", n_jobs=1)
    planned = api.make_plan(loaded, settings)
    results = api.collect(planned, api.execute(planned, settings, api.SilentProgress()), settings)
    api.write_run(results, api.compare(results), place / "out", place)
    return results, place / "out"


@pytest.fixture
def folder(written, tmp_path):
    copy = tmp_path / "run"
    copy.mkdir()
    for path in written[1].iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def test_a_run_folder_holds_the_whole_run(written):
    results, folder = written
    again = api.read_run(folder)
    assert again == results
    assert any(row.model == "broken" for row in again.failures)
    verdicts = api.compare(results)
    for name in ("table", "json", "csv", "markdown", "latex"):
        assert api.render(again, api.compare(again), name) == api.render(results, verdicts, name)


def test_models_that_cannot_predict_a_target_are_no_failures(written):
    summary = json.loads((written[1] / "summary.json").read_text())
    assert ["diabetes", "target", "nb"] in summary["inapplicable"]
    assert {cell[2] for cell in summary["failed_cells"]} == {"broken", "mean"}


@pytest.mark.parametrize("at", [1, 17, -1])
def test_a_missing_score_is_found(folder, at):
    lines = (folder / "scores.csv").read_text().splitlines(keepends=True)
    del lines[at]
    (folder / "scores.csv").write_text("".join(lines))
    with pytest.raises(UndecidableError, match="lacks the score of"):
        api.read_run(folder)


def test_a_second_score_or_one_of_nothing_is_found(folder):
    text = (folder / "scores.csv").read_text()
    line = text.splitlines()[5]
    (folder / "scores.csv").write_text(f"{text}{line}\n")
    with pytest.raises(UndecidableError, match="a second score"):
        api.read_run(folder)
    (folder / "scores.csv").write_text(f"{text}x{line}\n")
    with pytest.raises(UndecidableError, match="belongs to no part"):
        api.read_run(folder)


def _newer(folder):
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps({**summary, "schema_version": 99}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "summary.json").write_text('{"name": "x'), "not a whole JSON"),
        (lambda folder: (folder / "summary.json").write_text('{"schema_version": 1}'), "not laid out"),
        (lambda folder: (folder / "summary.json").write_text("[]"), "no mapping"),
        (lambda folder: (folder / "summary.json").write_text("{}"), "no schema_version"),
        (lambda folder: (folder / "summary.json").unlink(), "half written, it lacks summary.json"),
        (lambda folder: (folder / "costs.csv").unlink(), "half written, it lacks costs.csv"),
        (lambda folder: (folder / "scores.csv").write_text("a,b\n1,2\n"), "its columns are a, b"),
        (lambda folder: (folder / "scores.csv").write_bytes(b"\xff\xfe"), "not UTF-8"),
        (lambda folder: (folder / "spec.yaml").write_text("a: [1"), "not a whole YAML"),
        (_newer, "schema version 99"),
    ],
)
def test_damage_is_named(folder, damage, said):
    damage(folder)
    with pytest.raises(UndecidableError, match=said):
        api.read_run(folder)


def test_what_is_no_run_folder(tmp_path):
    with pytest.raises(UsageError, match="not a run folder"):
        api.read_run(tmp_path)
    with pytest.raises(UsageError, match="there is no such run folder"):
        api.read_run(tmp_path / "absent")
