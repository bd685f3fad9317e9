"""Permutation importance of a fused model: a feature that decides counts, noise does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import fusebench as fb
from fusebench.errors import UsageError


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"noise": rng.normal(size=120), "colour": rng.choice(["a", "b"], 120), "decides": rng.normal(size=120)}
    )
    y = np.where(X["decides"] > 0, "up", "down")
    spec = {"datasets": {"mine": (X, y)}, "learners": ["dt", "nb"], "fusions": {"stack": "stacking"}}
    return fb.run(spec, store=tmp_path_factory.mktemp("store"), n_jobs=1)


@pytest.mark.parametrize("model", ["stack", "dt"])
def test_what_decides_comes_first(found, model):
    table = found.importance(model, n_repeats=2)
    assert list(table) == ["feature", "importance", "sd", "metric"]
    assert table["feature"][0] == "decides"
    assert table["importance"][0] > 0.3  # shuffled, the half of the labels is right by chance
    assert table["importance"][1:].abs().max() < 0.1
    assert set(table["metric"]) == {"accuracy"}
    pd.testing.assert_frame_equal(table, found.importance(model, n_repeats=2))


def test_bad_input(found):
    with pytest.raises(UsageError, match="did you mean 'stack'"):
        found.importance("stak")
    with pytest.raises(UsageError, match="n_repeats: got 0"):
        found.importance("stack", n_repeats=0)
