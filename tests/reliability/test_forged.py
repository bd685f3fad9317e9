"""Entries that somebody made up, with right checksums: a miss that is set aside and made again, never a bug."""

import shutil

import numpy as np
import pandas as pd
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


SEVERAL = {
    "name": "several",
    "datasets": [{"name": "d", "path": "d.csv", "target": ["y", "z"], "id": "id"}],
    "learners": {"dt": "dt", "given": {"type": "predictions", "path": "p.csv", "id": "id"}},
    "fusions": {"vote": "averaging", "deep": {"type": "averaging", "members": ["vote", "dt"]}},
    "cv": {"n_splits": 3, "inner": "paired"},
}
BENT = {
    "fewer": lambda name, array: {},
    "a row less": lambda name, array: {name: array[:-1]},
    "a row more": lambda name, array: {name: np.concatenate([array, array[:1]])},
    "other numbers": lambda name, array: {name: array.astype(bool if array.dtype.kind == "f" else np.float32)},
    "beyond": lambda name, array: {name: array + (np.nan if array.dtype.kind == "f" else 90)},
    "one more axis": lambda name, array: {name: array[..., None]},
}


def run(folder, spec=SPEC, base=None):
    place = api.settings(store=folder, n_jobs=1)
    planned = api.make_plan(api.spec_from(spec, base=base or folder), place)
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


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A finished run on two targets, some rows of which are missing, with predictions made elsewhere."""
    base = tmp_path_factory.mktemp("several")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"id": range(60), "x": rng.normal(size=60), "y": rng.normal(size=60), "z": rng.normal(size=60)}
    )
    frame.loc[:4, "z"] = np.nan
    frame.to_csv(base / "d.csv", index=False)
    frame[["id", "x"]].rename(columns={"x": "given"}).to_csv(base / "p.csv", index=False)
    return base, run(base / "store", SEVERAL, base).scores


def bend(how, kind):
    """Change the arrays of an entry, the last of them or all, and nothing else."""

    def change(entry):
        if entry.kind in {"fit", "fuse"} and how != "fewer":
            return Entry(kind, entry.meta, bent(entry.arrays, how, list(entry.arrays)))
        return Entry(kind, entry.meta, bent(entry.arrays, how, list(entry.arrays)[-1:]))

    return change


def bent(arrays, how, names):
    changed = {name: BENT[how](name, array) if name in names else {name: array} for name, array in arrays.items()}
    return {name: array for one in changed.values() for name, array in one.items()}


@pytest.mark.parametrize("how", BENT)
@pytest.mark.parametrize("kind", ["fit", "fuse", "folds", "given"])
@pytest.mark.parametrize("which", ["finished", pytest.param("several", marks=pytest.mark.slow)])
def test_arrays_of_something_else(request, tmp_path, which, kind, how):
    folder, whole = request.getfixturevalue(which)
    spec, base = (SPEC, None) if which == "finished" else (SEVERAL, folder)
    shutil.copytree(folder if base is None else folder / "store", tmp_path / "store")
    store = Store(tmp_path / "store")
    n = forge(store, kind, bend(how, kind))
    if (kind == "given" and which == "finished") or (kind == "folds" and how == "fewer"):
        return  # there are none; fewer of these arrays are fewer that are remembered
    assert n > 0
    forge_all_scores_away(store)
    results = run(store.root, spec, base)
    assert results.scores == whole
    assert "set aside" in "".join(results.notes)
    assert list((store.root / "corrupt").iterdir())
    again = run(store.root, spec, base)
    assert again.scores == whole
    assert again.notes == tuple(one for one in results.notes if "set aside" not in one)
