"""Where neighbours are sought: among encoded features, or among the members' predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.fusions._neighbours import Neighbours, Rows
from fusebench.fusions.base import Context, Floats

Where = Literal["features", "predictions"]
Encode = str | Mapping[str, Any]

NO_FEATURES = "space: there are no features to find neighbours in; use space: predictions"


class Space:
    """The fitted rows as points, and the search among them.

    Parameters
    ----------
    where : {"features", "predictions"}
    encode : str or mapping
        The encoder of the features.
    """

    def __init__(self, where: Where, encode: Encode) -> None:
        self.where = where
        self.encode = encode
        self.encoder: Any = None

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Space:
        """Keep the rows.

        Raises
        ------
        FitError
            If there are no features, or distances between encoded ones are not defined.
        """
        if self.where == "predictions":
            points: Any = profiles(P)
        else:
            from fusebench import encoders

            self.encoder = encoders.make(self.encode, random_state=context.random_state, text=context.text)
            points = self.encoder.fit_transform(_features(context), y, target_type=context.target_type)
        self.search = Neighbours(_numbers(points, self.encode))
        return self

    def find(self, P: Floats, context: Context, k: int) -> Rows:
        """Return the k fitted rows nearest to each row, nearest first, shape (n_samples, k)."""
        points = profiles(P) if self.where == "predictions" else self.encoder.transform(_features(context))
        return self.search.find(_numbers(points, self.encode), k)

    def find_others(self, rows: Rows, k: int) -> Rows:
        """Return the k fitted rows nearest to each of some fitted rows, itself left out."""
        return self.search.find(self.search.points[rows], k, own=rows)


def check_encode(encode: Encode) -> list[str]:
    """Return why distances cannot be taken of features encoded this way; empty when they can."""
    from fusebench import encoders

    found = [f"encode: {problem.message}" for problem in encoders.check(encode)]
    name = encode if isinstance(encode, str) else encode.get("type")
    if name == "auto":
        found.append("encode: 'auto' is chosen by a learner, and neighbours have none; use linear, ordinal, none")
    elif not found and encoders.make(encode).takes_frames:
        found.append(f"encode: '{name}' leaves a data frame, and distances need numbers; use linear")
    return found


def profiles(P: Floats) -> Floats:
    """Return all predictions of a row side by side, of two classes the first alone, in double precision."""
    if P.ndim == 3 and P.shape[2] == 2:
        P = P[:, :, 0]
    return np.ascontiguousarray(P, dtype=np.float64).reshape(len(P), -1)


def _features(context: Context) -> Any:
    if context.X is None:
        raise FitError(NO_FEATURES)
    return context.X


def _numbers(points: Any, encode: Encode) -> Any:
    """Return encoded rows as numbers, or say why they are none."""
    values = points.data if hasattr(points, "toarray") else points
    try:
        values = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise FitError(
            f"encode: '{encode}' leaves columns that are not numbers ({error}); use encode: linear"
        ) from error
    if np.isnan(values).any():
        raise FitError(f"encode: '{encode}' leaves missing values, which have no distance; use encode: linear")
    return points if hasattr(points, "toarray") else values
