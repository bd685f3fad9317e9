"""Broken tables: a run ends in 0, 2 or 4 and in nothing else. 2,000 of them: see docs/reliability.md."""

import faults
import pytest
import tables


def test_60_broken_tables(tmp_path):
    tally = tables.run(60, tmp_path)
    assert tally.wrong == []
    assert tally.codes[0] > 5
    assert tally.codes[2] > 20


@pytest.mark.slow
def test_400_broken_tables(tmp_path):
    tally = tables.run(400, tmp_path, start=100)
    assert tally.wrong == []
    assert set(tally.codes) == {0, 2, 4}


@pytest.mark.slow
def test_30_broken_tables_through_the_command_line(tmp_path):
    """The codes in one process are those of the real command."""
    import random

    with faults.Forge() as forge:
        for seed in range(30):
            raw, suffix, how = tables.broken(random.Random(seed))
            folder = tmp_path / str(seed)
            folder.mkdir()
            (folder / f"t.{suffix}").write_bytes(raw)
            argv = ["compare", "--datasets", f"./t.{suffix}", "--target", "y", "--learners", "knn,dt", "-q"]
            done = forge.run([*argv, "--fusions", "averaging", "--jobs", "1"], folder)
            assert done["code"] in {0, 2, 4}, (seed, how, done["stderr"])
            assert "Traceback" not in done["stderr"], (seed, how)
            assert bool(done["code"]) == bool(done["stderr"].strip()), (seed, how, done["stderr"])
