"""What every fusion promises, for every file of the package; a new strategy is found here by itself."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace

import numpy as np
import pytest

from fusebench.engine.fusing import LearnerFitter
from fusebench.errors import FitError
from fusebench.fusions.base import REGISTRY, Related
from fusebench.spec.model import LearnerSpec

TREE = LearnerSpec(type="decision_tree", params={"max_depth": 2})
NETWORK = LearnerSpec(type="torch_mlp", params={"hidden_layer_sizes": [4], "max_epochs": 2})

# The smallest parameters that a strategy needs, and the variants whose code differs.
PARAMS = {
    "bagging": [{"n_estimators": 3}],
    "boosting": [{"n_estimators": 3}],
    "distillation": [{"student": TREE}],
    "soup": [{"estimator": NETWORK, "n_seeds": 2, "shared_epochs": 1}],
    "transfer": [{"estimator": NETWORK, "pretraining_epochs": 1}],
    "merge": [{"estimator": NETWORK, "pretraining_epochs": 1, "method": method} for method in ("ties", "fisher")],
    "voting": [{}, {"voting": "soft"}, {"voting": "soft", "method": "median"}],
    "averaging": [{"method": method} for method in ("mean", "median", "log_pool", "max", "min", "trimmed")],
    "weighted": [{"weights": rule} for rule in ("accuracy", "inverse_error", "log_loss", "nnls", "pseudo_bma_plus")],
    "stacking": [
        {},
        {"meta_learner": "class_wise"},
        {"meta_learner": "shared"},
        {"features": ("proba", "labels", "ranks")},
        {"passthrough": True},
        {"feature_weighted": True},
    ],
    "ensemble_selection": [{}, {"compat": "autogluon"}, {"n_bags": 3}, {"sorted_initialization": 2}],
    "calibrated": [{"method": method} for method in ("temperature", "sigmoid", "isotonic")],
    "pruned": [{}, {"method": "margin"}],
    "knora_e": [{}, {"voting": "soft"}, {"space": "predictions"}],
    "knora_u": [{}, {"voting": "soft"}],
    "lca": [{}, {"among": "predicted"}],
    "des_knn": [{"diversity": measure} for measure in ("double_fault", "q_statistic", "ratio")],
    "meta_des": [{}, {"mode": "weighting"}, {"mode": "hybrid", "voting": "soft"}, {"meta_classifier": TREE}],
}
N_MEMBERS = {"distillation": 1}
NEEDS_TORCH = frozenset({"soup", "transfer", "merge"})


def case_id(name, params, target_type):
    values = (value.type if isinstance(value, LearnerSpec) else str(value) for value in params.values())
    return "-".join([name, *values, target_type])


CASES = [
    pytest.param(
        name,
        params,
        target_type,
        id=case_id(name, params, target_type),
        marks=[pytest.mark.slow] if name in NEEDS_TORCH else [],
    )
    for name in REGISTRY.names()
    for params in PARAMS.get(name, [{}])
    for target_type in sorted(REGISTRY.load(name).target_types)
]


def over(*target_types):
    cases = [case for case in CASES if case.values[2] in target_types]
    return pytest.mark.parametrize(("name", "params", "target_type"), cases)


every_fusion = over("binary", "multiclass", "continuous")
# Meta-learners of a few rows may not converge, which a run notes and a contract does not judge.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def problem(make_problem, name):
    """Return a function that makes a read-only (P, y, context) with real learners behind it."""

    def make(target_type, n_samples=60, n_members=None, change=None):
        n_members = n_members or N_MEMBERS.get(name, 4)
        P, y, context = make_problem(target_type, n_samples=n_samples, n_members=n_members)
        if target_type == "continuous":
            P = np.exp(P / 10)  # positive, as geometric means ask for
        if change is not None:
            P = change(P)
        labels = P if P.ndim == 2 else P.argmax(axis=2)
        context = replace(
            context,
            labels=labels,
            fit_learner=LearnerFitter(0, 1, tuple(str(label) for label in context.classes)),
            recipes=dict.fromkeys(context.members, TREE),
            costs={member: 1.0 + at for at, member in enumerate(context.members)},
            siblings=(Related(name="other", y=np.arange(len(y)) % 7 * 1.5, target_type="continuous"),),
        )
        for array in (P, y, labels, context.fold):
            array.flags.writeable = False
        return P, y, context

    return make


def fitted(name, params, P, y, context):
    return REGISTRY.load(name)(**params).fit(P, y, context)


def for_prediction(context, rows=None):
    context = replace(context, fold=None)
    return context if rows is None else context.take(rows)


def assert_valid(fusion, P, context):
    """Predictions have their shapes, probabilities are probabilities, classes are codes."""
    labels = fusion.predict(P, context)
    assert labels.shape == (len(P),)
    if not context.is_classification:
        assert np.isfinite(labels).all()
        return
    proba = fusion.predict_proba(P, context)
    assert proba.shape == (len(P), context.n_classes)
    assert np.isfinite(proba).all()
    assert proba.min() >= 0
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6 if proba.dtype == np.float32 else 1e-9)
    assert np.issubdtype(labels.dtype, np.integer)
    assert set(np.unique(labels)) <= set(range(context.n_classes))


def assert_valid_or_error(name, params, P, y, context):
    """A strategy may refuse to learn, with an error that says why, and may not answer nonsense."""
    try:
        fusion = fitted(name, params, P, y, context)
    except FitError:
        return
    assert_valid(fusion, P, for_prediction(context))


@every_fusion
def test_predictions_are_valid_and_inputs_untouched(problem, name, params, target_type):
    P, y, context = problem(target_type)
    fusion = fitted(name, params, P, y, context)
    assert isinstance(fusion, REGISTRY.load(name))
    assert_valid(fusion, P, for_prediction(context))


@every_fusion
def test_fitting_again_gives_the_same_bits(problem, name, params, target_type):
    P, y, context = problem(target_type)
    method = "predict_proba" if context.is_classification else "predict"
    first, second = (getattr(fitted(name, params, P, y, context), method)(P, for_prediction(context)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@every_fusion
def test_a_row_alone_is_predicted_as_among_others(problem, name, params, target_type):
    P, y, context = problem(target_type)
    fusion = fitted(name, params, P, y, context)
    method = fusion.predict_proba if context.is_classification else fusion.predict
    together = method(P, for_prediction(context))
    row = np.array([7])
    np.testing.assert_allclose(method(P[row], for_prediction(context, row)), together[row], atol=1e-10)


@every_fusion
def test_single_precision_is_fine(problem, name, params, target_type):
    P, y, context = problem(target_type, change=lambda P: P.astype(np.float32))
    assert_valid(fitted(name, params, P, y, context), P, for_prediction(context))


@every_fusion
def test_one_member(problem, name, params, target_type):
    if REGISTRY.load(name).min_members > 1:
        pytest.skip("refused before anything is fitted")
    assert_valid_or_error(name, params, *problem(target_type, n_members=1))


@every_fusion
def test_identical_members(problem, name, params, target_type):
    P, y, context = problem(target_type, change=lambda P: np.repeat(P[:, :1], P.shape[1], axis=1))
    assert_valid(fitted(name, params, P, y, context), P, for_prediction(context))


@every_fusion
def test_a_constant_member(problem, name, params, target_type):
    def change(P):
        P = P.copy()
        P[:, -1] = P[0, -1]
        return P

    P, y, context = problem(target_type, change=change)
    assert_valid(fitted(name, params, P, y, context), P, for_prediction(context))


@over("binary", "multiclass")
def test_certain_members(problem, name, params, target_type):
    P, y, context = problem(target_type, change=lambda P: (P.max(axis=2, keepdims=True) == P).astype(float))
    assert_valid(fitted(name, params, P, y, context), P, for_prediction(context))


@over("binary", "multiclass")
def test_a_member_that_abstains(problem, name, params, target_type):
    """An abstention is the label -1 with equal probabilities; where all abstain the engine abstains too."""
    silent = np.arange(60) % 3 == 0

    def change(P):
        P = P.copy()
        P[silent, 0] = 1 / P.shape[2]
        return P

    P, y, context = problem(target_type, change=change)
    labels = context.labels.copy()
    labels[silent, 0] = -1
    context = replace(context, labels=labels)
    fusion = fitted(name, params, P, y, context)
    P, context = P.copy(), for_prediction(context)
    P[0], labels[0] = 1 / P.shape[2], -1
    proba = fusion.predict_proba(P, context)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-9)
    assert proba.min() >= 0
    assert set(np.unique(fusion.predict(P, context))) <= set(range(-1, context.n_classes))


@over("multiclass")
def test_a_class_absent_from_the_rows_of_fit(problem, name, params, target_type):
    P, y, context = problem(target_type)
    rows = np.flatnonzero(y != 1)
    fusion = fitted(name, params, P[rows], y[rows], context.take(rows))
    assert_valid(fusion, P, for_prediction(context))


@over("binary", "multiclass")
def test_one_class_alone(problem, name, params, target_type):
    P, y, context = problem(target_type)
    assert_valid_or_error(name, params, P, np.zeros_like(y), context)


@every_fusion
def test_explanations_are_json_and_weights_follow_the_members(problem, name, params, target_type):
    P, y, context = problem(target_type)
    explained = fitted(name, params, P, y, context).explain()
    json.dumps(explained, allow_nan=False)
    if "weights" in explained:
        assert len(explained["weights"]) == len(context.members)
    assert set(context.members).issuperset(explained.get("members_used", ()))


@pytest.mark.parametrize("name", REGISTRY.names())
def test_parameters_are_documented_keyword_only_fields(name):
    cls = REGISTRY.load(name)
    assert dataclasses.is_dataclass(cls)
    for field in dataclasses.fields(cls):
        assert field.kw_only
        assert field.name in cls.__doc__, f"{field.name} is not in the docstring"


@every_fusion
def test_these_parameters_pass_their_own_check(name, params, target_type):
    members = tuple(f"m{at}" for at in range(N_MEMBERS.get(name, 4)))
    assert REGISTRY.load(name)(**params).check(members, frozenset({target_type})) == []
