"""The rows that folds hold out, in the order of the rows: what a fusion of all rows is fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusebench.engine.splits import Rows

Folds = Sequence[tuple[Rows, Rows]]


@dataclass(frozen=True)
class HeldOut:
    """The held-out rows of all folds, sorted by row.

    Parameters
    ----------
    rows, fold : ndarray of shape (n_held_out,)
        Each row, and the fold that holds it out; a row stands as often as it is held out.
    positions : list of ndarray
        Where the rows of each fold stand.
    """

    rows: Rows
    fold: NDArray[np.intp]
    positions: list[Rows]

    @classmethod
    def of(cls, folds: Folds) -> HeldOut:
        """Sort the held-out rows of some folds."""
        rows = np.concatenate([held for _, held in folds])
        ids = np.repeat(np.arange(len(folds)), [len(held) for _, held in folds])
        order = np.argsort(rows, kind="stable")
        place = np.empty(len(rows), dtype=np.intp)
        place[order] = np.arange(len(rows))
        return cls(rows[order], ids[order], [place[ids == n] for n in range(len(folds))])

    @property
    def repeats(self) -> bool:
        """Whether some row is held out more than once."""
        return len(np.unique(self.rows)) < len(self.rows)
