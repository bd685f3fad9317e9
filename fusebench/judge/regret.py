"""What an adaptive fusion gave up: the choice that would have been best, known only in hindsight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from fusebench.judge.margins import in_words
from fusebench.judge.scoretable import ScoreTable
from fusebench.results import Results

CHOOSES = "adaptive"


class Regret(NamedTuple):
    """The score that choosing per split cost, against one candidate held fixed.

    Attributes
    ----------
    dataset : str
        Empty: one candidate for all datasets.
    model : str
        The fusion that chooses.
    best : str
        The candidate with the highest mean score, the first of equals.
    best_score, score : float
        Mean scores of the two.
    regret : float
        The first minus the second; negative where choosing per split did better than any fixed choice.
    """

    dataset: str
    metric: str
    model: str
    best: str
    best_score: float
    score: float
    regret: float


def regrets(results: Results, table: ScoreTable) -> tuple[Regret, ...]:
    """Return the regret of every adaptive fusion under one metric: across datasets first, then on each.

    Datasets on which the fusion lacks a score are left out, and so are candidates that lack one.
    """
    candidates = {one.id: one.members for one in results.models if one.type == CHOOSES}
    return tuple(row for model, members in candidates.items() for row in _of(model, members, table))


def in_sentences(rows: Iterable[Regret], metric: str) -> list[str]:
    """Return the regrets of one metric in words, one sentence per fusion."""
    found = [row for row in rows if row.metric == metric]
    said = []
    for model in dict.fromkeys(row.model for row in found):
        own = {row.dataset: row for row in found if row.model == model}
        inside = [row for dataset, row in own.items() if dataset]
        if "" in own:
            mean = sum(row.regret for row in inside) / len(inside)
            each = f"{in_words(mean, metric)} on average to the best choice for each of {len(inside)} datasets"
            overall = own[""]
            said.append(
                f"In hindsight {model} lost {each}, and {in_words(overall.regret, metric)} to the best one for all, "
                f"{overall.best} ({metric}; negative: it gained)."
            )
        elif inside:
            row = inside[0]
            said.append(
                f"In hindsight {model} lost {in_words(row.regret, metric)} to the best fixed choice on {row.dataset}, "
                f"{row.best} ({metric}; negative: it gained)."
            )
    return said


def _of(model: str, members: tuple[str, ...], table: ScoreTable) -> Iterator[Regret]:
    if model not in table.models:
        return
    columns = [table.models.index(member) for member in members if member in table.models]
    own = table.means[:, table.models.index(model)]
    scored = [at for at, score in enumerate(own.tolist()) if np.isfinite(score)]
    means: Mapping[str, np.ndarray] = {table.blocks[at].dataset: table.means[at] for at in scored}
    if len(scored) > 1:
        means = {"": table.means[scored].mean(axis=0), **means}
    for dataset, scores in means.items():
        known = [at for at in columns if np.isfinite(scores[at])]
        if not known:
            continue
        best = max(known, key=lambda at: float(scores[at]))
        mine = float(scores[table.models.index(model)])
        top = float(scores[best])
        yield Regret(dataset, table.metric, model, table.models[best], top, mine, top - mine)
