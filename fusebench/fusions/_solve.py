"""Weights on the simplex by convex optimisation, each with a certificate of how far from the optimum it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.fusions.base import Floats

TOLERANCE = 1e-9
"""Largest duality gap, in nats per sample, of an accepted solution."""


def log_score_weights(densities: Floats, *, tolerance: float = TOLERANCE, max_iter: int = 200) -> Floats:
    """Return the weights w of the simplex that maximise ``mean_i log sum_k w_k densities[i, k]``.

    Sequential quadratic programming: each step solves the quadratic model by non-negative least squares and searches
    along the line to its solution. With the gradient ``g_k = mean_i densities[i, k] / (densities[i] @ w)`` the optimum
    satisfies ``g_k <= 1``, with equality where ``w_k > 0``, and ``log(max_k g_k)`` bounds the distance to it (Jensen).

    Parameters
    ----------
    densities : ndarray of shape (n_samples, n_members)
        Predictive density (or probability) of what happened, > 0.
    tolerance : float
        Largest bound on the distance to the optimum, in nats per sample.
    max_iter : int
        Newton steps.

    Raises
    ------
    FitError
        If the bound is not reached.

    References
    ----------
    .. [1] Y. Yao et al., Using stacking to average Bayesian predictive distributions, Bayesian Analysis 13(3), 2018.
    .. [2] Y. Kim et al., A fast algorithm for maximum likelihood estimation of mixture proportions using sequential
       quadratic programming, Journal of Computational and Graphical Statistics 29(2), 2020.
    """
    # The weights do not depend on the scale of a row; this one keeps ratios in range.
    scaled = densities / densities.max(axis=1, keepdims=True)
    n_members = scaled.shape[1]
    weights = np.full(n_members, 1 / n_members)
    for _ in range(max_iter):
        ratios = scaled / (scaled @ weights)[:, None]
        gradient = ratios.mean(axis=0)
        if np.log(gradient.max()) <= tolerance:
            return weights
        target = _newton_target(ratios, gradient, weights)
        weights = _line_search(scaled, weights, target, gradient)
    # First order steps never get stuck: they end what rounding keeps Newton's from ending.
    for _ in range(20 * max_iter):
        gradient = (scaled / (scaled @ weights)[:, None]).mean(axis=0)
        if np.log(gradient.max()) <= 100 * tolerance:
            return weights
        weights = weights * gradient
        weights /= weights.sum()
    raise FitError(f"weights: log_loss: no solution within {tolerance:g} after {max_iter} steps")


def _newton_target(ratios: Floats, gradient: Floats, weights: Floats) -> Floats:
    """Return the non-negative minimiser of the quadratic model of ``sum(v) - mean log(densities @ v)``.

    That objective needs no constraint on the sum: at its minimum the sum is 1. Where rounding keeps the solver from
    its end, the multiplicative step, which always goes up.
    """
    from scipy.optimize import nnls

    # The model is ||root^T v||^2 / 2 - (2 g - 1) v, a least squares problem.
    curvature = ratios.T @ ratios / len(ratios)
    try:
        root = np.linalg.cholesky(curvature + 1e-12 * np.eye(len(gradient)))
    except np.linalg.LinAlgError:
        # Certain members: where one with a weight near 0 alone is right, ratios have no bound and rounding shows.
        root = np.linalg.cholesky(curvature + 1e-12 * np.trace(curvature) * np.eye(len(gradient)))
    try:
        solution, _ = nnls(root.T, np.linalg.solve(root, 2 * gradient - 1))
    except RuntimeError:
        return weights * gradient
    return np.asarray(solution)


def _line_search(scaled: Floats, weights: Floats, target: Floats, gradient: Floats) -> Floats:
    """Return the first of the halved steps toward `target` that improves enough, else one multiplicative step."""
    start = np.log(scaled @ weights).mean()
    slope = float((gradient - 1) @ (target - weights))
    step = 1.0
    while slope > 0 and step > 1e-6:
        candidate = weights + step * (target - weights)
        candidate /= candidate.sum()
        density = scaled @ candidate
        if density.min() > 0 and np.log(density).mean() >= start + 1e-4 * step * slope:
            return np.asarray(candidate)
        step /= 2
    updated = weights * gradient
    return np.asarray(updated / updated.sum())


def nnls_weights(columns: Floats, target: Floats) -> Floats:
    """Return non-negative least squares coefficients scaled to sum 1; equal ones where all are 0.

    References
    ----------
    .. [1] M. J. van der Laan, E. C. Polley, A. E. Hubbard, Super learner, Statistical Applications in Genetics and
       Molecular Biology 6(1), 2007.
    """
    from scipy.optimize import nnls

    # On the normal equations' root the problem is (n_members + 1) square, however many rows there are.
    table = np.column_stack([columns, target]).astype(np.float64)
    triangle = np.asarray(np.linalg.qr(table, mode="r"))
    solution, _ = nnls(np.ascontiguousarray(triangle[:, :-1]), np.ascontiguousarray(triangle[:, -1]))
    total = solution.sum()
    return np.asarray(solution / total if total > 0 else np.full(len(solution), 1 / len(solution)))


def pseudo_bma_plus_weights(log_densities: Floats, random_state: int, n_draws: int = 1000) -> Floats:
    """Return pseudo-BMA weights averaged over the Bayesian bootstrap.

    Each draw reweighs the rows with Dirichlet(1, ..., 1) weights and takes the softmax of the members' total log
    densities.

    Parameters
    ----------
    log_densities : ndarray of shape (n_samples, n_members)
        Log predictive density of what happened.
    random_state : int
        Seed of the draws.
    n_draws : int
        Bootstrap draws.

    References
    ----------
    .. [1] Y. Yao et al., Using stacking to average Bayesian predictive distributions, Bayesian Analysis 13(3), 2018,
       section 3.4.
    """
    rng = np.random.default_rng(random_state)
    n_samples = len(log_densities)
    weights = np.zeros(log_densities.shape[1])
    for _ in range(n_draws):
        rows: NDArray[Any] = rng.standard_exponential(n_samples)
        totals = n_samples * (rows @ log_densities) / rows.sum()
        shares = np.exp(totals - totals.max())
        weights += shares / shares.sum()
    return np.asarray(weights / weights.sum())
