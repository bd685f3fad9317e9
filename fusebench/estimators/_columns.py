"""What a fitted model knows of its columns, and how other rows are brought into that form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fusebench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 5


class Column(NamedTuple):
    """One feature.

    Parameters
    ----------
    name : str
    kind : {"number", "boolean", "category", "date", "text"}
    values : list of str
        Of a category, those that the training rows hold.
    """

    name: str
    kind: str
    values: list[str]


def describe(X: pd.DataFrame, text: Sequence[str]) -> list[Column]:
    """Return what the columns of training rows are."""
    return [Column(str(name), *_kind(X[name], str(name) in text)) for name in X.columns]


def _kind(column: pd.Series[Any], is_text: bool) -> tuple[str, list[str]]:
    import pandas as pd

    if is_text:
        return "text", []
    if isinstance(column.dtype, pd.CategoricalDtype):
        present = column.cat.remove_unused_categories()
        return "category", [str(one) for one in present.cat.categories]
    kinds = {"b": "boolean", "M": "date"}
    return kinds.get(column.dtype.kind, "number"), []


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
        notes.append(f"{len(extra)} {several} not the model's and ignored: {_listed(extra)}")
    return frame[wanted], notes


def _missing(missing: list[str], frame: pd.DataFrame, where: str) -> str:
    from difflib import get_close_matches

    lowered = {str(name).lower(): str(name) for name in frame.columns}
    near = get_close_matches(missing[0].lower(), lowered, n=1)
    meant = f"; did you mean {lowered[near[0]]!r}?" if near else ""
    several = f"the columns {_listed(missing)} are" if len(missing) > 1 else f"the column {missing[0]!r} is"
    return f"{where}: {several} missing{meant} The table has {_listed(list(frame.columns))}"


def conform(frame: pd.DataFrame, columns: Sequence[Column], where: str) -> tuple[pd.DataFrame, list[str]]:
    """Return selected columns as the kinds that the model was fitted on, and notes about unseen categories.

    Raises
    ------
    DataError
        If a value cannot be one of its column's kind; says the column, the value and the row.
    """
    import pandas as pd

    if not {"category", "text", "date"}.intersection(column.kind for column in columns) and _are_finite_numbers(frame):
        return frame, []
    converted: dict[str, pd.Series[Any]] = {}
    notes: list[str] = []
    for column in columns:
        values = frame[column.name]
        if column.kind == "category":
            converted[column.name], unseen = _category(values, column.values)
            if unseen:
                notes.append(
                    f"column {column.name!r}: {len(unseen)} categories were not seen in training: {_listed(unseen)}"
                )
        elif column.kind == "text":
            converted[column.name] = values.astype(object).where(values.notna(), "").astype(str).astype(object)
        elif column.kind == "date":
            converted[column.name] = _date(values, column.name, where)
        else:
            converted[column.name] = _number(values, column, where)
    return pd.DataFrame(converted, index=frame.index), notes


def _are_finite_numbers(frame: pd.DataFrame) -> bool:
    """Whether every cell is a number or missing: a millisecond less for each call than column by column."""
    if any(dtype.kind not in "iufb" for dtype in frame.dtypes):
        return False
    return not np.isinf(frame.to_numpy(dtype=float)).any()


def _category(values: pd.Series[Any], known: list[str]) -> tuple[pd.Series[Any], list[str]]:
    import pandas as pd

    plain = values.astype(object)
    present = plain.notna()
    texts = plain[present].astype(str)
    whole = set(known)
    # Whole numbers may stand there as 1, 01 or 1.0, by how the table was read; in training they were 1.
    texts = texts.map(lambda one: one if one in whole or _plain_number(one) not in whole else _plain_number(one))
    unseen = sorted(set(texts) - whole)
    plain[present] = texts
    return pd.Series(pd.Categorical(plain, categories=[*known, *unseen]), index=values.index, name=values.name), unseen


def _plain_number(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        return text
    return str(int(value)) if value.is_integer() else str(value)


def _number(values: pd.Series[Any], column: Column, where: str) -> pd.Series[Any]:
    import pandas as pd

    if values.dtype.kind in "iufb" and not (values.dtype.kind == "f" and np.isinf(values.to_numpy(float)).any()):
        return values
    if column.kind == "boolean":
        spelled: Mapping[Any, Any] = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
        values = values.map(lambda one: spelled.get(str(one).strip().lower(), one) if pd.notna(one) else one)
    number = pd.to_numeric(values.astype(object), errors="coerce").astype("float64")
    _all_read(values, number.notna(), column.name, "a number", where)
    infinite = np.isinf(number.to_numpy())
    if infinite.any():
        raise DataError(f"{where}: column {column.name!r} has {int(infinite.sum())} infinite values")
    return number


def _date(values: pd.Series[Any], name: str, where: str) -> pd.Series[Any]:
    import pandas as pd

    if values.dtype.kind in "iufb" and values.notna().any():
        raise DataError(f"{where}: column {name!r} holds numbers, expected dates such as 2024-05-31")
    dates = pd.to_datetime(values.astype(object), format="ISO8601", errors="coerce", utc=True)
    _all_read(values, dates.notna(), name, "a date such as 2024-05-31", where)
    return dates.dt.tz_localize(None).astype("datetime64[ns]")


def _all_read(values: pd.Series[Any], read: pd.Series[Any], name: str, expected: str, where: str) -> None:
    odd = values.notna() & ~read
    if odd.any():
        row = int(np.flatnonzero(odd.to_numpy())[0])
        shown = repr(values.iloc[row])[:60]
        raise DataError(f"{where}: column {name!r}, row {row + 1}: got {shown}, expected {expected}")


def _listed(names: Sequence[Any]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(repr(str(name)[:60]) for name in names[:SHOWN]) + more
