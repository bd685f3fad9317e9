"""The tables of mean rank and regret, on scores whose ranks and regrets are seen at a glance."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

PATH = Path(__file__).parents[1] / "benchmarks" / "regret.py"


@pytest.fixture(scope="module")
def regret():
    found = importlib.util.spec_from_file_location("regret", PATH)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture
def scores():
    """Two folds; on d2 model `fuse` failed in one of them."""
    table = {
        ("a", "learner"): {"d1": (0.8, 0.8), "d2": (0.6, 0.8)},
        ("b", "learner"): {"d1": (0.5, 0.7), "d2": (0.9, 0.9)},
        ("fuse", "fusion"): {"d1": (0.9, 0.9), "d2": (0.9,)},
        ("best_single", "reference"): {"d1": (0.8, 0.8), "d2": (0.9, 0.9)},
        ("oracle", "reference"): {"d1": (1, 1), "d2": (1, 1)},
    }
    rows = [
        (dataset, "y", model, kind, 0, fold, "accuracy", value)
        for (model, kind), by_dataset in table.items()
        for dataset, values in by_dataset.items()
        for fold, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["dataset", "target", "model", "kind", "repeat", "fold", "metric", "score"])


def test_ranks_and_regrets(regret, scores):
    board = regret.summary(*regret.means(scores, "accuracy"))
    assert "oracle" not in board.index
    assert board["datasets"].to_dict() == {"fuse": 1, "a": 2, "b": 2, "best_single": 2}
    assert board["mean rank"].to_dict() == pytest.approx({"fuse": 1, "a": 2, "b": 2, "best_single": (2.5 + 1.5) / 2})
    assert board["mean regret"].to_dict() == pytest.approx({"fuse": 0, "a": 0.15, "b": 0.15, "best_single": 0.05})
    assert board.loc["fuse", "vs best learner"] == pytest.approx(0.1)
    assert board.loc["best_single", ["beats it on", "ties"]].tolist() == [0, 2]


def test_duels_and_markdown(regret, scores):
    text = regret.report(scores)
    assert "| fuse | +10.0 (1/1) | +30.0 (1/1) |" in text
    assert text.startswith("## accuracy: 2 datasets")
