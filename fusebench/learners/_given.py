"""The estimator that stands for predictions made elsewhere; it is never fitted."""

from __future__ import annotations

from typing import Any, ClassVar

from sklearn.base import BaseEstimator


class GivenPredictions(BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """Names a table of predictions and a model in it; the engine looks the predictions up instead of fitting.

    Parameters
    ----------
    path : str
        The table; ``{dataset}`` and ``{target}`` in it stand for names.
    model : str, optional
        The model's name in the table; by default the learner's id where a model is called so, else the only one.
    id : str, default="id"
        The table's id column.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {"path": [str], "model": [str, None], "id": [str]}

    def __init__(self, path: str, model: str | None = None, id: str = "id") -> None:  # noqa: A002 - as in a spec
        self.path = path
        self.model = model
        self.id = id
