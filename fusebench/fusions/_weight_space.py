"""Merge models in weight space. A model is a dict of arrays by name, such as a torch ``state_dict`` as numpy arrays.

Arrays that are not floating point (counters) are taken from the first model. All functions leave their inputs alone,
work in double precision, return the dtype of the first model, and cost O(n_models * n_weights). Statistics of BatchNorm
layers are merged like weights, and must be recomputed on training rows afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError

State = Mapping[str, NDArray[Any]]
Vector = NDArray[np.float64]


def average(states: Sequence[State], weights: Sequence[float] | None = None) -> dict[str, NDArray[Any]]:
    """Return sum_i w_i theta_i with weights scaled to sum to 1; the uniform soup without weights.

    References
    ----------
    .. [1] M. Wortsman et al., Model soups: averaging weights of multiple fine-tuned models improves accuracy without
       increasing inference time, ICML 2022, section 2.
    """
    scale = _scaled(weights, len(states))
    return _merge(states, lambda thetas: np.tensordot(scale, thetas, axes=1))


def task_arithmetic(base: State, states: Sequence[State], scale: float = 0.3) -> dict[str, NDArray[Any]]:
    """Return theta_0 + scale * sum_i tau_i, with task vectors tau_i = theta_i - theta_0.

    References
    ----------
    .. [1] G. Ilharco et al., Editing models with task arithmetic, ICLR 2023, section 2.
    """
    return _merge([base, *states], lambda thetas: thetas[0] + scale * (thetas[1:] - thetas[0]).sum(axis=0))


def ties(
    base: State,
    states: Sequence[State],
    *,
    density: float = 0.2,
    scale: float = 1.0,
    reduction: Literal["mean", "sum"] = "mean",
) -> dict[str, NDArray[Any]]:
    """Return theta_0 + scale * tau: trim each task vector, elect signs, merge the entries that agree.

    Parameters
    ----------
    base : dict of str to ndarray
        The model that all were fine-tuned from.
    states : sequence of dict of str to ndarray
        The fine-tuned models.
    density : float, default=0.2
        Share of each whole task vector that is kept, its largest entries by magnitude; all that equal the smallest
        one kept are kept too.
    scale : float, default=1.0
    reduction : {"mean", "sum"}, default="mean"
        ``mean`` over the models that agree, as in the paper.

    Notes
    -----
    The elected sign of an entry is sgn(sum_i tau_i); where the sum is 0 the entry stays that of the base.

    References
    ----------
    .. [1] P. Yadav et al., TIES-merging: resolving interference when merging models, NeurIPS 2023, algorithm 1.
    """

    def merge(vectors: Vector) -> Vector:
        trimmed = np.stack([_trimmed(tau, density) for tau in vectors[1:] - vectors[0]])
        elected = np.sign(trimmed.sum(axis=0))
        agree = (np.sign(trimmed) == elected) & (elected != 0)
        total = np.where(agree, trimmed, 0).sum(axis=0)
        counts = np.maximum(agree.sum(axis=0), 1) if reduction == "mean" else 1
        return np.asarray(vectors[0] + scale * total / counts)

    return _merge_flat([base, *states], merge)


def dare(
    base: State, states: Sequence[State], *, drop: float = 0.9, scale: float = 1.0, random_state: int = 0
) -> dict[str, NDArray[Any]]:
    """Return theta_0 + scale * sum_i m_i tau_i / (1 - drop), the masks m_i drawn at random.

    Parameters
    ----------
    drop : float, default=0.9
        Probability that an entry of a task vector is dropped, in [0, 1).

    References
    ----------
    .. [1] L. Yu et al., Language models are super Mario: absorbing abilities from homologous models as a free lunch,
       ICML 2024, equation 2.
    """
    generator = np.random.default_rng(random_state)

    def merge(vectors: Vector) -> Vector:
        kept = generator.random(vectors[1:].shape) >= drop
        rescaled = np.where(kept, (vectors[1:] - vectors[0]) / (1 - drop), 0)
        return np.asarray(vectors[0] + scale * rescaled.sum(axis=0))

    return _merge_flat([base, *states], merge)


def fisher(
    states: Sequence[State], information: Sequence[State], weights: Sequence[float] | None = None, floor: float = 1e-6
) -> dict[str, NDArray[Any]]:
    """Return sum_i w_i F_i theta_i / sum_i w_i F_i, entry by entry.

    Parameters
    ----------
    states : sequence of dict of str to ndarray
        The models.
    information : sequence of dict of str to ndarray
        The diagonal of each model's Fisher information, at least 0; arrays that are absent count as equal ones.
    weights : sequence of float, optional
        Of the models; equal ones by default.
    floor : float, default=1e-6
        Smallest information, so that an entry that no model is sure of is their mean.

    References
    ----------
    .. [1] M. Matena, C. Raffel, Merging models with Fisher-weighted averaging, NeurIPS 2022, equation 4.
    """
    scale = _scaled(weights, len(states))
    merged = average(states, weights)
    for name in information[0]:
        sure = np.maximum(np.stack([one[name] for one in information]).astype(np.float64), floor)
        thetas = np.stack([one[name] for one in states]).astype(np.float64)
        own = np.tensordot(scale, sure * thetas, axes=1) / np.tensordot(scale, sure, axes=1)
        merged[name] = np.asarray(own, dtype=merged[name].dtype)
    return merged


def slerp(first: State, second: State, t: float = 0.5) -> dict[str, NDArray[Any]]:
    """Return the spherical interpolation of two models: t=0 is the first, t=1 the second.

    ``sin((1 - t) O) / sin(O) theta_1 + sin(t O) / sin(O) theta_2``, O the angle between the whole weight vectors; the
    straight line where they are (nearly) parallel.

    References
    ----------
    .. [1] K. Shoemake, Animating rotation with quaternion curves, SIGGRAPH 1985.
    """

    def merge(vectors: Vector) -> Vector:
        lengths = np.linalg.norm(vectors, axis=1)
        if not lengths.all():
            return np.asarray((1 - t) * vectors[0] + t * vectors[1])
        cosine = np.clip(vectors[0] @ vectors[1] / lengths.prod(), -1, 1)
        angle = float(np.arccos(cosine))
        if np.sin(angle) < 1e-6:
            return np.asarray((1 - t) * vectors[0] + t * vectors[1])
        return np.asarray((np.sin((1 - t) * angle) * vectors[0] + np.sin(t * angle) * vectors[1]) / np.sin(angle))

    return _merge_flat([first, second], merge)


def greedy_order(scores: Sequence[float]) -> list[int]:
    """Return the positions of models from the best score to the worst, the first of equals first."""
    return sorted(range(len(scores)), key=lambda position: (-scores[position], position))


def greedy_soup(
    states: Sequence[State], scores: Sequence[float], score: Callable[[State], float]
) -> tuple[dict[str, NDArray[Any]], list[int], float]:
    """Add models from the best to the worst; keep each that does not lower the score of the average.

    Parameters
    ----------
    states : sequence of dict of str to ndarray
        The ingredients.
    scores : sequence of float
        Their own scores on held-out rows, higher is better.
    score : callable
        From weights to the score on the same rows.

    Returns
    -------
    soup : dict of str to ndarray
    used : list of int
        The positions of the ingredients in it, in the order in which they were added.
    best : float
        The soup's score.

    References
    ----------
    .. [1] M. Wortsman et al., Model soups, ICML 2022, recipe 1.
    """
    first, *others = greedy_order(scores)
    used, best, soup = [first], scores[first], average([states[first]])
    for position in others:
        candidate = average([states[one] for one in [*used, position]])
        found = score(candidate)
        if found >= best:
            used, best, soup = [*used, position], found, candidate
    return soup, used, best


def _scaled(weights: Sequence[float] | None, n_models: int) -> Vector:
    scale = np.ones(n_models) if weights is None else np.asarray(weights, dtype=np.float64)
    return np.asarray(scale / scale.sum())


def _trimmed(tau: Vector, density: float) -> Vector:
    n_kept = max(1, round(density * len(tau)))
    magnitude = np.abs(tau)
    smallest = np.partition(magnitude, len(tau) - n_kept)[len(tau) - n_kept]
    return np.where(magnitude >= smallest, tau, 0)


def _names_of_floats(states: Sequence[State]) -> list[str]:
    """Return the names of the arrays to merge.

    Raises
    ------
    FitError
        If the models are of different architectures.
    """
    shapes = [{name: np.shape(array) for name, array in state.items()} for state in states]
    for own in shapes[1:]:
        if own != shapes[0]:
            name = next(name for name in {**shapes[0], **own} if shapes[0].get(name) != own.get(name))
            raise FitError(
                f"models of different architectures cannot be merged: '{name}' has shape {shapes[0].get(name)} in one "
                f"and {own.get(name)} in another"
            )
    return [name for name, array in states[0].items() if np.issubdtype(np.asarray(array).dtype, np.floating)]


def _merge(states: Sequence[State], merge: Callable[[NDArray[np.float64]], NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Merge array by array; `merge` gets shape (n_models, ...)."""
    names = set(_names_of_floats(states))
    return {
        name: merge(np.stack([np.asarray(one[name], dtype=np.float64) for one in states])).astype(first.dtype)
        if name in names
        else np.array(first)
        for name, first in states[0].items()
    }


def _merge_flat(states: Sequence[State], merge: Callable[[Vector], Vector]) -> dict[str, NDArray[Any]]:
    """Merge whole weight vectors; `merge` gets shape (n_models, n_weights)."""
    names = _names_of_floats(states)
    vectors = np.stack(
        [np.concatenate([np.asarray(one[name], dtype=np.float64).ravel() for name in names]) for one in states]
    )
    flat, position = merge(vectors), 0
    merged = {name: np.array(array) for name, array in states[0].items()}
    for name in names:
        size = merged[name].size
        merged[name] = flat[position : position + size].reshape(merged[name].shape).astype(merged[name].dtype)
        position += size
    return merged
