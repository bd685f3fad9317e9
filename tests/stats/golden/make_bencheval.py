"""Write bencheval.json; run with an interpreter that has bencheval==0.1.0 and nothing of this project.

python -m venv /tmp/peer && /tmp/peer/bin/pip install bencheval==0.1.0
/tmp/peer/bin/python tests/stats/golden/make_bencheval.py
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from bencheval.evaluator import BenchmarkEvaluator

rng = np.random.default_rng(12)
models = ["a", "b", "c", "d", "e"]
rows, errors = [], {}
for task in range(12):
    n_splits = 1 + task % 4
    # Two decimals, so that there are ties; now and then a perfect score.
    values = np.round(np.clip(rng.normal(0.2 + 0.03 * np.arange(5), 0.08, size=(n_splits, 5)), 0, 1), 2)
    errors[f"t{task:02d}"] = values.tolist()
    rows += [
        {"method": model, "task": f"t{task:02d}", "split": split, "metric_error": values[split, at]}
        for split in range(n_splits)
        for at, model in enumerate(models)
    ]
evaluator = BenchmarkEvaluator(columns_to_agg_extra=None, seed_column="split")
board = evaluator.leaderboard(
    pd.DataFrame(rows),
    include_mrr=True,
    include_rescaled_loss=True,
    elo_kwargs={"BOOTSTRAP_ROUNDS": 200},
)
Path(__file__).with_name("bencheval.json").write_text(
    json.dumps(
        {
            "version": version("bencheval"),
            "errors": errors,
            "models": models,
            "leaderboard": board.loc[models].to_dict("list"),
        },
        indent=1,
    )
    + "\n",
    encoding="utf-8",
)
