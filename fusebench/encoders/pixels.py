"""Images whose pixels are columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.encoders._columns import Columns, as_frame, numbers
from fusebench.encoders.base import Encoder
from fusebench.errors import FitError

if TYPE_CHECKING:
    import pandas as pd

N_ORIENTATIONS = 8


@dataclass(kw_only=True)
class Pixels(Encoder):
    """Scale all pixels together to the range 0 to 1, or describe an image by the directions of its edges.

    ``linear`` would scale every pixel by itself, which makes the hardly used ones at the border as loud as the rest.

    Parameters
    ----------
    features : {"values", "edges", "both"}, default="values"
        ``edges`` are histograms of oriented gradients: in each cell, how much change of brightness points in each of
        8 directions.
    channels : int, default=1
        Values per pixel; 3 for red, green and blue, which stand together. Edges are of their mean.
    cell : int, default=4
        Width of a cell of ``edges``, in pixels.
    width : int, optional
        Of an image in pixels; the square root of their number by default.

    Notes
    -----
    Missing pixels are 0, the darkest of the training rows. A histogram is divided by its length plus 0.1.

    References
    ----------
    .. [1] N. Dalal, B. Triggs, Histograms of oriented gradients for human detection, CVPR 2005.
    """

    features: Literal["values", "edges", "both"] = "values"
    channels: Annotated[int, Field(ge=1, le=4)] = 1
    cell: Annotated[int, Field(ge=2)] = 4
    width: Annotated[int, Field(ge=2)] | None = None
    columns_: Columns = field(init=False, repr=False)
    shift_: float = field(init=False, repr=False)
    scale_: float = field(init=False, repr=False)

    def fit(self, X: pd.DataFrame, y: NDArray[Any] | None = None, *, target_type: str = "binary") -> Self:
        """Learn the darkest and the brightest value of training rows; see `Encoder.fit`."""
        X = as_frame(X)
        columns = Columns.of(X, self.text)
        other = sorted((*columns.categories, *columns.dates, *columns.text))
        if other:
            raise FitError(f"encode: pixels needs numeric columns, got '{columns.names[other[0]]}'")
        self.columns_ = columns
        self._shape(len(columns.names))
        values = numbers(X, columns)
        present = values[np.isfinite(values)]
        self.shift_ = float(present.min()) if len(present) else 0.0
        self.scale_ = float(present.max()) - self.shift_ if len(present) else 1.0
        return self

    def transform(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the encoded rows, shape (n_samples, n_features)."""
        values = numbers(self.columns_.of_frame(as_frame(X)), self.columns_)
        scaled = np.clip((np.nan_to_num(values, nan=self.shift_) - self.shift_) / (self.scale_ or 1.0), 0.0, 1.0)
        if self.features == "values":
            return scaled
        height, width = self._shape(scaled.shape[1])
        images = scaled.reshape(len(scaled), height, width, self.channels).mean(axis=3)
        edges = edge_histograms(images, self.cell)
        return edges if self.features == "edges" else np.hstack([scaled, edges])

    def _shape(self, n_columns: int) -> tuple[int, int]:
        n_pixels, rest = divmod(n_columns, self.channels)
        width = self.width or round(n_pixels**0.5)
        if rest or n_pixels % width or (self.width is None and width * width != n_pixels):
            raise FitError(
                f"encode: pixels: {n_columns} columns are no image of {self.channels} channels "
                f"and {f'width {self.width}' if self.width else 'equal sides; name its `width`'}"
            )
        return n_pixels // width, width


def edge_histograms(images: NDArray[np.float64], cell: int) -> NDArray[np.float64]:
    """Return histograms of oriented gradients, shape (n_samples, n_cells * 8).

    Parameters
    ----------
    images : ndarray of shape (n_samples, height, width)
    cell : int
        Width of a cell in pixels; cells at the end may be smaller.
    """
    down, right = np.gradient(images, axis=(1, 2))
    strength = np.hypot(down, right)
    angle = np.mod(np.arctan2(down, right), 2 * np.pi)
    direction = np.minimum((angle * N_ORIENTATIONS / (2 * np.pi)).astype(np.intp), N_ORIENTATIONS - 1)
    rows, columns = np.arange(0, images.shape[1], cell), np.arange(0, images.shape[2], cell)
    found = []
    for orientation in range(N_ORIENTATIONS):
        part = np.where(direction == orientation, strength, 0.0)
        found.append(np.add.reduceat(np.add.reduceat(part, rows, axis=1), columns, axis=2))
    cells = np.stack(found, axis=-1)
    cells /= np.linalg.norm(cells, axis=-1, keepdims=True) + 0.1
    return cells.reshape(len(images), -1)
