"""Which columns of a frame are numbers, categories, dates or text, and their plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusebench.encoders.base import as_matrix
from fusebench.errors import FitError

if TYPE_CHECKING:
    import pandas as pd

DATE_PARTS = ("days", "year", "month", "day", "weekday", "hour")
SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True)
class Columns:
    """The columns of a frame by kind, each kind in the frame's order.

    Parameters
    ----------
    names : tuple
        All columns.
    numbers, categories, dates, text : tuple of int
        Positions. Booleans and durations (in seconds) are numbers.
    plain : bool
        Whether every column is a NumPy number or boolean.
    """

    names: tuple[Any, ...]
    numbers: tuple[int, ...]
    categories: tuple[int, ...]
    dates: tuple[int, ...]
    text: tuple[int, ...]
    plain: bool

    @classmethod
    def of(cls, X: pd.DataFrame, text: Sequence[str] = ()) -> Columns:
        """Sort the columns of a frame by kind; `text` names those that hold text."""
        kinds: dict[str, list[int]] = {"numbers": [], "categories": [], "dates": [], "text": []}
        plain = True
        for position, (name, dtype) in enumerate(zip(X.columns, X.dtypes, strict=True)):
            kinds["text" if name in text else _kind(dtype)].append(position)
            plain = plain and isinstance(dtype, np.dtype) and dtype.kind in "iufb"
        return cls(tuple(X.columns), **{kind: tuple(found) for kind, found in kinds.items()}, plain=plain)

    def of_frame(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return a frame with these columns in this order.

        Raises
        ------
        FitError
            If it lacks one of them.
        """
        if len(X.columns) == len(self.names) and all(map(_same, X.columns, self.names)):
            return X
        present = set(X.columns)
        absent = [str(name) for name in self.names if name not in present]
        if absent:
            raise FitError(f"the data lack the column '{absent[0]}' that the encoder was fitted on")
        return X[list(self.names)]

    def n_features(self) -> int:
        """Return the columns of the matrix where a category or text takes one and a date its parts."""
        return len(self.names) + (len(DATE_PARTS) - 1) * len(self.dates)


def as_frame(X: Any) -> pd.DataFrame:
    """Return X as a data frame."""
    import pandas as pd

    return X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X))


def numbers(X: pd.DataFrame, columns: Columns) -> NDArray[np.float64]:
    """Return the numbers and the parts of dates, shape (n_samples, n_numbers + 6 * n_dates); missing is NaN."""
    if columns.plain:
        return as_matrix(X.to_numpy())
    each = series(X)
    parts = [number(each[position])[:, None] for position in columns.numbers]
    parts += [date_parts(each[position]) for position in columns.dates]
    return as_matrix(np.hstack(parts)) if parts else np.empty((len(X), 0))


def series(X: pd.DataFrame) -> list[pd.Series[Any]]:
    """Return the columns of a frame, in a fraction of the time that asking for each by its position takes."""
    return [column for _, column in X.items()]


def number(column: pd.Series[Any]) -> NDArray[np.float64]:
    """Return one column of numbers, booleans or durations as float64; missing is NaN."""
    if column.dtype.kind == "m":
        return np.asarray(column.dt.total_seconds(), dtype=np.float64)
    if isinstance(column.dtype, np.dtype):
        return np.asarray(column.to_numpy(), dtype=np.float64)
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))


def date_parts(column: pd.Series[Any]) -> NDArray[np.float64]:
    """Return days since 1970 and the calendar's parts, shape (n_samples, 6); missing is NaN."""
    import pandas as pd

    local = column.dt.tz_localize(None) if getattr(column.dtype, "tz", None) is not None else column
    when = local.dt
    days = (local - pd.Timestamp(0)).dt.total_seconds() / SECONDS_PER_DAY
    parts = [days, when.year, when.month, when.day, when.day_of_week, when.hour]
    return np.column_stack([part.to_numpy(dtype=np.float64, na_value=np.nan) for part in parts])


def _kind(dtype: Any) -> str:
    kind = getattr(dtype, "kind", "O")
    if kind in "iufbm":
        return "numbers"
    return "dates" if kind == "M" else "categories"


def _same(a: Any, b: Any) -> bool:
    return bool(a is b or a == b)
