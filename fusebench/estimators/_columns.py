"""Which columns of somebody's table are a model's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fusebench.engine.columns import Column, listed
from fusebench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Column", "select"]  # model files of earlier days name the class by this module


def select(frame: pd.DataFrame, columns: Sequence[Column], where: str) -> tuple[pd.DataFrame, list[str]]:
    """Return a frame with the model's columns in the model's order, and notes about what differed.

    Raises
    ------
    DataError
        If a column is missing or stands there twice; says which are there.
    """
    frame = frame.rename(columns=str)
    wanted = [column.name for column in columns]
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        raise DataError(_missing(missing, frame, where))
    twice = [name for name in wanted if list(frame.columns).count(name) > 1]
    if twice:
        raise DataError(f"{where}: two columns are called {twice[0]!r}; rename one")
    extra = [str(name) for name in frame.columns if name not in wanted]
    notes = []
    if extra:
        several = "columns are" if len(extra) > 1 else "column is"
        notes.append(f"{len(extra)} {several} not the model's and ignored: {listed(extra)}")
    return frame[wanted], notes


def _missing(missing: list[str], frame: pd.DataFrame, where: str) -> str:
    from difflib import get_close_matches

    lowered = {str(name).lower(): str(name) for name in frame.columns}
    near = get_close_matches(missing[0].lower(), lowered, n=1)
    meant = f"; did you mean {lowered[near[0]]!r}?" if near else "."
    several = f"the columns {listed(missing)} are" if len(missing) > 1 else f"the column {missing[0]!r} is"
    return f"{where}: {several} missing{meant} The table has {listed(list(frame.columns))}"
