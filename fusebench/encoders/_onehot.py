"""One column per category."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.encoders._categories import MISSING, Categories
from fusebench.encoders._columns import series

if TYPE_CHECKING:
    import pandas as pd

MOST_DENSE_COLUMNS = 1000


class OneHotBlock:
    """Indicators of the training categories; a missing value counts as the most frequent one.

    An unseen category is all zeros, as in scikit-learn's ``OneHotEncoder(handle_unknown="ignore")``. More than 1,000
    columns come as a CSR matrix.
    """

    def __init__(self) -> None:
        self.categories: list[Categories] = []

    @property
    def n_columns(self) -> int:
        """Number of indicators."""
        return sum(map(len, self.categories))

    @property
    def is_sparse(self) -> bool:
        """Whether the indicators come as a CSR matrix."""
        return self.n_columns > MOST_DENSE_COLUMNS

    def fit(self, X: pd.DataFrame, positions: tuple[int, ...]) -> Self:
        """Learn the categories of some columns of a frame."""
        self.categories = [Categories(X.iloc[:, position]) for position in positions]
        return self

    def transform(self, X: pd.DataFrame, positions: tuple[int, ...]) -> Any:
        """Return the indicators, shape (n_samples, n_columns)."""
        rows, columns, offset = [], [], 0
        each = series(X)
        for categories, position in zip(self.categories, positions, strict=True):
            codes = categories.codes(each[position])
            codes = np.where(codes == MISSING, categories.most_frequent, codes)
            row = np.flatnonzero(codes >= 0)
            rows.append(row)
            columns.append(codes[row] + offset)
            offset += len(categories)
        return self._indicators(len(X), np.concatenate(rows), np.concatenate(columns))

    def _indicators(self, n_samples: int, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Any:
        shape = (n_samples, self.n_columns)
        if self.is_sparse:
            from scipy.sparse import csr_matrix

            return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
        dense = np.zeros(shape)
        dense[rows, columns] = 1.0
        return dense
