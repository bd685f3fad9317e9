"""Time and memory of all statistics of 50 models x 100 datasets x 100 folds.

python -m benchmarks.verdicts.scale
"""

from __future__ import annotations

import resource
import time

import numpy as np

from fusebench import judge


def main() -> None:
    rng = np.random.default_rng(0)
    models = tuple(f"m{at:02d}" for at in range(50))
    folds = tuple((str(repeat), str(fold)) for repeat in range(10) for fold in range(10))
    skill = rng.normal(0, 0.01, 50)
    blocks = tuple(
        judge.Block(
            dataset=f"d{at:03d}",
            folds=folds,
            scores=0.8 + skill + rng.normal(0, 0.02, 50) + rng.normal(0, 0.02, (100, 50)),
            test_train_ratio=1 / 9,
            n_repeats=10,
        )
        for at in range(100)
    )
    table = judge.ScoreTable(metric="accuracy", models=models, blocks=blocks)
    started = time.perf_counter()
    result = judge.analyse(table)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(result['pairs'])} comparisons in {seconds:.1f} s, peak memory {peak:.0f} MiB")
    print(*result["warnings"], sep="\n")


if __name__ == "__main__":
    main()
