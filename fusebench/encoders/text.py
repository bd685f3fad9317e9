"""Text as it is, for learners that read it themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from numpy.typing import NDArray

from fusebench.encoders._columns import Columns, as_frame
from fusebench.encoders._text import documents
from fusebench.encoders.base import Encoder
from fusebench.errors import FitError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(kw_only=True)
class Text(Encoder):
    """Hand over the text columns as strings and leave the others out; a missing text is empty.

    Where the dataset names no text columns, all that are neither numbers nor dates are text.
    """

    takes_frames: ClassVar[bool] = True
    needs_text: ClassVar[bool] = True
    columns_: Columns = field(init=False, repr=False)

    def fit(self, X: pd.DataFrame, y: NDArray[Any] | None = None, *, target_type: str = "binary") -> Self:
        """Find the text columns.

        Raises
        ------
        FitError
            If there is none, or one of them holds no text in any row.
        """
        X = as_frame(X)
        found = Columns.of(X)
        text = self.text or tuple(found.names[position] for position in found.categories)
        if not text:
            names = ", ".join(f"'{name}'" for name in found.names[:5])
            raise FitError(f"no text column, there is only {names}; name one in the dataset's `text`")
        self.columns_ = Columns.of(X, text)
        for position in self.columns_.text:
            if not any(one.strip() for one in documents(X.iloc[:, position])):
                raise FitError(f"text column '{X.columns[position]}' is empty in all of the {len(X)} training rows")
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the text columns, DataFrame of str of shape (n_samples, n_text_columns)."""
        import pandas as pd

        X = self.columns_.of_frame(as_frame(X))
        texts = {X.columns[at]: documents(X.iloc[:, at]) for at in self.columns_.text}
        return pd.DataFrame(texts, index=X.index, dtype=object)
