"""Compare all models of a run."""

from __future__ import annotations

from collections.abc import Mapping

from fusebench.judge.verdicts import Verdicts
from fusebench.results import Results


def compare(results: Results, *, alpha: float = 0.05, margins: Mapping[str, float] | None = None) -> Verdicts:
    """Return the comparisons, the leaderboard and what can be said about them.

    Parameters
    ----------
    results : Results
        What a run found.
    alpha : float, default=0.05
        Level of the family-wise error, in (0, 1).
    margins : mapping of str to float, optional
        Differences that do not matter, per metric; 0.01 for accuracy and the areas under curves when not given.
    """
    return Verdicts(leaderboard=(), comparisons=())
