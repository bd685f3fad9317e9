"""Categories as integers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

MISSING = -1
UNKNOWN = -2


class Categories:
    """The values of one column that training rows hold, in sorted order.

    Values that cannot be compared with each other are sorted by the name of their type, then by their text.

    Attributes
    ----------
    values : list
        The value of each code.
    most_frequent : int
        The code of the most frequent value, the first of equals; `MISSING` where all values are missing.
    """

    def __init__(self, column: pd.Series[Any]) -> None:
        codes, found = _factorize(column)
        present, counts = np.unique(codes[codes >= 0], return_counts=True)
        seen = [found[code] for code in present]
        try:
            order = sorted(range(len(seen)), key=seen.__getitem__)
        except TypeError:
            order = sorted(range(len(seen)), key=lambda one: (type(seen[one]).__name__, str(seen[one])))
        self.values: list[Any] = [seen[one] for one in order]
        self.most_frequent = int(counts[order].argmax()) if order else MISSING
        self._prepare()

    def _prepare(self) -> None:
        """Make what is not kept with a saved model."""
        self._code = {value: code for code, value in enumerate(self.values)}
        self._last: tuple[Any, NDArray[np.intp]] = (None, np.empty(0, np.intp))

    def __len__(self) -> int:
        return len(self.values)

    def __getstate__(self) -> dict[str, Any]:
        # Plain data alone: a pandas index could be saved with pickle only.
        return {"values": self.values, "most_frequent": self.most_frequent}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()

    def codes(self, column: pd.Series[Any]) -> NDArray[np.intp]:
        """Return a code per row, shape (n_samples,); `MISSING` and `UNKNOWN` are negative."""
        import pandas as pd

        if not isinstance(column.dtype, pd.CategoricalDtype):
            codes, found = _factorize(column)
            return np.asarray(self._table(found)[codes])
        # A saved model is asked with the very same categories again and again.
        categories, table = self._last
        if categories is not column.dtype.categories:
            categories = column.dtype.categories
            table = self._table(categories)
            self._last = (categories, table)
        return np.asarray(table[np.asarray(column.array.codes)])

    def _table(self, found: Iterable[Any]) -> NDArray[np.intp]:
        """Return the code of each value, and at the end that of a missing one."""
        return np.array([*(self._code.get(one, UNKNOWN) for one in found), MISSING], dtype=np.intp)


def _factorize(column: pd.Series[Any]) -> tuple[NDArray[Any], list[Any]]:
    """Return a number per row (-1 where missing) and the value of each number."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return np.asarray(column.cat.codes), list(column.cat.categories)
    codes, found = pd.factorize(column)
    return codes, list(found)
