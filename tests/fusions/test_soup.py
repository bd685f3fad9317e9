from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine

from fusebench.errors import FitError
from fusebench.fusions.soup import Soup
from fusebench.spec.model import LearnerSpec

needs_torch = pytest.mark.slow
SMALL = LearnerSpec(type="torch_mlp", params={"hidden_layer_sizes": [16], "max_epochs": 15})


@pytest.fixture
def problem(make_context):
    """Return a function that makes (P, y, context) of a dataset."""
    pytest.importorskip("torch")

    def make(load, **recipes):
        X, y = load(return_X_y=True)
        recipes = recipes or {"net": SMALL}
        P = np.zeros((len(y), len(recipes))) if y.dtype.kind == "f" else np.zeros((len(y), len(recipes), y.max() + 1))
        return P, y, make_context(P, X=pd.DataFrame(X), recipes=recipes, members=tuple(recipes))

    return make


@needs_torch
@pytest.mark.parametrize("method", ["greedy", "uniform"])
def test_a_soup_is_the_mean_of_its_ingredients(problem, method):
    P, y, context = problem(load_wine)
    soup = Soup(method=method, n_seeds=3).fit(P, y, context)
    found = soup.explain()
    assert list(found["ingredients"]) == ["net[seed=0]", "net[seed=1]", "net[seed=2]"]
    assert found["soup_score"] >= (found["best_ingredient_score"] if method == "greedy" else 0.9)
    assert len(found["ingredients_used"]) == 3 or method == "greedy"
    assert (soup.predict(P, context) == y).mean() > 0.9
    np.testing.assert_allclose(soup.predict_proba(P, context).sum(axis=1), 1)


@needs_torch
def test_two_soups_are_the_same_to_the_last_bit(problem):
    P, y, context = problem(load_wine)
    first, second = (Soup(n_seeds=2, grid={"learning_rate": [1e-3, 3e-3]}).fit(P, y, context) for _ in range(2))
    assert first.explain() == second.explain()
    assert len(first.explain()["ingredients"]) == 4
    np.testing.assert_array_equal(first.predict_proba(P, context), second.predict_proba(P, context))


@needs_torch
def test_values_and_batch_norm(problem):
    net = SMALL.model_copy(update={"params": {**SMALL.params, "batch_norm": True}})
    P, y, context = problem(load_diabetes, net=net)
    soup = Soup(method="uniform", n_seeds=3).fit(P, y, context)
    assert np.corrcoef(soup.predict(P, context), y)[0, 1] > 0.6


@needs_torch
def test_a_class_that_is_missing_gets_probability_zero(problem):
    P, y, context = problem(load_wine)
    rows = np.flatnonzero(y != 1)
    part = context.take(rows)
    soup = Soup(n_seeds=2).fit(P[rows], y[rows], part)
    assert not soup.predict_proba(P, context)[:, 1].any()


@needs_torch
def test_different_architectures_are_refused(problem):
    wide = SMALL.model_copy(update={"params": {"hidden_layer_sizes": [32]}})
    P, y, context = problem(load_wine, net=SMALL, wide=wide)
    with pytest.raises(FitError, match="members: 'wide' has another architecture than 'net'"):
        Soup().fit(P, y, context)


@needs_torch
def test_members_that_are_no_networks_are_refused(problem):
    P, y, context = problem(load_wine, net=SMALL, tree=LearnerSpec(type="decision_tree"))
    with pytest.raises(FitError, match="members: 'tree' is no torch_mlp"):
        Soup().fit(P, y, context)
    (message,) = Soup(n_seeds=1).check_recipes(("net",), {"net": SMALL}, frozenset({"multiclass"}))
    assert message.startswith("n_seeds: got 1 ingredient")


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"hidden_layer_sizes": [[1], [2]]}, "grid: 'hidden_layer_sizes' changes the architecture"),
        ({"random_state": [1, 2]}, "grid: 'random_state' is set by the soup"),
        ({"dropout": 0.1}, "grid: 'dropout' got 0.1, expected a list"),
    ],
)
def test_check_refuses(grid, message):
    (found,) = Soup(grid=grid).check(("net",), frozenset({"binary"}))
    assert found.startswith(message)


@pytest.mark.slow
def test_a_soup_of_fine_tunings_starts_at_the_pretrained_model(make_context, tiny_bert, reviews):
    pytest.importorskip("peft")
    X, y = reviews
    params = {"model": str(tiny_bert), "tune": "all", "max_epochs": 8, "learning_rate": 0.01, "batch_size": 8}
    P = np.zeros((len(y), 1, 2))
    recipes = {"bert": LearnerSpec(type="transformer", params=params)}
    context = make_context(P, X=X.assign(number=1.0), text=("text",), recipes=recipes, members=("bert",))
    first, second = (Soup(n_seeds=2, grid={"tune": ["all", "lora"]}).fit(P, y, context) for _ in range(2))
    found = first.explain()
    assert list(found["ingredients"]) == [
        f"bert[tune={tune},seed={seed}]" for tune in ("all", "lora") for seed in (0, 1)
    ]
    assert found["soup_score"] >= found["best_ingredient_score"]
    assert (first.predict(P, context) == y).mean() > 0.9
    assert first.predict_proba(P, context).tobytes() == second.predict_proba(P, context).tobytes()


@pytest.mark.slow
def test_a_soup_of_frozen_models_is_refused():
    pytest.importorskip("peft")
    frozen = {"bert": LearnerSpec(type="transformer")}
    assert "is frozen" in Soup().check_recipes(("bert",), frozen, frozenset({"binary"}))[0]


@needs_torch
def test_a_default_that_is_written_out_is_the_same_architecture(problem):
    plain = LearnerSpec(type="torch_mlp")
    written = LearnerSpec(type="torch_mlp", params={"hidden_layer_sizes": [128, 64], "activation": "relu"})
    other = LearnerSpec(type="torch_mlp", params={"activation": "tanh"})
    kinds = frozenset({"binary"})
    assert Soup().check_recipes(("a", "b"), {"a": plain, "b": written}, kinds) == []
    assert Soup().check_recipes(("a", "b"), {"a": plain, "b": other}, kinds) == [
        "members: 'b' has another architecture than 'a'"
    ]
    several = LearnerSpec(type="torch_multitask")
    assert "'m' is no torch_mlp or transformer" in Soup().check_recipes(("m",), {"m": several}, kinds)[0]
