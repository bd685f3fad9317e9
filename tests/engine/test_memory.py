"""What a worker keeps in reach: just what the store would say, within a bound."""

import json

import numpy as np
import pytest

from fusebench.engine.execute import _memory, local
from fusebench.engine.execute._memory import Memory
from fusebench.engine.splits import Part
from fusebench.engine.store import Entry, Store
from fusebench.engine.tasks.items import FitItem, FuseItem, ScoreItem

FIT = FitItem(0, "nb", Part(0, 0))


class Shelf:
    """A reader that counts how often it is asked."""

    def __init__(self, **entries):
        self.entries = entries
        self.asked = []

    def get(self, key, *kinds):
        self.asked.append(key)
        entry = self.entries.get(key)
        return entry if entry is not None and (not kinds or entry.kind in kinds) else None


def entry(n=3, kind="fit"):
    return Entry(kind, {}, {"labels0": np.arange(float(n))})


def test_what_was_read_is_read_once():
    shelf = Shelf(a=entry())
    memory = Memory(shelf)
    assert memory.get("a", "fit") is memory.get("a", "fit", "fuse") is memory.get("a") is shelf.entries["a"]
    assert shelf.asked == ["a"]


def test_what_is_not_there_and_what_is_of_another_kind_is_asked_for_each_time():
    shelf = Shelf(a=entry())
    memory = Memory(shelf)
    memory.get("a")
    assert [memory.get("b"), memory.get("b"), memory.get("a", "fuse")] == [None, None, None]
    assert shelf.asked == ["a", "b", "b", "a"]


@pytest.mark.parametrize(
    ("item", "is_kept"),
    [
        (FIT, True),
        (FuseItem(0, "vote", 0, 0), True),
        (FuseItem(0, "vote", 0, 0, without=("nb",)), False),  # stored under another key
        (ScoreItem(0, "nb", ()), False),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, tuple) else str(one),
)
def test_results_are_kept_where_their_key_is_that_of_the_store(item, is_kept):
    memory = Memory(Shelf())
    memory.keep_result("a", item, entry())
    assert (memory.get("a") is not None) is is_kept


def test_an_estimator_that_goes_on_writing_where_its_answers_are_changes_nothing():
    answers = np.asfortranarray(np.ones((4, 3)))
    memory = Memory(Shelf())
    memory.keep_result("a", FIT, Entry("fit", {}, {"labels0": answers[:, 0], "proba0": answers}))
    answers[:] = 7
    kept = memory.get("a").arrays
    assert [array.max() for array in kept.values()] == [1, 1]
    assert all(array.flags.c_contiguous and not array.flags.writeable for array in kept.values())


def test_what_cannot_be_what_its_key_says_is_read_again():
    shelf = Shelf(a=entry())
    memory = Memory(shelf)
    memory.get("a")
    memory.forget(["a", "never seen"])
    shelf.entries["a"] = right = entry(4)
    assert memory.get("a") is right


def test_old_entries_make_room_and_large_ones_are_left_to_the_store(monkeypatch):
    monkeypatch.setattr(_memory, "MOST_BYTES", 3 * (_memory.OVERHEAD + 80))
    monkeypatch.setattr(_memory, "LARGEST", _memory.OVERHEAD + 80)
    shelf = Shelf(**{name: entry(10) for name in "abcd"}, large=entry(11))
    memory = Memory(shelf)
    for key in ("a", "b", "c", "a", "d", "large", "large", "a", "c", "d", "b"):
        memory.get(key)
    assert shelf.asked == ["a", "b", "c", "d", "large", "large", "b"]
    memory.forget("abcd")
    assert memory._bytes == 0


CLASSES = {"hard": {"type": "voting", "voting": "hard"}, "knora": "knora_e", "cascade": "cascade"}


@pytest.mark.parametrize(("dataset", "more"), [("wine", CLASSES), ("diabetes", {})], ids=["classes", "values"])
def test_results_in_reach_are_the_stored_ones_in_every_bit(dataset, more, bench, tmp_path, monkeypatch):
    memory, keys, attempt = Memory(Shelf()), set(), local.attempt

    def remembered(bench, key, item):
        outcome = attempt(bench, key, item)
        memory.keep_result(key, item, outcome.entry)
        keys.add(key)
        return outcome

    monkeypatch.setattr(local, "attempt", remembered)
    forest = {"type": "rf", "n_estimators": 5}
    fusions = {"stack": "stacking", "selection": "ensemble_selection", **more}
    bench({"datasets": [dataset], "learners": {"rf": forest, "svm": "svm", "knn": "knn"}, "fusions": fusions})
    store = Store(tmp_path / "store")
    pairs = [(kept, store.get(key)) for key in keys if (kept := memory.get(key)) is not None]
    for kept, stored in pairs:
        assert kept.kind == stored.kind
        assert json.dumps(kept.meta) == json.dumps(stored.meta)
        assert list(kept.arrays) == list(stored.arrays)
        for mine, theirs in zip(kept.arrays.values(), stored.arrays.values(), strict=True):
            assert (mine.dtype.str, mine.shape, mine.strides) == (theirs.dtype.str, theirs.shape, theirs.strides)
            assert mine.tobytes() == theirs.tobytes()
    assert len(pairs) > 60
