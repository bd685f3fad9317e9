"""The fork server's folder: gone after a run, swept after a kill, and what it says told by whoever waits for workers."""

import fcntl
import os
import sys
import tempfile
import time
from pathlib import Path

import pytest

from fusebench.engine.execute import _quiet, _sockets
from fusebench.engine.execute._fork_server import WorkerStartError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is a fork server only on Linux")


def old(folder):
    folder.mkdir()
    (folder / "listener").touch()
    os.utime(folder, (time.time() - 1000,) * 2)
    return folder


def test_folders_of_the_dead_go_and_those_of_the_living_stay(tmp_path):
    dead, living, other = (old(tmp_path / f"{name}") for name in ("fusebench-run-a", "fusebench-run-b", "pymp-c"))
    young = tmp_path / "fusebench-run-young"
    young.mkdir()
    elsewhere = old(tmp_path / "elsewhere")
    (tmp_path / "fusebench-run-link").symlink_to(elsewhere)
    held = os.open(living, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    _sockets._sweep(tmp_path)
    os.close(held)
    assert not dead.exists()
    assert living.exists()
    assert other.exists()
    assert young.exists()
    assert (elsewhere / "listener").exists()
    _sockets._sweep(tmp_path)
    assert not living.exists()


def test_a_folder_to_sweep_that_is_not_there(tmp_path):
    _sockets._sweep(tmp_path / "nowhere")


def test_why_no_worker_starts_is_said(tmp_path, monkeypatch):
    said = tmp_path / _quiet.SAID
    said.write_text("Traceback (most recent call last):\n  File x\nMemoryError\x1b[2J\n\n")
    monkeypatch.setattr("fusebench.engine.execute._fork_server.make_socket_folder", lambda: tmp_path)
    error = WorkerStartError("it exited with status 1")
    assert error.exit_code == 74
    assert "it exited with status 1 (it said: MemoryError\ufffd[2J)" in str(error)
    said.unlink()
    assert "it said" not in str(WorkerStartError("x"))


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
def test_no_folder_is_left(cold_fusebench, tmp_path, killed):
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # a longer name would be passed over
    (tmp_path / "s.yaml").write_text("name: s\ndatasets: [iris]\nlearners: [nb]\ncv: {n_splits: 3, inner: 2}\n")
    env = {"TMPDIR": str(folder)}
    if killed:
        leftover = old(folder / "fusebench-run-killed")
    done = cold_fusebench("run", "s.yaml", "--jobs", "1", env=env)
    assert done.returncode == 0, done.stderr
    assert not killed or not leftover.exists()
    folder.rmdir()  # nothing is left in it
