"""Count the datasets on which each distilled student keeps half of its teacher's gain at a tenth of the cost.

python benchmarks/kept_gain.py results/compression
"""

import json
import sys
from collections import defaultdict
from pathlib import Path


def main(folder: str) -> None:
    rows = json.loads((Path(folder) / "summary.json").read_text(encoding="utf-8"))["distilled"]
    per_dataset = [row for row in rows if row["dataset"]]
    print("| student | dataset | teacher | student alone | distilled | share of the gain | bytes | latency |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    counts = defaultdict(lambda: [0, 0, 0])
    for row in sorted(per_dataset, key=lambda one: (one["model"], one["dataset"])):
        kept, ratios = row["gain_kept"], [one for one in (row["size_ratio"], row["latency_ratio"]) if one is not None]
        cheap = bool(ratios) and min(ratios) <= 0.1
        count = counts[row["model"]]
        count[0] += kept is not None
        count[1] += kept is not None and kept >= 0.5
        count[2] += kept is not None and kept >= 0.5 and cheap
        alone = "" if row["alone_score"] is None else f"{row['alone_score']:.4f}"
        share = "no gain" if kept is None else f"{kept:.0%}"
        costs = " | ".join("n/a" if row[one] is None else f"{row[one]:.3f}x" for one in ("size_ratio", "latency_ratio"))
        scores = f"{row['teacher_score']:.4f} | {alone} | {row['score']:.4f}"
        print(f"| {row['model']} | {row['dataset']} | {scores} | {share} | {costs} |")
    for model, (gains, half, both) in counts.items():
        print(f"\n{model}: of {gains} datasets with a gain, {half} keep at least half of it,")
        print(f"{both} of them at a tenth of the bytes or the latency.")


if __name__ == "__main__":
    main(sys.argv[1])
