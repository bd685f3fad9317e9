"""Compare all models of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fusebench.judge import distilled, warn
from fusebench.judge.compressed import compressed
from fusebench.judge.costs import ORACLE
from fusebench.judge.leaderboard import leaderboard
from fusebench.judge.margins import margin_of
from fusebench.judge.modelcosts import model_costs, pareto_fronts
from fusebench.judge.pairs import Pairs, across, within
from fusebench.judge.regret import Regret, in_sentences, regrets
from fusebench.judge.scoretable import Block, ScoreTable, dataset_labels, from_results
from fusebench.judge.sentences import findings
from fusebench.judge.verdicts import Comparison, LeaderboardRow, Verdicts
from fusebench.results import Results


def compare(results: Results, *, alpha: float = 0.05, margins: Mapping[str, float] | None = None) -> Verdicts:
    """Return the comparisons, the leaderboard and what can be said about them.

    Parameters
    ----------
    results : Results
        What a run found.
    alpha : float, default=0.05
        Level of the family-wise error of all pairs on one dataset, or across datasets, under one metric; in (0, 1).
    margins : mapping of str to float, optional
        Differences that do not matter, per metric; 0.01 for accuracy and the areas under curves when not given.

    Notes
    -----
    On one dataset: corrected t over folds. Across datasets: exact signed-rank test over their means. Holm over all
    pairs of models but the oracle. O(n_datasets * n_folds * n_models^2) a metric.
    """
    leaders: list[LeaderboardRow] = []
    per_dataset: dict[str, list[LeaderboardRow]] = {}
    rows: list[Comparison] = []
    warnings: list[str] = list(warn.about_run(results))
    sentences: list[str] = []
    lost: list[Regret] = []
    students: list[distilled.Distilled] = []
    for metric in results.metrics:
        compared = _compare_metric(results, metric, alpha, margin_of(metric, margins))
        if compared is None:
            continue
        leaders.extend(compared.leaders)
        for dataset, leaders_there in compared.per_dataset.items():
            per_dataset.setdefault(dataset, []).extend(leaders_there)
        for pairs in compared.tested:
            rows.extend(pairs.rows(metric, compared.models))
        warnings.extend(compared.warnings)
        table = from_results(results, metric)
        lost.extend(regrets(results, table))
        students.extend(distilled.distilled(results, table))
        first, *others = findings(compared.leaders, rows, metric, alpha) or [""]
        sentences.extend(
            text
            for text in (first, *in_sentences(lost, metric), *distilled.in_sentences(students, metric), *others)
            if text
        )
    labels = dataset_labels(results)
    costs = model_costs(results)
    return Verdicts(
        leaderboard=tuple(leaders),
        comparisons=tuple(rows),
        warnings=tuple(dict.fromkeys(warnings)),
        sentences=tuple(sentences),
        per_dataset={label: tuple(per_dataset[label]) for label in labels.values() if label in per_dataset},
        datasets=tuple(labels.values()),
        regrets=tuple(lost),
        compressed=compressed(results, leaders),
        distilled=tuple(students),
        costs=costs,
        fronts=pareto_fronts(leaders, costs),
    )


@dataclass(frozen=True, kw_only=True)
class _Compared:
    """What one metric gave; `models` are those that `tested` numbers, the oracle not among them."""

    models: tuple[str, ...]
    tested: tuple[Pairs, ...]
    leaders: tuple[LeaderboardRow, ...]
    per_dataset: Mapping[str, tuple[LeaderboardRow, ...]]
    warnings: tuple[str, ...]


def _compare_metric(results: Results, metric: str, alpha: float, margin: float | None) -> _Compared | None:
    table = from_results(results, metric)
    if not table.blocks:
        return None
    models = tuple(model for model in table.models if model != ORACLE)
    ranked = table.only(models)
    inside = {
        block.dataset: within(block.dataset, block.scores, block.test_train_ratio or 0.0, margin=margin, alpha=alpha)
        for block in ranked.blocks
        if block.testable
    }
    per_dataset = {
        block.dataset: leaderboard(results, _of(table, block), inside.get(block.dataset), models)
        for block in table.blocks
    }
    if len(table.blocks) == 1:
        overall: Pairs | None = None
        said: tuple[str, ...] = ()
        leaders = per_dataset[table.blocks[0].dataset]
    else:
        overall, present, said = compare_datasets(ranked, alpha, margin)
        leaders = leaderboard(results, table, overall, present)
        if overall is not None and present != models:
            overall = overall.renumbered([models.index(model) for model in present])
    return _Compared(
        models=models,
        tested=(*((overall,) if overall is not None else ()), *inside.values()),
        leaders=leaders,
        per_dataset=per_dataset,
        warnings=(*said, *warn.about_table(ranked, margin)),
    )


def compare_datasets(
    table: ScoreTable, alpha: float, margin: float | None, baseline: int | None = None
) -> tuple[Pairs | None, tuple[str, ...], tuple[str, ...]]:
    """Compare models across the datasets on which all of them have complete scores.

    Returns
    -------
    pairs : Pairs or None
        None where no dataset is complete.
    models : tuple of str
        Those that `pairs` numbers: without the ones that have no complete dataset at all.
    warnings : tuple of str
        What was dropped, and what too few datasets cannot show.
    """
    means = table.means
    present = [at for at in range(len(table.models)) if np.isfinite(means[:, at]).any() or at == baseline]
    models = tuple(table.models[at] for at in present)
    complete = np.isfinite(means[:, present]).all(axis=1)
    warnings = [
        f"{table.models[at]} has no complete dataset under {table.metric} and is left out across datasets"
        for at in range(len(table.models))
        if at not in present
    ]
    if not complete.all():
        warnings.append(
            f"{table.metric}: {int((~complete).sum())} of {len(means)} datasets were dropped from the comparison "
            "across datasets, because a model has no complete scores there"
        )
    if not complete.any() or len(models) < 2:
        return None, models, tuple(warnings)
    at_baseline = None if baseline is None else present.index(baseline)
    pairs = across(means[complete][:, present], margin=margin, alpha=alpha, baseline=at_baseline)
    warnings.extend(warn.about_datasets(table.metric, int(complete.sum()), pairs, len(models), alpha))
    return pairs, models, tuple(warnings)


def _of(table: ScoreTable, block: Block) -> ScoreTable:
    return ScoreTable(metric=table.metric, models=table.models, blocks=(block,))
