"""The winner as a scikit-learn estimator: fit it, save it without pickle, load it, export it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fusebench.estimators.fused import FusedClassifier, FusedRegressor

__all__ = ["FusedClassifier", "FusedRegressor"]


def __getattr__(name: str) -> Any:
    """Import the estimators when they are first used: they need scikit-learn."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fusebench.estimators import fused

    return getattr(fused, name)
