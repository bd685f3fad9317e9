"""Several runs at once on one store: the same results, and nobody waits for the dead."""

import faults
import pytest

from fusebench.engine.execute.local import spare_scratch


@pytest.fixture(scope="module")
def whole(forge, tmp_path_factory):
    return faults.whole_run(forge, tmp_path_factory.mktemp("whole") / "run")


def commands(n):
    return [[*faults.ARGV, "--out", f"out{number}"] for number in range(n)]


@pytest.mark.parametrize("n", [2, 4])
def test_the_same_results(forge, whole, tmp_path, n):
    faults.fresh(tmp_path / "run")
    answers = forge.run_together(commands(n), tmp_path / "run")
    assert [one["code"] for one in answers] == [0] * n, [one["stderr"] for one in answers]
    assert {(tmp_path / "run" / f"out{number}" / "scores.csv").read_bytes() for number in range(n)} == {whole[0]}
    assert not list((tmp_path / "run").glob(".fusebench/corrupt/*"))
    assert not list((tmp_path / "run").glob(".fusebench/tmp/*"))


def test_one_that_is_killed_holds_up_nobody(forge, whole, tmp_path):
    scores, seconds = whole
    faults.fresh(tmp_path / "run")
    answers = forge.run_together(commands(3), tmp_path / "run", kill_first_after=seconds / 2)
    assert answers[0]["code"] in {-9, 0}
    assert [one["code"] for one in answers[1:]] == [0, 0], [one["stderr"] for one in answers]
    for number in (1, 2):
        assert (tmp_path / "run" / f"out{number}" / "scores.csv").read_bytes() == scores


def test_the_scratch_of_the_living_stays_and_that_of_the_dead_goes(tmp_path):
    from filelock import FileLock

    living, dead = tmp_path / "tmp" / "run-1-1", tmp_path / "tmp" / "run-2-2"
    for folder in (living, dead, tmp_path / "tmp" / "run-nonsense"):
        folder.mkdir(parents=True)
        (folder / "lock").touch()
    fresh = tmp_path / "tmp" / ".ab.1-1.tmp"
    fresh.touch()
    with FileLock(living / "lock"):
        spare_scratch(tmp_path)
    assert living.exists()
    assert fresh.exists()  # somebody may be writing it at this moment
    assert sorted(path.name for path in (tmp_path / "tmp").iterdir()) == [fresh.name, living.name]
