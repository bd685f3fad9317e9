"""Weights of a fitted network as arrays by name, stored small and made whole again to predict."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError

Array = NDArray[Any]
How = Literal["half", "int8", "sparse"]


def is_torch(estimator: Any) -> bool:
    """Return whether an estimator's weights are those of a PyTorch network."""
    return hasattr(estimator, "network_")


@dataclass
class Packed:
    """An array in less memory.

    Parameters
    ----------
    values : ndarray
        16-bit floats, 8-bit integers, or the values that are left.
    scale : ndarray of shape (n_units,), optional
        What 8-bit integers are multiplied by, along the last axis.
    mask : ndarray of uint8, optional
        One bit per entry: whether its value is left.
    shape : tuple of int
    dtype : str
    """

    values: Array
    shape: tuple[int, ...]
    dtype: str
    scale: Array | None = None
    mask: Array | None = None

    def whole(self) -> Array:
        """Return the array as it is computed with."""
        if self.mask is not None:
            flat = np.zeros(int(np.prod(self.shape)), dtype=self.dtype)
            flat[np.unpackbits(self.mask, count=len(flat)).astype(bool)] = self.values
            return flat.reshape(self.shape)
        found = self.values.astype(self.dtype)
        return found if self.scale is None else np.asarray(found * self.scale, dtype=self.dtype)


def half(array: Array) -> Packed:
    """Return 16-bit floats.

    Raises
    ------
    FitError
        If a value is too large for them.
    """
    with np.errstate(over="ignore"):
        values = array.astype(np.float16)
    if not np.isfinite(values).all():
        raise FitError(f"half: a weight of {float(np.abs(array).max()):.4g} is too large, at most 65504 is possible")
    return Packed(values, array.shape, array.dtype.str)


def int8(array: Array) -> Packed:
    """Return round(127 w / max |w|) for each unit along the last axis; vectors stay as they are."""
    if array.ndim < 2:
        return Packed(array, array.shape, array.dtype.str)
    largest = np.abs(array).max(axis=tuple(range(array.ndim - 1)))
    scale = np.where(largest > 0, largest, 1) / 127
    return Packed(np.rint(array / scale).astype(np.int8), array.shape, array.dtype.str, scale=scale)


def sparse(array: Array, smallest: float) -> Packed:
    """Return the entries whose magnitude is at least `smallest`."""
    kept = (np.abs(array) >= smallest) & (array != 0)
    return Packed(array[kept], array.shape, array.dtype.str, mask=np.packbits(kept))


def smallest_kept(arrays: list[Array], amount: float) -> float:
    """Return the magnitude below which a share of all entries lies."""
    magnitudes = np.concatenate([np.abs(one).ravel() for one in arrays])
    n_dropped = min(round(amount * len(magnitudes)), len(magnitudes) - 1)
    return float(np.partition(magnitudes, n_dropped)[n_dropped])


@dataclass
class PackedEstimator:
    """A fitted network whose weights are stored small; they are made whole once per call.

    Parameters
    ----------
    estimator : object
        Without its weights.
    arrays : dict of str to Packed
    """

    estimator: Any
    arrays: dict[str, Packed]

    def whole(self) -> Any:
        """Return the estimator with its weights."""
        weights = {name: packed_array.whole() for name, packed_array in self.arrays.items()}
        if is_torch(self.estimator):
            from fusebench.compressions._torch import with_weights

            return with_weights(self.estimator, weights)
        return _with_layers(self.estimator, weights)

    def predict(self, X: Any) -> Array:
        """Return what the estimator predicts with these weights."""
        return np.asarray(self.whole().predict(X))

    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of the estimator with these weights."""
        return np.asarray(self.whole().predict_proba(X))


def packed(estimator: Any, how: How, amount: float = 0.0) -> PackedEstimator:
    """Return an estimator whose weights are stored in another way; the original is left as it is."""
    if is_torch(estimator):
        from fusebench.compressions._torch import split

        stripped, weights, linear = split(estimator)
    else:
        weights = _layers(estimator)
        stripped, linear = _without_layers(estimator), {name for name in weights if name.startswith("coefs")}
    if how == "half":
        return PackedEstimator(stripped, {name: half(one) for name, one in weights.items()})
    if how == "int8":
        return PackedEstimator(stripped, {name: int8(one) for name, one in weights.items()})
    smallest = smallest_kept([weights[name] for name in sorted(linear)], amount)
    arrays = {
        name: sparse(one, smallest) if name in linear else Packed(one, one.shape, one.dtype.str)
        for name, one in weights.items()
    }
    return PackedEstimator(stripped, arrays)


def units_kept(into: NDArray[np.float64], out: NDArray[np.float64], amount: float) -> NDArray[np.intp]:
    """Return the units to keep, in order, from the norms of their weights; the first of equals."""
    count = max(1, len(into) - round(amount * len(into)))
    order = np.argsort(-(into * out), kind="stable")
    return np.sort(order[:count])


# -- scikit-learn's multi-layer perceptron ------------------------------------------------------------


def without_units(estimator: Any, amount: float) -> Any:
    """Return a scikit-learn MLP with fewer hidden units."""
    coefs = [one.copy() for one in estimator.coefs_]
    intercepts = [one.copy() for one in estimator.intercepts_]
    for layer, _ in enumerate(pairwise(estimator.coefs_)):
        norms = np.linalg.norm(coefs[layer], axis=0), np.linalg.norm(coefs[layer + 1], axis=1)
        kept = units_kept(*norms, amount)
        coefs[layer], intercepts[layer] = coefs[layer][:, kept], intercepts[layer][kept]
        coefs[layer + 1] = coefs[layer + 1][kept]
    other = _without_layers(estimator)
    other.coefs_, other.intercepts_ = coefs, intercepts
    other.hidden_layer_sizes = tuple(one.shape[1] for one in coefs[:-1])
    return other


def _layers(estimator: Any) -> dict[str, Array]:
    named = {f"coefs{n}": one for n, one in enumerate(estimator.coefs_)}
    return named | {f"intercepts{n}": one for n, one in enumerate(estimator.intercepts_)}


def _without_layers(estimator: Any) -> Any:
    other = copy.copy(estimator)
    other.coefs_, other.intercepts_ = [], []
    other.__dict__.pop("_optimizer", None)  # holds the full weights and their moments, to go on training
    return other


def _with_layers(estimator: Any, weights: dict[str, Array]) -> Any:
    other = copy.copy(estimator)
    n_layers = len(weights) // 2
    other.coefs_ = [weights[f"coefs{n}"] for n in range(n_layers)]
    other.intercepts_ = [weights[f"intercepts{n}"] for n in range(n_layers)]
    return other
