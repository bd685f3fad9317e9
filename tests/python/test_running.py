"""`fusebench.run`: data of every kind in memory, results as frames, a notebook's view and its progress."""

from __future__ import annotations

import subprocess
import sys
import types

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris

import fusebench as fb
from fusebench.errors import SpecError, StorageError, UsageError
from fusebench.python._progress import LineProgress, progress_for

pytestmark = pytest.mark.usefixtures("in_this_process")

MODELS = {"learners": ["nb", "dt"], "fusions": {"vote": "voting"}, "cv": {"n_splits": 3}}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


def iris() -> tuple[pd.DataFrame, pd.Series]:
    X, y = load_iris(return_X_y=True, as_frame=True)
    return X, y


@pytest.fixture(scope="module")
def expected(store) -> pd.DataFrame:
    return fb.run({"datasets": ["iris"], **MODELS}, store=store, n_jobs=1).scores.drop(columns=["dataset", "target"])


def forms():
    import polars as pl
    import pyarrow as pa

    X, y = iris()
    frame = X.assign(species=y)
    return {
        "pair": {"mine": (X, y)},
        "arrays": {"mine": (X.to_numpy(), y.to_numpy())},
        "mapping": {"name": "mine", "X": X, "y": y.to_list()},
        "frame": [{"name": "mine", "frame": frame, "target": "species"}],
        "polars": {"mine": {"frame": pl.from_pandas(frame), "target": "species"}},
        "lazy": {"mine": {"X": pl.from_pandas(X).lazy(), "y": pl.Series("species", y.to_list())}},
        "arrow": {"mine": {"frame": pa.Table.from_pandas(frame), "target": "species"}},
    }


@pytest.mark.parametrize("form", ["pair", "arrays", "mapping", "frame", "polars", "lazy", "arrow"])
def test_data_in_memory_gives_the_numbers_of_the_same_data_in_a_file(form, store, expected):
    found = fb.run({"datasets": forms()[form], **MODELS}, store=store, n_jobs=1)
    assert set(found.scores["dataset"]) == {"mine"}
    pd.testing.assert_frame_equal(found.scores.drop(columns=["dataset", "target"]), expected)


def test_a_run_in_memory_can_be_run_again_from_its_folder(tmp_path, store):
    found = fb.run(
        {"name": "again", "datasets": {"mine": iris()}, **MODELS}, store=store, n_jobs=1, out=tmp_path / "out"
    )
    again = fb.run(tmp_path / "out" / "spec.yaml", store=store, n_jobs=1)
    pd.testing.assert_frame_equal(again.scores, found.scores)
    read = fb.read_run(tmp_path / "out")
    pd.testing.assert_frame_equal(read.scores, found.scores)
    with pytest.raises(UsageError, match="read from a folder"):
        read.fit("vote")


def test_groups_and_weights_may_be_arrays(store):
    X, y = load_diabetes(return_X_y=True)
    data = {"name": "g", "X": X, "y": y, "group": np.arange(len(y)) % 9, "weights": np.ones(len(y))}
    spec = {"datasets": [data], "learners": ["ridge"], "cv": {"type": "group", "n_splits": 3}}
    found = fb.run(spec, store=store, n_jobs=1)
    assert found.results.datasets[0].n_features == 10
    assert len(found.scores) > 0


def test_names_of_columns_are_kept_apart(store):
    X, y = iris()
    found = fb.run(
        {"datasets": {"mine": (X.rename(columns={X.columns[0]: "target"}), y)}, **MODELS}, store=store, n_jobs=1
    )
    assert found.results.datasets[0].target == "target_"


def test_the_tables_are_frames(store):
    found = fb.run({"datasets": {"mine": iris()}, **MODELS}, store=store, n_jobs=1)
    assert list(found.leaderboard["rank"].dropna()) == sorted(found.leaderboard["rank"].dropna())
    assert {"model_a", "p_holm", "verdict"} <= set(found.comparisons)
    assert {"fit_cpu_seconds", "bytes"} <= set(found.costs)
    assert list(found.failures.columns)[:3] == ["dataset", "target", "model"]
    assert found.failures.empty
    assert found.complete
    assert found.findings
    assert "| vote" in found.render("markdown")
    assert repr(found).startswith("<Run benchmark: 1 datasets, ")
    with pytest.raises(UsageError, match="unknown format 'pdfs'"):
        found.render("pdfs")


def test_failures_are_a_frame_and_not_an_exception(store):
    X, y = iris()
    spec = {
        "datasets": {"mine": (X.assign(colour="red"), y)},
        "learners": {"bad": {"type": "nb", "encode": "none"}, "dt": "dt"},
    }
    found = fb.run(spec, store=store, n_jobs=1)
    assert set(found.failures["model"]) >= {"bad"}


def test_the_winner_is_fitted_from_the_run(store):
    X, y = iris()
    model = fb.run({"datasets": {"mine": (X, y)}, **MODELS}, store=store, n_jobs=1).fit("vote")
    assert isinstance(model, fb.FusedClassifier)
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ({"mine": {"X": np.zeros((3, 2))}}, "'X' needs 'y'"),
        ({"mine": {"frame": pd.DataFrame({"a": [1]})}}, "which column of the frame is the target"),
        ({"mine": 3}, "got int"),
        ([np.zeros((3, 2))], "got ndarray alone"),
        ({"mine": (np.zeros((3, 2)), [1, 2])}, r"has the shape \(2,\), X has 3 rows"),
        ({"mine": (np.zeros(3), [1, 2, 3])}, "1 dimensions, expected 2"),
        ({"mine": (pd.DataFrame({"a": [1, "x", None]}), [0, 1, 0])}, "cannot be saved as a table"),
    ],
)
def test_says_what_is_wrong_with_data(datasets, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        fb.run({"datasets": datasets, **MODELS}, store=tmp_path)


def test_a_wrong_spec_and_an_unwritable_folder_end_before_any_fit(tmp_path):
    with pytest.raises(SpecError, match="unknown learner 'nope'"):
        fb.run({"datasets": {"mine": iris()}, "learners": ["nope"]}, store=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        fb.run({"datasets": {"mine": iris()}, **MODELS}, store=tmp_path, out=tmp_path / "file" / "out")


def test_names_are_escaped_in_a_notebook(store):
    X, y = iris()
    labels = np.array(["<script>alert(1)</script>", "[/]", "=cmd()"])[y]
    found = fb.run({"name": "n", "datasets": {"mine": (X.add_suffix("<b>"), labels)}, **MODELS}, store=store, n_jobs=1)
    page = found._repr_html_()
    assert "<table>" in page
    assert "vote" in page
    evil = fb.Run(found.results.__class__(**{**vars(found.results), "name": "<script>alert(1)</script>"}))
    assert "<script>" not in evil._repr_html_()


def test_progress_is_one_line():
    lines: list[tuple[str, bool]] = []
    progress = LineProgress(lambda line, done: lines.append((line, done)))
    progress.begin(2, 3.0)
    progress.advance(None, None, 1.0)
    progress.advance(None, "failed", 0.0)
    progress.end()
    assert lines[0] == ("0 of 2 tasks, about 3 s", False)
    assert lines[1] == ("1 of 2 tasks, about 1 s left", False)
    assert lines[-1][0].startswith("2 of 2 tasks, 1 failed in ")
    assert lines[-1][1]


def test_a_notebook_gets_a_handle_that_is_updated(monkeypatch):
    shown: list[str] = []
    handle = types.SimpleNamespace(update=lambda data, raw: shown.append(data["text/plain"]))
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=True)
    display = types.ModuleType("IPython.display")
    display.display = lambda data, raw, display_id: handle
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    progress = progress_for(None)
    progress.begin(5, 1.0)
    assert shown == ["0 of 5 tasks, about 1 s"]
    assert progress_for(False).begin(5, 1.0) is None
    assert len(shown) == 1


def test_importing_the_package_imports_no_library():
    code = (
        "import sys, fusebench; print(sorted({'numpy', 'pandas', 'sklearn', 'skops', 'narwhals'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there_and_documented():
    for name in fb.__all__:
        assert name == "__version__" or getattr(fb, name).__doc__
    assert set(dir(fb)) == set(fb.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        fb.nothing  # noqa: B018
