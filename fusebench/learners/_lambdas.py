"""The weights of several targets' losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def check_lambdas(lambdas: Any, targets: Sequence[str] | None) -> str:
    """Return what is wrong with the weights of the targets, empty when all is well.

    Parameters
    ----------
    lambdas : object
        As a spec gives it; None for equal weights.
    targets : sequence of str or None
        Names of the targets; None where they are not known yet.
    """
    if lambdas is None:
        return ""
    if not isinstance(lambdas, (list, tuple)) or not all(_is_number(one) for one in lambdas):
        return f"lambdas: got {lambdas!r}, expected a list of numbers, one per target"
    if targets is not None and len(lambdas) != len(targets):
        return f"lambdas: got {len(lambdas)}, expected {len(targets)} (one per target: {', '.join(targets)})"
    if not all(math.isfinite(one) for one in lambdas) or min(lambdas, default=0) < 0:
        return f"lambdas: got {list(lambdas)}, each must be a finite number of at least 0"
    return "" if any(lambdas) else "lambdas: all are 0, at least one must be positive"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
