"""Time fusebench beside scikit-learn and its peers, and how it scales: one command, one table.

Every figure is of whole processes, each in a folder and with a store of its own, medians over the repeats. "import" is
the time that importing the libraries alone takes; it is taken in every repeat, for the speed of a shared machine
changes, and ratios are medians of those within a repeat. "floor" is the CPU seconds of the unique fits, as the run
itself recorded them, over the workers; the "floor of the libraries as they are" is that of a run whose workers spare
the libraries nothing (see `fusebench.engine.execute._quick_fits`).

    python benchmarks/speed/core.py --repeats 5 --sklearn --out results/speed
    python benchmarks/speed/core.py --only "" --pycaret PYTHON --autogluon PYTHON --lazypredict PYTHON
    python benchmarks/speed/core.py --only scaling,small,dask

The table goes to core.csv, core.md and environment.json in the folder that --out names; a later call replaces the rows
that it measures. PYTHON is the interpreter of an environment that holds the peer.
"""

from __future__ import annotations

import argparse
import atexit
import compileall
import csv
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psutil

import fusebench as package

HERE = Path(__file__).parent
IMPORTS = "import sklearn.ensemble, xgboost, lightgbm, pandas"
N_JOBS = 2
SECTIONS = ("core", "plain", "sixteen", "compare", "small", "resume", "scaling", "estimate", "dask", "planning")
PEERS = ("sklearn", "pycaret", "autogluon", "lazypredict")
ONE_MORE = ["--set", "fusions.more.type=averaging", "--set", "fusions.more.method=median"]
TEN_MORE = [
    word
    for n in range(10)
    for word in ("--set", f"fusions.more{n}={{type: weighted, weights: [1,1,2,2,1,1,2,{n + 3}]}}")
]
# Everything in one process, which spares the libraries nothing.
PLAIN = """
from fusebench import cli
from fusebench.engine.execute.local import LocalExecutor
LocalExecutor._is_quick = lambda *_: True
cli.main()
"""
ENVIRONMENT = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")}


def timed(command, folder="."):
    """Return wall seconds of a command that succeeds."""
    begun = time.perf_counter()
    subprocess.run(
        command, check=True, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - begun


def import_seconds():
    """Return what importing the libraries alone takes now."""
    return timed([sys.executable, "-c", IMPORTS])


@contextmanager
def fresh_folder():
    """Make a folder that stays until this program ends.

    Some file systems look at every file that was deleted a minute ago before they make a new one: what the last run
    left must not be paid for by the next.
    """
    yield tempfile.mkdtemp(dir=_all_folders())


@cache
def _all_folders():
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    return folder


def fusebench(*arguments):
    return [sys.executable, "-m", "fusebench", *map(str, arguments)]


def run_command(*options, jobs=N_JOBS):
    place = ["--jobs", jobs, "-q", "--out", "out", "--store", "store"]
    return fusebench("run", HERE / "core.yaml", *place, *options)


def floor_of(run_folder, jobs=N_JOBS):
    """Return the CPU seconds of all unique fits of a run, every learner's and what fusions fitted, over the workers."""
    totals = json.loads((Path(run_folder) / "summary.json").read_text())["totals"]
    learners = sum(row["fit_cpu_seconds"] for row in totals if row["kind"] == "learner")
    return (learners + sum(row["own_cpu_seconds"] for row in totals if row["kind"] == "fusion")) / jobs


def fits_of(run_folder):
    totals = json.loads((Path(run_folder) / "summary.json").read_text())["totals"]
    return sum(row["fits"] for row in totals if row["kind"] == "learner")


class Table:
    """The rows measured so far, printed as they come."""

    def __init__(self, out):
        self.out = out
        self.rows = {}
        if out and (out / "core.csv").exists():
            with (out / "core.csv").open(newline="") as file:
                self.rows = {row["what"]: float(row["value"]) for row in csv.DictReader(file)}

    def note(self, what, value):
        self.rows[what] = value
        print(f"{what:52} {value:10.3f}", flush=True)
        if self.out:
            self.write()

    def write(self):
        self.out.mkdir(parents=True, exist_ok=True)
        with (self.out / "core.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("what", "value"), *((what, f"{v:.4f}") for what, v in self.rows.items())])
        lines = [
            "| what | seconds, ratio, MiB or ms |",
            "|---|---|",
            *(f"| {w} | {v:.2f} |" for w, v in self.rows.items()),
        ]
        (self.out / "core.md").write_text("\n".join(lines) + "\n")
        from fusebench.engine.environment import environment

        (self.out / "environment.json").write_text(json.dumps(environment(N_JOBS), indent=1) + "\n")


def core(table, repeats):
    """Time the core job: first run, finished again, one and ten more fusions."""
    for name, options in (("paired", ()), ("inner 5", ("--set", "cv.inner=5"))):
        walls = {"import": [], "wall": [], "floor": [], "again": [], "one more fusion": [], "ten more fusions": []}
        for _ in range(repeats):
            with fresh_folder() as folder:
                walls["import"].append(import_seconds())
                walls["wall"].append(timed(run_command(*options), folder))
                walls["floor"].append(floor_of(Path(folder) / "out"))
                walls["again"].append(timed(run_command(*options), folder))
                walls["one more fusion"].append(timed(run_command(*options, *ONE_MORE), folder))
                walls["ten more fusions"].append(timed(run_command(*options, *TEN_MORE), folder))
        for what, seconds in walls.items():
            table.note(f"{name}: {what}", statistics.median(seconds))
        table.note(f"{name}: wall / floor", median_ratio(walls["wall"], walls["floor"]))
        after = [wall - imports for wall, imports in zip(walls["wall"], walls["import"], strict=True)]
        table.note(f"{name}: (wall - import) / floor", median_ratio(after, walls["floor"]))
        for what in ("again", "one more fusion"):
            table.note(f"{name}: {what} / import", median_ratio(walls[what], walls["import"]))
        table.note(f"{name}: ten more fusions / wall", median_ratio(walls["ten more fusions"], walls["wall"]))


def median_ratio(above, below):
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def plain(table, repeats):
    """Sum up the same fits where workers spare the libraries nothing, and set the wall against that floor."""
    for name, options in (("paired", ()), ("inner 5", ("--set", "cv.inner=5"))):
        floors = []
        for _ in range(max(1, repeats // 2)):
            with fresh_folder() as folder:
                timed([sys.executable, "-c", PLAIN, *run_command(*options)[3:]], folder)
                floors.append(floor_of(Path(folder) / "out"))
        floor = statistics.median(floors)
        table.note(f"{name}: floor of the libraries as they are", floor)
        table.note(
            f"{name}: (wall - import) / that floor",
            (table.rows[f"{name}: wall"] - table.rows[f"{name}: import"]) / floor,
        )


def sixteen(table, repeats):
    """Time the core job with ten more fusions from the start beside the job without them, in turns."""
    pairs = []
    for _ in range(repeats):
        with fresh_folder() as few, fresh_folder() as many:
            pairs.append((timed(run_command(), few), timed(run_command(*TEN_MORE), many)))
    added = statistics.median(many / few - 1 for few, many in pairs)
    table.note("sixteen fusions instead of six: share of the time added", added)


def compare(table, repeats):
    """Time `compare` with its defaults on a fresh store."""
    rows = []
    for _ in range(repeats):
        with fresh_folder() as folder:
            imports = import_seconds()
            seconds = timed(fusebench("compare", "--datasets", "iris,wine", "--out", "out", "--jobs", N_JOBS), folder)
            rows.append((imports, seconds, floor_of(Path(folder) / "out")))
    imports, wall, floor = zip(*rows, strict=True)
    table.note("compare iris,wine: import", statistics.median(imports))
    table.note("compare iris,wine: wall", statistics.median(wall))
    table.note("compare iris,wine: floor", statistics.median(floor))
    over = [one - fits for one, fits in zip(wall, floor, strict=True)]
    table.note("compare iris,wine: (wall - floor) / import", median_ratio(over, imports))


def small(table, repeats):
    """Time 2,000 fits that take less than a millisecond each."""
    options = ["--set", "datasets=[iris]", "--set", "learners={nb: gaussian_nb}", "--set", "fusions={}"]
    options += ["--set", "cv.n_repeats=134"]
    over = []
    for _ in range(repeats):
        with fresh_folder() as folder:
            imports, wall = import_seconds(), timed(run_command(*options), folder)
            fits, floor = fits_of(Path(folder) / "out"), floor_of(Path(folder) / "out")
            over.append((wall, (wall - imports - floor) / fits * 1000))
    table.note("2,010 fits of gaussian_nb: wall", statistics.median(wall for wall, _ in over))
    table.note("2,010 fits of gaussian_nb: ms over each fit", statistics.median(ms for _, ms in over))


def resume(table, repeats):
    """Time a run that is killed half way and run again, both together, beside one that is left alone."""
    pairs = []
    for _ in range(repeats):
        with fresh_folder() as whole, fresh_folder() as folder:
            uncut = timed(run_command(), whole)
            process = subprocess.Popen(
                run_command(), cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            begun = time.perf_counter()
            time.sleep(uncut / 2)
            process.send_signal(signal.SIGKILL)
            process.wait()
            timed(run_command(), folder)
            pairs.append((time.perf_counter() - begun, uncut))
    resumed, left_alone = zip(*pairs, strict=True)
    table.note("killed half way and resumed: wall of both", statistics.median(resumed))
    table.note("killed half way and resumed / one that was not", median_ratio(resumed, left_alone))


def scaling(table, repeats):
    """Time parts of the job: workers, learners, fusions, datasets; and its peak memory."""
    del repeats
    cases = {
        "1 worker": (1, []),
        "2 workers": (2, []),
        "4 of 8 learners": (
            2,
            [
                "--set",
                "learners={lr: lr, rf: {type: rf, n_estimators: 200}, xgb: xgb, lgbm: lgbm}",
                "--set",
                "fusions={soft: voting, stack: stacking}",
            ],
        ),
        "3 of 6 fusions": (2, ["--fusions", "hard,soft,stack_lr"]),
        "2 of 4 datasets": (2, ["--datasets", "iris,digits"]),
        "3 repeats": (2, ["--set", "cv.n_repeats=3"]),
    }
    for what, (jobs, options) in cases.items():
        imports = import_seconds()
        with fresh_folder() as folder, PeakMemory() as peak:
            wall = timed(run_command(*options, jobs=jobs), folder)
            floor = floor_of(Path(folder) / "out", jobs)
        table.note(f"scaling: {what}: wall", wall)
        table.note(f"scaling: {what}: (wall - import) / floor", (wall - imports) / floor)
        table.note(f"scaling: {what}: peak memory of all processes, MiB", peak.bytes / 2**20)


def estimate(table, repeats):
    """Set the plan's estimate, once the first dataset is done, against what the other datasets then take."""
    del repeats
    with fresh_folder() as folder:
        timed(run_command("--datasets", "iris"), folder)
        plan = fusebench("plan", HERE / "core.yaml", "--store", "store", "--jobs", N_JOBS)
        said = subprocess.run(plan, cwd=folder, check=True, capture_output=True, text=True).stdout
        found = re.search(r"estimate: (?:([\d.]+) min )?([\d.]+) s", said)
        expected = 60 * float(found[1] or 0) + float(found[2])
        wall = timed(run_command(), folder)
    table.note("estimate after the first dataset", expected)
    table.note("estimate after the first dataset: wall / estimate", wall / expected)


def planning(table, repeats):
    """Time the plan of 102,000 fits and fusions that a fresh store knows nothing of."""
    options = ["--set", "datasets=[iris]", "--set", "learners={nb: gaussian_nb}", "--set", "fusions={}"]
    options += ["--set", "cv.n_repeats=3400"]
    walls, peaks = [], []
    for _ in range(repeats):
        with fresh_folder() as folder, PeakMemory() as peak:
            walls.append(timed(fusebench("plan", HERE / "core.yaml", "--store", "store", *options), folder))
        peaks.append(peak.bytes / 2**20)
    table.note("planning 102,000 tasks: wall", statistics.median(walls))
    table.note("planning 102,000 tasks: peak memory, MiB", statistics.median(peaks))


def dask(table, repeats):
    """Time the core job on Dask's local cluster beside the local executor, in turns."""
    pairs = []
    for _ in range(repeats):
        with fresh_folder() as local, fresh_folder() as cluster:
            pairs.append((timed(run_command("--executor", "dask"), cluster), timed(run_command(), local)))
    on_cluster, on_local = zip(*pairs, strict=True)
    table.note("dask, 2 local workers: wall", statistics.median(on_cluster))
    table.note("dask / local", median_ratio(on_cluster, on_local))


class PeakMemory:
    """Samples the resident bytes of this process's descendants."""

    bytes = 0

    def __enter__(self):
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()

    def _watch(self):
        while not self._stop.wait(0.2):
            total = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    continue
            self.bytes = max(self.bytes, total)


def peers(table, pythons):
    """Time each peer once, and set all that were ever timed beside fusebench."""
    for name, python in pythons.items():
        table.note(f"{name}: wall", timed([python, str(HERE / "peers" / f"{name}_core.py")]))
    for name in PEERS:
        for mine in ("paired", "inner 5"):
            if {f"{name}: wall", f"{mine}: wall"} <= table.rows.keys():
                table.note(f"{name} / {mine}", table.rows[f"{name}: wall"] / table.rows[f"{mine}: wall"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="core", help=f"of {','.join(SECTIONS)}; plain and peers need core's rows")
    parser.add_argument("--sklearn", action="store_const", const=sys.executable, help="also time scikit-learn alone")
    for name in PEERS[1:]:
        parser.add_argument(f"--{name}", metavar="PYTHON", help="an interpreter that has it")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    table = Table(arguments.out)
    sections = list(filter(None, arguments.only.split(",")))
    # As pip leaves every package that it installs; an editable one might never be compiled, and be timed compiling.
    compileall.compile_dir(Path(package.__file__).parent, quiet=1)
    for section in sections:
        globals()[section](table, arguments.repeats)
    peers(table, {name: python for name in PEERS if (python := getattr(arguments, name))})


if __name__ == "__main__":
    main()
