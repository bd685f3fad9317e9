"""Averaging: one fixed rule over the members' predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from numpy.typing import NDArray
from pydantic import Field

from fusebench.fusions._rules import Method, check_method, check_weights, combine, weight_shares
from fusebench.fusions.base import Context, Floats, Fusion


@dataclass(kw_only=True)
class Averaging(Fusion):
    """Combine probabilities or values by a fixed rule.

    Parameters
    ----------
    method : str, default="mean"
        ``mean`` (the linear pool), ``median``, ``geometric`` or ``log_pool`` (the weighted geometric mean, the
        logarithmic pool), ``product``, ``max``, ``min``, or ``trimmed`` (a mean without the extremes).
    weights : list of float, optional
        One per member, at least 0, not all 0, for ``mean``, ``geometric``, ``log_pool`` and ``product``, where they are
        exponents.
    trim : float, default=0.2
        Share of the members that ``trimmed`` drops at either end, rounded down, per class.

    Notes
    -----
    Every rule but the mean is followed by scaling rows to sum 1. Logarithms are taken of probabilities of at least
    2.2e-16; rows whose ``min`` is 0 for every class become the mean. For regression the geometric mean needs
    positive values, and there is no product. O(n_samples * n_members * n_classes).

    References
    ----------
    .. [1] J. Kittler et al., On combining classifiers, IEEE TPAMI 20(3), 1998.
    .. [2] C. Genest, J. V. Zidek, Combining probability distributions, Statistical Science 1(1), 1986.
    """

    learns: ClassVar[bool] = False

    method: Method = "mean"
    weights: tuple[float, ...] | None = None
    trim: Annotated[float, Field(ge=0, lt=0.5)] = 0.2

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return what is wrong with the weights and the method."""
        return check_weights(self.weights, members) + check_method(self.method, self.weights, target_types)

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Learn nothing; note the members."""
        self.members_ = context.members
        return self

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return combined probabilities, shape (n_samples, n_classes)."""
        return combine(P, self.method, self.weights, self.trim)

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return class codes or values, shape (n_samples,)."""
        if context.is_classification:
            return super().predict(P, context)
        return combine(P, self.method, self.weights, self.trim)

    def explain(self) -> dict[str, Any]:
        """Return the weights, as shares."""
        return {
            "weights": weight_shares(self.weights, len(self.members_)),
            "members_used": list(self.members_),
        }
