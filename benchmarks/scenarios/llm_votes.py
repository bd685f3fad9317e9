"""Make questions with four options and the answers of seven simulated language models, in three settings.

No language model is called. Model m answers question q of topic t rightly with probability ``sigmoid(ability[m] +
topic[m, t] - difficulty[q] - shared * common[family(m), q])``; the common part makes models of one family fail
together. A wrong answer is the question's tempting option with probability `tempted`, else one of the other two: so
even models of different families often give the same wrong answer. Some give no answer, or one that is no option.

``independent``: nothing is shared. ``correlated``: families fail together, and wrong answers agree. ``one_expert``: one
model is far better than the others, whose errors agree.

    python benchmarks/scenarios/llm_votes.py        writes benchmarks/scenarios/llm_votes/*.csv
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).with_suffix("")
N_QUESTIONS = 600
OPTIONS = np.array(list("ABCD"))
TOPICS = ("history", "law", "maths", "medicine")
FAMILIES = {
    "atlas-large": "atlas", "atlas-small": "atlas", "birch-large": "birch", "birch-small": "birch",
    "cedar": "cedar", "dune": "dune", "elm": "elm",
}  # fmt: skip
ABILITY = np.array([1.6, 0.9, 1.3, 0.7, 1.0, 0.1, 0.5])
TOPIC = np.zeros((7, 4))
TOPIC[4] = [-0.6, 1.5, -0.6, -0.3]  # cedar knows the law
TOPIC[2] = [-0.3, -0.3, 1.2, -0.6]  # birch-large can calculate
SILENT = np.array([0, 0, 0, 0, 0, 0.05, 0.10])  # share of questions without an answer
OFF = np.array([0, 0.01, 0, 0.01, 0, 0.03, 0])  # share of answers that are no option


@dataclass(frozen=True)
class Setting:
    """How much the models' errors have in common."""

    seed: int
    shared: float
    tempted: float
    ability: np.ndarray


SETTINGS = {
    "independent": Setting(1, 0.0, 1 / 3, ABILITY),
    "correlated": Setting(2, 1.5, 0.7, ABILITY),
    "one_expert": Setting(3, 1.0, 0.8, np.array([2.6, 0.0, 0.1, -0.1, 0.0, -0.3, -0.2])),
}


def simulate(setting: Setting) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return questions (id, topic, n_words, answer) and answers (id, one column per model)."""
    rng = np.random.default_rng(setting.seed)
    n, models = N_QUESTIONS, list(FAMILIES)
    topic = rng.integers(len(TOPICS), size=n)
    difficulty = rng.normal(size=n)
    truth = rng.integers(4, size=n)
    tempting = (truth + rng.integers(1, 4, size=n)) % 4
    common = {family: rng.normal(size=n) for family in dict.fromkeys(FAMILIES.values())}
    ids = [f"{number:04d}" for number in range(n)]
    words = np.round(np.exp(3 + 0.3 * difficulty + 0.3 * rng.normal(size=n))).astype(int)  # hard questions are longer
    questions = pd.DataFrame(
        {"id": ids, "topic": [TOPICS[one] for one in topic], "n_words": words, "answer": OPTIONS[truth]}
    )
    answers = {"id": ids}
    for m, model in enumerate(models):
        logit = setting.ability[m] + TOPIC[m, topic] - difficulty - setting.shared * common[FAMILIES[model]]
        right = rng.random(n) < 1 / (1 + np.exp(-logit))
        others = [[one for one in range(4) if one not in {truth[q], tempting[q]}] for q in range(n)]
        astray = np.array([rng.choice(pair) for pair in others])
        wrong = np.where(rng.random(n) < setting.tempted, tempting, astray)
        said = OPTIONS[np.where(right, truth, wrong)].astype(object)
        said[rng.random(n) < SILENT[m]] = ""
        said[rng.random(n) < OFF[m]] = "none of these"
        answers[model] = list(said)
    return questions, pd.DataFrame(answers)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, setting in SETTINGS.items():
        questions, answers = simulate(setting)
        questions.to_csv(FOLDER / f"{name}-questions.csv", index=False)
        answers.to_csv(FOLDER / f"{name}-answers.csv", index=False)
