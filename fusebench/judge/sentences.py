"""What the numbers say, in words.

A difference that is not significant is never called equal, the first of a tied group never the best, and p never the
probability of a hypothesis.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fusebench.judge.costs import BEST_SINGLE, ORACLE
from fusebench.judge.leaderboard import share_group
from fusebench.judge.margins import in_words, p_in_words
from fusebench.judge.verdicts import Comparison, LeaderboardRow

MOST = 10
_SAYS = {
    "better": "beats",
    "worse": "is worse than",
    "equivalent": "is practically equivalent to",
    "undecided": "cannot be told apart from",
    "identical": "has the same scores as",
}
_ORDER = ("better", "worse", "equivalent", "identical", "undecided")


def findings(
    leaders: Sequence[LeaderboardRow], comparisons: Iterable[Comparison], metric: str, alpha: float
) -> list[str]:
    """Return the findings of one metric, the leading group first, then each fusion against best_single.

    Parameters
    ----------
    leaders : sequence of LeaderboardRow
        Of this metric, best first.
    comparisons : iterable of Comparison
        Where there are several datasets, those across datasets have an empty dataset.
    """
    rows = [row for row in comparisons if row.metric == metric]
    level = "" if any(row.dataset == "" for row in rows) else next((row.dataset for row in rows), "")
    pairs = {(row.model_a, row.model_b): row for row in rows if row.dataset == level}
    ranked = [row for row in leaders if row.rank is not None and row.model != ORACLE]
    said = [_leading(ranked, pairs, metric, alpha)]
    against = []
    for leader in leaders:
        row = pairs.get((leader.model, BEST_SINGLE)) or pairs.get((BEST_SINGLE, leader.model))
        if leader.kind == "fusion" and row is not None and row.mean_diff is not None:
            row = row if row.model_a == leader.model else turned(row)
            against.append((_ORDER.index(row.verdict), sentence(row)))
    against.sort(key=lambda one: one[0])
    said.extend(text for _, text in against[:MOST])
    if len(against) > MOST:
        said.append(f"{len(against) - MOST} more fusions against {BEST_SINGLE}: see the comparisons under {metric}.")
    return [text for text in said if text]


def sentence(row: Comparison) -> str:
    """Return one comparison in words."""
    where = f" on {row.dataset}" if row.dataset else " across datasets"
    head = f"{row.model_a} {_SAYS[row.verdict]} {row.model_b}{where} ({row.metric}"
    if row.verdict == "identical" or row.mean_diff is None:
        return f"{head})."
    return f"{head}: {_numbers(row, row.mean_diff)})."


def turned(row: Comparison) -> Comparison:
    """Return the same comparison as b against a."""
    opposite = {"better": "worse", "worse": "better"}
    return row._replace(
        model_a=row.model_b,
        model_b=row.model_a,
        mean_diff=_minus(row.mean_diff),
        ci_low=_minus(row.ci_high),
        ci_high=_minus(row.ci_low),
        p_worse=row.p_better,
        p_better=row.p_worse,
        verdict=opposite.get(row.verdict, row.verdict),  # type: ignore[arg-type]  # a word maps to a word
    )


def _numbers(row: Comparison, mean: float) -> str:
    parts = [in_words(mean, row.metric, signed=True)]
    if row.ci_low is not None and row.ci_high is not None:
        parts[0] += f" [95% CI {in_words(row.ci_low, row.metric)}, {in_words(row.ci_high, row.metric)}]"
    if row.p is not None and row.p_holm is not None:
        parts.append(f"p {p_in_words(row.p)}, Holm {p_in_words(row.p_holm)}")
    if row.verdict == "equivalent" and row.p_equivalent is not None:
        parts.append(f"P(within the margin)={row.p_equivalent:.2f}")
    if row.verdict == "undecided":
        parts.append("which does not show that they are equal")
    return "; ".join(parts)


def _leading(
    ranked: Sequence[LeaderboardRow], pairs: Mapping[tuple[str, str], Comparison], metric: str, alpha: float
) -> str:
    if len(ranked) < 2:
        return ""
    first = ranked[0]
    if not first.group:
        return f"{first.model} ranks first under {metric}; nothing could be tested."
    tied = [row.model for row in ranked[1:] if share_group(row.group, first.group)]
    words = {pairs[pair].verdict for pair in pairs if pair[0] == first.model}
    words |= {turned(pairs[pair]).verdict for pair in pairs if pair[1] == first.model}
    if words == {"better"}:
        return f"{first.model} is better than every other model under {metric} (family-wise level {alpha:g})."
    if not tied:
        return f"{first.model} ranks first under {metric}."
    shown = ", ".join(tied[:5]) + (f" and {len(tied) - 5} more" if len(tied) > 5 else "")
    return f"{first.model} ranks first under {metric}, but cannot be told apart from {shown}."


def _minus(value: float | None) -> float | None:
    return None if value is None else -value
