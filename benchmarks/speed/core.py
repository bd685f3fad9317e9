"""Time the job of core.yaml: fusebench with paired nesting and with `inner: 5`, beside scikit-learn alone.

Every figure is of a whole process with a fresh store. The floor is the sum of the CPU seconds of the unique fits
(as recorded by the run itself) over the workers; "import" is the time to import the libraries alone.

    python benchmarks/speed/core.py --repeats 5 --sklearn --out results/speed/core.csv
"""

from __future__ import annotations

import argparse
import csv
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
IMPORTS = "import sklearn.ensemble, xgboost, lightgbm, pandas"
N_JOBS = 2


def timed(command: list[str], folder: str) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun


def fit_cpu_seconds(run_folder: Path) -> float:
    """Sum the CPU seconds of all unique fits of a run: every learner's, and what each fusion fitted itself."""
    import json

    totals = json.loads((run_folder / "summary.json").read_text())["totals"]
    return sum(row["fit_cpu_seconds"] for row in totals if row["kind"] == "learner") + sum(
        row["own_cpu_seconds"] for row in totals if row["kind"] == "fusion"
    )


def fusebench(*options: str) -> tuple[float, float, dict[str, float]]:
    """Return wall seconds of a fresh run, its floor, and wall seconds of a second run and of one more fusion."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "fusebench", "run", str(HERE / "core.yaml"), "--jobs", str(N_JOBS), "-q"]
        command += ["--out", "out", "--store", "store", *options]
        first = timed(command, folder)
        floor = fit_cpu_seconds(Path(folder) / "out") / N_JOBS
        again = timed(command, folder)
        one_more = timed([*command, "--set", "fusions.more.type=averaging"], folder)
    return first, floor, {"again": again, "one more fusion": one_more}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sklearn", action="store_true", help="also time scikit-learn alone, once (minutes)")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows: list[tuple[str, float]] = []

    def note(what: str, seconds: float) -> None:
        rows.append((what, seconds))
        print(f"{what:42} {seconds:8.2f}", flush=True)

    imports = statistics.median(timed([sys.executable, "-c", IMPORTS], ".") for _ in range(arguments.repeats))
    note("import", imports)
    walls: dict[str, float] = {}
    for name, options in (("paired", ()), ("inner 5", ("--set", "cv.inner=5"))):
        runs = [fusebench(*options) for _ in range(arguments.repeats)]
        wall, floor = (statistics.median(run[n] for run in runs) for n in (0, 1))
        walls[name] = wall
        note(f"{name}: wall", wall)
        note(f"{name}: floor", floor)
        note(f"{name}: wall / floor", wall / floor)
        note(f"{name}: (wall - import) / floor", (wall - imports) / floor)
        for what in ("again", "one more fusion"):
            seconds = statistics.median(run[2][what] for run in runs)
            note(f"{name}: {what}", seconds)
            note(f"{name}: {what} / import", seconds / imports)
    if arguments.sklearn:
        seconds = timed([sys.executable, str(HERE / "sklearn_core.py")], ".")
        note("scikit-learn: wall", seconds)
        for name, wall in walls.items():
            note(f"scikit-learn / {name}", seconds / wall)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        with arguments.out.open("w", newline="") as file:
            csv.writer(file).writerows([("what", "seconds or ratio"), *((w, f"{s:.4f}") for w, s in rows)])


if __name__ == "__main__":
    main()
