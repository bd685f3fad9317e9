"""Latencies: what is measured, and how little measuring takes."""

import functools
import importlib
import time

import numpy as np
import pandas as pd
import pytest

import fusebench as fb
from fusebench.engine import latency
from fusebench.engine.execute import _shortcuts
from fusebench.engine.store import Store
from fusebench.engine.tasks import deployed
from fusebench.engine.tasks.deployed import choice
from fusebench.estimators import FusedClassifier
from fusebench.estimators.saved import dumps, read_bytes
from fusebench.fusions._references import BestSingle


def loads(data):
    return read_bytes(data, "m").model


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_all_sizes_are_measured_within_the_budget():
    calls = []

    def answer(size):
        calls.append(size)
        burn(0.0005 + 2e-6 * size)

    found = latency.latencies(answer, lambda size: size, n_known=30, known_seconds=0.0006, budget=latency.Budget(0.1))
    for told in found:
        assert list(told) == ["1", "100", "1000"]
        assert told["1"] == pytest.approx(0.0005, rel=0.2)
        assert told["1000"] == pytest.approx(0.0025, rel=0.2)
    assert max(calls.count(size) for size in (1, 100, 1000)) <= 2 * latency.MOST_ROUNDS + 1


def test_what_would_take_too_long_is_left_out():
    found = latency.latencies(
        lambda size: burn(1e-4 * size), lambda size: size, n_known=10, known_seconds=1e-3, budget=latency.Budget(0.03)
    )
    assert list(found.alone) == ["1", "100"]
    nothing = latency.latencies(burn, lambda size: 0.1, n_known=1, known_seconds=0.1, budget=latency.Budget(0.05))
    assert nothing == ({}, {})


def test_the_largest_batch_may_take_a_single_call():
    calls = []

    def answer(size):
        calls.append(size)
        burn(2e-5 * size)

    found = latency.latencies(answer, lambda size: size, n_known=100, known_seconds=2e-3, budget=latency.Budget(0.05))
    assert (list(found.alone), calls.count(1000)) == (["1", "100", "1000"], 1)


def test_a_long_call_is_made_where_the_fits_took_much_longer():
    def answer(size):
        burn(6e-5 * size)

    for own_seconds, sizes in ((1.0, ["1", "100"]), (5.0, ["1", "100", "1000"])):
        budget = latency.budget_of(own_seconds, 0.0)
        found = latency.latencies(answer, lambda size: size, n_known=100, known_seconds=6e-3, budget=budget)
        assert list(found.alone) == sizes


def test_a_small_dataset_is_measured_at_all_sizes(bench, monkeypatch):
    monkeypatch.setattr(latency, "ONCE_SECONDS", 5.0)  # however busy this machine is
    results = bench({"datasets": ["iris"], "learners": ["nb", "dt"], "fusions": {"vote": "voting"}})
    sizes = {model: set(told) for (_, _, model), told in results.latencies.items()}
    assert sizes == {model: {1, 100, 1000} for model in ["nb", "dt", "vote", "best_single", "uniform_average"]}


def test_the_budget_is_a_share_of_the_fits_and_bounded():
    assert latency.budget_of(1.0, 2.0).seconds == pytest.approx(latency.SHARE * 1.5)
    assert latency.budget_of(0.0, 0.0) == (latency.LEAST_SECONDS, latency.ONCE_SECONDS)
    assert latency.budget_of(1e6, 1e6) == (latency.MOST_SECONDS, latency.MOST_SECONDS)


MIXED = {"datasets": [], "learners": ["nb", "dt"], "fusions": {"vote": {"type": "voting", "voting": "soft"}}}


@pytest.mark.parametrize(
    ("slower", "n_times"),
    [
        (("fusebench.engine.columns", "Form", "conform"), {"nb": 1, "vote": 1}),
        (("fusebench.encoders._in_place", "_InPlace", "transform"), {"dt": 1, "vote": 1}),
        (("fusebench.learners._fitted", "Fitted", "answer_all"), {"nb": 1, "vote": 2}),
        (("fusebench.engine.answering", "Answering", "_context"), {"nb": 0, "vote": 1}),
        (("fusebench.fusions.voting", "Voting", "predict_proba"), {"nb": 0, "vote": 2}),  # its labels ask again
    ],
    ids=lambda one: one[-1] if isinstance(one, tuple) else "",
)
def test_a_run_measures_every_step_of_a_saved_model(bench, tmp_path, monkeypatch, slower, n_times):
    """A step that is made slower shows in what the run says by as much as in the saved model."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=90), "b": rng.choice(["x", "y"], 90), "y": rng.choice(["p", "q"], 90)})
    frame.to_csv(tmp_path / "mixed.csv", index=False)
    data = {"name": "mixed", "source": "file", "path": str(tmp_path / "mixed.csv"), "target": "y"}
    module, kind, method = slower
    kind = getattr(importlib.import_module(module), kind)
    fast, calls = getattr(kind, method), []

    def slow(self, *given, **more):
        calls.append(method)
        burn(0.01)
        return fast(self, *given, **more)

    monkeypatch.setattr(kind, method, slow)
    results = bench({**MIXED, "datasets": [data]})
    took = {model: told[1] for (_, _, model), told in results.latencies.items()}
    for model, n in n_times.items():
        assert took[model] == pytest.approx(0.01 * n, abs=0.007), model
    learners = MIXED["learners"]
    saved = loads(dumps(FusedClassifier(learners, MIXED["fusions"]["vote"]).fit(frame[["a", "b"]], frame["y"])))
    calls.clear()
    saved.predict(frame[["a", "b"]])
    assert len(calls) == n_times["vote"]


def test_a_fusion_answers_with_the_members_that_it_uses(bench):
    results = bench(
        {
            "datasets": ["iris"],
            "learners": ["nb", "lda", "dt"],
            "fusions": {
                "two": {"type": "voting", "voting": "soft", "members": ["nb", "lda"]},
                "one": {"type": "voting", "voting": "soft", "members": ["nb", "lda"], "weights": [1, 0]},
                "layers": {"type": "voting", "voting": "soft", "members": ["two", "dt"]},
            },
        }
    )
    took = {model: told[1] for (_, _, model), told in results.latencies.items()}
    assert took["two"] > took["nb"] + took["lda"]
    assert took["layers"] > took["two"] + took["dt"]
    assert "oracle" not in took
    assert all(seconds > 0 for seconds in took.values())


def test_a_fusion_without_a_member_that_failed_is_measured_too(bench):
    never = {"type": "knn", "n_neighbors": 10_000}
    results = bench({"datasets": ["iris"], "learners": {"nb": "nb", "dt": "dt", "never": never}, "fusions": []})
    assert {row.model for row in results.failures if row.stage != "member"} == {"never"}
    assert "uniform_average" in {row.model for row in results.scores}
    assert {"nb", "dt", "best_single"} <= {model for (_, _, model) in results.latencies}


def test_a_run_measures_without_the_shortcuts_of_a_worker(bench, monkeypatch):
    """What a worker spares scikit-learn, a user's process does not."""
    from narwhals.stable.v2 import dependencies

    whole = dependencies.is_into_dataframe
    monkeypatch.setattr(dependencies, "is_into_dataframe", whole)  # put back at the end
    monkeypatch.setattr(_shortcuts, "_TAKEN", [])
    _shortcuts._take(dependencies, "is_into_dataframe", functools.partial(whole))
    short, seen = dependencies.is_into_dataframe, set()
    measure = latency.latencies

    def watched(*asked, **more):
        seen.add(dependencies.is_into_dataframe is whole)
        return measure(*asked, **more)

    monkeypatch.setattr(latency, "latencies", watched)
    bench({"datasets": ["iris"], "learners": ["nb", "dt"], "fusions": {"vote": "voting"}})
    assert seen == {True}
    assert dependencies.is_into_dataframe is short


def test_a_fusion_that_chooses_is_told_with_the_members_that_its_saved_model_asks(tmp_path, in_this_process):
    spec = {
        "name": "choosing",
        "datasets": ["breast_cancer"],
        "learners": {
            "nb": "nb",
            "lda": "lda",
            "dt": {"type": "dt", "max_depth": 3},
            "stump": {"type": "dt", "max_depth": 1},
            "knn": "knn",
        },
        "fusions": {"select": "ensemble_selection", "weigh": "weighted"},
    }
    run = fb.run(spec, store=tmp_path / "store", out=tmp_path / "out", n_jobs=1, progress=False)
    asked = {}
    store = Store(tmp_path / "store")
    for key in list(store.keys()):
        entry = store.get(key)
        if entry.kind == "score" and "deployed" in entry.meta:
            chosen = [choice(told) for *_, told in entry.meta["explanations"]]
            asked[frozenset(chosen)] = entry.meta["deployed"]
    assert asked, "no fusion chose other members on other splits"
    saved = [sorted(run.fit(model).model_.learners) for model in ("select", "weigh", "best_single")]
    for members in asked.values():
        assert sorted(members) in saved


def test_a_choice_that_cannot_be_made_on_all_rows_costs_no_score(bench, monkeypatch):
    fit, refused = BestSingle.fit, []

    def only_parts(self, P, y, context):
        if len(y) == 569:
            refused.append(1)
            raise RuntimeError("not on all rows")
        return fit(self, P, y, context)

    monkeypatch.setattr(BestSingle, "fit", only_parts)
    monkeypatch.setattr(deployed, "choice", lambda told: (str(len(refused)), str(id(told))))  # other on every split
    results = bench({"datasets": ["breast_cancer"], "learners": ["nb", "dt"], "fusions": []})
    assert refused
    assert not results.failures
    assert len([row for row in results.scores if row.model == "best_single"]) == 5
