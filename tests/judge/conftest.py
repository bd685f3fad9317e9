"""Small results, made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fusebench.results import Cost, DatasetFacts, Failure, ModelFacts, Results, Score


def facts(name="d", target="y", n_splits=5, n_repeats=1, fingerprint="f", preprocessing="p", prefix="h"):
    keys = [(r, i) for r in range(n_repeats) for i in range(n_splits)]
    tested = 100 // max(n_splits, 2)
    return DatasetFacts(
        name=name, target=target, target_type="multiclass", n_samples=100, n_features=3, n_classes=3,
        fingerprint=fingerprint + name, preprocessing=preprocessing,
        fold_hashes={key: f"{prefix}{key}" for key in keys},
        n_train=dict.fromkeys(keys, 100 - tested), n_test=dict.fromkeys(keys, tested),
    )  # fmt: skip


def kind_of(model):
    if model in ("best_single", "uniform_average", "oracle"):
        return "reference"
    return "fusion" if model.startswith("fuse") else "learner"


def build(columns, *, datasets=None, metrics=("accuracy",), complete=True, spec=None, **environment):
    """Return results; `columns` maps model to {dataset: fold scores}, or to fold scores of the one dataset 'd'."""
    datasets = datasets or [facts(n_splits=len(next(iter(columns.values()))))]
    scores, costs, failures = [], [], []
    for model, given in columns.items():
        per_dataset = given if isinstance(given, dict) else {datasets[0].name: given}
        for one in datasets:
            for (repeat, fold), value in zip(one.fold_hashes, per_dataset[one.name], strict=True):
                head = (one.name, one.target, model)
                if np.isnan(value):
                    failures.append(Failure(*head, repeat, fold, "fit", "error", "ValueError: no"))
                    continue
                scores.extend(Score(*head, kind_of(model), repeat, fold, metric, float(value)) for metric in metrics)
                costs.append(Cost(*head, kind_of(model), repeat, fold, 1, 0.5, 0.6, 0.02, 1000, None))
    return Results(
        name="tiny", spec=spec or {"name": "tiny", "cv": {"type": "kfold"}}, metrics=tuple(metrics),
        models=tuple(
            ModelFacts(
                id=model, kind=kind_of(model), type="x", members=("rf",) if kind_of(model) == "fusion" else (), order=at
            )
            for at, model in enumerate(columns)
        ),
        datasets=tuple(datasets), scores=tuple(sorted(scores)), costs=tuple(sorted(costs, key=lambda row: row[:6])),
        failures=tuple(sorted(failures)), complete=complete,
        environment={"python": "3.11", "platform": "Linux", "cores": 2, "versions": {"numpy": "2"}} | environment,
        totals={(one.name, one.target, model): (15, 3.0, 4.0) for one in datasets for model in columns},
    )  # fmt: skip


@pytest.fixture
def make_results():
    return build


@pytest.fixture
def make_facts():
    return facts
