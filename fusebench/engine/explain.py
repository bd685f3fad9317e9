r"""What explains a fusion, from stored predictions alone: contributions of members, diversity, calibration, wins.

The value of a coalition of members is the held-out score of the same strategy fitted on the out-of-fold predictions of
the coalition alone. The empty coalition answers with the frequencies of the classes in the outer training part (the
mean, for regression). A coalition below the least number of members that the strategy takes is their average; one that
the strategy cannot fuse (all its weights are zero) is worth what the empty one is. A strategy's own list of weights is
cut to those of the coalition.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusebench import metrics
from fusebench.engine.blueprint import BEST_SINGLE, ORACLE, UNIFORM_AVERAGE, Blueprint
from fusebench.engine.fusing import Predictions, Tensor, fuse_context, make_fusion, predict_with
from fusebench.engine.keys import digest
from fusebench.engine.plan import Plan, Task
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.store import Entry
from fusebench.engine.tasks.items import ExplainItem
from fusebench.engine.tasks.workbench import Workbench
from fusebench.errors import FitError
from fusebench.spec.model import FusionSpec

if TYPE_CHECKING:
    from fusebench.fusions.base import Context

MOST_EXACT = 12  # members up to which all coalitions are valued
N_PERMUTATIONS = 100  # beyond, of which every second is the reverse of the one before
N_BINS = 10
COALITION_SECONDS = 0.004  # a first guess
Value = Callable[[frozenset[int]], Mapping[str, float]]


def explained(blueprint: Blueprint, problem: PredictionProblem) -> list[str]:
    """Return the fusions whose members' contributions stored predictions can tell."""
    return [
        name
        for name, fusion in blueprint.fusions.items()
        if (fusion.kind == "fusion" or name == UNIFORM_AVERAGE)
        and blueprint.fits_problem(name, problem)
        and len(blueprint.members_on(name, problem)) > 1
        and not blueprint.fusion_class(fusion.spec.type).trains
    ]


def make_plan(blueprint: Blueprint) -> Plan:
    """Return the tasks that explain everything that can be explained.

    Notes
    -----
    Per outer split and fusion of n members 2^n fits of the fusion, or 100 n of them where n > 12; no learner is fitted.
    """
    tasks = {}
    for index, problem in enumerate(blueprint.problems):
        for repeat, fold in problem.scheme.outer:
            for model in ["", *explained(blueprint, problem)]:
                n = len(blueprint.members_on(model, problem)) if model else 0
                seconds = COALITION_SECONDS * (2**n if n <= MOST_EXACT else N_PERMUTATIONS * n)
                item = ExplainItem(index, model, repeat, fold)
                key = _key(blueprint, problem, item)
                tasks[key] = Task(key, item, expected=seconds, cost_key="explain")
    return Plan(blueprint, tasks, ())


def is_complete(blueprint: Blueprint, has: Callable[[str], bool]) -> bool:
    """Whether all explanations are stored; costs one look where none is."""
    first = next((problem for problem in blueprint.problems if problem.scheme.outer), None)
    if first is None:
        return False
    item = ExplainItem(blueprint.problems.index(first), "", *first.scheme.outer[0])
    return has(_key(blueprint, first, item)) and all(map(has, make_plan(blueprint).tasks))


def _key(blueprint: Blueprint, problem: PredictionProblem, item: ExplainItem) -> str:
    models = [item.model] if item.model else _models(blueprint, problem)
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    known = [blueprint.model_digest(one, problem) for one in models if one != ORACLE]
    return digest("explain", code, problem.digest, known, problem.metrics, item.model, item.repeat, item.fold)


def run(bench: Workbench, item: ExplainItem) -> Entry:
    """Explain one fusion on one outer split, or (no model) what all models answer there."""
    problem = bench.blueprint.problems[item.problem]
    if not item.model:
        return Entry("explain", _diagnose(bench, problem, (item.repeat, item.fold)))
    members = bench.blueprint.members_on(item.model, problem)
    value = _value_of(bench, problem, item.model, members, (item.repeat, item.fold))
    seed = [bench.blueprint.random_state, item.repeat, item.fold]
    return Entry("explain", {"members": list(members), **contributions(value, len(members), problem.metrics, seed)})


# -- contributions --------------------------------------------------------------------------------


def contributions(value: Value, n: int, names: Sequence[str], seed: Sequence[int] = (0,)) -> dict[str, Any]:
    r"""Return Shapley values and leave-one-out differences of n members under several metrics.

    Parameters
    ----------
    value : callable
        Scores of a coalition, by metric; a metric may be absent where it is not defined.
    n : int
        Members.
    names : sequence of str
        Metrics; those that are not defined for some coalition are left out.
    seed : sequence of int
        For more than 12 members.

    Notes
    -----
    :math:`\phi_i = \sum_{S \not\ni i} \frac{|S|! (n - |S| - 1)!}{n!} (v(S \cup i) - v(S))`; they sum to
    :math:`v(N) - v(\emptyset)`. Sampled values are means over permutations, each of which sums to the gain too; their
    error is half the width of a 95% interval, :math:`1.96 s / \sqrt{m}` over m pairs of a permutation and its reverse.

    References
    ----------
    .. [1] L. S. Shapley, A value for n-person games, Contributions to the Theory of Games II, 1953.
    .. [2] J. Castro, D. Gomez, J. Tejada, Polynomial calculation of the Shapley value based on sampling, Computers &
       Operations Research, 2009.
    """
    known: dict[frozenset[int], Mapping[str, float]] = {}

    def v(coalition: frozenset[int]) -> Mapping[str, float]:
        if coalition not in known:
            known[coalition] = value(coalition)
        return known[coalition]

    everyone = frozenset(range(n))
    steps = list(_exact_steps(n)) if n <= MOST_EXACT else None
    draws = None if steps is not None else _permutations(n, seed)
    for coalition in [frozenset(), everyone, *(everyone - {i} for i in range(n)), *(one for _, one, _ in steps or ())]:
        v(coalition)
    told: dict[str, Any] = {"shapley": {}, "leave_one_out": {}, "error": {}, "full": {}, "empty": {}}
    if draws is not None:
        for order in draws:
            for at in range(n):
                v(frozenset(order[: at + 1]))
    for name in names:
        if not all(name in scores for scores in known.values()):
            continue
        own = {coalition: scores[name] for coalition, scores in known.items()}
        shapley, error = _exact(own, n, steps) if steps is not None else _sampled(own, n, draws or [])
        told["shapley"][name], told["error"][name] = shapley, error
        told["leave_one_out"][name] = [own[everyone] - own[everyone - {i}] for i in range(n)]
        told["full"][name], told["empty"][name] = own[everyone], own[frozenset()]
    return told


def _exact_steps(n: int) -> Iterator[tuple[int, frozenset[int], float]]:
    """Yield every (member, coalition without it, weight)."""
    weights = [math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n) for size in range(n)]
    for mask in range(2**n):
        coalition = frozenset(i for i in range(n) if mask >> i & 1)
        for i in range(n):
            if i not in coalition:
                yield i, coalition, weights[len(coalition)]


def _exact(
    at: Mapping[frozenset[int], float], n: int, steps: Sequence[tuple[int, frozenset[int], float]]
) -> tuple[list[float], list[float]]:
    parts: list[list[float]] = [[] for _ in range(n)]
    for i, coalition, weight in steps:
        parts[i].append(weight * (at[coalition | {i}] - at[coalition]))
    return [math.fsum(one) for one in parts], [0.0] * n


def _permutations(n: int, seed: Sequence[int]) -> list[list[int]]:
    draws = np.random.default_rng(list(seed))
    orders = []
    for _ in range(N_PERMUTATIONS // 2):
        order = draws.permutation(n).tolist()
        orders += [order, order[::-1]]
    return orders


def _sampled(
    at: Mapping[frozenset[int], float], n: int, orders: Sequence[Sequence[int]]
) -> tuple[list[float], list[float]]:
    gains = np.empty((len(orders), n))
    for row, order in enumerate(orders):
        before = at[frozenset()]
        for position, member in enumerate(order):
            after = at[frozenset(order[: position + 1])]
            gains[row, member] = after - before
            before = after
    pairs = gains.reshape(-1, 2, n).mean(axis=1)
    error = 1.96 * pairs.std(axis=0, ddof=1) / math.sqrt(len(pairs))
    return pairs.mean(axis=0).tolist(), error.tolist()


def _value_of(
    bench: Workbench, problem: PredictionProblem, model: str, members: tuple[str, ...], split: tuple[int, int]
) -> Value:
    """Return the function that values a coalition on one outer split."""
    data = bench.data(problem)
    tensor = bench.tensor(problem, members, split)
    rows, fold_of = data.splits.out_of_fold(*split)
    test = data.splits.outer[split].test
    y, truth = data.y[rows], data.y[test]
    spec = bench.blueprint.fusions[model].spec
    fit_context = fuse_context(bench.blueprint, problem, data, members, rows, tensor.oof_labels, fold_of)
    test_context = fuse_context(bench.blueprint, problem, data, members, test, tensor.test_labels, None)

    def value(coalition: frozenset[int]) -> Mapping[str, float]:
        if not coalition:
            return _scores(problem, truth, _prior(problem, y, len(test)))
        columns = sorted(coalition)
        names = tuple(members[at] for at in columns)
        own = restricted(spec, columns, len(members))
        contexts = (fit_context, test_context) if len(columns) == len(members) else (
            fit_context.select(names), test_context.select(names)
        )  # fmt: skip
        fused = _fused(own, tensor, columns, y, contexts)
        return value(frozenset()) if fused is None else _scores(problem, truth, fused)

    return value


def _fused(
    spec: FusionSpec, tensor: Tensor, columns: list[int], y: NDArray[Any], contexts: tuple[Context, Context]
) -> Predictions | None:
    """Return what a coalition predicts; None when its strategy cannot fuse it."""
    whole = len(columns) == tensor.oof.shape[1]
    fitting, testing = (tensor.oof, tensor.test) if whole else (tensor.oof[:, columns], tensor.test[:, columns])
    strategy = Blueprint.fusion_class(spec.type)
    if len(columns) < strategy.min_members:
        spec = FusionSpec(type=UNIFORM_AVERAGE)
    try:
        with np.errstate(all="ignore"):
            fusion = make_fusion(spec).fit(fitting, y, contexts[0])
            return predict_with(fusion, testing, contexts[1])
    except (FitError, ValueError, ZeroDivisionError, IndexError):
        if whole:
            raise
        return None


def restricted(spec: FusionSpec, columns: Sequence[int], n_members: int) -> FusionSpec:
    """Return a strategy for some of its members: a list of weights, one per member, is cut to theirs."""
    weights = spec.params.get("weights")
    if not isinstance(weights, (list, tuple)) or len(weights) != n_members:
        return spec
    return spec.model_copy(update={"params": {**spec.params, "weights": tuple(weights[at] for at in columns)}})


def _prior(problem: PredictionProblem, y: NDArray[Any], n_rows: int) -> Predictions:
    if not problem.is_classification:
        return Predictions(np.full(n_rows, y.mean()), None)
    shares = np.bincount(y, minlength=problem.n_classes) / len(y)
    return Predictions(np.full(n_rows, shares.argmax()), np.tile(shares, (n_rows, 1)))


def _scores(problem: PredictionProblem, y: NDArray[Any], predicted: Predictions) -> dict[str, float]:
    scores = {}
    for name in problem.metrics:
        try:
            score = metrics.score(name, y, predicted.labels, predicted.proba, problem.n_classes)
        except (FitError, ValueError):
            continue
        if math.isfinite(score):
            scores[name] = float(score)
    return scores


# -- what all models answer -----------------------------------------------------------------------


def _models(blueprint: Blueprint, problem: PredictionProblem) -> list[str]:
    return [
        one
        for one in [*blueprint.learners, *blueprint.fusions]
        if one != ORACLE and blueprint.fits_problem(one, problem)
    ]


def _diagnose(bench: Workbench, problem: PredictionProblem, split: tuple[int, int]) -> dict[str, Any]:
    """Return counts and sums over the test rows of one split, which add up over splits."""
    blueprint = bench.blueprint
    truth = bench.data(problem).y[bench.data(problem).splits.outer[split].test]
    found: dict[str, Predictions] = {}
    for model in _models(blueprint, problem):
        predicted = bench.test_predictions(problem, model, split)
        if predicted is not None:
            found[model] = predicted
    learners = [one for one in found if one in blueprint.learners][:20]
    if not problem.is_classification:
        errors = {one: found[one].labels - truth for one in learners}
        return {"pairs": [[a, b, *_moments(errors[a], errors[b])] for a, b in _pairs(learners)]}
    right = {one: predicted.labels == truth for one, predicted in found.items()}
    told: dict[str, Any] = {"bins": {}, "pairs": [], "wins": {}}
    for model, predicted in found.items():
        if predicted.proba is not None:
            told["bins"][model] = _bins(predicted, truth, right[model])
    for a, b in _pairs(learners):
        told["pairs"].append([a, b, *_agreement(right[a], right[b], found[a].labels != found[b].labels)])
    if BEST_SINGLE not in right:
        return told
    single = right[BEST_SINGLE]
    for model in found:
        if blueprint.fusions.get(model) and blueprint.fusions[model].kind == "fusion":
            own = right[model]
            told["wins"][model] = [int((own & ~single).sum()), int((~own & single).sum()), int((~own & ~single).sum())]
    return told


def _pairs(models: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((a, b) for at, a in enumerate(models) for b in models[at + 1 :])


def _agreement(a: NDArray[np.bool_], b: NDArray[np.bool_], differ: NDArray[np.bool_]) -> list[int]:
    """Return rows on which both, only a, only b and none are right, and on which the labels differ."""
    return [int(one.sum()) for one in (a & b, a & ~b, ~a & b, ~a & ~b, differ)]


def _moments(a: NDArray[np.float64], b: NDArray[np.float64]) -> list[float]:
    return [float(one) for one in (len(a), a.sum(), b.sum(), a @ a, b @ b, a @ b)]


def _bins(predicted: Predictions, truth: NDArray[Any], right: NDArray[np.bool_]) -> list[Any]:
    """Return per bin of confidence the rows, the sum of confidence and the rows that are right; last the Brier sum."""
    proba = np.asarray(predicted.proba, dtype=np.float64)
    confidence = proba[np.arange(len(proba)), predicted.labels]
    at = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    counts, sums, hits = (
        np.bincount(at, weights=one, minlength=N_BINS) for one in (np.ones(len(at)), confidence, right.astype(float))
    )
    brier = float(((proba - np.eye(proba.shape[1])[truth]) ** 2).sum())
    return [counts.tolist(), sums.tolist(), hits.tolist(), brier]
