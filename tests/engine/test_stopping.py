"""Stopping a run: what is finished is kept and shown, and no process stays behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

HERE = Path(__file__).parent

SLOW_SPEC = """
name: slow
datasets: [iris]
learners: {nb: nb, rf: {type: rf, n_estimators: 1500}}
fusions: {vote: voting}
"""

pytestmark = pytest.mark.slow  # processes that are started, stopped and waited for


HANGING_SPEC = """
name: slow
datasets: [iris]
learners: {nb: nb, hang: {type: hostile.Hostile, how: sleeper_and_hang}}
"""


def start(tmp_path, *flags, entries=9, spec=SLOW_SPEC, **variables):
    (tmp_path / "slow.yaml").write_text(spec)
    command = [sys.executable, "-m", "fusebench", "run", "slow.yaml", "--jobs", "2", *flags]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(HERE)]), **variables}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(list((tmp_path / ".fusebench").glob("objects/*/*"))) < entries:
        time.sleep(0.02)
    return process


def left_behind(tmp_path):
    time.sleep(0.5)
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        if process.info["cwd"] == str(tmp_path) and "python" in " ".join(process.info["cmdline"] or ()):
            found.append(process.info["cmdline"])
    return found


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_a_signal_stops_the_run_with_the_partial_table(tmp_path, number, code, heeded):
    heeded(number)
    process = start(tmp_path)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert "not complete" in out
    assert err.strip()
    assert (tmp_path / "results" / "slow" / "scores.csv").exists()
    assert left_behind(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans only on Linux")
def test_killing_the_run_ends_its_workers(tmp_path):
    process = start(tmp_path)
    process.kill()
    process.communicate(timeout=20)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and left_behind(tmp_path):
        pass
    assert left_behind(tmp_path) == []


def test_a_time_limit_ends_with_what_is_finished(tmp_path):
    process = start(tmp_path, "--time-limit", "3s", entries=0)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "not complete" in out
    assert "time limit" in err


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans only on Linux")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_fit_that_hangs_in_c_and_has_left_a_sleeper_leaves_nothing(tmp_path, number):
    seconds = f"9{os.getpid()}{int(number)}"
    process = start(tmp_path, "--allow-import", entries=0, spec=HANGING_SPEC, SLEEPER=seconds)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not sleepers(seconds):
        time.sleep(0.02)
    assert sleepers(seconds)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == (130 if number == signal.SIGINT else -9)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and (sleepers(seconds) or left_behind(tmp_path)):
        time.sleep(0.02)
    assert sleepers(seconds) == []
    assert left_behind(tmp_path) == []


def sleepers(seconds):
    return [one.pid for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", seconds]]


def test_a_second_interrupt_ends_it_at_once(tmp_path):
    process = start(tmp_path)
    process.send_signal(signal.SIGSTOP)  # so that both are there before it does anything about the first
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode in {130, -signal.SIGINT}
    assert left_behind(tmp_path) == []
