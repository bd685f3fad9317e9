"""fusebench: an honest benchmark of model fusion.

Each learner is fitted once per split; every fusion is a function of the stored predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fusebench.estimators.fused import FusedClassifier, FusedRegressor
    from fusebench.estimators.saved import load, save
    from fusebench.export.onnx import save as save_onnx
    from fusebench.python.running import Run, read_run, run

__version__ = "0.1.0"
__all__ = ["FusedClassifier", "FusedRegressor", "Run", "__version__", "load", "read_run", "run", "save", "save_onnx"]

_HOMES = {
    "FusedClassifier": "fusebench.estimators.fused",
    "FusedRegressor": "fusebench.estimators.fused",
    "Run": "fusebench.python.running",
    "load": "fusebench.estimators.saved",
    "read_run": "fusebench.python.running",
    "run": "fusebench.python.running",
    "save": "fusebench.estimators.saved",
    "save_onnx": "fusebench.export.onnx",
}
_NAMES = {"save_onnx": "save"}  # in their homes, where these differ


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), _NAMES.get(name, name))


def __dir__() -> list[str]:
    """Return the public names, also those that were not imported yet."""
    return sorted(__all__)
