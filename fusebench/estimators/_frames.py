"""Frames of any kind that narwhals knows as pandas frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def is_frame(X: Any) -> bool:
    """Return whether something is a data frame: pandas, polars, Arrow, or another that narwhals knows."""
    import pandas as pd

    if isinstance(X, pd.DataFrame):
        return True
    if type(X).__module__.partition(".")[0] in {"numpy", "builtins", "scipy"}:
        return False
    import narwhals as nw

    return isinstance(nw.from_native(X, pass_through=True), (nw.DataFrame, nw.LazyFrame))


def as_pandas(X: Any) -> pd.DataFrame:
    """Return a frame as a pandas frame; a lazy one is collected."""
    import pandas as pd

    if isinstance(X, pd.DataFrame):
        return X
    import narwhals as nw

    found: Any = nw.from_native(X)
    if isinstance(found, nw.LazyFrame):
        found = found.collect()
    frame: pd.DataFrame = found.to_pandas()
    return frame


def as_series(y: Any) -> Any:
    """Return a column as something that numpy reads: a polars or Arrow column as a pandas one."""
    if type(y).__module__.partition(".")[0] in {"numpy", "builtins", "pandas"}:
        return y
    import narwhals as nw

    found: Any = nw.from_native(y, allow_series=True, pass_through=True)
    return found.to_pandas() if isinstance(found, nw.Series) else y
