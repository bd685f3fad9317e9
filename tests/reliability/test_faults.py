"""Killing a run, filling its disk and breaking its disk, at its I/O operations one by one and at random times."""

import time

import faults
import psutil
import pytest


@pytest.fixture(scope="module")
def whole(forge, tmp_path_factory):
    return faults.whole_run(forge, tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.parametrize("fault", ["kill:90", "enospc:40", "eio:6"])
def test_one_place(forge, whole, tmp_path, fault):
    point = faults.stop_at(forge, tmp_path / "run", fault, whole[0])
    assert point.ok, point
    assert point.stopped, point
    deadline = time.monotonic() + 5
    while (left := left_behind(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == []  # a few hundred of them would slow everything down


def left_behind(folder):
    return [one for one in psutil.process_iter(["cwd"]) if (one.info["cwd"] or "").startswith(str(folder))]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "start", "step", "n"),
    [*(("kill", start, 4, 67) for start in (1, 2, 3)), ("enospc", 1, 6, 40), ("eio", 6, 6, 40)],
)
def test_stopped_at_places_all_over(forge, whole, tmp_path, kind, start, step, n):
    """Three of every four operations are a kill here, at least 200; benchmarks/reliability/figures.py stops at every one."""
    points = list(faults.points(forge, tmp_path / "run", kind, whole[0], start, step))
    assert [point for point in points if not point.ok] == []
    assert sum(point.stopped for point in points) >= n
    assert not points[-1].stopped  # the last one is a run that nothing touched


@pytest.mark.slow
def test_killed_at_random_times(forge, whole, tmp_path):
    scores, seconds = whole
    points = list(faults.random_kills(forge, tmp_path / "run", scores, 20, within=seconds))
    assert [point for point in points if not point.ok] == []
    assert sum(point.stopped for point in points) >= 5
