"""The schedule: dependencies, order, failures, batches and lost inputs, with no process in sight."""

from collections import defaultdict
from types import SimpleNamespace

import pytest

from fusebench.engine.plan import Plan, Task
from fusebench.engine.schedule import Failed, Schedule
from fusebench.engine.splits import Part
from fusebench.engine.tasks.items import FitItem, FuseItem, ScoreItem
from fusebench.spec.model import LearnerSpec

BROKEN = Failed("fit", "ValueError", "bad")


class FakeBlueprint:
    problems = (SimpleNamespace(numeric=True, is_small=False),)
    learners = defaultdict(
        lambda: LearnerSpec(type="nb"),
        {f"boosted{n}": LearnerSpec(type="lgbm", params={"n_estimators": n}) for n in range(1, 9)},
        coarse=LearnerSpec(type="lgbm", params={"max_bin": 15}),
    )
    fusions = {}

    def members_on(self, fusion, problem):
        return ("a", "b")

    def encoder_of(self, learner, problem):
        return "linear" if learner.startswith("scaled") else "none"

    def learns_all(self, learner):
        return False

    def is_given(self, learner):
        return False

    def fuse_key(self, problem, fusion, repeat, fold, stage, without):
        return f"renamed {fusion} without {without}"


def fit(key, learner="nb", seconds=0.001, inner=-1):
    return Task(key, FitItem(0, learner, Part(0, 0, inner)), expected=seconds)


def boosted(n_parts, sizes=(1, 2, 8)):
    return [fit(f"{part} {n}", f"boosted{n}", n, part) for part in range(n_parts) for n in sizes]


def schedule_of(tmp_path, *tasks, balanced=False):
    by_key = {task.key: task for task in tasks}
    plan = Plan(FakeBlueprint(), by_key, ())
    return Schedule(plan, by_key, tmp_path / "scratch", balanced=balanced)


def keys(batch):
    return [key for key, _ in batch]


def test_the_longest_fits_start_first(tmp_path):
    schedule = schedule_of(tmp_path, fit("short", seconds=1), fit("long", seconds=60), fit("middle", seconds=8))
    assert [keys(schedule.take())[0] for _ in range(3)] == ["long", "middle", "short"]


def test_small_tasks_travel_together_and_large_ones_alone(tmp_path):
    schedule = schedule_of(tmp_path, fit("large", seconds=5), *(fit(f"s{n}", seconds=0.001) for n in range(100)))
    assert keys(schedule.take()) == ["large"]
    assert 10 <= len(schedule.take()) <= 64


def test_who_is_busy_still_is_given_nothing_long(tmp_path):
    schedule = schedule_of(tmp_path, fit("large", seconds=5))
    assert schedule.take(only_short=True) == []
    assert keys(schedule.take()) == ["large"]
    schedule = schedule_of(tmp_path, fit("a"), fit("b"))
    assert keys(schedule.take(only_short=True)) == ["a", "b"]


def test_a_task_waits_for_what_it_needs(tmp_path):
    fuse = Task("fuse", FuseItem(0, "vote", 0, 0), needs=("a", "b"))
    schedule = schedule_of(tmp_path, fit("a"), fit("b"), fuse)
    assert set(keys(schedule.take())) == {"a", "b"}
    schedule.finish("a")
    assert schedule.take() == []
    schedule.finish("b")
    assert keys(schedule.take()) == ["fuse"]
    schedule.finish("fuse")
    assert not schedule.unfinished


def test_a_fusion_with_a_failed_member_fails_and_names_it(tmp_path):
    milestone = Task("milestone 0 nb 0 0", None, needs=("a",))
    fuse = Task("fuse", FuseItem(0, "vote", 0, 0), needs=(milestone.key,))
    schedule = schedule_of(tmp_path, fit("a"), milestone, fuse)
    schedule.take()
    schedule.fail("a", BROKEN)
    assert schedule.failed["fuse"].reason == "member 'nb' failed"
    assert "bad" in schedule.failed["fuse"].detail
    assert not schedule.unfinished


def test_a_tolerant_task_runs_with_what_succeeded(tmp_path):
    milestones = [Task(f"milestone 0 {one} 0 0", None, needs=(one,)) for one in ("a", "b")]
    average = Task("average", FuseItem(0, "mean", 0, 0), needs=tuple(m.key for m in milestones), tolerant=True)
    schedule = schedule_of(tmp_path, fit("a", "a"), fit("b", "b"), *milestones, average)
    schedule.take()
    schedule.fail("a", BROKEN)
    schedule.finish("b")
    ((key, item),) = schedule.take()
    assert (key, item.without) == ("average", ("a",))
    assert schedule.stored_key("average") == "renamed mean without ('a',)"


def test_a_score_leaves_out_failed_splits_and_is_not_stored(tmp_path):
    score = Task("score", ScoreItem(0, "nb", ((0, 0, ("a",)), (0, 1, ("b",)))), needs=("a", "b"), tolerant=True)
    schedule = schedule_of(tmp_path, fit("a"), fit("b"), score)
    schedule.take()
    schedule.fail("a", BROKEN)
    schedule.finish("b")
    ((_, item),) = schedule.take()
    assert item.splits == ((0, 1, ("b",)),)
    assert schedule.stored_key("score") is None


def test_learners_that_share_rows_and_encoder_share_one_encoding(tmp_path):
    schedule = schedule_of(tmp_path, fit("a", "scaled_lr"), fit("b", "scaled_svm"), fit("c", "tree"))
    first = schedule.take()
    assert {type(item).__name__ for _, item in first} == {"EncodeItem", "FitItem"}
    (encode,) = [key for key, item in first if type(item).__name__ == "EncodeItem"]
    assert schedule.stored_key(encode) is None
    schedule.finish(encode)
    assert sorted(keys(schedule.take())) == ["a", "b"]


def test_scaling_a_small_table_of_numbers_is_no_task_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeBlueprint, "problems", (SimpleNamespace(numeric=True, is_small=True),))
    schedule = schedule_of(tmp_path, fit("a", "scaled_lr"), fit("b", "scaled_svm"))
    assert sorted(keys(schedule.take())) == ["a", "b"]


def test_a_learner_alone_encodes_for_itself(tmp_path):
    schedule = schedule_of(tmp_path, fit("a", "scaled_lr"))
    assert keys(schedule.take()) == ["a"]


def test_lost_inputs_are_made_again(tmp_path):
    fuse = Task("fuse", FuseItem(0, "vote", 0, 0), needs=("a",))
    schedule = schedule_of(tmp_path, fit("a"), fuse)
    schedule.take()
    schedule.finish("a")
    assert keys(schedule.take()) == ["fuse"]
    schedule.restore("fuse", ["a"])
    assert keys(schedule.take()) == ["a"]
    schedule.finish("a")
    assert keys(schedule.take()) == ["fuse"]


def test_what_a_dead_worker_did_not_begin_is_queued_again(tmp_path):
    schedule = schedule_of(tmp_path, fit("a"), fit("b"))
    assert len(schedule.take()) == 2
    schedule.give_back(["b"])
    assert keys(schedule.take()) == ["b"]


def test_the_estimate_shrinks_to_nothing(tmp_path):
    schedule = schedule_of(tmp_path, fit("a", seconds=3), fit("b", seconds=4))
    assert schedule.seconds_left == pytest.approx(7)
    schedule.take(), schedule.take()
    schedule.finish("a")
    assert schedule.seconds_left == pytest.approx(4)
    schedule.fail("b", BROKEN)
    assert schedule.seconds_left == pytest.approx(0)


def test_a_worker_stays_with_the_part_whose_bins_it_has(tmp_path):
    schedule = schedule_of(tmp_path, *boosted(2))
    first, second = schedule.take(worker=0), schedule.take(worker=1)
    assert keys(first) == ["0 8"]
    assert keys(second) == ["1 8"], "not where another worker is"
    assert all(item.shares_bins for _, item in first)
    assert [keys(schedule.take(worker=0)), keys(schedule.take(worker=0))] == [["0 2"], ["0 1"]]
    assert keys(schedule.take(worker=0)) == ["1 2"], "rather than nothing, what another worker has begun"
    assert keys(schedule.take(worker=1)) == ["1 1"]
    assert schedule.take(worker=0) == schedule.take(worker=1) == []


def test_workers_go_on_with_the_longest_when_a_part_is_done(tmp_path):
    schedule = schedule_of(tmp_path, *boosted(1), fit("long", seconds=60), fit("short", seconds=0.5))
    assert [keys(schedule.take(worker=0))[0] for _ in range(5)] == ["long", "0 8", "0 2", "0 1", "short"]


def test_bins_are_shared_by_none_but_those_that_make_the_same(tmp_path):
    alone = fit("alone", "boosted1", inner=1)
    tasks = [fit("a", "boosted1"), fit("b", "boosted2"), fit("c", "coarse"), fit("d", "nb"), alone]
    items = dict(schedule_of(tmp_path, *tasks).take(100))
    assert {key for key, item in items.items() if item.shares_bins} == {"a", "b"}


def test_a_part_given_back_is_still_done_once(tmp_path):
    schedule = schedule_of(tmp_path, *boosted(2))
    ((key, _),) = schedule.take(worker=0)
    schedule.give_back([key])
    taken = [key for worker in [0, 0, 1, 1, 0, 1, 0] for key in keys(schedule.take(worker=worker))]
    assert sorted(taken) == sorted(task.key for task in boosted(2))


def test_datasets_that_advance_together_keep_no_worker_at_a_part(tmp_path):
    schedule = schedule_of(tmp_path, *boosted(2), balanced=True)
    assert [keys(schedule.take(worker=0))[0] for _ in range(6)] == [task.key for task in boosted(2)]
