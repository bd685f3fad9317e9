"""A category as what it tells about the target."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.encoders._categories import MISSING, Categories
from fusebench.encoders._columns import Columns, as_frame, numbers, series
from fusebench.encoders._stacked import _Stacked
from fusebench.errors import FitError

if TYPE_CHECKING:
    import pandas as pd

N_FOLDS = 5


class _TargetBlock:
    """scikit-learn's ``TargetEncoder`` on codes; a missing value is a category of its own."""

    def __init__(self, X: pd.DataFrame, positions: tuple[int, ...]) -> None:
        self.positions = positions
        self.categories = [Categories(X.iloc[:, position]) for position in positions]
        self.encoder: Any = None

    def fit(self, X: pd.DataFrame, y: NDArray[Any], target_type: str, random_state: int) -> NDArray[np.float64]:
        """Learn the mean target of every category and return the cross-fitted encoding of these rows."""
        most = len(y) if target_type == "continuous" else int(np.unique(y, return_counts=True)[1].max())
        kind = "continuous" if target_type == "continuous" else "auto"
        self.encoder = _target_encoder(kind, max(2, min(N_FOLDS, most)), random_state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a class with fewer rows than folds
            return np.asarray(self.encoder.fit_transform(self._codes(X), y))

    def transform(self, X: pd.DataFrame, _: tuple[int, ...]) -> NDArray[np.float64]:
        """Return the encoding, shape (n_samples, n_columns), n_columns per class when there are more than two."""
        return np.asarray(self.encoder.transform(self._codes(X)))

    def _codes(self, X: pd.DataFrame) -> NDArray[np.float64]:
        columns, each = [], series(X)
        for categories, position in zip(self.categories, self.positions, strict=True):
            codes = categories.codes(each[position])
            columns.append(np.where(codes == MISSING, len(categories), codes))
        return np.column_stack(columns).astype(np.float64)


def _target_encoder(kind: str, n_splits: int, random_state: int) -> Any:
    """Return scikit-learn's encoder with shuffled folds, as this version of it wants them."""
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.preprocessing import TargetEncoder

    if TargetEncoder().random_state != "deprecated":  # scikit-learn < 1.9
        return TargetEncoder(target_type=kind, cv=n_splits, random_state=random_state)
    folds = KFold if kind == "continuous" else StratifiedKFold
    return TargetEncoder(target_type=kind, cv=folds(n_splits, shuffle=True, random_state=random_state))


@dataclass(kw_only=True)
class Target(_Stacked):
    """As ``linear``, but a category becomes the shrunken mean target of its rows; for columns of many categories.

    `fit_transform` cross-fits in 5 folds, so that no training row is encoded by its own target. An unseen category
    gets the overall mean.

    References
    ----------
    .. [1] D. Micci-Barreca, A preprocessing scheme for high-cardinality categorical attributes, SIGKDD Explorations
       3(1), 2001.
    """

    def fit(self, X: pd.DataFrame, y: NDArray[Any] | None = None, *, target_type: str = "binary") -> Self:
        """Learn from training rows; see `Encoder.fit`."""
        self.fit_transform(X, y, target_type=target_type)
        return self

    def fit_transform(self, X: pd.DataFrame, y: NDArray[Any] | None = None, *, target_type: str = "binary") -> Any:
        """Learn from training rows and return them cross-fitted; see `Encoder.fit_transform`."""
        from fusebench.encoders._numbers import NumberBlock
        from fusebench.encoders._stacked import stack

        if y is None:
            raise FitError("encode: target needs the target")
        X = as_frame(X)
        columns = self.columns_ = Columns.of(X, self.text)
        values = numbers(X, columns)
        self.numbers_ = NumberBlock(self.scaling).fit(values)
        parts = [self.numbers_.transform(values)]
        if columns.categories:
            self.categories_ = _TargetBlock(X, columns.categories)
            parts.append(self.categories_.fit(X, y, target_type, self.random_state))
        if columns.text:
            self.text_ = self._text_block().fit(X, columns.text)
            parts.append(self.text_.transform(X, columns.text))
        return stack(parts)

    def as_transformer(self, X: pd.DataFrame, *, target_type: str = "binary") -> Any:
        """Return this encoder, wrapped."""
        from fusebench.encoders._adapter import AsTransformer

        return AsTransformer(self, target_type)
