"""The data frame itself, for estimators that take one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import NDArray

from fusebench.encoders._columns import Columns, as_frame
from fusebench.encoders.base import Encoder

if TYPE_CHECKING:
    import pandas as pd


@dataclass(kw_only=True)
class Frame(Encoder):
    """Hand over the data frame, its columns in the training order; for pipelines that encode by themselves."""

    takes_frames = True
    columns_: Columns = field(init=False, repr=False)

    def fit(self, X: pd.DataFrame, y: NDArray[Any] | None = None, *, target_type: str = "binary") -> Self:
        """Remember the columns."""
        self.columns_ = Columns.of(as_frame(X))
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the frame."""
        return self.columns_.of_frame(as_frame(X))

    def as_transformer(self, X: pd.DataFrame, *, target_type: str = "binary") -> Any:
        """Return ``"passthrough"``."""
        return "passthrough"
