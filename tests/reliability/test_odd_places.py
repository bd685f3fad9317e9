"""Pipes and devices in the place of files, closed streams, signals at any time: an answer, soon, with its exit code."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = "name: s\ndatasets: [iris]\nlearners: [nb]\ncv: {type: holdout, test_size: 0.3, inner: 2}\n"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes and devices have names only there")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "s.yaml").write_text(SPEC)
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def shell(folder, line, timeout=60, **variables):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "FB": f"{shlex.quote(sys.executable)} -m fusebench", **variables}
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=env, capture_output=True, text=True, timeout=timeout, check=False
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("$FB validate pipe", 2),
        ("$FB stats /dev/zero", 74),
        ("$FB check pipe s.yaml -q", 74),
        pytest.param("$FB stats pipe", 74, marks=pytest.mark.slow),
        pytest.param("$FB fuse pipe", 2, marks=pytest.mark.slow),
        pytest.param("$FB predict pipe s.yaml", 74, marks=pytest.mark.slow),
        pytest.param("mkdir .fusebench && mkfifo .fusebench/costs.json && $FB run s.yaml", 74, marks=pytest.mark.slow),
    ],
)
def test_what_is_no_file_is_not_waited_for(folder, line, code):
    done = shell(folder, line)
    assert done.returncode == code, done.stderr
    assert "is a pipe or a device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", pytest.param("<&- >&- 2>&-", marks=pytest.mark.slow)])
def test_closed_streams(folder, closed):
    done = shell(folder, f"$FB list learners {closed}")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.slow
def test_a_run_without_any_stream(folder):
    done = shell(folder, "$FB run s.yaml --jobs 1 <&- >&- 2>&-")
    assert done.returncode == 0
    assert (folder / "results/s/scores.csv").stat().st_size > 100


@pytest.mark.slow
def test_a_long_name_of_the_temporary_folder(folder):
    """A socket's name may have 107 bytes."""
    long = folder / ("x" * 120)
    long.mkdir()
    done = shell(folder, "$FB run s.yaml --jobs 1 -q", TMPDIR=str(long))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)])
def test_a_polite_kill_before_the_first_fit_is_told(folder, number, heeded):
    heeded(number)
    script = (
        "import fusebench.cli as cli, os, time\n"
        "def wait():\n    print('ready', flush=True)\n    time.sleep(60)\n"
        "cli._run = wait\ncli.main()\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", script], env=env, stdout=-1, stderr=-1, text=True, cwd=folder)
    assert process.stdout.readline() == "ready\n"
    begun = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 143
    assert said == "terminated\n"
    assert time.monotonic() - begun < 10
