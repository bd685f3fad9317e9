"""The thread that writes results: what is gathered, what is told, what an error does."""

import threading

import pytest

from fusebench.engine.execute._writer import GROUP, Writer
from fusebench.engine.store import Entry, Store
from fusebench.errors import StorageError

ENTRY = Entry("checked", {})


class SlowStore:
    """Writes nothing before it may, and keeps how much came at once."""

    def __init__(self):
        self.may = threading.Event()
        self.groups = []

    def put_many(self, entries):
        self.may.wait(60)
        self.groups.append(len(entries))


class FullStore:
    def put_many(self, entries):
        raise StorageError("the disk is full")


def test_results_that_wait_already_are_not_waited_for_again(monkeypatch):
    store = SlowStore()
    writer = Writer(store)
    gathered = []
    wait = writer._waited_for.wait
    monkeypatch.setattr(writer._waited_for, "wait", lambda seconds: gathered.append(seconds) or wait(seconds))
    for n in range(1 + 3 * GROUP):
        writer.put(f"task {n}", f"key {n}", ENTRY)
    store.may.set()
    writer.close()
    assert sum(store.groups) == 1 + 3 * GROUP
    assert max(store.groups) == GROUP
    assert len(gathered) < len(store.groups)  # with as many as go together behind them nobody waits for more


def test_a_task_is_told_of_once_it_is_stored(tmp_path):
    store = Store(tmp_path)
    writer = Writer(store)
    writer.put("task", "0123", ENTRY)
    assert writer.pending == 1
    writer.wait()
    assert list(writer.written()) == ["task"]
    assert store.get("0123", "checked") is not None
    assert not writer.pending
    writer.close()


def test_an_error_of_the_disk_reaches_who_asks(tmp_path):
    writer = Writer(FullStore())
    writer.put("task", "0123", ENTRY)
    writer.wait()
    with pytest.raises(StorageError, match="full"):
        list(writer.written())
    with pytest.raises(StorageError, match="full"):
        writer.close()
