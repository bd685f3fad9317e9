"""Items that fit a fusion on stored out-of-fold predictions and predict."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusebench.engine import latency
from fusebench.engine.asking import FreshAnswers
from fusebench.engine.blueprint import ORACLE
from fusebench.engine.fusing import (
    Predictions,
    Tensor,
    fuse_context,
    make_fusion,
    out_of_fold,
    predict_with,
    stack_predictions,
)
from fusebench.engine.measure import Measured, model_bytes
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.splits import Rows
from fusebench.engine.store import Entry
from fusebench.engine.tasks import latencies
from fusebench.engine.tasks.items import MEASURED_SPLIT, FuseItem
from fusebench.errors import FitError
from fusebench.fusions._references import oracle
from fusebench.fusions.base import AskMembers, Context, Related

if TYPE_CHECKING:
    from fusebench.engine.tasks.workbench import Workbench


def fuse(bench: Workbench, item: FuseItem) -> Entry:
    """Fit a fusion on the out-of-fold predictions of an outer split and predict its test part."""
    problem = bench.problem(item.problem)
    data = bench.data(problem)
    members = tuple(m for m in bench.blueprint.members_on(item.fusion, problem) if m not in item.without)
    split = (item.repeat, item.fold)
    tensor = bench.tensor(problem, members, split)
    rows, fold_of = data.splits.out_of_fold(*split)
    test = data.splits.outer[split].test
    if item.fusion == ORACLE:
        return _oracle_entry(tensor, data.y[test], problem)
    model = bench.blueprint.fusions[item.fusion]

    with_features = make_fusion(model.spec).reads_features(problem.target_type)

    def context_of(own: Rows, labels: NDArray[Any], folds: NDArray[Any] | None) -> Any:
        return fuse_context(bench.blueprint, problem, data, members, own, labels, folds, with_features=with_features)

    fit_context = replace(
        context_of(rows, tensor.oof_labels, fold_of),
        siblings=_siblings(bench, item.fusion, problem, rows),
        sources=tuple(_sources(bench, item.fusion)),
        ask_members=asking(bench, problem, members, split) if make_fusion(model.spec).asks_members else None,
    )
    with Measured() as fitting:
        if item.stage == "oof":
            fused = out_of_fold(model.spec, tensor, data.y[rows], fit_context)
            explanation: Mapping[str, Any] = {}
            fusion = None
        else:
            fusion = make_fusion(model.spec).fit(tensor.oof, data.y[rows], fit_context)
    begun = time.perf_counter()
    predicting = 0.0
    if fusion is not None:
        test_context = context_of(test, tensor.test_labels, None)
        fused = predict_with(fusion, tensor.test, test_context)
        predicting = time.perf_counter() - begun
        explanation = {**fusion.explain(), **fusion.usage(tensor.test, test_context)}
    is_measured = fusion is not None and split == MEASURED_SPLIT
    took = latency.Taken({}, {})
    if fusion is not None and is_measured:
        seconds = (fitting.wall + predicting, predicting)
        took = latencies.of_fusion(bench, problem, item.fusion, members, fusion, tensor, test_context.X, *seconds)
    return Entry(
        "fuse",
        {
            "cpu": fitting.cpu,
            "wall": fitting.wall,
            "predict": predicting,
            "peak_memory": fitting.peak_memory,
            "bytes": model_bytes(fusion) if is_measured else None,
            "latency": took.alone,
            "among": took.among,
            "explain": _plain(explanation),
        },
        fused.arrays(0),
    )


def asking(
    bench: Workbench, problem: PredictionProblem, members: tuple[str, ...], split: tuple[int, int]
) -> AskMembers:
    """Return how the members of a fusion on an outer split are asked for new rows."""
    data = bench.data(problem)
    rows, fold_of = data.splits.out_of_fold(*split)

    def ask(context: Context, y: NDArray[Any], X: Any) -> Any:
        if context.X is None:
            raise FitError("members cannot be asked without features")
        # The rows in hand by their places in the data: some inner folds may have been taken away.
        place = np.full(problem.n_samples, -1, dtype=np.intp)
        place[rows] = np.arange(len(rows))
        held = data.X.index.get_indexer(context.X.index)
        fresh = FreshAnswers(
            bench.blueprint, problem, data, held, y, fold_of[place[held]],
            lambda several: bench.tensor(problem, several, split), place[held],
        )  # fmt: skip
        return stack_predictions([fresh.of(member, X) for member in members])[0]

    return ask


def _siblings(bench: Workbench, fusion: str, problem: PredictionProblem, rows: Rows) -> tuple[Related, ...]:
    """Return the dataset's other targets on some rows, for a fusion that learns from them."""
    if not bench.blueprint.fusion_class(bench.blueprint.fusions[fusion].spec.type).needs_siblings:
        return ()
    data = bench.data(problem)
    others = (one for one in data.targets if one.name != problem.target)
    own = data.dataset_rows(rows)
    return tuple(Related(name=one.name, y=one.y[own], target_type=one.target_type) for one in others)


def _sources(bench: Workbench, fusion: str) -> Iterator[Related]:
    """Yield all targets of the datasets that a fusion learns from."""
    named = bench.blueprint.sources_of(fusion)
    frames: dict[tuple[str, int], Any] = {}  # targets of the same rows share them
    for problem in bench.blueprint.problems:
        if problem.dataset in named:
            data = bench.data(problem)
            name = problem.dataset if len(data.targets) == 1 else f"{problem.dataset}:{problem.target}"
            X = frames.setdefault((problem.dataset, len(data.y)), data.X)
            yield Related(name=name, y=data.y, target_type=problem.target_type, X=X)


def _oracle_entry(tensor: Tensor, y: NDArray[Any], problem: PredictionProblem) -> Entry:
    P, labels = oracle(tensor.test, tensor.test_labels, y, classification=problem.is_classification)
    fused = Predictions(labels, P if problem.is_classification else None)
    return Entry("fuse", {"cpu": 0.0, "wall": 0.0, "predict": 0.0, "peak_memory": None, "bytes": None}, fused.arrays(0))


def _plain(value: Any) -> Any:
    """Return plain JSON data; numbers that JSON cannot hold become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
