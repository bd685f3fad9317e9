"""Results made by hand, with every kind of thing that a report shows."""

from __future__ import annotations

import numpy as np
import pytest

from fusebench.results import Contribution, Cost, DatasetFacts, Failure, ModelFacts, Results, Score


def build(n_datasets=3, learners=("lr", "rf", "svm"), fusions=("vote", "stack"), datasets=None, metrics=("accuracy",)):
    """Return results of a suite; the same numbers every time."""
    references = ("best_single", "uniform_average", "oracle")
    kinds = {
        **dict.fromkeys(learners, "learner"), **dict.fromkeys(fusions, "fusion"), **dict.fromkeys(references, "reference")
    }  # fmt: skip
    names = datasets or [f"data{at}" for at in range(n_datasets)]
    splits = [(0, fold) for fold in range(5)]
    draws = np.random.default_rng(7)
    scores, costs = [], []
    for name in names:
        hard = draws.uniform(0.6, 0.9)
        for at, (model, kind) in enumerate(kinds.items()):
            for repeat, fold in splits:
                if (name, model) == (names[0], learners[-1]) and fold == 2:
                    continue
                value = round(hard + 0.01 * at + draws.normal(0, 0.01), 4)
                scores += [Score(name, "y", model, kind, repeat, fold, metric, value) for metric in metrics]
                costs.append(
                    Cost(name, "y", model, kind, repeat, fold, 1, 0.5 + at, 0.6 + at, 0.01, 1000 * (1 + at), 10**8)
                )
    members = tuple(learners)
    return Results(
        name="suite", spec={"name": "suite", "cv": {"type": "kfold", "n_splits": 5}, "resources": {"watts": 9}},
        metrics=tuple(metrics),
        models=tuple(
            ModelFacts(id=model, kind=kind, type="x", members=() if kind == "learner" else members, order=at)
            for at, (model, kind) in enumerate(kinds.items())
        ),
        datasets=tuple(
            DatasetFacts(
                name=name, target="y", target_type="binary", n_samples=100, n_features=4, n_classes=2, fingerprint="f" * 64,
                preprocessing="p", fold_hashes={split: f"h{split}" for split in splits},
                n_train=dict.fromkeys(splits, 80), n_test=dict.fromkeys(splits, 20),
            )
            for name in names
        ),
        scores=tuple(sorted(scores)), costs=tuple(sorted(costs, key=lambda row: row[:6])),
        failures=(Failure(names[0], "y", learners[-1], 0, 2, "fit", "ValueError", "too <b>few</b> rows"),),
        environment={"python": "3.11.2", "platform": "Linux", "cores": 2, "versions": {"numpy": "2.0", "fusebench": "0.1.0"}},
        totals={(name, "y", model): (15, 3.0 + at, 4.0 + at) for name in names for at, model in enumerate(kinds)},
        explanations={
            (name, "y", fusion, *split): {"weights": [1 / len(members)] * len(members)}
            for name in names for fusion in fusions for split in splits
        },
        latencies={(name, "y", model): {1: 1e-3 * (1 + at), 100: 2e-3} for name in names for at, model in enumerate(kinds)},
        contributions=tuple(
            Contribution(name, "y", fusion, member, metrics[0], 0.01 * (at + 1), 0.002 * at)
            for name in names for fusion in fusions for at, member in enumerate(members)
        ),
        diagnoses=tuple(
            {
                "dataset": name, "target": "y",
                "calibration": [
                    {"model": model, "ece": 0.05, "brier": 0.2, "bins": [[0, 0.0, 0.0]] * 5 + [[4, 3.0, 3]] * 5}
                    for model in (*fusions, "best_single")
                ],
                "diversity": [
                    {"a": members[0], "b": members[1], "disagreement": 0.1, "q": 0.9, "double_fault": 0.05,
                     "error_correlation": None}
                ],
                "wins": [{"fusion": fusion, "right": 3, "wrong": 1, "both_wrong": 6} for fusion in fusions],
            }
            for name in names
        ),
    )  # fmt: skip


@pytest.fixture
def make_suite():
    return build
