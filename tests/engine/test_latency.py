"""Latencies: what is measured, and how little measuring takes."""

import time

import pytest

from fusebench.engine import latency


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_all_sizes_are_measured_within_the_budget():
    calls = []

    def answer(size):
        calls.append(size)
        burn(0.0005 + 2e-6 * size)

    found = latency.latencies(answer, lambda size: size, n_known=30, known_seconds=0.0006, budget=0.05)
    assert list(found) == ["1", "100", "1000"]
    assert found["1"] == pytest.approx(0.0005, rel=0.2)
    assert found["1000"] == pytest.approx(0.0025, rel=0.2)
    assert max(calls.count(size) for size in (1, 100, 1000)) <= latency.MOST_CALLS + 1


def test_what_would_take_too_long_is_left_out():
    found = latency.latencies(
        lambda size: burn(1e-4 * size), lambda size: size, n_known=10, known_seconds=1e-3, budget=0.03
    )
    assert list(found) == ["1", "100"]
    assert latency.latencies(burn, lambda size: 0.1, n_known=1, known_seconds=0.1, budget=0.05) == {}


def test_the_budget_is_a_hundredth_of_the_fits_and_bounded():
    assert latency.budget_of(2.0, 4.0) == pytest.approx(0.03)
    assert latency.budget_of(0.0, 0.0) == latency.LEAST_SECONDS
    assert latency.budget_of(1e6, 1e6) == latency.MOST_SECONDS


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
