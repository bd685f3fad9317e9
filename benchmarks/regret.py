"""Mean rank and mean regret of every fusion and every single learner, from the scores of a run.

    python benchmarks/regret.py results/suite/scores.csv > results/suite/regret.md

A model's score on a dataset is its mean over folds; datasets on which a fold of it was not scored do not count for it.
Per dataset, models are ranked (1 is best, ties share the mean rank), and the *regret* of a model is the best score that
any learner or fusion has there, known in hindsight, less its own. References (`best_single`, the average of all) are
measured by the same yardstick but do not enter it; the oracle is left out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

ORDER = ("accuracy", "neg_log_loss", "r2", "neg_mean_absolute_error")
DUELS = "Mean difference in points, and the number of datasets on which the fusion is ahead."


def means(scores: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, pd.Series]:
    """Return mean scores, a row per model and a column per dataset, and each model's kind."""
    own = scores[(scores.metric == metric) & (scores.model != "oracle")]
    folds = own.groupby(["model", "dataset"]).score.agg(["mean", "size"])
    n_folds = folds.groupby("dataset")["size"].max()
    whole = folds["size"] == folds.index.get_level_values("dataset").map(n_folds)
    kept = folds["mean"].where(whole).rename("score").reset_index()
    return kept.pivot_table("score", "model", "dataset"), own.groupby("model").kind.first()


def summary(table: pd.DataFrame, kinds: pd.Series, scale: pd.Series | None = None) -> pd.DataFrame:
    """Return rank, regret and gain over the best learner, per model, best mean rank first.

    Parameters
    ----------
    table : DataFrame of shape (n_models, n_datasets)
        Mean scores, NaN where a model has none.
    kinds : Series
        learner, fusion or reference, by model.
    scale : Series, optional
        By dataset, what differences are divided by.
    """
    choices = table[kinds != "reference"]
    scale = pd.Series(1.0, index=table.columns) if scale is None else scale
    best, best_learner = choices.max(), table[kinds == "learner"].max()
    # A reference is ranked as if it alone joined the choices.
    ranks = pd.DataFrame(
        {
            model: pd.concat([choices.drop(index=model, errors="ignore"), table.loc[[model]]])
            .rank(ascending=False)
            .loc[model]
            for model in table.index
        }
    ).T
    regret = (best - table) / scale
    gain = (table - best_learner) / scale
    found = pd.DataFrame(
        {
            "kind": kinds,
            "datasets": table.notna().sum(axis=1),
            "mean rank": ranks.mean(axis=1),
            "mean regret": regret.mean(axis=1),
            "median regret": regret.median(axis=1),
            "worst regret": regret.max(axis=1),
            "vs best learner": gain.mean(axis=1),
            "beats it on": (gain > 1e-12).sum(axis=1),
            "ties": (gain.abs() <= 1e-12).sum(axis=1),
        }
    )
    return found.sort_values(["mean rank", "mean regret"])


def duels(table: pd.DataFrame, kinds: pd.Series) -> pd.DataFrame:
    """Return each fusion's mean difference to each learner, and on how many datasets it is ahead of how many."""
    rows = {}
    for fusion in table.index[kinds == "fusion"]:
        cells = {}
        for learner in table.index[kinds == "learner"]:
            differences = (table.loc[fusion] - table.loc[learner]).dropna()
            ahead = int((differences > 1e-12).sum())
            cells[learner] = f"{100 * differences.mean():+.1f} ({ahead}/{len(differences)})" if len(differences) else ""
        rows[fusion] = cells
    return pd.DataFrame(rows).T


def markdown(frame: pd.DataFrame, corner: str) -> str:
    """Return a frame as a Markdown table."""
    head = [corner, *map(str, frame.columns)]
    lines = [head, ["---", *["---:"] * len(frame.columns)]]
    lines += [
        [str(name), *(_shown(value) for value in row)] for name, row in zip(frame.index, frame.to_numpy(), strict=True)
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _shown(value: object) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.2f}"
    return str(value)


def report(scores: pd.DataFrame) -> str:
    """Return the tables of every metric as Markdown."""
    parts = []
    metrics = [one for one in ORDER if one in set(scores.metric)] + sorted(set(scores.metric) - set(ORDER))
    for metric in metrics:
        table, kinds = means(scores, metric)
        percent = metric not in {"neg_log_loss", "neg_mean_absolute_error"}
        shown, unit = (100 * table, "points of 100") if percent else (table, "its own unit")
        scale = None
        if metric == "neg_mean_absolute_error":  # datasets have units of their own
            scale, unit = -table[kinds == "learner"].max() / 100, "percent of the best learner's error"
        board = summary(shown, kinds, scale)
        parts.append(
            f"## {metric}: {table.shape[1]} datasets\n\nDifferences in {unit}.\n\n{markdown(board, 'model')}\n"
        )
        if metric in {"accuracy", "r2"}:
            parts.append(f"### Fusions against single learners: {metric}\n\n{DUELS}\n")
            parts.append(markdown(duels(table, kinds), "fusion") + "\n")
    return "\n".join(parts)


def main() -> None:
    """Print the tables of a score file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path, help="scores.csv of a run")
    path = parser.parse_args().scores
    if not path.is_file():
        sys.exit(f"{path}: there is no such file")
    print(report(pd.read_csv(path)))


if __name__ == "__main__":
    main()
