"""What every encoder is: from a data frame to the numbers that a learner sees.

Adding an encoder is adding one file to this package. Its name is what ``encode:`` takes in YAML; the class inside is a
keyword-only dataclass whose fields are the YAML parameters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.discovery import Registry

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.encoders._columns import Columns

REGISTRY = Registry(package="fusebench.encoders", base="Encoder", noun="encoder")


class NumberEncoder(Protocol):
    """Encodes C-ordered matrices of shape (n_samples, n_columns), missing values NaN."""

    def fit(self, values: NDArray[np.float64], /) -> Any:
        """Learn from training rows."""
        ...

    def transform(self, values: NDArray[np.float64], /) -> NDArray[np.float64]:
        """Return the encoded rows, of the same shape."""
        ...


@dataclass(kw_only=True)
class Encoder(ABC):
    """One way of turning the columns of a data frame into a matrix.

    Fitted on exactly the rows that its learner is fitted on. Inputs are left as they are, and the columns of a frame
    are found by their names. Learned attributes end in an underscore.

    Parameters
    ----------
    random_state : int, default=0
        The spec's seed, for encoders that draw.
    text : tuple of str, default=()
        The columns that hold text.
    """

    takes_frames: ClassVar[bool] = False
    """Whether what comes out is a data frame."""
    needs_text: ClassVar[bool] = False
    """Whether a dataset without any column of text cannot be encoded."""
    package: ClassVar[str] = ""
    """A distribution whose files it reads; its version is part of the keys."""
    extra: ClassVar[str] = ""
    """The extra of this project that brings the package."""
    random_state: int = field(default=0, repr=False)
    text: tuple[str, ...] = field(default=(), repr=False)
    categorical_: tuple[int, ...] = field(default=(), init=False, repr=False)

    @abstractmethod
    def fit(self, X: pd.DataFrame, y: NDArray[Any] | None = None, *, target_type: str = "binary") -> Self:
        """Learn from training rows.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_columns)
            Features.
        y : ndarray of shape (n_samples,), optional
            Class codes or values, for encoders that look at them.
        target_type : {"binary", "multiclass", "continuous"}
            What `y` holds.

        Raises
        ------
        FitError
            If a column cannot be encoded this way.
        """

    @abstractmethod
    def transform(self, X: pd.DataFrame) -> Any:
        """Return the encoded rows, an ndarray or CSR matrix of shape (n_samples, n_features)."""

    def fit_transform(self, X: pd.DataFrame, y: NDArray[Any] | None = None, *, target_type: str = "binary") -> Any:
        """Learn from training rows and return them encoded for training.

        Not always what `transform` returns for them: an encoder that looks at ``y`` cross-fits here.
        """
        return self.fit(X, y, target_type=target_type).transform(X)

    def on_numbers(self, columns: Columns) -> NumberEncoder | None:
        """Return what does all that this encoder does to a table of nothing but NumPy numbers; None where nothing can.

        Once that is fitted, so is this encoder. A matrix is split into parts in a fraction of the time that a data
        frame takes.

        Parameters
        ----------
        columns : Columns
            Of the table.
        """
        return None

    def as_transformer(self, X: pd.DataFrame, *, target_type: str = "binary") -> Any:
        """Return an unfitted scikit-learn transformer that computes the same numbers.

        Parameters
        ----------
        X : DataFrame
            Any rows of the dataset; only the types of its columns are used.
        target_type : {"binary", "multiclass", "continuous"}
            What is predicted.
        """
        from fusebench.encoders._adapter import AsTransformer

        return AsTransformer(self)


def as_matrix(values: Any) -> NDArray[np.float64]:
    """Return a C-ordered float64 matrix, so that results do not depend on how a frame lies in memory."""
    return np.ascontiguousarray(values, dtype=np.float64)
