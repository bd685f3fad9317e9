"""A worker's place among the others: its process, its pipe, and what it was given."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Self

from fusebench.engine.tasks.items import Item

Batch = list[tuple[str, Item]]


@dataclass
class Slot:
    """What a supervisor knows of one worker.

    Parameters
    ----------
    process : object
    connection : Connection
        To it and from it.
    has_said : callable
        Tells whether something can be received.
    room : int
        Bytes that its pipe takes at least while it reads nothing.
    """

    process: Any
    connection: Connection
    has_said: Callable[[], bool]
    room: int
    batch: Batch = field(default_factory=list)
    """What was sent and is not done, in order."""
    size: int = 0
    """Items of the batch that the worker is at, when it was sent."""
    ahead: int = 0
    """Items at the end of `batch` that were sent while the worker was at the batch before them."""
    refused: bool = False
    """Whether what should have followed was too large; nothing else is tried before the worker is idle."""
    ready: bool = False
    begun: float = 0.0
    """When the first item of `batch` began."""
    weigh_at: float = 0.0
    """When its memory is looked at next."""

    @classmethod
    def of(cls, process: Any, connection: Connection) -> Self:
        """Return the slot of a worker that was just started."""
        return cls(process, connection, _asking(connection), _room(connection))

    @property
    def idle(self) -> bool:
        """Whether it waits for a batch."""
        return self.ready and not self.batch

    @property
    def nearly_idle(self) -> bool:
        """Whether half of a batch of several items is done, so that the worker has read it, and nothing follows it."""
        return self.size > 1 and 0 < 2 * len(self.batch) <= self.size and not self.ahead and not self.refused

    def accepts(self, n_bytes: int) -> bool:
        """Whether a batch of so many bytes can be sent now.

        A busy worker reads it later, and might be waiting until we read what it writes: more than the pipe takes would
        make both wait for ever.
        """
        return not self.batch or n_bytes <= self.room

    def sent(self, batch: Batch) -> None:
        """Note a batch that was sent."""
        if self.batch:
            self.ahead = len(batch)
        else:
            self.size, self.refused = len(batch), False
            self.begun = time.monotonic()
        self.batch.extend(batch)

    def finished(self) -> None:
        """Note that the first item is done."""
        self.batch.pop(0)
        if self.ahead and len(self.batch) == self.ahead:
            self.size, self.ahead = self.ahead, 0


def _asking(connection: Connection) -> Callable[[], bool]:
    """Return what tells whether something can be received, without making a selector for each question."""
    if not hasattr(select, "poll"):
        return connection.poll
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    return lambda: bool(poller.poll(0))


def _room(connection: Connection) -> int:
    """Return the bytes that an empty pipe takes at least: what the system notes beside each message counts too."""
    if os.name != "posix":
        return 0
    with socket.socket(fileno=os.dup(connection.fileno())) as end:
        return end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 4
