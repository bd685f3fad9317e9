"""Batches that are sent to a worker before it is idle: what is blamed, what is given back, what is refused."""

import os
import time
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import pytest

from fusebench.engine.execute._slot import Slot
from fusebench.engine.execute._supervisor import POLL_SECONDS, Limits, Supervisor, weighed_again_after
from fusebench.engine.splits import Part
from fusebench.engine.tasks.items import FitItem, FuseItem

LIMIT = 1 << 36


def batch(*names):
    return [(name, FitItem(0, name.split()[0], Part(0, 0))) for name in names]


def slot(n_items=0, room=1000):
    made = Slot(SimpleNamespace(), SimpleNamespace(), lambda: False, room, ready=True)
    if n_items:
        made.sent(batch(*(f"item {n}" for n in range(n_items))))
    return made


@pytest.fixture
def pool(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    bench = import_module("obedient").Obedient()
    made = Supervisor(bench, 1, Limits(lambda _: 1.0, LIMIT), ["fusebench.engine.tasks.workbench"])
    yield made
    made.close()


def until(pool, ends):
    """Poll until something is so; return the keys and reasons of what was heard, and what was not begun."""
    heard, unbegun = [], []
    deadline = time.monotonic() + 60
    while not ends(heard):
        assert time.monotonic() < deadline, heard
        outcomes, left = pool.poll(1.0)
        heard += [(one.key, getattr(one, "reason", "done")) for one in outcomes]
        unbegun += left
    return heard, unbegun


def begun_and_half_done(pool):
    until(pool, lambda _: pool.idle)
    assert pool.send(0, batch("quick 1", "quick 2", "wait 3", "quick 4"))
    assert not pool.nearly_idle  # it may not have read it yet
    heard, _ = until(pool, lambda _: pool.nearly_idle)
    assert heard == [("quick 1", "done"), ("quick 2", "done")]


def test_a_death_is_that_of_the_item_it_happened_in(pool):
    begun_and_half_done(pool)
    assert pool.send(0, batch("quick 5", "die 6", "quick 7", "quick 8"))
    assert not pool.nearly_idle  # one batch ahead is enough
    heard, unbegun = until(pool, lambda heard: len(heard) == 4)
    assert heard == [("wait 3", "done"), ("quick 4", "done"), ("quick 5", "done"), ("die 6", "died")]
    assert unbegun == ["quick 7", "quick 8"]
    until(pool, lambda _: pool.idle)  # another worker stands in


def test_an_item_has_its_own_time_also_where_it_was_sent_early(pool):
    begun_and_half_done(pool)
    sent = time.monotonic()
    assert pool.send(0, batch("wait 5", "wait 6", "wait 7", "hang 8", "quick 9"))
    heard, unbegun = until(pool, lambda heard: heard[-1:] == [("hang 8", "timeout")])
    assert [reason for _, reason in heard] == ["done"] * 5 + ["timeout"]
    assert time.monotonic() - sent > 1.5  # three times 0.3 s, the rest of the wait before, and a second of its own
    assert unbegun == ["quick 9"]


def test_a_batch_that_the_pipe_might_not_take_waits_until_the_worker_is_idle(pool):
    begun_and_half_done(pool)
    large = [("large", FuseItem(0, "vote", 0, 0, without=("x" * 10_000_000,)))]
    assert not pool.send(0, large)
    assert not pool.nearly_idle
    heard, _ = until(pool, lambda _: pool.idle)
    assert heard == [("wait 3", "done"), ("quick 4", "done")]
    assert pool.send(0, large)
    heard, _ = until(pool, lambda heard: heard)
    assert heard == [("large", "AttributeError")]  # it was read: no fusion has a learner


def test_only_who_has_read_its_batch_is_nearly_idle():
    assert not slot().nearly_idle
    assert not slot(1).nearly_idle
    busy = slot(5)
    told = []
    for _ in range(5):
        told.append(busy.nearly_idle)
        busy.finished()
    assert told == [False, False, False, True, True]
    assert busy.idle


def test_the_batch_ahead_becomes_the_one_that_the_worker_is_at():
    busy = slot(2)
    busy.finished()
    assert busy.nearly_idle
    busy.sent(batch("a", "b", "c", "d"))
    for _ in range(3):
        assert not busy.nearly_idle
        busy.finished()
    assert not busy.ahead
    assert busy.nearly_idle
    assert [key for key, _ in busy.batch] == ["c", "d"]


def test_what_is_sent_ahead_fits_into_the_pipe():
    busy = slot(2, room=100)
    busy.finished()
    assert busy.accepts(100)
    assert not busy.accepts(101)
    assert slot(room=0).accepts(10**9)  # an idle worker reads at once


def test_what_was_refused_is_not_tried_again_before_the_worker_is_idle():
    busy = slot(2)
    busy.finished()
    busy.refused = True
    assert not busy.nearly_idle
    busy.finished()
    busy.sent(batch("a", "b"))
    busy.finished()
    assert busy.nearly_idle


def test_an_empty_pipe_takes_what_there_is_room_for():
    ours, theirs = get_context("spawn").Pipe()
    os.set_blocking(ours.fileno(), False)
    n_bytes = Slot.of(None, ours).room
    assert n_bytes > 1000
    ours.send_bytes(bytes(n_bytes))  # would raise where it had to wait
    theirs.close(), ours.close()


def test_memory_is_looked_at_often_where_little_is_left():
    assert weighed_again_after(-1) == weighed_again_after(10**8) == POLL_SECONDS
    assert weighed_again_after(5 * 10**9) == 0.5
    assert weighed_again_after(10**12) == 1.0
