"""Entries that somebody made up, with right checksums: a miss that is set aside and made again, never a bug."""

import shutil

import pytest
import tables

from fusebench import api
from fusebench.engine.store import Entry, Store, read_entry

SPEC = {
    "name": "forged",
    "datasets": ["iris"],
    "learners": ["nb", "dt"],
    "fusions": {"vote": "voting"},
    "cv": {"n_splits": 3, "inner": 2},
}
READ = ("dataset", "folds", "score")  # of a finished run; it reads fits and fusions where scores are gone
NONSENSE = {
    "repeated": lambda entry: {**entry.meta, "scores": entry.meta["scores"] * 2},
    "another fold": lambda entry: {**entry.meta, "scores": [[0, 99, *row[2:]] for row in entry.meta["scores"]]},
    "another metric": lambda entry: {**entry.meta, "scores": [[*row[:2], "r2", 1.0] for row in entry.meta["scores"]]},
    "not a number": lambda entry: {**entry.meta, "scores": [[*row[:3], "1.0"] for row in entry.meta["scores"]]},
    "costs": lambda entry: {**entry.meta, "costs": [row[:4] for row in entry.meta["costs"]]},
    "explanations": lambda entry: {**entry.meta, "explanations": [[0, 0, []]]},
    "latency": lambda entry: {**entry.meta, "latency": {"many": 0.1}},
}


def run(folder):
    place = api.settings(store=folder, n_jobs=1)
    planned = api.make_plan(api.spec_from(SPEC), place)
    outcomes = api.execute(planned, place, api.SilentProgress(), tables.InThisProcess())
    results = api.collect(planned, outcomes, place)
    api.compare(results)
    assert results.failures == ()
    return results


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forged") / "store"
    return folder, run(folder).scores


@pytest.fixture
def store(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "store")
    return Store(tmp_path / "store")


def forge(store, kind, change):
    """Replace every entry of a kind; return how many there are."""
    keys = [key for key in store.keys() if read_entry(store.path(key)).kind == kind]  # noqa: SIM118 - not a mapping
    for key in keys:
        store.put(key, change(read_entry(store.path(key))))
    if kind not in READ:
        forge_all_scores_away(store)
    return len(keys)


def forge_all_scores_away(store):
    for key in list(store.keys()):
        if read_entry(store.path(key)).kind == "score":
            store.remove(key)


@pytest.mark.parametrize("kind", ["dataset", "folds", "fit", "fuse", "score"])
@pytest.mark.parametrize(
    "change",
    [
        lambda entry: Entry(entry.kind, {}, entry.arrays),
        lambda entry: Entry(entry.kind, dict.fromkeys(entry.meta, 5), entry.arrays),
        lambda entry: Entry("checked", entry.meta, entry.arrays),
        lambda entry: (
            Entry(entry.kind, entry.meta, {"x": next(iter(entry.arrays.values()), None)})
            if entry.arrays
            else Entry(entry.kind, {"scores": None})
        ),
    ],
    ids=["nothing in it", "other types", "another kind", "other arrays"],
)
def test_it_is_made_again(finished, store, kind, change):
    assert forge(store, kind, change) > 0
    results = run(store.root)
    assert results.scores == finished[1]
    assert "set aside" in "".join(results.notes)
    assert list((store.root / "corrupt").iterdir())


@pytest.mark.parametrize("how", NONSENSE)
def test_scores_that_cannot_be_those_of_the_plan(finished, store, how):
    assert forge(store, "score", lambda entry: Entry("score", NONSENSE[how](entry))) > 0
    results = run(store.root)
    assert results.scores == finished[1]
    assert "set aside" in "".join(results.notes)
