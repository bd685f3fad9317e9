"""Pretraining and fine-tuning: the space that rows share, what is handed on, and that it is worth something."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fusebench.errors import FitError, SpecError
from fusebench.fusions._pretraining import School, aligned, swapped
from fusebench.fusions.base import Related
from fusebench.fusions.transfer import Transfer
from fusebench.spec.model import LearnerSpec

needs_torch = pytest.mark.slow
NETWORK = LearnerSpec(type="torch_mlp", params={"hidden_layer_sizes": [16], "max_epochs": 10})


@pytest.fixture
def few(make_context):
    """Return 30 rows of two interleaved classes, and 1,000 rows of another dataset with the same boundary."""
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)

    def rows(n):
        X = pd.DataFrame(rng.uniform(-1, 1, (n, 2)), columns=["a", "b"])
        return X, ((X["a"] * X["b"]) > 0).to_numpy().astype(int)

    X, y = rows(30)
    far, codes = rows(1000)
    source = Related(name="far", y=codes, target_type="binary", X=far[["b", "a"]].assign(c=1.0))
    context = make_context(np.zeros((30, 1, 2)), X=X, sources=(source,))
    test, answer = rows(500)
    return y, context, test, answer


def test_swapped_cells_hold_values_of_their_column():
    X = np.arange(4000.0).reshape(1000, 4)
    noisy = swapped(X, 0.25, np.random.default_rng(0))
    assert (noisy != X).mean() == pytest.approx(0.25, abs=0.02)
    assert all(set(noisy[:, column]) <= set(X[:, column]) for column in range(4))


def test_rows_of_another_dataset_take_the_columns_of_this_one():
    like = pd.DataFrame({"n": [1.0], "kind": pd.Categorical(["x"], ["x", "y"]), "gone": [2.0]})
    frame = pd.DataFrame({"kind": pd.Categorical(["z", "y"]), "more": [1, 2], "n": [5.0, np.nan]})
    found = aligned(frame, like, "other")
    assert list(found.columns) == ["n", "kind", "gone"]
    np.testing.assert_array_equal(found["n"], [5.0, np.nan])
    assert list(found["kind"].isna()) == [True, False]
    assert found["gone"].isna().all()
    with pytest.raises(FitError, match="sources: 'other' shares no feature column"):
        aligned(frame[["more"]], like, "other")


def test_texts_of_another_dataset_need_no_common_name():
    like = pd.DataFrame({"review": ["x"], "stars": [1.0]})
    frame = pd.DataFrame({"title": ["good", ""], "body": ["film", "bad"], "kind": pd.Categorical(["a", "b"])})
    found = aligned(frame, like, "other")
    assert list(found.columns) == ["review", "stars"]
    assert list(found["review"]) == ["good film", "bad"]
    assert found["stars"].isna().all()
    # A common name goes before.
    named = aligned(frame.assign(review="own"), like, "other")
    assert list(named["review"]) == ["own", "own"]


@needs_torch
@pytest.mark.parametrize("pretraining", ["supervised", "self_supervised"])
def test_two_fits_give_the_same_bits(few, pretraining):
    y, context, _, _ = few
    P = np.zeros((30, 1, 2))
    one, two = (
        Transfer(estimator=NETWORK, sources=("far",), pretraining=pretraining, pretraining_epochs=3).fit(P, y, context)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.predict_proba(P, context), two.predict_proba(P, context))
    assert one.explain()["pretraining"] == pretraining
    assert one.explain()["lessons"] == ["far"]


@needs_torch
def test_a_network_that_learned_the_boundary_elsewhere_needs_few_rows(few, make_context):
    y, context, test, answer = few
    P, there = np.zeros((30, 1, 2)), make_context(np.zeros((500, 1, 2)), X=test)

    def accuracy(fusion, own):
        return float((fusion.fit(P, y, own).predict(np.zeros((500, 1, 2)), there) == answer).mean())

    taught = accuracy(Transfer(estimator=NETWORK, sources=("far",), pretraining_epochs=60), context)
    alone = accuracy(Transfer(estimator=NETWORK, pretraining_epochs=1), context)
    assert taught > 0.85
    assert taught > alone + 0.1


@needs_torch
def test_a_frozen_body_stays_and_its_head_learns(few):
    y, context, _, _ = few
    school = School.of(NETWORK, y, context)
    body = school.self_supervised(2, 0.15)
    frozen = school.fine_tune(school.own, body, frozen=True)
    assert all(np.array_equal(value, frozen.body()[name]) for name, value in body.items())
    free = school.fine_tune(school.own, body)
    assert any(not np.array_equal(value, free.body()[name]) for name, value in body.items())
    assert frozen.training_.losses[-1] < frozen.training_.losses[0]


@needs_torch
def test_weights_of_another_architecture_are_refused(few):
    y, context, _, _ = few
    school = School.of(NETWORK, y, context)
    body = School.of(LearnerSpec(type="torch_mlp", params={"hidden_layer_sizes": [8]}), y, context)
    with pytest.raises(FitError, match=r"weights of another architecture: 'body.0.weight' has shape"):
        school.fine_tune(school.own, body.self_supervised(1, 0.15))


def test_check_refuses():
    assert Transfer(pretraining="supervised").check(("m",), frozenset({"binary"})) == [
        "sources: supervised pretraining needs one; name a dataset of this benchmark"
    ]
    tree = Transfer(estimator=LearnerSpec(type="decision_tree"))
    assert tree.check_recipes(("m",), {}, frozenset({"binary"})) == [
        "estimator: 'decision_tree' is no torch_mlp or transformer; transfer trains networks of it"
    ]


def write_tables(tmp_path):
    rng = np.random.default_rng(1)
    for name, n in (("near", 60), ("far", 200)):
        frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
        frame["y"] = np.where(frame["a"] + frame["b"] > 0, "up", "down")
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    return [{"name": name, "source": "file", "path": f"{name}.csv", "target": "y"} for name in ("near", "far")]


@needs_torch
def test_in_a_run_it_is_a_member_of_other_fusions_and_does_not_apply_to_its_source(bench, tmp_path):
    pytest.importorskip("torch")
    small = {"type": "torch_mlp", "hidden_layer_sizes": [4], "max_epochs": 2}
    fusions = {
        "moved": {"type": "transfer", "sources": ["far"], "estimator": small, "pretraining_epochs": 2},
        "both": {"type": "averaging", "members": ["nb", "moved"]},
    }
    results = bench({"datasets": write_tables(tmp_path), "learners": {"nb": "nb"}, "fusions": fusions})
    assert not results.failures
    scored = {(one.dataset, one.model) for one in results.scores}
    assert {("near", "moved"), ("near", "both")} <= scored
    assert not {("far", "moved"), ("far", "both")} & scored
    told = next(one for (_, _, model, _, _), one in results.explanations.items() if model == "moved")
    assert told["lessons"] == ["far"]


@needs_torch
def test_an_unknown_source_is_refused_before_anything_is_fitted(bench):
    pytest.importorskip("torch")
    fusions = {"moved": {"type": "transfer", "sources": ["mars"]}}
    with pytest.raises(SpecError, match="sources: 'mars' is no dataset of this benchmark; there is iris"):
        bench({"datasets": ["iris"], "learners": {"nb": "nb"}, "fusions": fusions})
