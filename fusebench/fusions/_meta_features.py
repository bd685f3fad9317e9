"""Meta-features: the columns that a learner of predictions sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.fusions._rules import EPSILON
from fusebench.fusions.base import Context, Floats
from fusebench.spec.model import LearnerSpec

if TYPE_CHECKING:
    import pandas as pd

Feature = Literal["proba", "logit", "labels", "ranks"]


@dataclass
class MetaFeatures:
    """Columns of a meta-learner: for each kind of feature each member's columns, then the original features.

    Parameters
    ----------
    kinds : sequence of {"proba", "logit", "labels", "ranks"}
        ``proba``: probabilities (binary: of the second class) or values. ``logit``: their log odds. ``labels``: the
        members' own labels, one indicator per class. ``ranks``: the share of the fitted rows with a smaller prediction.
    encoder : object or None
        Encodes the original features that follow; None for none.
    products : bool
        Whether the encoded features multiply the prediction columns instead of following them.
    """

    kinds: Sequence[Feature]
    encoder: Any = None
    products: bool = False
    sorted_: Floats | None = field(default=None, init=False)

    def fit(self, P: Floats, context: Context) -> MetaFeatures:
        """Learn the reference of the ranks and the encoder, on these rows."""
        if "ranks" in self.kinds:
            self.sorted_ = np.sort(P, axis=0)
        if self.encoder is not None:
            self.encoder = self.encoder.fit(_features(context), target_type=context.target_type)
        return self

    def transform(self, P: Floats, context: Context, of_class: int | None = None) -> Any:
        """Return the columns, shape (n_samples, n_columns), sparse where the encoder's are.

        Parameters
        ----------
        P : ndarray of shape (n_samples, n_members, n_classes) or (n_samples, n_members)
            Predictions.
        context : Context
            The same rows.
        of_class : int, optional
            Keep only the columns of this class.
        """
        blocks = [block for kind in self.kinds for block in self._columns(kind, P, context, of_class)]
        if self.encoder is None:
            return np.hstack(blocks)
        extra = self.encoder.transform(_features(context))
        if self.products:
            predictions = np.hstack(blocks)
            dense = extra.toarray() if hasattr(extra, "toarray") else np.asarray(extra)
            weighted = (predictions[:, :, None] * dense[:, None, :]).reshape(len(predictions), -1)
            return np.hstack([predictions, weighted])
        if hasattr(extra, "toarray"):
            from scipy import sparse

            return sparse.hstack([*map(sparse.csr_array, blocks), extra], format="csr")
        return np.hstack([*blocks, extra])

    def _columns(self, kind: Feature, P: Floats, context: Context, of_class: int | None) -> list[Floats]:
        """Return one block per member."""
        if not context.is_classification:
            values = P if kind != "labels" else context.labels
            if kind == "ranks":
                values = self._ranks(P)
            return [np.asarray(values[:, [member]]) for member in range(P.shape[1])]
        if kind == "labels":
            scores = (context.labels[:, :, None] == np.arange(context.n_classes)).astype(np.float64)
        elif kind == "ranks":
            scores = self._ranks(P)
        else:
            scores = _logit(P) if kind == "logit" else P
        # Two classes: the first column is one minus the second, as scikit-learn drops it.
        first = 1 if context.n_classes == 2 else 0
        chosen = slice(first, None) if of_class is None else slice(of_class, of_class + 1)
        return [scores[:, member, chosen] for member in range(P.shape[1])]

    def _ranks(self, P: Floats) -> Floats:
        reference = self.sorted_
        if reference is None:
            raise RuntimeError("ranks are asked for before fit")
        return mid_ranks(reference, P)


def mid_ranks(reference: Floats, P: Floats) -> Floats:
    """Return the share of the sorted `reference` rows below each prediction, equal ones counting half.

    Column by column; both arrays share their shape but for the first axis, and so has the result.
    """
    ranks = np.empty(P.shape, dtype=np.float64)
    for column in np.ndindex(P.shape[1:]):
        sorted_, values = reference[:, *column], P[:, *column]
        below = sorted_.searchsorted(values, side="left") + sorted_.searchsorted(values, side="right")
        ranks[:, *column] = below / (2 * len(sorted_))
    return ranks


class RawFeatures:
    """The features as they are, for ``encode: none``."""

    def fit(self, X: pd.DataFrame, y: NDArray[Any] | None = None, *, target_type: str) -> RawFeatures:
        """Check that the features are numbers."""
        self.transform(X)
        return self

    def transform(self, X: pd.DataFrame) -> NDArray[Any]:
        """Return the values, shape (n_samples, n_features)."""
        try:
            return np.asarray(X.to_numpy(dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise FitError(
                f"passthrough with 'encode: none' needs numeric features ({error}); remove 'encode: none'"
            ) from error


def make_encoder(learner: LearnerSpec, context: Context) -> Any:
    """Return the unfitted encoder for the original features that a meta-learner sees."""
    if learner.encode == "none":
        return RawFeatures()
    from fusebench import encoders, learners

    encode = learners.auto_encoder(learner, context.target_type) if learner.encode == "auto" else learner.encode
    return (
        RawFeatures()
        if encode == "none"
        else encoders.make(encode, random_state=context.random_state, text=context.text)
    )


def are_plain_numbers(context: Context) -> bool:
    """Whether every feature is a number and none is missing."""
    X = _features(context)
    return all(isinstance(kind, np.dtype) and kind.kind in "iufb" for kind in X.dtypes) and not X.isna().any(axis=None)


def _features(context: Context) -> pd.DataFrame:
    if context.X is None:
        raise RuntimeError("original features are asked for, the context has none")
    return context.X


def _logit(P: Floats) -> Floats:
    clipped = np.clip(P.astype(np.float64), EPSILON, 1 - EPSILON)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))
