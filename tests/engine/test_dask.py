"""The Dask executor: the same bytes, also when a worker dies; real cluster processes, hence slow."""

import pytest

SPEC = """
name: d
datasets: [iris, wine]
learners: {nb: nb, lr: lr, rf: {type: rf, n_estimators: 60}}
fusions: {vote: {type: voting, voting: soft}, stack: stacking}
"""


@pytest.mark.slow
def test_the_same_bytes_as_the_local_executor(cold_fusebench, tmp_path):
    pytest.importorskip("distributed")
    (tmp_path / "d.yaml").write_text(SPEC)
    local = cold_fusebench("run", "d.yaml", "--out", "local", "--store", "s1", "-q")
    assert local.returncode == 0, local.stderr
    dask = cold_fusebench("run", "d.yaml", "--out", "dask", "--store", "s2", "-q", "--executor", "dask", "--jobs", 2)
    assert dask.returncode == 0, dask.stderr
    assert (tmp_path / "dask/scores.csv").read_bytes() == (tmp_path / "local/scores.csv").read_bytes()


@pytest.mark.slow
def test_a_wrong_address_is_said(cold_fusebench, tmp_path):
    pytest.importorskip("distributed")
    (tmp_path / "d.yaml").write_text(SPEC)
    done = cold_fusebench("run", "d.yaml", "--executor", "dask", "--scheduler", "tcp://127.0.0.1:1")
    assert done.returncode == 2, done.stderr
    assert "no Dask scheduler answers" in done.stderr
