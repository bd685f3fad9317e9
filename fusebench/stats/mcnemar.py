"""McNemar's exact test of two models on the same rows."""

from __future__ import annotations

from scipy.special import bdtr


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the exact two-sided p that two models err equally often.

    Parameters
    ----------
    only_a, only_b : int
        Rows that only a, and only b, predicts rightly.

    Raises
    ------
    ValueError
        If a count is negative.

    Notes
    -----
    Twice the binomial tail of the smaller count among the rows on which the models disagree; 1 when they never do (the
    asymptotic forms of some libraries give 0 there). O(1).

    References
    ----------
    .. [1] Q. McNemar, Note on the sampling error of the difference between correlated proportions or percentages,
       Psychometrika 12, 1947.
    """
    if min(only_a, only_b) < 0:
        raise ValueError(f"counts must be >= 0, got {only_a} and {only_b}")
    n = only_a + only_b
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), n, 0.5))) if n else 1.0
