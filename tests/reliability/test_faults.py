"""Killing a run, filling its disk and breaking its disk, at its I/O operations one by one and at random times."""

import itertools

import faults
import pytest


@pytest.fixture(scope="module")
def forge():
    with faults.Forge() as forge:
        yield forge


@pytest.fixture(scope="module")
def whole(forge, tmp_path_factory):
    return faults.whole_run(forge, tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "start"), [("kill", 60), ("enospc", 5), ("eio", 2)])
def test_a_few_places(forge, whole, tmp_path, kind, start):
    """A handful in the fast tests; all of them are below."""
    for point in itertools.islice(faults.points(forge, tmp_path / "run", kind, whole[0], start, step=130), 3):
        assert point.ok, point
        assert point.stopped, point


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "start"), [("kill", 2), ("enospc", 1), ("eio", 3)])
def test_stopped_at_places_all_over(forge, whole, tmp_path, kind, start):
    """Every 45th here; benchmarks/reliability/figures.py stops at every one."""
    points = list(faults.points(forge, tmp_path / "run", kind, whole[0], start, step=45))
    assert [point for point in points if not point.ok] == []
    assert sum(point.stopped for point in points) >= 5
    assert not points[-1].stopped  # the last one is a run that nothing touched


@pytest.mark.slow
def test_killed_at_random_times(forge, whole, tmp_path):
    scores, seconds = whole
    points = list(faults.random_kills(forge, tmp_path / "run", scores, 8, within=seconds))
    assert [point for point in points if not point.ok] == []
    assert sum(point.stopped for point in points) >= 3
