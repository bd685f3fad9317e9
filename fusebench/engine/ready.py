"""The tasks that can run, in the order in which workers should take them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple


class Entry(NamedTuple):
    """A task in a queue; what sorts first is taken first."""

    priority: float
    order: int
    key: str


@dataclass
class Ready:
    """A queue in which the tasks of a group wait for the worker that is at their group.

    A worker that has begun a group, whose tasks share what it has made for the first of them, takes all of it before
    anything else. No other worker is sent there while it finds something else to do.

    Parameters
    ----------
    group_of : callable
        Maps a task to its group, None for a task that shares nothing.

    Notes
    -----
    O(log tasks + workers) for each task that is put in or taken.
    """

    group_of: Callable[[str], Hashable | None]
    _first: list[Entry] = field(default_factory=list)
    """Tasks without a group, and the first task of each group that no worker is at."""
    _groups: dict[Hashable, list[Entry]] = field(default_factory=dict)
    _at: dict[Hashable, Hashable] = field(default_factory=dict)
    """The group that each worker is at."""

    def put(self, entry: Entry) -> None:
        """Add a task."""
        group = self.group_of(entry.key)
        if group is None:
            heappush(self._first, entry)
            return
        members = self._groups.setdefault(group, [])
        heappush(members, entry)
        if members[0] is entry and group not in self._at.values():
            heappush(self._first, entry)

    def peek(self, worker: Hashable = None) -> str | None:
        """Return the task that a worker would take, None where there is none."""
        queue = self._queue(worker)
        return queue[0].key if queue else None

    def take(self, worker: Hashable = None) -> str | None:
        """Remove and return the next task of a worker, None where there is none."""
        queue = self._queue(worker)
        if not queue:
            return None
        entry = heappop(queue)
        group = self.group_of(entry.key)
        if group is None:
            self._at.pop(worker, None)
        else:
            self._at[worker] = group
            if queue is self._first:
                heappop(self._groups[group])
        return entry.key

    def _queue(self, worker: Hashable) -> list[Entry]:
        """Return the queue whose first task a worker should take: its group's, the common one, another worker's."""
        own = self._groups.get(self._at.get(worker))
        if own:
            return own
        while self._first and not self._is_first(self._first[0]):
            heappop(self._first)
        return self._first or min(self._others(), default=[])

    def _is_first(self, entry: Entry) -> bool:
        """Whether an entry of the common queue still stands for what it stood for when it was put there."""
        group = self.group_of(entry.key)
        return group is None or (self._groups[group][:1] == [entry] and group not in self._at.values())

    def _others(self) -> Iterator[list[Entry]]:
        return (queue for group in set(self._at.values()) if (queue := self._groups.get(group)))
