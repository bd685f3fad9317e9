"""Time ensemble_selection against AutoGluon's EnsembleSelection on the same predictions, in one process.

    pip install --no-deps autogluon.core==1.6.0 autogluon.common==1.6.0 autogluon.features==1.6.0
    python benchmarks/speed/ensemble_selection.py [--rows 100000] [--only roc_auc] [--without-autogluon]

Each line: the task, seconds of either tool (the best of `--repeats`), their ratio, and whether the weights are equal.
The last lines are the peak of memory at 1,000,000 rows x 20 members x 2 classes, input included, over the input's size.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc

import numpy as np

from fusebench.fusions.base import Context
from fusebench.fusions.ensemble_selection import EnsembleSelection

N_MEMBERS, N_ITERATIONS = 20, 40
# AutoGluon's metric, scikit-learn's name, classes, share of the rows
TASKS = [
    ("roc_auc", "roc_auc", 2, 1.0),
    ("accuracy", "accuracy", 5, 1.0),
    ("log_loss", "neg_log_loss", 2, 1.0),
    ("log_loss", "neg_log_loss", 3, 0.2),
]


def predictions(n_samples, n_classes, seed=0):
    """Return (P, y): members of different quality that share a part of their errors."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_samples)
    logits = 1.2 * np.eye(n_classes)[y][:, None] + rng.normal(size=(n_samples, 1, n_classes))
    logits = logits + rng.normal(size=(n_samples, N_MEMBERS, n_classes)) * rng.uniform(0.6, 3, N_MEMBERS)[:, None]
    P = np.exp(logits)
    return P / P.sum(axis=2, keepdims=True), y


def context_of(P, metric):
    """Return a context with what selection reads; the metrics timed here have their own formulas."""
    n_classes = P.shape[2]
    return Context(
        target_type="binary" if n_classes == 2 else "multiclass",
        classes=np.arange(n_classes),
        members=tuple(f"m{member}" for member in range(P.shape[1])),
        labels=np.empty((0, P.shape[1]), dtype=int),
        score=lambda *_: float("nan"),
        metric=metric,
        fit_learner=None,
    )


def select(P, y, metric):
    """Return this project's weights."""
    fusion = EnsembleSelection(n_iterations=N_ITERATIONS, compat="autogluon")
    return fusion.fit(P, y, context_of(P, metric)).weights_


def select_autogluon(P, y, metric):
    """Return AutoGluon's weights."""
    from autogluon.core import metrics
    from autogluon.core.models.greedy_ensemble.ensemble_selection import EnsembleSelection as Peer

    binary = P.shape[2] == 2
    members = [np.ascontiguousarray(P[:, member, 1] if binary else P[:, member]) for member in range(P.shape[1])]
    peer = Peer(N_ITERATIONS, problem_type="binary" if binary else "multiclass", metric=getattr(metrics, metric))
    return peer.fit(members, y).weights_


def best_time(function, *arguments, repeats):
    """Return (seconds, result) of the fastest call."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function(*arguments)
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", help="one of AutoGluon's metrics")
    parser.add_argument("--without-autogluon", action="store_true")
    options = parser.parse_args()
    print(f"{'task':<34}{'fusebench s':>12}{'autogluon s':>13}{'ratio':>8}  same weights")
    for theirs, ours, n_classes, share in TASKS:
        if options.only not in (None, theirs):
            continue
        P, y = predictions(int(options.rows * share), n_classes)
        seconds, weights = best_time(select, P, y, ours, repeats=options.repeats)
        line = f"{f'{theirs}, {n_classes} classes, {len(y)} rows':<34}{seconds:>12.3f}"
        if not options.without_autogluon:
            peer_seconds, peer_weights = best_time(select_autogluon, P, y, theirs, repeats=1)
            same = np.array_equal(weights, peer_weights)
            line += f"{peer_seconds:>13.3f}{peer_seconds / seconds:>8.1f}  {same}"
        print(line, flush=True)
    P, y = predictions(1_000_000, 2)
    for metric in ("roc_auc", "accuracy", "neg_log_loss"):
        tracemalloc.start()
        EnsembleSelection(n_iterations=2).fit(P, y, context_of(P, metric))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"memory at 1,000,000 rows, {metric}: {1 + peak / P.nbytes:.2f} times the input")


if __name__ == "__main__":
    main()
