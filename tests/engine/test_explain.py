"""Contributions, diversity and calibration: hand-worked numbers, brute force, and what stored predictions say."""

import itertools
import json
import math
import shutil

import numpy as np
import pytest

from fusebench import api, metrics
from fusebench.engine import explain, explained
from fusebench.engine.fusing import Predictions
from fusebench.engine.store import Store
from fusebench.errors import UndecidableError
from fusebench.fusions.base import Context
from fusebench.fusions.voting import Voting
from fusebench.spec.model import FusionSpec

pytestmark = pytest.mark.usefixtures("in_this_process")


def brute_force(value, n):
    """Return Shapley values as means over all orders."""
    totals = [0.0] * n
    for order in itertools.permutations(range(n)):
        for at, member in enumerate(order):
            before, after = frozenset(order[:at]), frozenset(order[: at + 1])
            totals[member] += value(after)["m"] - value(before)["m"]
    return [total / math.factorial(n) for total in totals]


def test_the_glove_game_of_the_textbooks():
    told = explain.contributions(lambda s: {"m": float(0 in s and bool(s & {1, 2}))}, 3, ["m"])
    assert told["shapley"]["m"] == pytest.approx([2 / 3, 1 / 6, 1 / 6], abs=1e-15)
    assert told["leave_one_out"]["m"] == [1.0, 0.0, 0.0]
    assert told["error"]["m"] == [0.0] * 3


@pytest.mark.parametrize("n", [1, 2, 5])
def test_exact_values_equal_brute_force_and_sum_to_the_gain(n):
    draws = np.random.default_rng(n)
    table = {}

    def value(coalition):
        return {"m": table.setdefault(coalition, float(draws.normal()))}

    told = explain.contributions(value, n, ["m", "absent"])
    assert list(told["shapley"]) == ["m"]
    assert told["shapley"]["m"] == pytest.approx(brute_force(value, n), abs=1e-12)
    assert math.fsum(told["shapley"]["m"]) == pytest.approx(told["full"]["m"] - told["empty"]["m"], abs=1e-14)


def test_sampled_values_sum_to_the_gain_and_lie_within_their_error():
    n = 14
    worth = np.random.default_rng(0).normal(size=n)

    def value(coalition):
        own = worth[sorted(coalition)].sum()
        return {"m": float(own + 0.3 * (0 in coalition and 1 in coalition))}

    told = explain.contributions(value, n, ["m"], seed=[3])
    truth = worth + np.array([0.15, 0.15] + [0.0] * (n - 2))
    assert math.fsum(told["shapley"]["m"]) == pytest.approx(told["full"]["m"] - told["empty"]["m"], abs=1e-12)
    assert np.abs(np.array(told["shapley"]["m"]) - truth).max() <= max(told["error"]["m"]) + 1e-12
    assert told == explain.contributions(value, n, ["m"], seed=[3])


def test_weights_are_cut_to_the_coalition():
    spec = FusionSpec(type="voting", params={"voting": "soft", "weights": (1, 2, 3)})
    assert explain.restricted(spec, [0, 2], 3).params["weights"] == (1, 3)
    assert explain.restricted(spec, [0], 4) is spec


SPEC = {
    "datasets": ["iris", "diabetes"],
    "learners": {"nb": "nb", "lda": "lda", "qda": "qda", "ridge": "ridge", "mean": "dummy"},
    "fusions": {
        "vote": {"type": "voting", "voting": "soft", "members": ["nb", "lda", "qda"], "weights": [1, 2, 1]},
        "pick": {"type": "ensemble_selection", "members": ["nb", "lda", "qda"], "n_iterations": 5},
        "blend": {"type": "averaging", "members": ["ridge", "mean"]},
    },
    "scoring": {"classification": ["accuracy", "neg_log_loss"], "regression": ["r2"]},
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    base = tmp_path_factory.mktemp("explained")
    loaded = api.spec_from({"name": "told", **SPEC}, base=base)
    place = api.settings(store=base / "store", n_jobs=1)
    planned = api.make_plan(loaded, place)
    results = api.collect(planned, api.execute(planned, place, api.SilentProgress()), place)
    return api.explain(planned, results, place), planned, place, base


def rows_of(results, fusion, metric):
    return {row.member: row for row in results.contributions if (row.fusion, row.metric) == (fusion, metric)}


@pytest.mark.parametrize(
    ("dataset", "fusion", "metric"),
    [("iris", "vote", "accuracy"), ("iris", "pick", "neg_log_loss"), ("diabetes", "blend", "r2")],
)
def test_contributions_sum_to_the_held_out_gain(told, dataset, fusion, metric):
    results, planned, _, _ = told
    scores = [row.score for row in results.scores if (row.dataset, row.model, row.metric) == (dataset, fusion, metric)]
    problem = next(one for one in planned.plan.blueprint.problems if one.dataset == dataset)
    from fusebench.engine.tasks.data import DataFolders
    from fusebench.engine.tasks.workbench import Workbench

    bench = Workbench(planned.plan.blueprint, planned.store, DataFolders(planned.store.root))
    data, empty = bench.data(problem), []
    for split in problem.scheme.outer:
        rows, _ = data.splits.out_of_fold(*split)
        test = data.splits.outer[split].test
        y = data.y[rows]
        if problem.is_classification:
            shares = np.bincount(y, minlength=problem.n_classes) / len(y)
            prior = Predictions(np.full(len(test), shares.argmax()), np.tile(shares, (len(test), 1)))
        else:
            prior = Predictions(np.full(len(test), y.mean()), None)
        empty.append(metrics.score(metric, data.y[test], prior.labels, prior.proba, problem.n_classes))
    found = rows_of(results, fusion, metric)
    gain = math.fsum(scores) / len(scores) - math.fsum(empty) / len(empty)
    assert math.fsum(row.shapley for row in found.values()) == pytest.approx(gain, abs=1e-12)


def test_a_fusion_of_stored_predictions_equals_brute_force(told):
    """Two classes of checks in one: coalitions are cut rightly, and weights go with their members."""
    results, planned, _, _ = told
    from fusebench.engine.tasks.data import DataFolders
    from fusebench.engine.tasks.workbench import Workbench

    blueprint = planned.plan.blueprint
    bench = Workbench(blueprint, planned.store, DataFolders(planned.store.root))
    problem = next(one for one in blueprint.problems if one.dataset == "iris")
    members, weights = ("nb", "lda", "qda"), np.array([1, 2, 1])
    totals = np.zeros(3)
    for split in problem.scheme.outer:
        tensor = bench.tensor(problem, members, split)
        truth = bench.data(problem).y[bench.data(problem).splits.outer[split].test]
        y = bench.data(problem).y[bench.data(problem).splits.out_of_fold(*split)[0]]

        def value(coalition, tensor=tensor, truth=truth, y=y):
            if not coalition:
                return {"m": float((truth == np.bincount(y).argmax()).mean())}
            at = sorted(coalition)
            mean = np.average(tensor.test[:, at], axis=1, weights=weights[at])
            return {"m": float((mean.argmax(axis=1) == truth).mean())}

        totals += brute_force(value, 3)
    found = rows_of(results, "vote", "accuracy")
    assert [found[one].shapley for one in members] == pytest.approx(
        (totals / len(problem.scheme.outer)).tolist(), abs=1e-12
    )


def test_what_all_models_answer(told):
    results, *_ = told
    flowers = next(one for one in results.diagnoses if one["dataset"] == "iris")
    nb = next(one for one in flowers["calibration"] if one["model"] == "nb")
    assert sum(one[0] for one in nb["bins"]) == 150
    accuracy = np.mean(
        [row.score for row in results.scores if (row.dataset, row.model, row.metric) == ("iris", "nb", "accuracy")]
    )
    assert sum(one[2] for one in nb["bins"]) == round(150 * accuracy)
    assert {(one["a"], one["b"]) for one in flowers["diversity"]} >= {("nb", "lda"), ("lda", "qda")}
    prices = next(one for one in results.diagnoses if one["dataset"] == "diabetes")
    assert prices["calibration"] == []
    assert all(-1 <= one["error_correlation"] <= 1 for one in prices["diversity"])


def test_diversity_and_calibration_by_hand():
    (pair,) = explained._diversity([{"pairs": [["a", "b", 5, 2, 2, 1, 4]]}])
    assert (pair["disagreement"], pair["double_fault"]) == (0.4, 0.1)
    assert pair["q"] == pytest.approx((5 - 4) / (5 + 4))
    assert pair["error_correlation"] == pytest.approx((5 - 4) / math.sqrt(7 * 3 * 7 * 3))
    proba = np.array([[0.9, 0.1], [0.9, 0.1], [0.35, 0.65], [0.2, 0.8]])
    truth = np.array([0, 1, 1, 1])
    labels = proba.argmax(axis=1)
    counts = explain._bins(Predictions(labels, proba), truth, labels == truth)
    (told,) = explained._calibration([{"bins": {"m": counts}}])
    assert told["ece"] == pytest.approx((abs(1 - 1.8) + abs(1 - 0.65) + abs(1 - 0.8)) / 4)
    assert told["brier"] == pytest.approx((0.02 + 1.62 + 0.245 + 0.08) / 4)


def test_it_is_kept_and_needs_the_store(told, tmp_path):
    results, planned, place, base = told
    before = sorted((base / "store").glob("objects/*/*"))
    again = api.explain(planned, results, place)
    assert again == results
    assert sorted((base / "store").glob("objects/*/*")) == before
    elsewhere = api.settings(store=tmp_path / "other", n_jobs=1)
    with pytest.raises(UndecidableError, match="does not hold this run's predictions"):
        api.explain(api.make_plan(planned.loaded, elsewhere), results, elsewhere)


def test_what_scores_were_made_of_is_made_again_where_it_is_gone(told, tmp_path):
    results, planned, _place, base = told
    shutil.copytree(base / "store", tmp_path / "store")
    store = Store(tmp_path / "store")
    for key in list(store.keys()):
        if store.get(key).kind in {"fit", "fuse", "explain"}:
            store.remove(key)
    there = api.settings(store=store.root, n_jobs=1)
    again = api.explain(api.make_plan(planned.loaded, there), results, there)
    assert (again.contributions, again.diagnoses) == (results.contributions, results.diagnoses)


@pytest.mark.slow
def test_report_explains_a_finished_run(fusebench, tmp_path):
    (tmp_path / "tiny.yaml").write_text(
        "name: tiny\ndatasets: [iris]\nlearners: {nb: nb, knn: knn}\nfusions: [averaging]\n"
    )
    assert fusebench("run", "tiny.yaml", "-q", "--jobs", "1").returncode == 0
    folder = tmp_path / "results" / "tiny"
    scores = (folder / "scores.csv").read_bytes()
    done = fusebench("report", "results/tiny", "--explain", "-q")
    assert done.returncode == 0, done.stderr
    lines = (folder / "contributions.csv").read_text().splitlines()
    assert lines[0] == "dataset,fusion,member,metric,shapley,leave_one_out,weight_mean,weight_sd"
    assert all("" not in line.split(",")[4:7] for line in lines[1:] if "averaging" in line)
    assert (folder / "scores.csv").read_bytes() == scores
    assert json.loads((folder / "summary.json").read_text())["diagnoses"]
    assert "Reliability" in (folder / "report.html").read_text()
    told = (folder / "contributions.csv").read_text()
    assert fusebench("run", "tiny.yaml", "-q").returncode == 0
    assert (folder / "contributions.csv").read_text() == told


def test_voting_takes_what_select_gives():
    """A coalition's context names its members only."""
    context = Context(
        target_type="binary", classes=np.array(["a", "b"]), members=("x", "y"), labels=np.zeros((1, 2), dtype=int),
        score=lambda *_: 0.0, metric="accuracy", fit_learner=None,
    )  # fmt: skip
    fused = Voting(voting="soft").fit(np.array([[[0.2, 0.8]]]), np.array([1]), context.select(("y",)))
    assert fused.predict(np.array([[[0.2, 0.8]]]), context.select(("y",))).tolist() == [1]
