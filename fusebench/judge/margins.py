"""Differences that do not matter, and how differences are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from fusebench.errors import UsageError

DEFAULT_MARGIN = 0.01
_MINUS = "\N{MINUS SIGN}"
_ACCURACY_LIKE = frozenset({"accuracy", "balanced_accuracy", "top_k_accuracy", "auc"})


def is_accuracy_like(metric: str) -> bool:
    """Return whether a metric is an accuracy or an area under a ROC curve, on the scale from 0 to 1."""
    name = metric.lower()
    return name in _ACCURACY_LIKE or name.startswith("roc_auc")


def margin_of(metric: str, margins: Mapping[str, float] | None = None) -> float | None:
    """Return the margin of a metric: the one given, 0.01 for accuracies and AUCs, else None."""
    if margins and metric in margins:
        return margins[metric]
    return DEFAULT_MARGIN if is_accuracy_like(metric) else None


def parse_margins(values: Iterable[str], metrics: Iterable[str]) -> dict[str, float]:
    """Read the values of ``--margin``.

    Parameters
    ----------
    values : iterable of str
        ``METRIC=VALUE``, or a bare ``VALUE`` that holds for the accuracies and AUCs among `metrics`.
    metrics : iterable of str
        The metrics that are compared.

    Raises
    ------
    UsageError
        For a value that is no number >= 0, or a metric that is not compared.
    """
    known = list(metrics)
    margins: dict[str, float] = {}
    named: dict[str, float] = {}
    for text in values:
        metric, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError as error:
            raise UsageError(f"--margin {text}: '{number}' is not a number; write 0.01 or METRIC=0.01") from error
        if not 0 <= value < float("inf"):
            raise UsageError(f"--margin {text}: a margin must be a finite number >= 0")
        if not equals:
            margins |= {one: value for one in known if is_accuracy_like(one)}
        elif metric in known:
            named[metric] = value
        else:
            near = get_close_matches(metric, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there is {', '.join(known)}"
            raise UsageError(f"--margin {text}: metric '{metric}' is not compared here; {hint}")
    return margins | named


def in_words(value: float, metric: str, *, signed: bool = False) -> str:
    """Return a difference as people read it: ``1.2 pts`` for accuracies and AUCs, else four digits."""
    sign = "+" if signed else ""
    if is_accuracy_like(metric):
        return f"{100 * value:{sign}.2f} pts".replace("-", _MINUS)
    return f"{value:{sign}.4g}".replace("-", _MINUS)


def p_in_words(p: float) -> str:
    """Return a p-value to three decimals, never 0."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"
