"""Costs by hand."""

from dataclasses import replace

import numpy as np

from fusebench import judge
from fusebench.judge.modelcosts import ModelCosts, members_used, model_costs, pareto_fronts
from fusebench.results import ModelFacts

BASE = np.array([0.90, 0.92, 0.91, 0.89, 0.93])


def results_of(make_results, **changes):
    found = make_results({"rf": BASE, "nb": BASE - 0.1, "fuse": BASE + 0.01, "oracle": BASE + 0.05})
    facts = {one.id: one for one in found.models}
    facts["fuse"] = ModelFacts(id="fuse", kind="fusion", type="voting", members=("rf", "nb"), order=2)
    return replace(found, models=tuple(facts.values()), **changes)


def test_a_row_is_worked_out_by_hand(make_results):
    told = {("d", "y", "fuse", 0, fold): {"members_used": ["rf", "nb"][: 1 + fold % 2]} for fold in range(5)}
    spec = {"name": "tiny", "resources": {"watts": 10}}
    latencies = {("d", "y", "fuse"): {1: 0.002, 100: 0.003}}
    results = results_of(make_results, explanations=told, latencies=latencies, spec=spec)
    rows = {row.model: row for row in model_costs(results)}
    assert set(rows) == {"rf", "nb", "fuse"}
    fuse = rows["fuse"]
    assert (fuse.own_cpu_seconds, fuse.own_wall_seconds, fuse.total_cpu_seconds) == (2.5, 3.0, 3.0)
    assert (fuse.latency_1_us, fuse.latency_100_us, fuse.latency_1000_us) == (2000.0, 3000.0, None)
    assert fuse.bytes == 3000
    assert fuse.members_used == (3 * 1 + 2 * 2) / 5
    assert (fuse.energy_joules, fuse.energy_source) == (30.0, "estimated from declared watts")
    assert members_used(results)["d", "y", "nb"] == 1


def test_energy_that_nobody_measured_or_declared_is_not_guessed(make_results):
    row = model_costs(results_of(make_results))[0]
    assert (row.energy_joules, row.energy_source) == (None, "n/a")


def test_the_front_by_hand(make_results):
    results = results_of(make_results)
    leaders = judge.compare(results).leaderboard
    leaders = [row._replace(fit_seconds_total={"rf": 5.0, "nb": 1.0, "fuse": 5.0}.get(row.model)) for row in leaders]
    costs = [ModelCosts("d", "y", "rf", "learner", *[None] * 5, 10.0, *[None] * 6, "n/a")]
    fronts = pareto_fronts(leaders, costs)["accuracy"]
    assert set(fronts["fit_seconds_total"]) == {"fuse", "nb"}  # rf costs as much as fuse and scores less
    assert fronts["latency_us"] == ("rf",)
