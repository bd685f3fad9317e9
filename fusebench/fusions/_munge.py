"""MUNGE: rows that look like the training rows, for a student to learn more of its teacher."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusebench.fusions._word_pieces import pieces

if TYPE_CHECKING:
    import pandas as pd


def munge(
    X: pd.DataFrame,
    copies: int,
    *,
    probability: float,
    variance: float,
    random_state: int,
    text: Collection[str] = (),
) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """Return made-up rows, `copies` times as many as there are, and the row that each was made from.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_features)
    copies : int
        Rows made from each row.
    probability : float
        Of each cell to be changed, p.
    variance : float
        Larger values keep changed numbers nearer to the neighbour's, s.
    random_state : int
    text : collection of str
        Columns of text: pieces are made of them, and they count in no distance.

    Notes
    -----
    In every copy each row e meets its nearest other row e', by Euclidean distance over numbers scaled to [0, 1] and 1
    for each category that differs. With probability p each cell is exchanged: a number a of e becomes a draw from
    N(a', |a - a'| / s) and a' one from N(a, |a - a'| / s), anything else is swapped. A missing number is swapped as it
    is. O(copies * (n_samples * n_features + neighbours)).

    References
    ----------
    .. [1] C. Bucila, R. Caruana, A. Niculescu-Mizil, Model compression, KDD 2006, algorithm 1.
    """
    import pandas as pd

    rows = np.tile(np.arange(len(X), dtype=np.intp), copies)
    generator = np.random.default_rng(random_state)
    written = [position for position, label in enumerate(X.columns) if label in text]
    numeric = [position for position, kind in enumerate(X.dtypes) if kind.kind in "iuf"]
    others = [position for position in range(X.shape[1]) if position not in {*numeric, *written}]
    numbers = X.iloc[:, numeric].to_numpy(dtype=np.float64)
    if len(X) < 2 and not written:
        return X.iloc[rows].reset_index(drop=True), rows
    alone = len(X) < 2 or not (numeric or others)
    nearest = np.empty(0, np.intp) if alone else _nearest(numbers, X.iloc[:, others])
    made, sources = [], []
    for _ in range(copies):
        own, source = numbers.copy(), np.tile(np.arange(len(X), dtype=np.intp)[:, None], (1, len(others)))
        for row, other in enumerate(nearest):
            exchange_numbers(own, row, int(other), generator, probability, variance)
            changed = generator.random(len(others)) < probability
            source[row, changed], source[other, changed] = source[other, changed], source[row, changed].copy()
        made.append(own)
        sources.append(source)
    drawn, source = np.vstack(made), np.vstack(sources)
    columns: dict[Any, Any] = {}
    for position, label in enumerate(X.columns):
        if position in written:
            columns[label] = pieces(X.iloc[rows, position].tolist(), generator)
        elif position in numeric:
            columns[label] = drawn[:, numeric.index(position)]
        else:
            columns[label] = X.iloc[:, position].iloc[source[:, others.index(position)]].reset_index(drop=True)
    return pd.DataFrame(columns).astype({X.columns[position]: X.dtypes.iloc[position] for position in written}), rows


def exchange_numbers(
    rows: NDArray[np.float64],
    row: int,
    other: int,
    generator: np.random.Generator,
    probability: float,
    variance: float,
) -> None:
    """Exchange numbers of two rows with noise, in place."""
    changed = generator.random(rows.shape[1]) < probability
    first, second = rows[row].copy(), rows[other].copy()
    spread = np.nan_to_num(np.abs(first - second) / variance)  # 0 beside a missing number, which is swapped
    noise = generator.normal(size=(2, rows.shape[1])) * spread
    rows[row] = np.where(changed, second + noise[0], first)
    rows[other] = np.where(changed, first + noise[1], second)


def _nearest(numbers: NDArray[np.float64], categories: pd.DataFrame) -> NDArray[np.intp]:
    """Return each row's nearest other row, shape (n_samples,)."""
    from sklearn.neighbors import NearestNeighbors

    low = np.nanmin(numbers, axis=0, initial=np.inf)
    width = np.nanmax(numbers, axis=0, initial=-np.inf) - low
    scaled = np.nan_to_num((numbers - low) / np.where(np.isfinite(width) & (width > 0), width, 1))
    parts = [scaled]
    for position in range(categories.shape[1]):
        codes = categories.iloc[:, position].astype("category").cat.codes.to_numpy()
        # Two categories that differ are at a squared distance of 1.
        parts.append((codes[:, None] == np.unique(codes)) * np.sqrt(0.5))
    space = np.hstack(parts)
    found = NearestNeighbors(n_neighbors=2).fit(space).kneighbors(space, return_distance=False)
    own = np.arange(len(space))
    # Among duplicates a row need not be its own first neighbour.
    return np.asarray(np.where(found[:, 0] == own, found[:, 1], found[:, 0]), dtype=np.intp)
