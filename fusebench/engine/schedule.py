"""Which task runs next: dependencies, order and failures; it knows nothing of processes."""

from __future__ import annotations

import math
import shutil
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from fusebench import encoders, learners
from fusebench.engine.blueprint import Blueprint
from fusebench.engine.plan import Plan, Task, member_needs
from fusebench.engine.ready import Entry, Ready
from fusebench.engine.tasks.items import EncodeItem, ExplainItem, FitItem, FuseItem, Item, ScoreItem

BATCH_SECONDS = 0.03  # small tasks travel together until they are worth a round trip
BATCH_ITEMS = 64
ENCODE_SECONDS = 0.003


class Failed(NamedTuple):
    """Why a task has no result."""

    stage: str
    reason: str
    detail: str


@dataclass
class Schedule:
    """The state of a run.

    Parameters
    ----------
    plan : Plan
    missing : mapping of str to Task
        What must run, needs first.
    scratch : Path
        Folder of this run for encoded data.
    balanced : bool
        Whether all datasets advance together (for runs with a time limit) instead of longest first.
    share_encodings : bool
        Whether workers share a disk, so that one encoding can serve several learners.
    """

    plan: Plan
    missing: Mapping[str, Task]
    scratch: Path
    balanced: bool = False
    share_encodings: bool = True
    failed: dict[str, Failed] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.tasks: dict[str, Task] = dict(self.missing)
        self._shared_bins: dict[str, Hashable] = _shared_bins(self.plan.blueprint, self.missing)
        self._waiting: dict[str, int] = {}
        self._dependents: dict[str, list[str]] = defaultdict(list)
        # Where all datasets advance together no worker stays at one of them.
        self._ready = Ready(lambda key: None if self.balanced else self._shared_bins.get(key))
        self._order: dict[str, int] = {}
        self._renamed: dict[str, str] = {}
        self._encodings: dict[str, tuple[Path, int]] = {}
        self._restored: set[tuple[str, str]] = set()
        self._n_steps: dict[int, int] = defaultdict(int)
        self.seconds_left = 0.0
        """Expected seconds of the tasks that are left, one after the other."""
        if self.share_encodings:
            self._add_encodings()
        self._rank = _ranks(self.tasks)
        for position, key in enumerate(self.tasks):
            self._order[key] = position
        for key, task in list(self.tasks.items()):
            self._watch(key, task)

    # -- what callers ask -------------------------------------------------------------------------

    @property
    def unfinished(self) -> bool:
        """Whether any task is neither done nor failed."""
        return len(self.done) + len(self.failed) < len(self.tasks)

    def take(
        self, budget: float = BATCH_SECONDS, *, worker: Hashable = None, only_short: bool = False
    ) -> list[tuple[str, Item]]:
        """Return the next tasks for one worker: one long one, or several short ones.

        A worker that says who it is gets those first that share what its last ones made. One that is still at others
        gets short ones only: a long one might be begun sooner elsewhere.
        """
        batch: list[tuple[str, Item]] = []
        seconds = 0.0
        while len(batch) < BATCH_ITEMS and seconds < budget:
            key = self._ready.peek(worker)
            if key is None:
                break
            expected = self.tasks[key].expected
            if (batch or only_short) and seconds + expected > 2 * budget:
                break
            self._ready.take(worker)
            if key in self.done or key in self.failed:
                continue
            item = self._item(key)
            if item is None:
                continue
            batch.append((key, item))
            seconds += expected
        return batch

    def stored_key(self, key: str) -> str | None:
        """Return the key to store a task's result under; None when it must not be stored."""
        item = self.tasks[key].item
        if isinstance(item, EncodeItem):
            return None
        if any(need in self.failed for need in self.tasks[key].needs):
            return self._renamed.get(key)
        return key

    # -- what callers tell ------------------------------------------------------------------------

    def finish(self, key: str) -> None:
        """Record that a task's result is there."""
        if key in self.done:
            return
        self.done.add(key)
        self._resolve(key)

    def fail(self, key: str, failure: Failed) -> None:
        """Record that a task has no result; what strictly needs it fails too."""
        if key in self.failed or key in self.done:
            return
        self.failed[key] = failure
        self._resolve(key)

    def give_back(self, keys: Iterable[str]) -> None:
        """Queue tasks again that a worker did not get to."""
        for key in keys:
            self._push(key)

    def restore(self, key: str, lost: Iterable[str]) -> None:
        """Make lost inputs again, then the task that missed them; what it misses a second time is not to be had."""
        needs = {one for one in lost if (key, one) not in self._restored}
        self._restored |= {(key, one) for one in needs}
        for one in needs:
            if one in self.plan.tasks and one not in self.tasks:
                self.tasks[one] = self.plan.tasks[one]
                self._order[one] = len(self._order)
                self._watch(one, self.tasks[one])
            elif one in self.done:
                self.done.discard(one)
                self._push(one)
        waiting = [one for one in needs if one in self.tasks]
        self._waiting[key] = len(waiting)
        for one in waiting:
            self._dependents[one].append(key)
        if not waiting:
            self.fail(key, Failed("store", "inputs lost", "stored inputs cannot be read and cannot be made again"))

    # -- inside -----------------------------------------------------------------------------------

    def _watch(self, key: str, task: Task) -> None:
        pending = [need for need in task.needs if need in self.tasks and need not in self.done]
        self._waiting[key] = len(pending)
        self.seconds_left += task.expected
        for need in pending:
            self._dependents[need].append(key)
        if not pending:
            self._became_ready(key)

    def _resolve(self, key: str) -> None:
        self.seconds_left = max(0.0, self.seconds_left - self.tasks[key].expected)
        self._forget_encoding(key)
        for dependent in self._dependents.pop(key, ()):
            self._waiting[dependent] -= 1
            if self._waiting[dependent] == 0:
                self._became_ready(dependent)

    def _became_ready(self, key: str) -> None:
        task = self.tasks[key]
        failed_needs = [need for need in task.needs if need in self.failed]
        usable = len(task.needs) - len(failed_needs)
        if failed_needs and (not task.tolerant or usable == 0):
            self.fail(key, self._inherited(failed_needs[0]))
        elif task.item is None:
            self.finish(key)
        else:
            self._push(key)

    def _inherited(self, need: str) -> Failed:
        cause, item = self.failed[need], self.tasks[need].item
        if isinstance(item, EncodeItem) or cause.stage == "member":
            return cause
        name = _model_of(need, item)
        if self.tasks[need].item is None:
            return Failed("member", f"member '{name}' failed", f"{cause.reason}: {cause.detail}")
        if isinstance(item, FuseItem):
            return Failed("member", f"member '{item.fusion}' failed", f"{cause.reason}: {cause.detail}")
        return cause

    def _push(self, key: str) -> None:
        self._ready.put(Entry(self._priority(key), self._order[key], key))

    def _priority(self, key: str) -> float:
        """Return what sorts first: short results that are needed last go first, then what the longest work waits for.

        Equal powers of two keep the plan's order, so that neighbours share encoded data.
        """
        task = self.tasks[key]
        if self.balanced:
            problem = task.item.problem if task.item is not None else 0
            self._n_steps[problem] += 1
            return float(self._n_steps[problem])
        match task.item:
            case ScoreItem() | FuseItem():
                return -100.0 if task.expected < 1 else -50.0 - task.expected
            case _:
                return -round(math.log2(max(self._rank.get(key, task.expected), 1e-4)))

    def _item(self, key: str) -> Item | None:
        """Return the work item, told what is missing among its needs."""
        task = self.tasks[key]
        item = task.item
        failed = {need for need in task.needs if need in self.failed}
        match item:
            case FuseItem() if failed:
                blueprint = self.plan.blueprint
                problem = blueprint.problems[item.problem]
                split = (item.repeat, item.fold)
                lost = (
                    member
                    for member in blueprint.members_on(item.fusion, problem)
                    if failed.intersection(member_needs(blueprint, item.problem, member, *split))
                )
                without = tuple(sorted(lost))
                self._renamed[key] = blueprint.fuse_key(problem, item.fusion, *split, item.stage, without)
                return item._replace(without=without)
            case ScoreItem() if self.failed:
                splits = tuple(
                    (r, i, tuple(self._renamed.get(one, one) for one in keys))
                    for r, i, keys in item.splits
                    if not failed.intersection(keys)
                )
                return item._replace(splits=splits)
            case FitItem():
                encoded = str(self._encodings[task.needs[0]][0]) if task.needs else None
                return item._replace(encoded=encoded, shares_bins=key in self._shared_bins)
        return item

    # -- encoded data shared between learners -----------------------------------------------------

    def _add_encodings(self) -> None:
        """Give fits that share rows and encoder one encoding to wait for."""
        blueprint: Blueprint = self.plan.blueprint
        groups: dict[tuple[int, object, str], list[Task]] = defaultdict(list)
        encodings: dict[tuple[int, str], str | None] = {}
        for task in self.missing.values():
            if not isinstance(task.item, FitItem):
                continue
            which = (task.item.problem, task.item.learner)
            if which not in encodings:
                problem = blueprint.problems[task.item.problem]
                encode = blueprint.encoder_of(task.item.learner, problem)
                # To write and to read what others encoded takes longer than to scale a small table of numbers.
                costless = problem.numeric and (
                    encode == "none" or (problem.is_small and encoders.takes_numbers_at_once(encode))
                )
                # A learner of all targets sees other rows than those of one, given predictions need no features.
                apart = costless or blueprint.learns_all(task.item.learner) or blueprint.is_given(task.item.learner)
                encodings[which] = None if apart else repr(encode)
            if (name := encodings[which]) is not None:
                groups[task.item.problem, task.item.part, name].append(task)
        added: dict[str, Task] = {}
        for number, tasks in enumerate(groups.values()):
            if len(tasks) < 2:
                continue
            key = f"encode {number}"
            folder = self.scratch / str(number)
            first = tasks[0].item
            if not isinstance(first, FitItem):
                continue
            expected = max(task.expected for task in tasks)
            item = EncodeItem(first.problem, first.part, first.learner, str(folder))
            added[key] = Task(key, item, expected=expected, cost_key="encode")
            self._encodings[key] = (folder, len(tasks))
            for task in tasks:
                self.tasks[task.key] = Task(task.key, task.item, (key,), task.tolerant, task.expected, task.cost_key)
        self.tasks = {**added, **self.tasks}

    def _forget_encoding(self, key: str) -> None:
        """Remove encoded data after its last user."""
        needs = self.tasks[key].needs
        if not needs or needs[0] not in self._encodings:
            return
        folder, users = self._encodings[needs[0]]
        self._encodings[needs[0]] = (folder, users - 1)
        if users == 1:
            shutil.rmtree(folder, ignore_errors=True)


def _shared_bins(blueprint: Blueprint, tasks: Mapping[str, Task]) -> dict[str, Hashable]:
    """Return the group of each fit that trains on the same binned rows as another one."""
    kinds: dict[tuple[int, str], Hashable | None] = {}
    groups: dict[Hashable, list[str]] = defaultdict(list)
    for key, task in tasks.items():
        if isinstance(item := task.item, FitItem):
            which = (item.problem, item.learner)
            if which not in kinds:
                binning = None if blueprint.is_given(which[1]) else learners.binning(blueprint.learners[which[1]])
                encode = repr(blueprint.encoder_of(which[1], blueprint.problems[which[0]]))
                kinds[which] = None if binning is None else (binning, encode)
            if kinds[which] is not None:
                groups[item.problem, item.part, kinds[which]].append(key)
    return {key: group for group, keys in groups.items() if len(keys) > 1 for key in keys}


def _ranks(tasks: dict[str, Task]) -> dict[str, float]:
    """Return the expected seconds of the longest chain that begins with each task; needs come first in `tasks`.

    A quick fit that an expensive fusion waits for is as urgent as that fusion. O(tasks and needs).

    References
    ----------
    .. [1] H. Topcuoglu, S. Hariri, M. Wu, Performance-effective and low-complexity task scheduling for heterogeneous
       computing, IEEE Transactions on Parallel and Distributed Systems 13(3), 2002, eq. 6 (upward rank).
    """
    after: dict[str, float] = defaultdict(float)
    for key in reversed(tasks):
        chain = tasks[key].expected + after[key]
        after[key] = chain
        for need in tasks[key].needs:
            after[need] = max(after[need], chain)
    return dict(after)


def _model_of(key: str, item: Item | None) -> str:
    match item:
        case None:
            return key.split(" ", 2)[2].rsplit(" ", 2)[0]
        case FuseItem():
            return item.fusion
        case FitItem() | EncodeItem():
            return item.learner
        case ScoreItem() | ExplainItem():
            return item.model
