"""What a user gives to `fit`, checked as scikit-learn checks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import (
    _check_y,
    column_or_1d,
)

from fusebench.estimators._frames import as_series

if TYPE_CHECKING:
    import pandas as pd


def target_of(estimator: Any, y: Any, *, numeric: bool = False) -> NDArray[Any]:
    if y is None:
        name = type(estimator).__name__
        raise ValueError(f"{name} requires y to be passed, but the target y is None")
    column = column_or_1d(as_series(y), warn=True)
    if not len(column):
        raise ValueError("y has 0 samples, a minimum of 1 is required")
    checked: NDArray[Any] = _check_y(column, multi_output=False, y_numeric=numeric, estimator=estimator)
    return checked


def weights_of(weights: Any, n_samples: int) -> NDArray[np.float64] | None:
    if weights is None:
        return None
    found = np.asarray(as_series(weights), dtype=np.float64)
    if found.shape != (n_samples,):
        raise ValueError(f"sample_weight has the shape {found.shape}, expected ({n_samples},)")
    return found


def check_names(frame: pd.DataFrame) -> None:
    """Raise ValueError where two columns have one name."""
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise ValueError(f"two columns are called {twice[0]!r}; rename one")


def check_frame(frame: pd.DataFrame) -> None:
    if not frame.shape[1] or not frame.shape[0]:
        kind = "feature(s)" if not frame.shape[1] else "sample(s)"
        raise ValueError(f"Found array with 0 {kind} (shape={frame.shape}) while a minimum of 1 is required.")
    check_names(frame)
    numbers = frame.select_dtypes("number")
    infinite = [str(name) for name in numbers if np.isinf(numbers[name].to_numpy(dtype=float, na_value=np.nan)).any()]
    if infinite:
        raise ValueError(f"column {infinite[0]!r} contains infinity")
