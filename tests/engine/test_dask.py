"""The Dask executor: the same bytes, also when workers die. Real cluster processes are slow, so most runs fake them."""

import subprocess
import sys
import time
from concurrent.futures import CancelledError
from contextlib import nullcontext
from types import SimpleNamespace

import psutil
import pytest

from fusebench import api
from fusebench.engine.execute import _dask_worker, dask
from fusebench.engine.execute.dask import DaskExecutor
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.tasks import fit
from fusebench.errors import StorageError

SPEC = """
name: d
datasets: [iris, wine]
learners:
  nb: nb
  lr: lr
  rf: {type: rf, n_estimators: 60}
  lgbm: {type: lightgbm, n_estimators: 5, grid: {num_leaves: [4, 8]}}
fusions: {vote: {type: voting, voting: soft}, stack: stacking}
"""
SMALL = {
    "name": "d",
    "datasets": ["iris", "wine"],
    "learners": {
        "lda": "lda",
        "lr": "lr",
        "xgb": {"type": "xgboost", "n_estimators": 3, "grid": {"max_depth": [2, 3]}},
    },
    "fusions": {"vote": {"type": "voting", "voting": "soft"}, "stack": "stacking"},
    "cv": {"n_splits": 2, "inner": 2},
}


class FakeClient:
    """A cluster of two workers in this process, each batch done as soon as it is sent; `fails` says how some end."""

    def __init__(self, fails):
        self.fails = fails
        self.sent, self.scattered, self.workers = 0, 0, []

    def nthreads(self):
        return {"tcp://one": 1, "tcp://two": 1}

    def scatter(self, data, *, broadcast, hash):  # noqa: A002 - Dask's own name
        self.scattered += 1
        return data

    def submit(self, function, *arguments, pure, workers=(), allow_other_workers=False):
        self.sent += 1
        self.workers.extend(workers)
        future = SimpleNamespace(status="finished", add_done_callback=lambda ended: ended(future))
        if (error := self.fails(self.sent)) is None:
            future.result = lambda: function(*arguments)
        elif isinstance(error, CancelledError):
            future.status, future.result = "cancelled", _raising(error)
        else:
            future.status, future.exception = "error", lambda: error
        return Hashable(future)

    def cancel(self, futures):
        assert not futures


class Hashable:
    def __init__(self, future):
        self._future = future

    def __getattr__(self, name):
        return getattr(self._future, name)

    def add_done_callback(self, ended):
        ended(self)


def _raising(error):
    def result():
        raise error

    return result


@pytest.fixture
def run(tmp_path, monkeypatch, in_this_process):
    """Run the small spec on a fake cluster, or here; return its results and the cluster."""
    monkeypatch.setattr(dask, "BATCH_SECONDS", 0.01)
    monkeypatch.setattr(_dask_worker, "_take_shortcuts", lambda: None)  # this process does other things as well

    def run(name, fails=None):
        place = api.settings(store=tmp_path / name, n_jobs=1)
        planned = api.make_plan(api.spec_from(SMALL), place)
        client = FakeClient(fails)
        executor = None
        if fails is not None:
            monkeypatch.setattr(DaskExecutor, "_client", lambda self, plan: nullcontext(client))
            executor = DaskExecutor(n_jobs=2)
        results = api.collect(planned, api.execute(planned, place, api.SilentProgress(), executor), place)
        return results, client

    return run


def scores(results):
    return [(row.dataset, row.model, row.repeat, row.fold, row.score) for row in results.scores]


EXPECTED = []


@pytest.fixture
def expected(run):
    """Return the scores without a cluster, made once."""
    if not EXPECTED:
        EXPECTED.extend(scores(run("here")[0]))
    return EXPECTED


def test_batches_go_to_both_workers_and_give_the_same_scores(run, expected):
    results, client = run("dask", lambda number: None)
    assert not results.failures
    assert set(client.workers) == {"tcp://one", "tcp://two"}
    assert client.scattered == 1 + 2, "the plan and each dataset once"
    assert scores(results) == expected


def test_one_encoding_serves_all_learners_of_a_local_cluster(run, monkeypatch):
    made = []
    real = fit._make_encoded
    monkeypatch.setattr(PredictionProblem, "is_small", False)  # small tables of numbers each worker scales for itself
    monkeypatch.setattr(fit, "_make_encoded", lambda *arguments: made.append(1) or real(*arguments))
    run("dask", lambda number: None)
    n_parts = 2 * (2 + 2 * 2)
    n_latencies = 2 * 4  # each measured on rows that are encoded anew
    assert len(made) <= n_parts * 2 + n_latencies, "linear and native, once a part"


def test_what_a_lost_worker_alone_had_is_sent_again(run, expected):
    results, client = run("dask", lambda number: CancelledError("lost dependencies") if number < 3 else None)
    assert not results.failures
    assert 2 + 2 < client.scattered <= 2 * (1 + 2), "all of it a second time and no third, though two batches were lost"
    assert scores(results) == expected


def test_a_batch_that_is_lost_again_and_again_fails(run):
    results, _ = run("dask", lambda number: CancelledError("lost"))
    assert {row.reason for row in results.failures if row.stage in ("encode", "fit")} == {"died"}
    assert not results.scores


def test_a_batch_that_kills_workers_is_run_one_by_one(run, expected):
    results, _ = run("dask", lambda number: RuntimeError("killed") if number == 1 else None)
    assert not results.failures
    assert scores(results) == expected


def test_a_scheduler_that_goes_away_is_said(run):
    class Gone(FakeClient):
        def nthreads(self):
            raise OSError("connection refused")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[__name__], "FakeClient", Gone)
        with pytest.raises(StorageError, match=r"scheduler is gone .*refused.* goes on from there"):
            run("dask", lambda number: None)


def test_no_work_waits_behind_a_long_one():
    sent = [dask._Sent([], "one", 3.0, 0, 1)]
    assert dask._is_busy(sent, 1)
    assert not dask._is_busy(sent, 2), "the second thread of the worker is free"
    assert not dask._is_busy([dask._Sent([], "one", 0.1, 0, 1)], 1)
    assert not dask._is_busy([], 1)


@pytest.fixture(scope="module")
def local_scores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("local")
    (folder / "d.yaml").write_text(SPEC)
    subprocess.run([sys.executable, "-m", "fusebench", "run", "d.yaml", "-q", "--out", "out"], cwd=folder, check=True)
    return (folder / "out" / "scores.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_same_bytes_as_the_local_executor_though_a_worker_is_killed(local_scores, tmp_path, n_jobs):
    pytest.importorskip("distributed")
    (tmp_path / "d.yaml").write_text(SPEC)
    command = [sys.executable, "-m", "fusebench", "run", "d.yaml", "-q", "--out", "out", "--store", "store"]
    process = subprocess.Popen([*command, "--executor", "dask", "--jobs", str(n_jobs)], cwd=tmp_path)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(list(tmp_path.glob("store/objects/*/*"))) < 20:
        time.sleep(0.02)
    # Whoever has spent most is a worker: the fork server only imports.
    max(psutil.Process(process.pid).children(recursive=True), key=lambda one: one.cpu_times().user).kill()
    assert process.wait(60) == 0
    assert (tmp_path / "out" / "scores.csv").read_bytes() == local_scores


@pytest.mark.slow
def test_a_wrong_address_is_said(cold_fusebench, tmp_path):
    pytest.importorskip("distributed")
    (tmp_path / "d.yaml").write_text(SPEC)
    done = cold_fusebench("run", "d.yaml", "--executor", "dask", "--scheduler", "tcp://127.0.0.1:1")
    assert done.returncode == 2, done.stderr
    assert "no Dask scheduler answers" in done.stderr


SCRIPT = """
from pathlib import Path
from fusebench import api
from fusebench.engine.execute.dask import DaskExecutor
print("once")
place = api.settings(store=Path("store"), n_jobs=1)
spec = {"name": "a", "datasets": ["iris"], "learners": ["nb", "dt"], "cv": {"n_splits": 3, "inner": 2}}
planned = api.make_plan(api.spec_from(spec), place)
outcomes = api.execute(planned, place, api.SilentProgress(), DaskExecutor(n_jobs=1))
print(len(outcomes.failed), outcomes.complete)
"""


@pytest.mark.slow
def test_a_script_needs_no_guard_against_the_workers_that_it_starts(tmp_path):
    pytest.importorskip("distributed")
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout.split() == ["once", "0", "True"], done.stderr
