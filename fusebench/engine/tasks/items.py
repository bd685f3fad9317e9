"""The work items: each names what a worker is to make."""

from __future__ import annotations

from typing import Literal, NamedTuple

from fusebench.engine.splits import Part

LATENCIES = ("latency", "among", "checks")  # what entries hold by batch size; see `latencies`
MEASURED_SPLIT = (0, 0)  # size and latency of the fitted model are taken on one split per dataset
Stage = Literal["test", "oof"]


class EncodeItem(NamedTuple):
    """Encode one part once for several learners."""

    problem: int
    part: Part
    learner: str
    path: str


class FitItem(NamedTuple):
    """Fit a learner on one part and predict the part's held-out rows.

    `encoded` is where the part's encoded features are; `shares_bins` is whether other learners fit on the same bins.
    """

    problem: int
    learner: str
    part: Part
    encoded: str | None = None
    shares_bins: bool = False


class FuseItem(NamedTuple):
    """Fit a fusion on one outer split's out-of-fold predictions and predict."""

    problem: int
    fusion: str
    repeat: int
    fold: int
    stage: Stage = "test"
    without: tuple[str, ...] = ()


class ScoreItem(NamedTuple):
    """Score a model on the outer splits that it has predictions for."""

    problem: int
    model: str
    splits: tuple[tuple[int, int, tuple[str, ...]], ...]
    all_fits: tuple[str, ...] = ()


class ExplainItem(NamedTuple):
    """Explain a fusion on one outer split; no model: what all models answer there."""

    problem: int
    model: str
    repeat: int
    fold: int


Item = EncodeItem | FitItem | FuseItem | ScoreItem | ExplainItem
