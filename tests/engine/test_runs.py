"""Whole runs: the same bytes whatever the workers, resuming, failures that stay where they are, no leaks."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from fusebench.errors import DataError, SpecError

pytestmark = pytest.mark.usefixtures("in_this_process")

SPEC = """
name: small
datasets: [iris, wine]
learners: {nb: nb, knn: knn, lr: lr, dt: dt, rf: {type: rf, n_estimators: 30}}
fusions: {vote: {type: voting, voting: soft}, stack: stacking}
scoring: [accuracy, neg_log_loss]
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return path


def scores_of(tmp_path, out):
    return (tmp_path / out / "scores.csv").read_bytes()


def test_the_same_bytes_for_any_number_of_workers(fusebench, spec, tmp_path):
    for jobs in (1, 2):
        done = fusebench("run", spec, "--jobs", jobs, "--out", f"out{jobs}", "--store", f"store{jobs}")
        assert done.returncode == 0, done.stderr
    assert scores_of(tmp_path, "out1") == scores_of(tmp_path, "out2")


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(fusebench, spec, tmp_path):
    assert fusebench("run", spec, "--out", "whole", "--store", "whole-store").returncode == 0
    command = [sys.executable, "-m", "fusebench", "run", str(spec), "--jobs", "2", "--out", "out", "--store", "store"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(list((tmp_path / "store").glob("objects/*/*"))) < 40:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stored = len(list((tmp_path / "store").glob("objects/*/*")))
    assert stored >= 40
    planned = fusebench("plan", spec, "--store", "store")
    assert planned.returncode == 0
    assert fusebench("run", spec, "--jobs", 2, "--out", "out", "--store", "store").returncode == 0
    assert scores_of(tmp_path, "out") == scores_of(tmp_path, "whole")


def test_a_finished_run_answers_from_the_store_without_scikit_learn(fusebench, spec, tmp_path):
    assert fusebench("run", spec).returncode == 0
    first = scores_of(tmp_path, "results/small")
    hidden = tmp_path / "hidden" / "sklearn"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('scikit-learn must not be imported')")
    here = str(__import__("pathlib").Path(__file__).parents[2])
    again = fusebench("run", spec, env={"PYTHONPATH": f"{hidden.parent}{os.pathsep}{here}"})
    assert again.returncode == 0, again.stderr
    assert scores_of(tmp_path, "results/small") == first


def test_only_the_new_fusion_is_missing_from_the_plan(tmp_path):
    from fusebench import api
    from fusebench.engine.tasks.items import FitItem, FuseItem, ScoreItem

    data = {"name": "t", "datasets": ["iris"], "learners": ["nb", "knn"], "fusions": {"vote": "voting"}}
    place = api.settings(store=tmp_path / "store", n_jobs=1)
    planned = api.make_plan(api.spec_from(data), place)
    api.execute(planned, place, api.SilentProgress())
    more = {**data, "fusions": {"vote": "voting", "mean": "averaging"}}
    missing = api.make_plan(api.spec_from(more), place).missing.values()
    items = [task.item for task in missing if task.item is not None]
    assert not any(isinstance(item, FitItem) for item in items)
    assert {item.fusion for item in items if isinstance(item, FuseItem)} == {"mean"}
    assert {item.model for item in items if isinstance(item, ScoreItem)} == {"mean"}


def test_a_new_cheap_fusion_costs_no_import_of_scikit_learn(fusebench, spec, tmp_path):
    assert fusebench("run", spec, "--store", "store", "-q", "--set", "scoring=accuracy").returncode == 0
    code = (
        "import sys; from fusebench.cli import _run;"
        f"sys.argv = ['fusebench', 'run', {str(spec)!r}, '--store', 'store', '-q', '--set', 'scoring=accuracy',"
        " '--set', 'fusions.more.type=averaging', '--set', 'fusions.more.method=median'];"
        "assert _run() == 0; sys.exit(bool({'sklearn', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "more" in done.stdout


def test_a_damaged_entry_is_made_again(bench, tmp_path):
    data = {"datasets": ["iris"], "learners": ["nb", "knn"], "fusions": {"vote": "voting"}}
    first = bench(data)
    for path in (tmp_path / "store" / "objects").glob("*/*"):
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 0xFF
        path.write_bytes(bytes(raw))
    again = bench(data)
    assert again.scores == first.scores
    assert again.failures == ()
    assert list((tmp_path / "store" / "corrupt").iterdir())


def test_planted_leak_every_fusion_scores_at_chance(bench, tmp_path):
    """Features that are noise, with a category of many levels, and labels that are coin flips."""
    from fusebench.fusions.base import REGISTRY, load_fusion

    rng = np.random.default_rng(5)
    n = 400
    frame = pd.DataFrame({f"x{c}": rng.normal(size=n) for c in range(3)})
    frame["level"] = rng.integers(0, 150, n).astype(str)
    frame["y"] = np.where(rng.random(n) < 0.5, "a", "b")
    frame.to_csv(tmp_path / "noise.csv", index=False)
    fusions = {}
    for name in REGISTRY.names():
        kind = load_fusion(name)
        if "binary" in kind.target_types and name not in {"soup", "merge", "transfer"}:  # these take networks alone
            fusions[f"f_{name}"] = {"type": name, **({"members": ["lr"]} if name == "distillation" else {})}
    for name, required in {
        "distillation": {"student": "dt"},
        "bagging": {"n_estimators": 3},
        "boosting": {"n_estimators": 3},
    }.items():
        fusions[f"f_{name}"].update(required)
    for name in ("bagging", "boosting"):
        fusions[f"f_{name}"]["members"] = ["dt"]
    fusions["f_calibrated"]["members"] = ["lr"]
    results = bench(
        {
            "datasets": [{"name": "noise", "path": "noise.csv", "target": "y"}],
            "learners": {
                "lr": {"type": "lr", "encode": "target"},
                "dt": {"type": "dt", "max_depth": 4},
                "knn": {"type": "knn", "encode": "target"},
            },
            "fusions": fusions,
        }
    )
    assert results.failures == ()
    for model in {row.model for row in results.scores} - {"oracle"}:
        mean = np.mean([row.score for row in results.scores if row.model == model])
        assert abs(mean - 0.5) < 0.09, (model, mean)  # 3.6 standard errors of 400 coin flips


def test_a_leaking_encoder_would_be_noticed():
    """The canary works: target encoding fitted outside the folds scores far from chance on the same data."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    rng = np.random.default_rng(5)
    level, y = rng.integers(0, 150, 400), rng.random(400) < 0.5
    leaked = np.array([y[level == one].mean() for one in level])[:, None]
    assert cross_val_score(LogisticRegression(), leaked, y, cv=5).mean() > 0.6


def test_a_training_part_that_lacks_a_class_still_has_all_columns(bench, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=63), "y": ["p"] * 30 + ["q"] * 30 + ["rare"] * 3})
    frame.to_csv(tmp_path / "rare.csv", index=False)
    results = bench(
        {
            "datasets": [{"name": "rare", "path": "rare.csv", "target": "y"}],
            "learners": ["nb", "xgb", "lgbm", "svm"],
            "fusions": {"vote": {"type": "voting", "voting": "soft"}, "stack": "stacking"},
            "scoring": ["accuracy", "neg_log_loss"],
        }
    )
    assert results.failures == ()
    assert len(results.scores) == 2 * 5 * (4 + 2 + 3)


def test_group_folds_and_time_series(bench, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=120), "g": np.repeat(np.arange(20), 6), "t": rng.permutation(120)})
    frame["y"] = frame.a + rng.normal(size=120)
    frame.to_csv(tmp_path / "g.csv", index=False)
    data = {"name": "g", "path": "g.csv", "target": "y", "group": "g", "time": "t"}
    for kind in ("group", "time_series"):
        results = bench(
            {"datasets": [data], "learners": ["ridge", "dt"], "fusions": {"stack": "stacking"}, "cv": {"type": kind}}
        )
        assert results.failures == ()
        assert {row.model for row in results.scores} >= {"stack", "best_single"}


def test_what_only_the_data_show_is_found_before_the_first_fit(bench):
    data = {"datasets": ["iris"], "learners": ["nb"]}
    with pytest.raises(SpecError, match="roc_auc_ovr"):
        bench({**data, "scoring": "roc_auc"})
    with pytest.raises(SpecError, match="weights"):
        bench({**data, "fusions": {"vote": {"type": "voting", "weights": [1, 2]}}})
    with pytest.raises(DataError, match="no learner of this spec predicts"):
        bench({"datasets": ["diabetes"], "learners": ["nb"]})
    with pytest.raises(SpecError, match="svr"):
        bench({**data, "learners": ["nb", "svr"]})
    with pytest.raises(DataError, match="`group`"):
        bench({**data, "cv": "group"})


def test_predefined_folds_that_are_too_few_for_pairs(bench, tmp_path):
    frame = pd.DataFrame({"x": range(20), "f": [0, 1] * 10, "y": list("aabb") * 5})
    frame.to_csv(tmp_path / "d.csv", index=False)
    data = {"datasets": [{"name": "d", "path": "d.csv", "target": "y", "fold": "f"}], "learners": ["nb"]}
    with pytest.raises(DataError, match=r"cv\.inner: 'paired' needs at least 3 folds, got 2"):
        bench({**data, "cv": {"type": "predefined", "inner": "paired"}})
    with pytest.raises(DataError, match=r"cv.refit: .* write inner: paired"):
        bench({**data, "cv": {"type": "predefined", "refit": False}})


TWINS = """
name: twins
datasets:
  - iris
  - {name: again, source: sklearn, loader: iris}
learners: {nb: nb, same: nb, lr: lr}
fusions:
  vote: {type: voting, members: [nb, lr]}
  vote_too: {type: voting, members: [nb, lr]}
  of_both: {type: averaging, members: [vote, vote_too]}
"""


def test_what_is_the_same_under_two_names_has_all_its_scores(fusebench, tmp_path):
    (tmp_path / "twins.yaml").write_text(TWINS)
    done = fusebench("run", "twins.yaml", "--out", "out", "--store", "store")
    assert done.returncode == 0, done.stderr
    assert "iris: done" in done.stderr
    assert "again: done" in done.stderr
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert scores.groupby(["dataset", "model"]).size().eq(5).all()
    mean = scores.groupby(["dataset", "model"]).score.mean()
    for one, other in (("nb", "same"), ("vote", "vote_too"), ("vote", "of_both")):
        for dataset in ("iris", "again"):
            assert mean[dataset, one] == mean[dataset, other]


def test_what_fails_under_two_names_is_reported_under_both(fusebench, tmp_path):
    learners = "{nb: nb, bad: {type: sklearn.svm.NuSVC, nu: 0.99}, worse: {type: sklearn.svm.NuSVC, nu: 0.99}}"
    (tmp_path / "twins.yaml").write_text(
        f"name: twins\ndatasets: [breast_cancer]\nlearners: {learners}\nfusions: {{vote: {{type: voting}}, same: voting}}\n"
    )
    assert fusebench("run", "twins.yaml", "--out", "out", "--store", "store").returncode == 4
    failures = pd.read_csv(tmp_path / "out" / "failures.csv")
    counts = failures[failures.stage == "fit"].groupby("model").size()
    assert counts["bad"] == counts["worse"] == 15  # 5 outer fits and 10 pairs
    assert failures[failures.stage == "fit"].detail.str.contains("nu is infeasible").all()
    for name in ("vote", "same"):
        assert set(failures[failures.model == name].fold) == {0, 1, 2, 3, 4}
