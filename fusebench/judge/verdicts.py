"""The rows that a comparison of models gives; their fields are the columns of the tables, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from fusebench.judge.compressed import Compressed
from fusebench.judge.distilled import Distilled
from fusebench.judge.regret import Regret

Verdict = Literal["better", "worse", "equivalent", "undecided", "identical"]


class Comparison(NamedTuple):
    """Model a against model b; one row of ``comparisons.csv``.

    Attributes
    ----------
    dataset : str
        Empty: across datasets.
    method : {"corrected_t", "wilcoxon_exact"}
        Over the folds of one dataset, or over the means of several.
    mean_diff : float or None
        Score of a minus score of b; None where a model has no complete scores.
    se : float or None
        Standard error of the corrected t; None across datasets.
    ci_low, ci_high : float or None
        95% interval of the mean difference.
    p, p_holm : float or None
        Two-sided, and adjusted over all pairs of the same dataset and metric; None where there is no variance.
    p_worse, p_equivalent, p_better : float or None
        Posterior probabilities that a is worse than b by more than the margin, within it, better by more than it.
        None where no margin is known for the metric. Not adjusted for the number of comparisons.
    verdict : {"better", "worse", "equivalent", "undecided", "identical"}
        Of a against b.
    """

    dataset: str
    metric: str
    model_a: str
    model_b: str
    method: str
    mean_diff: float | None
    se: float | None
    ci_low: float | None
    ci_high: float | None
    p: float | None
    p_holm: float | None
    p_worse: float | None
    p_equivalent: float | None
    p_better: float | None
    verdict: Verdict


class LeaderboardRow(NamedTuple):
    """One model under one metric; one row of ``leaderboard.csv``.

    Attributes
    ----------
    rank : float or None
        Place by mean score on one dataset, mean rank across several (ties averaged). None for the oracle, which cannot
        be deployed, and for a model with failures on one dataset. Across several, a failure takes the worst rank.
    mean_score : float or None
        Mean over folds, then datasets. None when any fold failed.
    ci_low, ci_high : float or None
        95% interval of the mean: corrected t over folds, or percentile bootstrap over datasets.
    diff_best_single : float or None
        Mean score minus that of the reference ``best_single``.
    verdict : str
        Against ``best_single``; empty for itself and where the two cannot be compared.
    group : str
        Letters; models that cannot be told apart share one. Empty where nothing was tested.
    fit_seconds_marginal : float or None
        CPU seconds of the model's own outer fits (a fusion: of the fusion alone), summed over the suite.
    fit_seconds_total : float or None
        CPU seconds of everything the model needs from scratch, inner fits and members too.
    predict_us_per_row : float or None
        Microseconds per predicted row.
    bytes : int or None
        Mean size of a fitted model.
    failures : str
        For example ``"3/5 folds failed"``; empty when there were none.
    """

    model: str
    kind: str
    metric: str
    rank: float | None
    mean_score: float | None
    ci_low: float | None
    ci_high: float | None
    diff_best_single: float | None
    verdict: str
    group: str
    fit_seconds_marginal: float | None
    fit_seconds_total: float | None
    predict_us_per_row: float | None
    bytes: int | None
    failures: str


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """What can be said about the models of a run.

    Parameters
    ----------
    leaderboard : tuple of LeaderboardRow
        By metric in spec order, best first; the oracle last.
    comparisons : tuple of Comparison
        Across datasets first, then per dataset; all pairs of models but the oracle.
    warnings : tuple of str
        What limits these numbers, one sentence each: low power, too few datasets, failures, rough intervals.
    sentences : tuple of str
        The findings in words, most important first.
    per_dataset : mapping of str to tuple of LeaderboardRow
        The leaderboard of each dataset; the same rows as `leaderboard` when there is one dataset.
    costs : tuple of ModelCosts
        What each model costs on each dataset.
    fronts : mapping
        ``{metric: {cost: models}}``: the models that no other beats in score at no more of that cost.
    datasets : tuple of str
        How the datasets are named here: ``name``, or ``name:target`` where a dataset has several targets.
    compressed : tuple of Compressed
        Every fusion that has compressed forms, followed by them, by metric.
    distilled : tuple of Distilled
        What every distilled student keeps of its teacher, by metric.
    regrets : tuple of Regret
        What each adaptive fusion lost against its best candidate in hindsight.
    """

    leaderboard: tuple[LeaderboardRow, ...]
    comparisons: tuple[Comparison, ...]
    warnings: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    per_dataset: Mapping[str, tuple[LeaderboardRow, ...]] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()
    regrets: tuple[Regret, ...] = ()
    compressed: tuple[Compressed, ...] = ()
    distilled: tuple[Distilled, ...] = ()
    costs: tuple[Any, ...] = ()
    fronts: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
