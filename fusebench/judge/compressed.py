"""Compressed fusions beside the full ones: what each scores and costs, and which nobody beats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from fusebench.results import Results

if TYPE_CHECKING:
    from fusebench.judge.verdicts import LeaderboardRow

COSTS = {"bytes": "bytes", "latency": "predict_us_per_row", "cpu": "fit_seconds_total"}
"""The costs that the score is set against, by the column of the leaderboard."""


class Compressed(NamedTuple):
    """A fusion or one of its compressed forms, over all datasets; a row of ``compressed.csv``.

    Attributes
    ----------
    fusion : str
        The fusion in the spec.
    model : str
        Itself (the first row of each fusion), or a compressed form.
    mean_score, difference : float or None
        Mean score, and the same less that of the full fusion.
    bytes, bytes_ratio : float or None
        Of the model with the members that it keeps, and relative to the full fusion.
    predict_us_per_row, latency_ratio : float or None
        The same of the time to predict a row.
    cpu_seconds, cpu_ratio : float or None
        The same of all fits from scratch, those that are compressed afterwards included.
    fronts : str
        The costs (``bytes latency cpu``) on whose Pareto front it is: no other row of the fusion scores higher at no
        more of that cost.
    """

    metric: str
    fusion: str
    model: str
    mean_score: float | None
    difference: float | None
    bytes: int | None
    bytes_ratio: float | None
    predict_us_per_row: float | None
    latency_ratio: float | None
    cpu_seconds: float | None
    cpu_ratio: float | None
    fronts: str


def compressed(results: Results, leaders: Sequence[LeaderboardRow]) -> tuple[Compressed, ...]:
    """Return the full and the compressed forms of every fusion that has some, by metric."""
    forms: dict[str, list[str]] = {}
    for model in results.models:
        if model.variant_of:
            forms.setdefault(model.variant_of, [model.variant_of]).append(model.id)
    rows: list[Compressed] = []
    for metric in results.metrics:
        board = {row.model: row for row in leaders if row.metric == metric}
        for fusion, models in forms.items():
            if fusion in board:
                rows.extend(_rows(metric, fusion, [board[one] for one in models if one in board]))
    return tuple(rows)


def _rows(metric: str, fusion: str, board: Sequence[LeaderboardRow]) -> Iterator[Compressed]:
    full = board[0]
    fronts = {cost: _front(board, column) for cost, column in COSTS.items()}
    for row in board:
        yield Compressed(
            metric=metric,
            fusion=fusion,
            model=row.model,
            mean_score=row.mean_score,
            difference=None if None in (row.mean_score, full.mean_score) else row.mean_score - full.mean_score,  # type: ignore[operator]  # neither is None
            bytes=row.bytes,
            bytes_ratio=_ratio(row.bytes, full.bytes),
            predict_us_per_row=row.predict_us_per_row,
            latency_ratio=_ratio(row.predict_us_per_row, full.predict_us_per_row),
            cpu_seconds=row.fit_seconds_total,
            cpu_ratio=_ratio(row.fit_seconds_total, full.fit_seconds_total),
            fronts=" ".join(cost for cost, models in fronts.items() if row.model in models),
        )


def _ratio(own: float | None, full: float | None) -> float | None:
    return own / full if own is not None and full else None


def _front(board: Sequence[LeaderboardRow], column: str) -> set[str]:
    points: Mapping[str, tuple[float, float]] = {
        row.model: (row.mean_score, cost)
        for row in board
        if row.mean_score is not None and (cost := getattr(row, column)) is not None
    }
    return {one for one in points if not dominated(one, points)}


def dominated(one: str, points: Mapping[str, tuple[float, float]]) -> bool:
    """Return whether another point scores as much at no more of the cost, and differs in one of them."""
    score, cost = points[one]
    return any(
        other != one and s >= score and c <= cost and (s > score or c < cost) for other, (s, c) in points.items()
    )
