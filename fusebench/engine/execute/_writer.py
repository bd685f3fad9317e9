"""A thread that writes results durably while the workers go on."""

from __future__ import annotations

import os
import queue
import select
import threading
from collections.abc import Iterator
from contextlib import suppress

from fusebench.engine.store import Entry, Sealed, Store

GROUP = 64  # entries that share one round of folder syncs
GATHER_SECONDS = 0.05  # that a result may wait for others while the workers have enough to do


class Writer:
    """Stores entries in the background; `wakeup` becomes readable when some are safe.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: queue.SimpleQueue[tuple[str, str, Entry | Sealed] | None] = queue.SimpleQueue()
        self._written: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._error: BaseException | None = None
        self.wakeup, self._bell = os.pipe()
        self.pending = 0
        self._waited_for = threading.Event()
        self._thread = threading.Thread(target=self._write_all, daemon=True)
        self._thread.start()

    def put(self, task_key: str, store_key: str, entry: Entry | Sealed) -> None:
        """Queue an entry; `written` names its task once it is safe."""
        self.pending += 1
        self._queue.put((task_key, store_key, entry))

    def written(self) -> Iterator[str]:
        """Yield the tasks whose entries are safe by now.

        Raises
        ------
        StorageError
            If the disk failed.
        """
        if self._error is not None:
            raise self._error
        with suppress(queue.Empty):
            while True:
                key = self._written.get_nowait()
                self.pending -= 1
                yield key

    def hurry(self, wanted: bool) -> None:
        """Say whether somebody waits for what is queued: then it is written at once, otherwise in larger groups."""
        if wanted != self._waited_for.is_set():
            (self._waited_for.set if wanted else self._waited_for.clear)()

    def wait(self) -> None:
        """Block until some entries are safe or the disk has failed."""
        self.hurry(True)
        select.select([self.wakeup], [], [])

    def clear_bell(self) -> None:
        """Take what made `wakeup` readable."""
        os.read(self.wakeup, 4096)

    def close(self) -> None:
        """Write what is queued and stop.

        Raises
        ------
        StorageError
            If the disk failed.
        """
        self.hurry(True)
        self._queue.put(None)
        self._thread.join()
        os.close(self.wakeup)
        os.close(self._bell)
        if self._error is not None:
            raise self._error

    def _write_all(self) -> None:
        last = False
        while not last:
            group = [self._queue.get()]
            if self._queue.qsize() < GROUP:
                self._waited_for.wait(GATHER_SECONDS)
            with suppress(queue.Empty):
                while len(group) < GROUP:
                    group.append(self._queue.get_nowait())
            last = None in group
            self._write([one for one in group if one is not None])

    def _write(self, group: list[tuple[str, str, Entry | Sealed]]) -> None:
        if self._error is not None or not group:
            return
        try:
            self._store.put_many({store_key: entry for _, store_key, entry in group})
        except Exception as error:  # noqa: BLE001 - the end of this thread: whoever waits for it must hear of it
            self._error = error
        else:
            for task_key, _, _ in group:
                self._written.put(task_key)
        os.write(self._bell, b".")
