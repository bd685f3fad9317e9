"""A store, a run or a baseline of another environment: told, and never taken for one of this."""

import json

import pytest
from faults import SPEC

from fusebench import api
from fusebench.engine import environment, keys
from fusebench.errors import UndecidableError

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Run the small benchmark here, its store and baseline kept; return what runs it again."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SPEC)

    def run():
        return api.run(tmp_path / "small.yaml", out=tmp_path / "run", store=tmp_path / "store", n_jobs=1)

    api.write_baseline(run(), tmp_path / "base.json", tmp_path)
    return run


def entries(folder):
    return set(folder.glob("store/objects/*/*"))


def test_the_same_place_says_nothing(place, tmp_path):
    before = entries(tmp_path)
    results = place()
    assert not any("processor" in note for note in results.notes)
    assert entries(tmp_path) == before
    assert api.gate(api.read_baseline(tmp_path / "base.json"), api.read_run(tmp_path / "run")).warnings == ()


def test_another_version_fits_anew_and_is_told(place, tmp_path, monkeypatch):
    real = keys.library_version
    older = lambda name: "0.0.1" if name == "scikit-learn" else real(name)  # noqa: E731
    monkeypatch.setattr(keys, "library_version", older)
    monkeypatch.setattr(environment, "library_version", older)
    before = entries(tmp_path)
    place()
    fits = [path for path in entries(tmp_path) - before if b'"kind":"fit"' in path.read_bytes()[:500]]
    assert len(fits) == sum(b'"kind":"fit"' in path.read_bytes()[:500] for path in before)
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["versions"]["scikit-learn"] == "0.0.1"
    baseline, run = api.read_baseline(tmp_path / "base.json"), api.read_run(tmp_path / "run")
    assert any("scikit-learn 0.0.1, was" in one for one in api.gate(baseline, run).warnings)
    with pytest.raises(UndecidableError, match="scikit-learn"):
        api.gate(baseline, run, exact=True)


def test_another_processor_is_told_with_the_results_that_it_made(place, tmp_path, monkeypatch):
    own = environment.environment()["cpu"]
    monkeypatch.setattr(environment, "_cpu_model", lambda: "Abacus 9000")
    results = place()
    assert any(f"made on another processor ({own})" in note for note in results.notes)
    baseline, run = api.read_baseline(tmp_path / "base.json"), api.read_run(tmp_path / "run")
    assert f"environment: cpu Abacus 9000, was {own}" in api.gate(baseline, run).warnings
    with pytest.raises(UndecidableError, match="Abacus"):
        api.gate(baseline, run, exact=True)
