"""What the gate found, as rows, plain data and words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from scipy.special import stdtrit

from fusebench.judge.margins import in_words, p_in_words

GateWord = Literal["IDENTICAL", "REGRESSED", "IMPROVED", "EQUIVALENT", "INCONCLUSIVE"]
POWER = 0.8
SCHEMA_VERSION = 1


class GateRow(NamedTuple):
    """One model under one metric on one dataset, or on the whole suite.

    Attributes
    ----------
    dataset : str
        Empty: the mean over all datasets of this suite.
    baseline_mean, mean, mean_diff : float or None
        Means over folds before and now, and the difference now minus before.
    p_drop, p_holm : float or None
        One-sided p of a fall, and adjusted over everything that was checked.
    p_worse, p_equivalent, p_better : float or None
        Posterior probabilities relative to the margin; not adjusted.
    detectable_drop : float or None
        The smallest true drop that would have been caught in 80% of such runs, not counting the adjustment.
    verdict : str
        IDENTICAL, REGRESSED, IMPROVED, EQUIVALENT or INCONCLUSIVE.
    failed : bool
        Whether this row fails the gate.
    reason : str
        Why, where the numbers alone do not say.
    """

    dataset: str
    model: str
    metric: str
    n_folds: int
    baseline_mean: float | None
    mean: float | None
    mean_diff: float | None
    se: float | None
    df: float | None
    ci_low: float | None
    ci_high: float | None
    p_drop: float | None
    p_holm: float | None
    p_worse: float | None
    p_equivalent: float | None
    p_better: float | None
    margin: float | None
    detectable_drop: float | None
    verdict: GateWord
    failed: bool
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """What the gate found.

    Parameters
    ----------
    rows : tuple of GateRow
        Per dataset, model and metric; then per model and metric over the suite (no dataset).
    warnings : tuple of str
    alpha : float
    conservative, exact : bool
    """

    rows: tuple[GateRow, ...]
    warnings: tuple[str, ...]
    alpha: float
    conservative: bool
    exact: bool

    @property
    def failed(self) -> bool:
        """Whether the gate fails."""
        return any(row.failed for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "failed": self.failed,
            "alpha": self.alpha,
            "conservative": self.conservative,
            "exact": self.exact,
            "rows": [row._asdict() for row in self.rows],
            "warnings": list(self.warnings),
        }

    def sentences(self) -> Iterator[str]:
        """Yield one line per row, those that fail first."""
        yield from (gate_sentence(row) for row in sorted(self.rows, key=lambda row: not row.failed))


def detectable_drop(se: float, df: float, margin: float | None, alpha: float) -> float | None:
    r"""Return the smallest true drop that is caught with power 0.8.

    Notes
    -----
    :math:`\max(margin + t_{.8} SE, (t_{1-\alpha} + t_{.8}) SE)`.
    """
    if margin is None:
        return None
    power = float(stdtrit(df, POWER))
    return max(margin + power * se, (float(stdtrit(df, 1 - alpha)) + power) * se)


def gate_sentence(row: GateRow) -> str:
    """Return one row in words."""
    where = f"{row.dataset or 'suite'}, {row.model}, {row.metric}"
    if row.mean_diff is None or row.ci_low is None or row.ci_high is None or row.p_drop is None:
        return f"{where}: {row.reason} → {row.verdict}"
    if row.verdict == "IDENTICAL":
        return f"{where}: IDENTICAL" + (f" ({row.reason})" if row.reason else "")
    low, high = (in_words(one, row.metric) for one in (row.ci_low, row.ci_high))
    parts = [f"{in_words(row.mean_diff, row.metric, signed=True)} [95% CI {low}, {high}]"]
    adjusted = "" if row.p_holm is None else f" (Holm {p_in_words(row.p_holm)})"
    parts.append(f"p {p_in_words(row.p_drop)}{adjusted}")
    if row.margin is not None and row.p_worse is not None:
        parts.append(f"P(worse by >{in_words(row.margin, row.metric)}) {row.p_worse:.2f}")
    text = f"{where}: {', '.join(parts)} → {row.verdict}"
    if row.reason:
        text += f" ({row.reason})"
    if row.detectable_drop is not None:
        text += f"; could detect ≥{in_words(row.detectable_drop, row.metric)}"
    return text
