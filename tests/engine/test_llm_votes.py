"""The simulated answers of language models are made again to the same bytes, and voting over them counts right."""

import importlib.util
import sys
from pathlib import Path

import pandas as pd

SCENARIOS = Path(__file__).parents[2] / "benchmarks" / "scenarios"


def test_the_generator_makes_the_committed_answers():
    found = importlib.util.spec_from_file_location("llm_votes", SCENARIOS / "llm_votes.py")
    module = importlib.util.module_from_spec(found)
    sys.modules["llm_votes"] = module
    found.loader.exec_module(module)
    questions, answers = module.simulate(module.SETTINGS["correlated"])
    for name, table in (("questions", questions), ("answers", answers)):
        committed = (SCENARIOS / "llm_votes" / f"correlated-{name}.csv").read_text()
        assert table.to_csv(index=False) == committed


def test_the_committed_majority_is_what_counting_says():
    """Votes counted by hand, ties to the first option, against the mean of the committed scores."""
    scores = pd.read_csv(SCENARIOS.parents[1] / "results/scenarios/llm_votes/scores.csv")
    for name in ("independent", "correlated", "one_expert"):
        questions, answers = (
            pd.read_csv(SCENARIOS / f"llm_votes/{name}-{one}.csv", keep_default_na=False)
            for one in ("questions", "answers")
        )
        votes = answers.drop(columns="id")
        totals = pd.DataFrame({option: (votes == option).sum(axis=1) for option in "ABCD"})
        right = (totals.idxmax(axis=1) == questions.answer).mean()
        committed = scores[(scores.dataset == name) & (scores.model == "majority")].score.mean()
        assert abs(right - committed) < 1e-12
