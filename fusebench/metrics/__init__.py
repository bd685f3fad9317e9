"""Scores of predictions: scikit-learn's scorers by name, and one file for each metric that it lacks."""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from fusebench.metrics._names import INSTEAD, MEANT, NEEDS_PROBA, SINCE, TARGET_TYPES
from fusebench.metrics.base import REGISTRY, Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["REGISTRY", "Metric", "check", "default", "describe", "names", "needs_proba", "score"]


def names() -> list[str]:
    """Return the names of all metrics, sorted."""
    return sorted({*TARGET_TYPES, *REGISTRY.names()})


def default(target_type: str) -> str:
    """Return the metric that ranks when the spec names none."""
    return "r2" if target_type == "continuous" else "accuracy"


def check(name: str, target_type: str) -> str | None:
    """Return what is wrong with a metric for a kind of target, None when nothing is. Imports no scikit-learn.

    Parameters
    ----------
    name : str
        A metric's name.
    target_type : {"binary", "multiclass", "continuous"}
        What is predicted.
    """
    if name not in TARGET_TYPES and REGISTRY.canonical(name) is None:
        near = MEANT.get(name.lower()) or _nearest(name)
        meant = f"; did you mean '{near}'?" if near else ""
        return f"unknown metric '{name}'{meant}   (fusebench list metrics)"
    if name in SINCE and _installed() < SINCE[name]:
        return (
            f"'{name}' needs scikit-learn >= {'.'.join(map(str, SINCE[name]))}, installed is {version('scikit-learn')}"
        )
    return _mismatch(name, target_type)


def describe(name: str) -> str:
    """Return what a metric is, for people: a paragraph that ends in a line break. Imports no scikit-learn.

    Raises
    ------
    KeyError
        If there is no such metric.
    """
    kinds = ", ".join(sorted(_target_types(name))) or "multilabel (not supported)"
    uses = "probabilities" if needs_proba(name) else "labels" if "continuous" not in _target_types(name) else "values"
    if name in TARGET_TYPES:
        source = f"scikit-learn's scorer, see sklearn.metrics.get_scorer('{name}')"
    else:
        source = inspect.cleandoc(_own(name).__doc__ or "")
    return f"{name} (metric)\n\nTargets: {kinds}. Uses {uses}. Higher is better.\n{source}\n"


def needs_proba(name: str) -> bool:
    """Return whether a metric looks at probabilities."""
    return name in NEEDS_PROBA if name in TARGET_TYPES else bool(_own(name).needs_proba)


def score(name: str, y: NDArray[Any], labels: NDArray[Any], proba: NDArray[Any] | None, n_classes: int) -> float:
    """Return the score of stored predictions; higher is better.

    scikit-learn's own scorer where it has one. Of two classes the second in sorted order is the positive one.

    Parameters
    ----------
    name : str
        A metric's name.
    y : ndarray of shape (n_samples,)
        True class codes, or values.
    labels : ndarray of shape (n_samples,)
        Predicted class codes, or values. A code of -1 is an abstention, which is wrong whatever is true.
    proba : ndarray of shape (n_samples, n_classes) or None
        Predicted probabilities, where the metric looks at them.
    n_classes : int
        Classes of the dataset, 0 for regression.

    Raises
    ------
    FitError
        If the score is not defined for these rows, or needs probabilities that are not there.
    """
    if name not in TARGET_TYPES:
        return float(_own(name)().score(y, labels, proba, n_classes))
    if name == "accuracy" and n_classes:
        return float(np.mean(labels == y))  # the bits of scikit-learn, without the half second that importing it takes
    from fusebench.metrics._scorers import score as score_

    return score_(name, y, labels, proba, n_classes)


def _target_types(name: str) -> frozenset[str]:
    return TARGET_TYPES[name] if name in TARGET_TYPES else _own(name).target_types


def _own(name: str) -> type[Metric]:
    return REGISTRY.load(name)


def _mismatch(name: str, target_type: str) -> str | None:
    """Return why a metric does not fit a kind of target."""
    allowed = _target_types(name)
    if target_type in allowed:
        return None
    if not allowed:
        return f"'{name}' is for multilabel targets"
    if target_type == "multiclass" and "binary" in allowed:
        use = f"; for more use '{INSTEAD[name]}'" if name in INSTEAD else ""
        return f"'{name}' needs two classes{use}"
    scored, got = ("values", "classes") if "continuous" in allowed else ("classes", "values")
    return f"'{name}' scores {scored} and the target holds {got}; use for example '{default(target_type)}'"


def _nearest(name: str) -> str | None:
    near = get_close_matches(name, names(), n=1) or get_close_matches(f"neg_{name}", names(), n=1)
    return near[0] if near else None


@cache
def _installed() -> tuple[int, ...]:
    return tuple(int(part) for part in version("scikit-learn").split(".")[:2])
