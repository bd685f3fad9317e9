"""What a worker has just made or read, kept in reach: most of it is asked for again within moments."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fusebench.engine.store import Entry
from fusebench.engine.tasks.items import FitItem, FuseItem, Item
from fusebench.engine.tasks.workbench import Reader

MOST_BYTES = 1 << 25
LARGEST = 1 << 20  # bytes of one entry; larger ones are mapped, and their pages shared with other workers
OVERHEAD = 1 << 10  # bytes of an entry besides its arrays


@dataclass
class Memory:
    """A reader that keeps the small entries it was last asked for, and those that are given to it.

    Parameters
    ----------
    reader : Reader
        Asked for what is not kept.
    """

    reader: Reader
    _kept: OrderedDict[str, Entry] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def get(self, key: str, *kinds: str) -> Entry | None:
        """Return an entry of one of some kinds, or None."""
        kept = self._kept.get(key)
        if kept is not None and (not kinds or kept.kind in kinds):
            self._kept.move_to_end(key)
            return kept
        found = self.reader.get(key, *kinds)
        if found is not None:
            self._keep(key, found)
        return found

    def keep_result(self, key: str, item: Item, entry: Entry) -> None:
        """Keep what an item gave, as a reader of the store would find it, where its key is that of the store."""
        if isinstance(item, FitItem) or (isinstance(item, FuseItem) and not item.without):
            self._keep(key, replace(entry, arrays={name: _as_read(array) for name, array in entry.arrays.items()}))

    def forget(self, keys: Iterable[str]) -> None:
        """Drop entries that cannot be what their keys say."""
        for key in keys:
            if (entry := self._kept.pop(key, None)) is not None:
                self._bytes -= _size(entry)

    def _keep(self, key: str, entry: Entry) -> None:
        if _size(entry) > LARGEST:
            return
        self.forget([key])
        self._kept[key] = entry
        self._bytes += _size(entry)
        while self._bytes > MOST_BYTES:
            self.forget([next(iter(self._kept))])


def _size(entry: Entry) -> int:
    return OVERHEAD + sum(array.nbytes for array in entry.arrays.values())


def _as_read(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return a copy of an array, which its maker cannot change any more, in the layout that the store gives it."""
    own = np.array(array, order="C")
    own.flags.writeable = False
    return own
