"""Merging networks of several targets: the rule is applied to the very weights that were fine-tuned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from fusebench.errors import FitError, SpecError
from fusebench.fusions import _weight_space as rules
from fusebench.fusions._pretraining import School
from fusebench.fusions.base import Related
from fusebench.fusions.merge import Merge
from fusebench.spec.model import LearnerSpec

needs_torch = pytest.mark.slow
NETWORK = LearnerSpec(type="torch_mlp", params={"hidden_layer_sizes": [8], "max_epochs": 5})
METHODS = ("average", "task_arithmetic", "ties", "dare", "fisher", "slerp")


@pytest.fixture
def iris(make_context):
    """Return (P, y, context) of the species, with the petals' width as the other target, missing in some rows."""
    pytest.importorskip("torch")
    X, y = load_iris(return_X_y=True)
    width = np.where(np.arange(150) % 5 == 0, np.nan, X[:, 3])
    sibling = Related(name="width", y=width, target_type="continuous")
    P = np.zeros((150, 1, 3))
    return P, y, make_context(P, X=pd.DataFrame(X[:, :3], columns=list("abc")), siblings=(sibling,))


def by_hand(y, context, epochs=4):
    school = School.of(NETWORK, y, context)
    base = school.self_supervised(epochs, 0.15)
    return base, [school.fine_tune(one, base) for one in (school.own, *school.others)]


@needs_torch
@pytest.mark.parametrize(
    ("method", "rule"),
    [
        ("average", lambda base, bodies: rules.average(bodies)),
        ("task_arithmetic", lambda base, bodies: rules.task_arithmetic(base, bodies, 0.3)),
        ("ties", lambda base, bodies: rules.ties(base, bodies, density=0.2)),
        ("dare", lambda base, bodies: rules.dare(base, bodies, drop=0.9, random_state=0)),
        ("slerp", lambda base, bodies: rules.slerp(*bodies)),
    ],
)
def test_the_rule_is_applied_to_the_fine_tuned_weights(iris, method, rule):
    P, y, context = iris
    base, tuned = by_hand(y, context)
    assert len(tuned) == 2
    expected = rule(base, [one.body() for one in tuned])
    merge = Merge(method=method, estimator=NETWORK, pretraining_epochs=4, tune_head=False).fit(P, y, context)
    assert all(np.array_equal(value, merge.model_.body()[name]) for name, value in expected.items())
    head = tuned[0].state()["head.weight"]
    np.testing.assert_array_equal(merge.model_.state()["head.weight"], head)
    tuned_head = Merge(method=method, estimator=NETWORK, pretraining_epochs=4).fit(P, y, context)
    assert all(np.array_equal(value, tuned_head.model_.body()[name]) for name, value in expected.items())
    assert not np.array_equal(tuned_head.model_.state()["head.weight"], head)


@needs_torch
def test_fisher_weighs_each_body_by_its_own_rows(iris):
    P, y, context = iris
    school = School.of(NETWORK, y, context)
    _, tuned = by_hand(y, context)
    sure = [model.fisher(lesson.X) for lesson, model in zip((school.own, *school.others), tuned, strict=True)]
    bodies = [one.body() for one in tuned]
    expected = rules.fisher(bodies, [{name: one[name] for name in bodies[0]} for one in sure])
    merge = Merge(method="fisher", estimator=NETWORK, pretraining_epochs=4, tune_head=False).fit(P, y, context)
    assert all(np.array_equal(value, merge.model_.body()[name]) for name, value in expected.items())


@needs_torch
@pytest.mark.parametrize("method", METHODS)
def test_statistics_of_batch_norm_are_those_of_the_training_rows(iris, method):
    P, y, context = iris
    params = {**NETWORK.params, "batch_norm": True}
    network = LearnerSpec(type="torch_mlp", params=params)
    merge = Merge(method=method, estimator=network, pretraining_epochs=2, tune_head=False).fit(P, y, context)
    X = merge.prepared_.dense(context)
    state = merge.model_.state()
    hidden = merge.model_.inputs_.numbers(X) @ state["body.0.weight"].T + state["body.0.bias"]
    np.testing.assert_allclose(state["body.1.running_mean"], hidden.mean(axis=0), atol=1e-4)
    proba = merge.predict_proba(P, context)
    np.testing.assert_allclose(proba.sum(axis=1), 1)


@needs_torch
def test_it_learns(iris):
    P, y, context = iris
    network = LearnerSpec(type="torch_mlp", params={"hidden_layer_sizes": [16], "max_epochs": 60})
    merge = Merge(estimator=network).fit(P, y, context)
    assert (merge.predict(P, context) == y).mean() > 0.8
    told = merge.explain()
    assert told["lessons"] == ["own", "width"]
    assert all(length > 0 for length in told["task_vector_lengths"].values())


def test_nothing_to_merge_and_too_much_for_slerp():
    assert Merge().check_related(()) == [
        "sources: the dataset has one target only and there are no sources: there is nothing to merge"
    ]
    assert Merge(method="slerp").check_related(("a", "b")) == [
        "method: slerp merges two networks, there are 3 targets; use average"
    ]
    assert Merge(method="slerp").check_related(("a",)) == Merge().check_related(("a", "b")) == []


@needs_torch
def test_fit_refuses_what_check_would(iris):
    P, y, context = iris
    with pytest.raises(FitError, match="nothing to merge"):
        Merge(estimator=NETWORK).fit(P, y, replace(context, siblings=()))


@needs_torch
def test_in_a_run_every_target_is_merged_with_the_others(bench):
    pytest.importorskip("torch")
    small = {"type": "torch_mlp", "hidden_layer_sizes": [4], "max_epochs": 2}
    data = {
        "datasets": ["iris_petals"],
        "learners": {"dt": "dt"},
        "fusions": {"m": {"type": "merge", "method": "average", "estimator": small, "pretraining_epochs": 2}},
        "scoring": {"classification": ["accuracy"], "regression": ["r2"]},
        "cv": {"n_splits": 2, "inner": 2},
    }
    results = bench(data)
    assert not results.failures
    lessons = {target: one["lessons"] for (_, target, model, _, _), one in results.explanations.items() if model == "m"}
    assert lessons == {"target": ["own", "petal area (cm2)"], "petal area (cm2)": ["own", "target"]}
    with pytest.raises(SpecError, match="there is nothing to merge"):
        bench({**data, "datasets": ["iris"]})


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_task_arithmetic_and_the_other_rules_over_a_language_model(make_context, tiny_bert, reviews, method):
    """Two tasks of one set of texts (is it praise? is it about the plot?), fine-tuned from one pretrained model."""
    pytest.importorskip("peft")
    X, y = reviews
    sibling = Related(name="plot", y=X.text.str.contains("plot").to_numpy().astype(int), target_type="binary")
    params = {"model": str(tiny_bert), "tune": "all", "max_epochs": 6, "learning_rate": 0.01, "batch_size": 8}
    bert = LearnerSpec(type="transformer", params=params)
    P = np.zeros((len(y), 1, 2))
    context = make_context(P, X=X, text=("text",), siblings=(sibling,))
    merge = Merge(method=method, estimator=bert, tune_head=False).fit(P, y, context)
    school = School.of(bert, y, context)
    frozen = LearnerSpec(type="transformer", params={"model": str(tiny_bert)})
    base = School.of(frozen, y, context).fine_tune(school.own, None).body()  # the pretrained weights themselves
    bodies = [school.fine_tune(one, base).body() for one in (school.own, *school.others)]
    if method == "task_arithmetic":
        expected = {
            name: base[name] + 0.3 * sum(one[name].astype(float) - base[name] for one in bodies) for name in base
        }
        for name, value in merge.model_.body().items():
            np.testing.assert_allclose(value, expected[name], atol=1e-6)
    proba = merge.predict_proba(P, context)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    again = Merge(method=method, estimator=bert, tune_head=False).fit(P, y, context)
    assert again.predict_proba(P, context).tobytes() == proba.tobytes()
    assert set(merge.explain()["lessons"]) == {"own", "plot"}


@pytest.mark.slow
def test_a_frozen_language_model_has_nothing_to_merge():
    pytest.importorskip("peft")
    messages = Merge(estimator=LearnerSpec(type="transformer")).check_recipes((), {}, frozenset({"binary"}))
    assert "is frozen" in messages[0]
