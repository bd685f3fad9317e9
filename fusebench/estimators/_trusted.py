"""What a model file may hold: types that are data, and numbers that point nowhere outside."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from fusebench.errors import ModelError

# Packages whose classes do nothing but hold state when skops makes them: it calls no constructor of theirs.
PACKAGES = ("fusebench.compressions.", "fusebench.encoders.", "fusebench.fusions.", "fusebench.learners.", "sklearn.")
NAMES = frozenset(
    {
        "catboost.core.CatBoostClassifier",
        "catboost.core.CatBoostRegressor",
        "collections.OrderedDict",
        "functools.partial",
        "fusebench.engine.columns.Column",
        "fusebench.engine.fusing.EncodedLearner",
        "fusebench.estimators._columns.Column",
        "fusebench.estimators._model.FittedModel",
        "fusebench.estimators.fused.FusedClassifier",
        "fusebench.estimators.fused.FusedRegressor",
        "fusebench.spec.model.CompressSpec",
        "fusebench.spec.model.FusionSpec",
        "fusebench.spec.model.LearnerSpec",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
        "scipy.sparse._csc.csc_array",
        "scipy.sparse._csc.csc_matrix",
        "scipy.sparse._csr.csr_array",
        "scipy.sparse._csr.csr_matrix",
        "sklearn.utils.validation.check_array",  # a default argument of scikit-learn's calibration
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRegressor",
    }
)


def untrusted(names: Iterable[str], trusted: Iterable[str] = ()) -> list[str]:
    """Return the types and functions that are not on the list; `trusted` adds to it."""
    known = {*NAMES, *trusted}
    return [name for name in names if name not in known and not _is_own_class(name)]


def _is_own_class(name: str) -> bool:
    """Return whether a name is a class that a trusted package itself defines, not one that it imported."""
    module, _, attribute = name.rpartition(".")
    if not name.startswith(PACKAGES):
        return False
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return False
    return inspect.isclass(found) and found.__module__.startswith(PACKAGES)


def check_content(model: Any, path: str) -> None:
    """Raise ModelError where the arrays of a tree would lead out of it.

    scikit-learn follows them without looking: a file with other numbers than a fit makes could crash the process.
    """
    for part in _parts(model):
        kind = type(part).__name__
        checked = {"Tree": _tree, "KDTree": _neighbours, "BallTree": _neighbours}.get(kind)
        sound = checked(part) if checked is not None else _histograms(part) if hasattr(part, "_predictors") else True
        if not sound:
            raise ModelError(f"{path}: the numbers of a {kind} lead out of it; the file was changed, it is not loaded")
        if hasattr(part, "tree_") and part.tree_.n_features != part.n_features_in_:
            raise ModelError(f"{path}: a tree has another number of features than its estimator; it is not loaded")


def _parts(model: Any) -> Iterator[Any]:
    """Yield every object that a model is made of, once."""
    seen: set[int] = set()
    stack = [model]
    while stack:
        part = stack.pop()
        if id(part) in seen or isinstance(part, (str, bytes, int, float, type(None), type)):
            continue
        seen.add(id(part))
        if isinstance(part, np.ndarray):
            stack.extend(part.ravel().tolist() if part.dtype == object else ())
            continue
        yield part
        if isinstance(part, dict):
            stack.extend(part.values())
        elif isinstance(part, (list, tuple, set)):
            stack.extend(part)
        else:
            stack.extend(getattr(part, "__dict__", {}).values())


def _tree(tree: Any) -> bool:
    nodes = np.arange(tree.node_count)
    inner = tree.children_left != -1
    children = np.stack([tree.children_left[inner], tree.children_right[inner]])
    features = tree.feature[inner]
    return bool(
        tree.node_count > 0
        and (children > nodes[inner]).all()
        and (children < tree.node_count).all()
        and (features >= 0).all()
        and (features < tree.n_features).all()
        and len(tree.value) >= tree.node_count
    )


def _histograms(estimator: Any) -> bool:
    width = estimator.n_features_in_
    for predictor in (one for stage in estimator._predictors for one in stage):
        nodes = predictor.nodes
        place = np.arange(len(nodes))
        inner = nodes["is_leaf"] == 0
        children = np.stack([nodes["left"][inner], nodes["right"][inner]]).astype(np.int64)
        features = nodes["feature_idx"][inner]
        sets = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
        if not (
            len(nodes)
            and (children > place[inner]).all()
            and (children < len(nodes)).all()
            and (features >= 0).all()
            and (features < width).all()
            and (sets < len(predictor.raw_left_cat_bitsets)).all()
        ):
            return False
    return True


def _neighbours(tree: Any) -> bool:
    data, order, nodes, bounds = tree.get_arrays()
    spans = np.stack([nodes["idx_start"], nodes["idx_end"]])
    return bool(
        len(data) == len(order)
        and (order >= 0).all()
        and (order < len(data)).all()
        and (spans >= 0).all()
        and (spans <= len(data)).all()
        and bounds.shape[1] == len(nodes)
    )
