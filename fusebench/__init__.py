"""fusebench: an honest benchmark of model fusion.

Each learner is fitted once per split; every fusion is a function of the stored predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fusebench.api import run
    from fusebench.estimators.fused import FusedClassifier, FusedRegressor
    from fusebench.results import Results

__version__ = "0.1.0"
__all__ = ["FusedClassifier", "FusedRegressor", "Results", "__version__", "run"]

_HOMES = {
    "FusedClassifier": "fusebench.estimators.fused",
    "FusedRegressor": "fusebench.estimators.fused",
    "Results": "fusebench.results",
    "run": "fusebench.api",
}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
