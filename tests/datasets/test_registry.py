"""Every entry of datasets.yaml: it loads, and gives what its facts say."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from fusebench import datasets
from fusebench import spec as specs

ENTRIES = datasets.entries()
LARGE = 2_000_000  # cells above which an entry is loaded by the slow tests only
SUITES = {"small", "classification", "regression", "scale", "imbalanced", "text", "image", "sequence", "multitarget"}


def _is_large(facts):
    return facts["rows"] * facts["features"] > LARGE


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if _is_large(one["facts"]) else ()) for name, one in ENTRIES.items()],
)
def test_an_entry_gives_what_its_facts_say(name):
    entry = ENTRIES[name]
    _skip_without(entry.get("package"))
    spec = datasets.resolve(specs.dataset({"name": name}), Path())
    found = datasets.load(spec, Path())
    facts = {"rows": len(found.X), "features": found.X.shape[1], "missing": int(found.X.isna().to_numpy().sum())}
    if len(found.targets) == 1 and found.targets[0].classes is not None:
        facts["classes"] = len(found.targets[0].classes)
    assert facts == entry["facts"]
    assert spec.source == "sklearn" or len(spec.sha256) == 64
    traps = [note for note in found.notes if "alone predict" in note or "like an id" in note or "like ids" in note]
    assert not traps


def _skip_without(package):
    if package is None:
        return
    try:
        distribution(package)
    except PackageNotFoundError:
        pytest.skip(f"needs the package {package}: pip install 'fusebench[datasets]' (see docs/data.md)")


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_says_whose_it_is(name):
    entry = ENTRIES[name]
    assert entry["licence"]
    assert entry["citation"]
    assert set(entry["tags"]) & SUITES or entry["tags"] == ["recommender"]
    kinds = {"classification", "regression"} & set(entry["tags"])
    assert len(kinds) <= 1
    if "regression" in kinds:
        assert "classes" not in entry["facts"]


def test_suites_hold_what_their_name_says():
    suites = datasets.suites()
    assert suites["all"] == list(ENTRIES)
    assert {"small", "classification", "regression", "scale", "imbalanced"} <= set(suites)
    sizes = {name: entry["facts"] for name, entry in ENTRIES.items()}
    assert all(sizes[name]["rows"] * sizes[name]["features"] < 250_000 for name in suites["small"])
    assert all(sizes[name]["rows"] > 10_000 for name in suites["scale"])


def test_a_suite_runs_by_its_name(fusebench, tmp_path):
    (tmp_path / "datasets.yaml").write_text(
        "a: {source: sklearn, loader: iris, target: target, tags: [mine]}\n"
        "b: {source: sklearn, loader: wine, target: target, tags: [mine]}\n"
    )
    done = fusebench("compare", "--datasets", "suite:mine", "--learners", "nb", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "150" in done.stdout
    assert "178" in done.stdout
    (tmp_path / "s.yaml").write_text("datasets: suite:mine\nlearners: [nb]\n")
    assert fusebench("validate", "s.yaml").returncode == 0
    wrong = fusebench("compare", "--datasets", "suite:mime", "--learners", "nb")
    assert wrong.returncode == 2
    assert "did you mean 'suite:mine'" in wrong.stderr
