"""What begins before a spec is understood: imports, and the check of its models in another process."""

import os
import subprocess
import sys
import time
from functools import partial

import psutil
import pytest

from fusebench import api
from fusebench.engine.execute import early, local
from fusebench.engine.execute._fork_server import Aside, start_fork_server
from fusebench.errors import SpecError

SPEC = """\
# lgbm would be a guess too many
datasets: [iris]
learners: {a: {type: nb}, b: svc}
"""


@pytest.fixture
def started(monkeypatch):
    """The modules that fork servers were started with."""
    found = []
    monkeypatch.setattr(early, "start_fork_server", found.append)
    return found


def _begin(tmp_path, text=SPEC, executor=None, scheduler=None):
    spec = tmp_path / "spec.yaml"
    spec.write_text(text)
    early.begin_for_spec(spec, str(tmp_path / "store"), executor, scheduler)


def test_the_libraries_of_the_learners_that_a_spec_seems_to_name_are_imported(tmp_path, started):
    _begin(tmp_path)
    (modules,) = started
    assert {"sklearn.naive_bayes", "sklearn.svm"} <= set(modules)
    assert "lightgbm" not in modules


def test_learners_may_be_named_without_a_spec(tmp_path, started):
    early.begin_imports(["nb", "unheard_of"], str(tmp_path / "store"), None)
    assert "sklearn.naive_bayes" in started[0]


def test_nothing_is_imported_where_the_answers_may_be_stored(tmp_path, started):
    (tmp_path / "store").mkdir()
    _begin(tmp_path)
    assert started == []


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_nothing_is_imported_for_a_cluster(tmp_path, started, monkeypatch, how):
    if how == "variable":
        monkeypatch.setenv("FUSEBENCH_EXECUTOR", "dask")
        monkeypatch.setenv("FUSEBENCH_SCHEDULER", "tcp://10.0.0.1:8786")
        _begin(tmp_path)
    else:
        _begin(tmp_path, executor="dask", scheduler="tcp://10.0.0.1:8786")
    assert started == []


def test_the_workers_of_a_local_cluster_need_dask_as_well(tmp_path, started):
    _begin(tmp_path, executor="dask")
    assert {"distributed", "sklearn.naive_bayes"} <= set(started[0])


@pytest.mark.parametrize("content", [b"", b"\xff\xfe nb", b"datasets: [iris]\n"])
def test_what_is_no_spec_starts_nothing(tmp_path, started, content):
    spec = tmp_path / "spec.yaml"
    spec.write_bytes(content)
    for path in (spec, tmp_path, tmp_path / "absent.yaml"):
        early.begin_for_spec(path, str(tmp_path / "store"), None)
    assert started == []


def _die_elsewhere(home):
    if os.getpid() != home:
        os._exit(3)
    return "made here"


def _raise_elsewhere(home):
    if os.getpid() != home:
        raise ValueError("not here")
    return "made here"


def test_a_call_aside_is_made_by_another_process():
    context = start_fork_server(["fusebench.errors"])
    aside = Aside(context, os.getpid)
    assert aside.result != os.getpid()
    assert aside.result == aside.result


@pytest.mark.parametrize("function", [_die_elsewhere, _raise_elsewhere])
def test_a_call_whose_process_could_not_say_is_made_here(function):
    context = start_fork_server(["fusebench.errors"])
    assert Aside(context, partial(function, os.getpid())).result == "made here"


ENDING = """
import time
from fusebench.engine.execute._fork_server import fork_server_pid, start_fork_server
start_fork_server(["imports_slowly"])
print(fork_server_pid())
"""


def test_a_server_that_still_imports_ends_with_whoever_started_it(tmp_path):
    (tmp_path / "imports_slowly.py").write_text("import time; time.sleep(60)")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", ENDING], env=environment, capture_output=True, text=True, check=True, timeout=50
    )
    for _ in range(100):
        if not psutil.pid_exists(int(done.stdout)):
            return
        time.sleep(0.02)
    raise AssertionError("the server is still there")


WRONG = {"learners": {"lr": {"type": "lr", "CC": 3}}, "datasets": [{"name": "d", "source": "file", "path": "no.csv"}]}


def test_what_is_wrong_with_the_models_is_said_before_what_is_wrong_with_the_data(tmp_path):
    place = api.settings(store=tmp_path / "store", n_jobs=1)
    loaded = api.spec_from({"name": "t", **WRONG}, base=tmp_path, place=place, warm_up=())
    with pytest.raises(SpecError, match="unknown parameter 'CC'"):
        api.make_plan(loaded, place)


def test_models_are_checked_at_once_where_no_process_can_do_it_aside(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "warm_up", lambda specs, more: None)
    place = api.settings(store=tmp_path / "store", n_jobs=1)
    with pytest.raises(SpecError, match="unknown parameter 'CC'"):
        api.spec_from({"name": "t", **WRONG}, base=tmp_path, place=place, warm_up=())
