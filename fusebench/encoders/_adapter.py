"""Encoders as scikit-learn transformers, for pipelines outside a benchmark."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from fusebench.encoders._columns import Columns
from fusebench.encoders._numbers import Scaling
from fusebench.encoders.base import Encoder


class AsTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """A transformer that runs an encoder.

    Parameters
    ----------
    encoder : Encoder
        Left unfitted; a copy of it is fitted.
    target_type : {"binary", "multiclass", "continuous"}
        What is predicted.
    """

    def __init__(self, encoder: Encoder, target_type: str = "binary") -> None:
        self.encoder = encoder
        self.target_type = target_type

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit a copy of the encoder on a data frame."""
        self.encoder_ = deepcopy(self.encoder).fit(X, y, target_type=self.target_type)
        return self

    def fit_transform(self, X: Any, y: Any = None, **_: Any) -> Any:
        """Fit a copy of the encoder and return its encoding for training."""
        self.encoder_ = deepcopy(self.encoder)
        return self.encoder_.fit_transform(X, y, target_type=self.target_type)

    def transform(self, X: Any) -> Any:
        """Return the encoded rows."""
        return self.encoder_.transform(X)


def by_hand(columns: Columns, scaling: Scaling) -> Any:
    """Return the transformer that one would write for these columns, None where scikit-learn has none."""
    if columns.dates or columns.text:
        return None
    # The numbers of a frame lie column by column in memory, and sums depend on that in their last bit.
    steps = [FunctionTransformer(_rows_first), SimpleImputer(strategy="median", keep_empty_features=True)]
    if scaling != "none":
        steps.append(StandardScaler() if scaling == "standard" else MinMaxScaler(clip=True))
    numeric = make_pipeline(*steps)
    if not columns.categories:
        return numeric
    indicators = make_pipeline(
        SimpleImputer(strategy="most_frequent", keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    names = columns.names
    return ColumnTransformer(
        [
            ("numbers", numeric, [names[position] for position in columns.numbers]),
            ("categories", indicators, [names[position] for position in columns.categories]),
        ]
    )


def _rows_first(values: Any) -> Any:
    return np.ascontiguousarray(values, dtype=np.float64)
