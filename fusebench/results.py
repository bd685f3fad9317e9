"""The tidy outcome of a run: what the reports and the verdicts read."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

SCHEMA_VERSION = 1
Kind = Literal["learner", "fusion", "reference"]


class Score(NamedTuple):
    """One score; higher is better for every metric."""

    dataset: str
    target: str
    model: str
    kind: str
    repeat: int
    fold: int
    metric: str
    score: float


class Cost(NamedTuple):
    """What one model cost on one outer split.

    Seconds, bytes; None where it was not measured. For a fusion: the marginal cost, that is, of the fusion alone.
    """

    dataset: str
    target: str
    model: str
    kind: str
    repeat: int
    fold: int
    fits: int
    fit_cpu_seconds: float | None
    fit_wall_seconds: float | None
    predict_seconds: float | None
    bytes: int | None
    peak_memory_bytes: int | None


class Failure(NamedTuple):
    """One thing that failed; the model has no score on that split."""

    dataset: str
    target: str
    model: str
    repeat: int
    fold: int
    stage: str
    reason: str
    detail: str


class Contribution(NamedTuple):
    """What one member adds to the held-out score of a fusion, mean over splits.

    Attributes
    ----------
    shapley : float or None
        Its Shapley value; None where the fusion cannot be made of fewer members.
    leave_one_out : float or None
        Score of the fusion minus that of the fusion of all other members.
    error : float
        0 for exact values; else half the width of a 95% interval of the sampled value.
    """

    dataset: str
    target: str
    fusion: str
    member: str
    metric: str
    shapley: float | None
    leave_one_out: float | None
    error: float = 0.0


class Importance(NamedTuple):
    """How much worse a model scores on held-out rows when one feature is shuffled; a row of ``importance.csv``.

    Attributes
    ----------
    importance : float
        Mean fall of the score over splits and shuffles; below zero the model is better without the feature.
    sd : float or None
        Standard deviation over splits; None with one split.
    """

    dataset: str
    target: str
    model: str
    feature: str
    importance: float
    sd: float | None
    metric: str


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """What is known about one dataset of a run.

    Parameters
    ----------
    name, target, target_type : str
        The prediction problem.
    n_samples, n_features, n_classes : int
        Its size; `n_classes` is 0 for regression.
    fingerprint : str
        Digest of the content.
    preprocessing : str
        Digest of what the dataset's entry does to the rows before any split (drop, dedupe, na_values).
    fold_hashes : mapping of (repeat, fold) to str
        Digest of the test rows of each outer split.
    n_train, n_test : mapping of (repeat, fold) to int
        Rows on each side of each outer split.
    notes : tuple of str
        What a reader should know.
    """

    name: str
    target: str
    target_type: str
    n_samples: int
    n_features: int
    n_classes: int
    fingerprint: str
    preprocessing: str
    fold_hashes: Mapping[tuple[int, int], str]
    n_train: Mapping[tuple[int, int], int]
    n_test: Mapping[tuple[int, int], int]
    notes: tuple[str, ...] = ()

    @property
    def test_train_ratio(self) -> float:
        """Mean test rows over mean training rows, the c of the corrected t-test."""
        return sum(self.n_test.values()) / sum(self.n_train.values())


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What is known about one model of a run.

    Parameters
    ----------
    id : str
        The id in the spec, or a reserved one.
    kind : {"learner", "fusion", "reference"}
        What it is.
    type : str
        Its type in the spec.
    members : tuple of str
        For a fusion: its members. Empty for a learner.
    order : int
        Position in the spec, references last.
    alone : bool
        Whether a fusion predicts without its members, with models of its own.
    variant_of : str
        For a compressed fusion: the fusion in the spec.
    """

    id: str
    kind: Kind
    type: str
    members: tuple[str, ...] = ()
    order: int = 0
    alone: bool = False
    variant_of: str = ""


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything a run found.

    Parameters
    ----------
    name : str
        The spec's name.
    spec : mapping
        The resolved spec, as plain data.
    metrics : tuple of str
        In spec order; the first one that applies to a dataset ranks there.
    models : tuple of ModelFacts
        Learners and fusions in spec order, then references.
    datasets : tuple of DatasetFacts
        In spec order; one per (dataset, target).
    scores, costs, failures : tuple
        Sorted rows.
    environment : mapping
        Versions, platform, cores.
    notes : tuple of str
        What a reader should know about the whole run.
    totals : mapping
        ``{(dataset, target, model): (fits, CPU seconds, wall seconds)}`` of everything that the model needs from
        scratch: for a learner all its fits, inner ones too; for a fusion its own work and all its members'.
    explanations : mapping
        ``{(dataset, target, model, repeat, fold): explain()}`` of the fusions.
    latencies : mapping
        ``{(dataset, target, model): {batch size: seconds}}`` that a warm model takes to answer a batch of raw rows; a
        fusion with all the members that it uses. A size that would have taken too long to measure is absent.
    contributions : tuple of Contribution
        Empty unless it was asked for.
    diagnoses : tuple of mapping
        Per dataset what explains its predictions: calibration, diversity, where fusions win. Empty unless asked for.
    importances : tuple of Importance
        Empty unless it was asked for; most important feature of a model first.
    complete : bool
        Whether every planned task ended; False after a time limit or an interrupt.
    """

    name: str
    spec: Mapping[str, Any]
    metrics: tuple[str, ...]
    models: tuple[ModelFacts, ...]
    datasets: tuple[DatasetFacts, ...]
    scores: tuple[Score, ...]
    costs: tuple[Cost, ...]
    failures: tuple[Failure, ...]
    environment: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    totals: Mapping[tuple[str, str, str], tuple[int, float, float]] = field(default_factory=dict)
    explanations: Mapping[tuple[str, str, str, int, int], Mapping[str, Any]] = field(default_factory=dict)
    latencies: Mapping[tuple[str, str, str], Mapping[int, float]] = field(default_factory=dict)
    contributions: tuple[Contribution, ...] = ()
    diagnoses: tuple[Mapping[str, Any], ...] = ()
    importances: tuple[Importance, ...] = ()
    complete: bool = True


Cell = tuple[str, str, str, int, int, str]
"""Dataset, target, model, repeat, fold and metric of one score."""


def expected_cells(results: Results, inapplicable: frozenset[tuple[str, str, str]]) -> Iterator[Cell]:
    """Yield every cell that a run's models, folds and metrics make, but those of models that cannot predict a target.

    A metric belongs to the targets that have some score under it.
    """
    metrics: dict[tuple[str, str], dict[str, None]] = {}
    for row in results.scores:
        metrics.setdefault((row.dataset, row.target), {})[row.metric] = None
    for facts in results.datasets:
        for model in results.models:
            if (facts.name, facts.target, model.id) not in inapplicable:
                for repeat, fold in sorted(facts.fold_hashes):
                    for metric in metrics.get((facts.name, facts.target), ()):
                        yield facts.name, facts.target, model.id, repeat, fold, metric


def inapplicable_models(results: Results) -> frozenset[tuple[str, str, str]]:
    """Return the (dataset, target, model) without any score or failure: the model cannot predict this kind of target.

    Of a run that did not end nothing can be said: what is missing may only not have been reached.
    """
    if not results.complete:
        return frozenset()
    rows: Iterable[Score | Failure] = itertools.chain(results.scores, results.failures)
    seen = {(row.dataset, row.target, row.model) for row in rows}
    everything = {(facts.name, facts.target, model.id) for facts in results.datasets for model in results.models}
    return frozenset(everything - seen)


def applicable(results: Results, metric: str) -> set[tuple[str, str]]:
    """Return the (dataset, target) pairs that a metric applies to.

    A dataset on which every model failed has no score to tell; it goes with the others of its kind.
    """
    seen: dict[tuple[str, str], set[str]] = {}
    for score in results.scores:
        seen.setdefault((score.dataset, score.target), set()).add(score.metric)
    kinds = {_kind(facts) for facts in results.datasets if metric in seen.get((facts.name, facts.target), ())}
    found = set()
    for facts in results.datasets:
        metrics = seen.get((facts.name, facts.target))
        if metric in metrics if metrics else (_kind(facts) in kinds or not kinds):
            found.add((facts.name, facts.target))
    return found


def _kind(facts: DatasetFacts) -> bool:
    return facts.target_type == "continuous"


def failed_cells(results: Results) -> list[Cell]:
    """Return the cells without a score although their model can predict the target, sorted."""
    there = {(*row[:3], row.repeat, row.fold, row.metric) for row in results.scores}
    return sorted(set(expected_cells(results, inapplicable_models(results))) - there)
