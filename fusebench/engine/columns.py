"""What a fitted model knows of its columns, and how other rows are brought into that form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 5
SPELLED: Mapping[Any, Any] = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


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


class Form:
    """The form of the rows that a model was fitted on: what every answer checks first, so it is kept quick.

    Parameters
    ----------
    columns : iterable of Column

    Attributes
    ----------
    names : list of str
    text : tuple of str
        The columns of free text.
    """

    def __init__(self, columns: Iterable[Column]) -> None:
        self.columns = tuple(columns)
        self.names = [column.name for column in self.columns]
        self.text = tuple(column.name for column in self.columns if column.kind == "text")
        self._categories = {
            name: _Categories(name, list(known)) for name, kind, known in self.columns if kind == "category"
        }
        self._only_numbers = all(column.kind in {"number", "boolean"} for column in self.columns)

    def has_names(self, X: Any) -> bool:
        """Whether a pandas frame has these columns in this order."""
        return len(X.columns) == len(self.names) and X.columns.tolist() == self.names

    def conform(self, frame: pd.DataFrame, where: str) -> tuple[pd.DataFrame, list[str]]:
        """Return rows with these columns as the kinds that the model was fitted on, and notes on unseen categories.

        Parameters
        ----------
        frame : DataFrame of shape (n_samples, n_columns)
            The columns in order. It is left as it is; what comes back shares what needed no change.
        where : str
            What messages call the table.

        Raises
        ------
        DataError
            If a value cannot be one of its column's kind; says the column, the value and the row.
        """
        import pandas as pd

        kinds = frame.dtypes.tolist()
        frame = _with_plain_index(frame)
        if self._only_numbers and _are_finite_numbers(frame, kinds):
            return frame, []
        changed: dict[str, Any] = {}
        notes: list[str] = []
        for column, kind in zip(self.columns, kinds, strict=True):
            if column.kind == "category":
                converted, note = self._categories[column.name].conform(frame[column.name])
                notes += note
            elif _is_plain_number(kind) and column.kind in {"number", "boolean"}:
                continue  # infinite ones are looked for below, in all at once
            else:
                converted = _converted(frame[column.name], column, where)
            if converted is not None:
                changed[column.name] = converted
        _check_finite(frame, self.columns, kinds, where)
        if changed:
            own = {name: changed[name] if name in changed else frame[name] for name in self.names}
            frame = pd.DataFrame(own, index=frame.index, copy=False)
        return frame, notes


def _with_plain_index(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    index = frame.index
    if isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1:
        return frame
    return frame.reset_index(drop=True)


class _Categories:
    """The categories of one column, and how cells of any type become them."""

    def __init__(self, name: str, known: list[str]) -> None:
        import pandas as pd

        self.name, self.known = name, known
        self.code = {value: code for code, value in enumerate(known)}
        self.dtype: Any = pd.CategoricalDtype(known)

    def conform(self, cells: pd.Series[Any]) -> tuple[Any, list[str]]:
        """Return cells as these categories and those that were not seen, or None where they are already; and notes."""
        import pandas as pd

        new: dict[str, int] = {}
        codes: Any
        from_codes: Any = pd.Categorical.from_codes  # its stubs know no strings
        if isinstance(cells.dtype, pd.CategoricalDtype):
            there = cells.dtype.categories
            if not cells.dtype.ordered and there.tolist() == self.known:
                return None, []
            given = cells.cat.codes.to_numpy()
            present = np.unique(given)
            table = np.full(len(there) + 1, -1, dtype=np.intp)
            for at in present[present >= 0].tolist():
                table[at] = self._of(there[at], new)
            codes = table[np.asarray(given, dtype=np.intp)]
        else:
            codes = np.array([self._code(one, new) for one in cells.to_numpy(dtype=object).tolist()], dtype=np.intp)
        if not new:
            return from_codes(codes, dtype=self.dtype), []
        unseen = sorted(new)
        place = {new[one]: len(self.known) + at for at, one in enumerate(unseen)}
        codes = np.array([place.get(code, code) for code in codes.tolist()], dtype=np.intp)
        several = "categories were" if len(unseen) > 1 else "category was"
        note = f"column {self.name!r}: {len(unseen)} {several} not seen in training: {listed(unseen)}"
        return from_codes(codes, categories=[*self.known, *unseen]), [note]

    def _code(self, cell: Any, new: dict[str, int]) -> int:
        if type(cell) is str:
            return self._of(cell, new)
        import pandas as pd

        missing = pd.isna(cell)  # of a list, say, an array
        return -1 if missing is True or missing is np.True_ else self._of(cell, new)

    def _of(self, cell: Any, new: dict[str, int]) -> int:
        """Return the code of a value; of one that was not seen a number from -2 down, noted under its text."""
        text = str(cell)
        code = self.code.get(text)
        if code is None:
            # Whole numbers may stand there as 1, 01 or 1.0, by how the table was read; in training they were 1.
            code = self.code.get(_plain_number(text))
        return new.setdefault(text, -2 - len(new)) if code is None else code


def _plain_number(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        return text
    return str(int(value)) if value.is_integer() else str(value)


def _is_plain_number(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind in "iufb"


def _are_finite_numbers(frame: pd.DataFrame, kinds: Sequence[Any]) -> bool:
    """Whether every cell is a number or missing: a millisecond less for each call than column by column."""
    if not all(map(_is_plain_number, kinds)):
        return False
    return _all_finite(frame.to_numpy(dtype=float))


def _all_finite(values: NDArray[Any]) -> bool:
    return not np.isinf(values).any()


def _check_finite(frame: pd.DataFrame, columns: Sequence[Column], kinds: Sequence[Any], where: str) -> None:
    """Raise DataError where a column of floats that is taken as it is holds an infinite value."""
    floats = [
        at
        for at, (column, kind) in enumerate(zip(columns, kinds, strict=True))
        if isinstance(kind, np.dtype) and kind.kind == "f" and column.kind in {"number", "boolean"}
    ]
    if not floats or _all_finite(frame.iloc[:, floats].to_numpy(dtype=float)):
        return
    for at in floats:
        _infinite(frame.iloc[:, at].to_numpy(dtype=float), columns[at].name, where)


def _infinite(values: NDArray[Any], name: str, where: str) -> None:
    infinite = np.isinf(values)
    if infinite.any():
        count = int(infinite.sum())
        raise DataError(f"{where}: column {name!r} has {count} infinite value{'' if count == 1 else 's'}")


def _converted(values: pd.Series[Any], column: Column, where: str) -> Any:
    """Return text, dates, or what has to be read as a number."""
    if column.kind == "text":
        return values.astype(object).where(values.notna(), "").astype(str).astype(object)
    return _date(values, column.name, where) if column.kind == "date" else _number(values, column, where)


def _number(values: pd.Series[Any], column: Column, where: str) -> pd.Series[Any]:
    import pandas as pd

    if column.kind == "boolean":
        values = values.map(lambda one: SPELLED.get(str(one).strip().lower(), one) if pd.notna(one) else one)
    number = pd.to_numeric(values.astype(object), errors="coerce")
    if number.dtype.kind == "c":
        raise DataError(f"{where}: column {column.name!r} holds complex numbers, expected real ones")
    number = number.astype("float64")
    _all_read(values, number.notna(), column.name, "a number", where)
    _infinite(number.to_numpy(), column.name, where)
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


def listed(names: Sequence[Any]) -> str:
    """Return the first few names, quoted, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(repr(str(name)[:60]) for name in names[:SHOWN]) + more
