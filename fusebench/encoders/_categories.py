"""Categories as integers."""

from __future__ import annotations

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
        import pandas as pd

        codes, found = _factorize(column)
        present, counts = np.unique(codes[codes >= 0], return_counts=True)
        seen = [found[code] for code in present]
        try:
            order = sorted(range(len(seen)), key=seen.__getitem__)
        except TypeError:
            order = sorted(range(len(seen)), key=lambda one: (type(seen[one]).__name__, str(seen[one])))
        self.values: list[Any] = [seen[one] for one in order]
        self.most_frequent = int(counts[order].argmax()) if order else MISSING
        self._index = pd.Index(self.values, dtype=object)

    def __len__(self) -> int:
        return len(self.values)

    def __getstate__(self) -> dict[str, Any]:
        # Plain data alone: a pandas index could be saved with pickle only.
        return {"values": self.values, "most_frequent": self.most_frequent}

    def __setstate__(self, state: dict[str, Any]) -> None:
        import pandas as pd

        self.__dict__.update(state)
        self._index = pd.Index(self.values, dtype=object)

    def codes(self, column: pd.Series[Any]) -> NDArray[np.intp]:
        """Return a code per row, shape (n_samples,); `MISSING` and `UNKNOWN` are negative."""
        codes, found = _factorize(column)
        if not self.values:
            return np.where(codes < 0, MISSING, UNKNOWN).astype(np.intp)
        known = self._index.get_indexer(np.asarray(found, dtype=object)) if len(found) else np.empty(0, np.intp)
        table = np.append(np.where(known < 0, UNKNOWN, known), MISSING)
        return np.asarray(table[codes], dtype=np.intp)


def _factorize(column: pd.Series[Any]) -> tuple[NDArray[Any], list[Any]]:
    """Return a number per row (-1 where missing) and the value of each number."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return np.asarray(column.cat.codes), list(column.cat.categories)
    codes, found = pd.factorize(column)
    return codes, list(found)
