"""What limits the numbers, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fusebench.judge.pairs import N_DRAWS, Pairs, min_datasets
from fusebench.judge.scoretable import ScoreTable
from fusebench.results import Results


def about_run(results: Results) -> Iterator[str]:
    """Yield what holds for a whole run."""
    if not results.complete:
        yield "the run is not complete: these numbers cover what was finished"
    cv = results.spec.get("cv")
    if isinstance(cv, dict) and cv.get("type") == "time_series":
        yield "time-series splits: the corrected t-test is a rough guide there, because it assumes random splits"


def about_table(table: ScoreTable, margin: float | None) -> Iterator[str]:
    """Yield what the folds of a table cannot show."""
    weak = [block for block in table.blocks if block.testable and block.n_repeats == 1 and len(block.folds) <= 5]
    if weak:
        yield (
            f"low power: {_datasets(len(weak), len(table.blocks))} at most 5 folds in one repeat, so that real "
            "differences are often missed; more repeats (cv.n_repeats) show more"
        )
    single = [block for block in table.blocks if block.test_train_ratio is not None and len(block.folds) == 1]
    if single:
        where = _datasets(len(single), len(table.blocks), singular=True)
        yield f"no test and no interval over folds: {where} one fold only"
    if margin is None:
        yield f"{table.metric}: practical equivalence is not judged, because no margin is given for this metric"
    for at, model in enumerate(table.models):
        lost = [block.dataset for block in table.blocks if np.isnan(block.scores[:, at]).any()]
        if lost:
            where = f"on {lost[0]}" if len(lost) == 1 else f"on {len(lost)} datasets"
            yield f"{table.metric}: {model} lacks scores {where}; it has no mean there and is not compared"


def about_datasets(metric: str, n_datasets: int, pairs: Pairs, n_models: int, alpha: float) -> Iterator[str]:
    """Yield what so many datasets cannot show."""
    needed = min_datasets(len(pairs.a), alpha)
    if n_datasets < needed:
        yield (
            f"too few datasets: with {n_models} models no difference across datasets can be significant below {needed} "
            f"datasets, and there {'is' if n_datasets == 1 else 'are'} {n_datasets}; only ranks are shown across them"
        )
    if 0 < pairs.n_draws < N_DRAWS:
        yield (
            f"{metric}: posterior probabilities across datasets come from {pairs.n_draws:,} draws to bound time "
            f"(standard error at most {0.5 / pairs.n_draws**0.5:.3f})"
        )


def _datasets(some: int, all_of_them: int, *, singular: bool = False) -> str:
    if all_of_them == 1:
        return "there is" if singular else "there are"
    return f"{some} of {all_of_them} datasets have"
