"""Text as weighted counts of words, or as a few dense dimensions of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError

if TYPE_CHECKING:
    import pandas as pd

N_DIMENSIONS = 50
MAX_WORDS = 50_000


class TextBlock:
    """TF-IDF of the words and pairs of words of each text column.

    At most 50,000 terms a column, the most frequent; sublinear term frequency. With `n_dimensions`, the leading
    singular vectors of that (latent semantic analysis).

    Parameters
    ----------
    n_dimensions : int
        Dense dimensions per column; 0 leaves the sparse counts.
    random_state : int
        Seed of the decomposition.
    vectorizer : callable, optional
        Returns another unfitted vectorizer of scikit-learn's kind.
    """

    def __init__(
        self, n_dimensions: int = 0, random_state: int = 0, vectorizer: Callable[[], Any] | None = None
    ) -> None:
        self.n_dimensions = n_dimensions
        self.random_state = random_state
        self.vectorizer = vectorizer or words
        self.steps: list[tuple[Any, Any]] = []

    def __getstate__(self) -> dict[str, Any]:
        # What makes a vectorizer is a method of the encoder that holds this block: a circle, and needed to fit only.
        return {name: value for name, value in self.__dict__.items() if name != "vectorizer"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, vectorizer=words)

    def fit(self, X: pd.DataFrame, positions: tuple[int, ...]) -> Self:
        """Learn the terms of some columns of a frame."""
        self.steps = []
        for position in positions:
            vectorizer = self.vectorizer()
            try:
                counts = vectorizer.fit_transform(documents(X.iloc[:, position]))
            except ValueError as error:
                raise FitError(f"text column '{X.columns[position]}': {error}") from error
            self.steps.append((vectorizer, self._decomposition(counts)))
        return self

    def transform(self, X: pd.DataFrame, positions: tuple[int, ...]) -> Any:
        """Return the features of all columns side by side, CSR or dense."""
        from scipy.sparse import hstack

        parts: list[Any] = []
        for (vectorizer, decomposition), position in zip(self.steps, positions, strict=True):
            counts = vectorizer.transform(documents(X.iloc[:, position]))
            parts.append(counts if decomposition is None else _dense(counts, decomposition))
        return np.hstack(parts) if self.n_dimensions else hstack(parts, format="csr")

    def _decomposition(self, counts: Any) -> Any:
        """Return what makes the counts dense: None for nothing, ``"as is"`` for few terms."""
        if not self.n_dimensions:
            return None
        if min(counts.shape) <= self.n_dimensions:
            return "as is"
        from sklearn.decomposition import TruncatedSVD

        return TruncatedSVD(self.n_dimensions, random_state=self.random_state).fit(counts)


def words() -> Any:
    """Return the vectorizer that text gets where an encoder says nothing else."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), max_features=MAX_WORDS)


def documents(column: pd.Series[Any]) -> list[str]:
    """Return the texts of a column; a missing one is empty."""
    return ["" if missing else str(text) for text, missing in zip(column, column.isna(), strict=True)]


def _dense(counts: Any, decomposition: Any) -> NDArray[np.float64]:
    values = counts.toarray() if isinstance(decomposition, str) else decomposition.transform(counts)
    return np.asarray(values)
