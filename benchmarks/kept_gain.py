"""Count the datasets on which each distilled student keeps half of its teacher's gain at a tenth of the cost.

python benchmarks/kept_gain.py results/compression

With further names the gain is that over the best of the student alone and these learners:

python benchmarks/kept_gain.py results/compression careful
"""

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import fmean


def main(folder: str, *rivals: str) -> None:
    rows = json.loads((Path(folder) / "summary.json").read_text(encoding="utf-8"))["distilled"]
    per_dataset = [row for row in rows if row["dataset"]]
    means = mean_scores(Path(folder) / "scores.csv")
    print("| student | dataset | teacher | student alone | distilled | share of the gain | bytes | latency |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    counts = defaultdict(lambda: [0, 0, 0])
    for row in sorted(per_dataset, key=lambda one: (one["model"], one["dataset"])):
        others = [means[row["dataset"], row["metric"], rival] for rival in rivals]
        alone = max([row["alone_score"], *others]) if row["alone_score"] is not None else None
        gain = 0.0 if alone is None else row["teacher_score"] - alone
        kept = (row["score"] - alone) / gain if gain > 1e-12 else None
        ratios = [one for one in (row["size_ratio"], row["latency_ratio"]) if one is not None]
        cheap = bool(ratios) and min(ratios) <= 0.1
        count = counts[row["model"]]
        count[0] += kept is not None
        count[1] += kept is not None and kept >= 0.5
        count[2] += kept is not None and kept >= 0.5 and cheap
        share = "no gain" if kept is None else f"{kept:.0%}"
        costs = " | ".join("n/a" if row[one] is None else f"{row[one]:.3f}x" for one in ("size_ratio", "latency_ratio"))
        scores = f"{row['teacher_score']:.4f} | {'' if alone is None else f'{alone:.4f}'} | {row['score']:.4f}"
        print(f"| {row['model']} | {row['dataset']} | {scores} | {share} | {costs} |")
    for model, (gains, half, both) in counts.items():
        print(f"\n{model}: of {gains} datasets with a gain, {half} keep at least half of it,")
        print(f"{both} of them at a tenth of the bytes or the latency.")


def mean_scores(path: Path) -> dict[tuple[str, str, str], float]:
    """Return the mean over the folds by dataset, metric and model."""
    found = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found[row["dataset"], row["metric"], row["model"]].append(float(row["score"]))
    return {key: fmean(scores) for key, scores in found.items()}


if __name__ == "__main__":
    main(*sys.argv[1:])
