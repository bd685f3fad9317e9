"""Scores of one metric: models in columns, folds in rows, one block a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fusebench.results import DatasetFacts, Results, applicable, inapplicable_models

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Block:
    """The scores on one dataset.

    Parameters
    ----------
    dataset : str
    folds : tuple of (str, str)
        Repeat and fold of each row.
    scores : ndarray of shape (n_folds, n_models)
        Higher is better; NaN where a score is missing.
    test_train_ratio : float, optional
        Test rows over training rows. None: the one row holds means, and there is nothing to test on this dataset.
    n_repeats : int, default=1
    """

    dataset: str
    folds: tuple[tuple[str, str], ...]
    scores: Floats
    test_train_ratio: float | None
    n_repeats: int = 1

    @property
    def means(self) -> Floats:
        """Mean score of each model, NaN where a fold is missing; shape (n_models,)."""
        means: Floats = self.scores.mean(axis=0)
        return means

    @property
    def testable(self) -> bool:
        """Whether there are folds to test over."""
        return self.test_train_ratio is not None and len(self.scores) >= 2


@dataclass(frozen=True, kw_only=True)
class ScoreTable:
    """The scores of one metric.

    Parameters
    ----------
    metric : str
    models : tuple of str
        Names of the columns.
    blocks : tuple of Block
        One a dataset.
    warnings : tuple of str
        What was assumed while it was read.
    """

    metric: str
    models: tuple[str, ...]
    blocks: tuple[Block, ...]
    warnings: tuple[str, ...] = ()

    @property
    def means(self) -> Floats:
        """Mean scores, (n_datasets, n_models); NaN where a fold is missing."""
        return np.stack([block.means for block in self.blocks]) if self.blocks else np.empty((0, len(self.models)))

    def only(self, models: tuple[str, ...]) -> ScoreTable:
        """Return the table with these columns, in this order."""
        at = [self.models.index(model) for model in models]
        blocks = tuple(replace(block, scores=block.scores[:, at]) for block in self.blocks)
        return replace(self, models=models, blocks=blocks)

    def imputed(self) -> ScoreTable:
        """Return the table with each missing score replaced by the worst one of its fold, saying which.

        Notes
        -----
        A fold on which no model has a score is dropped.
        """
        blocks, filled = [], dict.fromkeys(self.models, 0)
        for block in self.blocks:
            missing = np.isnan(block.scores)
            kept: NDArray[np.bool_] = np.asarray(~missing.all(axis=1))
            if not kept.any():
                continue
            worst = np.where(missing, np.inf, block.scores).min(axis=1, keepdims=True)
            for at, model in enumerate(self.models):
                filled[model] += int(missing[kept, at].sum())
            folds = tuple(fold for fold, keep in zip(block.folds, kept.tolist(), strict=True) if keep)
            blocks.append(replace(block, folds=folds, scores=np.where(missing, worst, block.scores)[kept]))
        words = [
            f"imputed: {count} missing score{'s' * (count > 1)} of {model} took the worst score of their fold"
            for model, count in filled.items()
            if count
        ]
        return replace(self, blocks=tuple(blocks), warnings=(*self.warnings, *words))


def from_results(results: Results, metric: str) -> ScoreTable:
    """Return the scores of a run under one metric, a column for every model that can predict such targets.

    Datasets to which the metric does not apply are left out; splits without a score are NaN.
    """
    applies = applicable(results, metric)
    unable = inapplicable_models(results)
    models = tuple(one.id for one in results.models if any((*where, one.id) not in unable for where in applies))
    column = {model: at for at, model in enumerate(models)}
    labels = dataset_labels(results)
    cells: dict[tuple[str, str], dict[tuple[int, int], Floats]] = {}
    for facts in results.datasets:
        where = (facts.name, facts.target)
        if where in applies:
            cells[where] = {key: np.full(len(models), np.nan) for key in sorted(facts.fold_hashes)}
    for score in results.scores:
        if score.metric == metric and score.model in column:
            rows = cells.setdefault((score.dataset, score.target), {})
            row = rows.setdefault((score.repeat, score.fold), np.full(len(models), np.nan))
            row[column[score.model]] = score.score
    facts_of = {(facts.name, facts.target): facts for facts in results.datasets}
    blocks = tuple(
        Block(
            dataset=labels[where],
            folds=tuple((str(repeat), str(fold)) for repeat, fold in rows),
            scores=np.where(np.isfinite(found := np.stack(list(rows.values()))), found, np.nan),
            test_train_ratio=_ratio(facts_of[where]),
            n_repeats=len({repeat for repeat, _ in rows}),
        )
        for where, rows in cells.items()
        if rows
    )
    return ScoreTable(metric=metric, models=models, blocks=blocks)


def dataset_labels(results: Results) -> Mapping[tuple[str, str], str]:
    """Return how each (dataset, target) is named: by the dataset alone where it has one target."""
    names = [facts.name for facts in results.datasets]
    return {
        (facts.name, facts.target): facts.name if names.count(facts.name) == 1 else f"{facts.name}:{facts.target}"
        for facts in results.datasets
    }


def _ratio(facts: DatasetFacts) -> float | None:
    return facts.test_train_ratio if sum(facts.n_train.values()) > 0 else None
