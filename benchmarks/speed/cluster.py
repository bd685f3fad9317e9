"""What 1,000 datasets x 50 learners would take on 10, 100 and 1,000 workers: a formula, and a simulation to check it.

Nothing is fitted but the core job, once, to record what fits cost here (or name a store that has recorded costs). The
simulation draws every fit's seconds from those records and plays the run: one process hands out batches, longest fits
first, takes in results and writes them, at the seconds per task that were measured here; workers do nothing else than
fit. What a network adds to each message is not in it.

    python benchmarks/speed/cluster.py --out results/speed
"""

from __future__ import annotations

import argparse
import csv
import heapq
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fusebench import api
from fusebench.engine.store import Entry, Store

HERE = Path(__file__).parent
N_DATASETS, N_LEARNERS, N_SPLITS = 1_000, 50, 5
FITS_PER_PAIR = N_SPLITS + N_SPLITS * (N_SPLITS - 1) // 2  # paired nesting
WORKERS = (10, 100, 1_000)
BATCH_SECONDS = 0.03  # what the scheduler packs small tasks into


def recorded(store):
    """Return seconds of fits and mean bytes of a stored fit."""
    costs = json.loads((store / "costs.json").read_text())
    seconds = np.array([value for key, value in costs.items() if key.startswith("fit ")])
    entries = Store(store)
    sizes = [entries.path(key).stat().st_size for key in list(entries.keys()) if entries.get(key).kind == "fit"]
    return seconds, float(np.mean(sizes))


def dispatch_seconds(n_tasks=20_000):
    """Return the CPU seconds of handing out one task and taking in its result, without the disk."""
    from fusebench.engine.schedule import Schedule

    with tempfile.TemporaryDirectory() as folder:
        place = api.settings(store=Path(folder) / "store", n_jobs=1)
        repeats = n_tasks // (FITS_PER_PAIR * 2)
        spec = {"name": "d", "datasets": ["iris"], "learners": ["nb", "knn"], "cv": {"n_repeats": repeats}}
        planned = api.make_plan(api.spec_from(spec), place)
        begun = time.process_time()
        schedule = Schedule(planned.plan, planned.missing, Path(folder), share_encodings=False)
        while schedule.unfinished:
            for key, _ in schedule.take():
                schedule.finish(key)
        return (time.process_time() - begun) / len(schedule.tasks)


def writing_seconds(size, n_entries=2_048, group=64):
    """Return the seconds of writing one result of so many bytes durably, in groups as a run does."""
    entry = Entry("any", {"cpu": 1.0}, {"proba0": np.zeros(int(size) // 8)})
    with tempfile.TemporaryDirectory(dir=".") as folder:
        store = Store(Path(folder))
        begun = time.perf_counter()
        for start in range(0, n_entries, group):
            store.put_many({f"{n * 7919 % 256:02x}{n:062x}": entry for n in range(start, start + group)})
        return (time.perf_counter() - begun) / n_entries


def simulate(seconds, n_workers, dispatch):
    """Return the wall seconds: each batch passes through the one process that hands them out, then through a worker."""
    free = [0.0] * n_workers
    hands = 0.0
    position, end = 0, 0.0
    while position < len(seconds):
        batch = seconds[position]
        n = 1
        while batch < BATCH_SECONDS and position + n < len(seconds):
            batch += seconds[position + n]
            n += 1
        worker = heapq.heappop(free)
        hands = max(hands, worker) + n * dispatch
        done = max(hands, worker) + batch
        heapq.heappush(free, done)
        end = max(end, done)
        position += n
    return end


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, help="a store with recorded costs; the core job is run without it")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = arguments.store or Path(folder) / "store"
        if arguments.store is None:
            command = [sys.executable, "-m", "fusebench", "run", str(HERE / "core.yaml"), "-q", "--store", str(store)]
            subprocess.run([*command, "--out", f"{folder}/out"], check=True, stdout=subprocess.DEVNULL)
        seconds, size = recorded(store)
    scheduling, writing = dispatch_seconds(), writing_seconds(size)
    dispatch = scheduling + writing
    n_fits = N_DATASETS * N_LEARNERS * FITS_PER_PAIR
    drawn = np.sort(np.random.default_rng(0).choice(seconds, n_fits))[::-1]
    rows = [
        ("fits", n_fits),
        ("mean seconds of a fit, as recorded", float(seconds.mean())),
        ("longest recorded fit, seconds", float(seconds.max())),
        ("CPU hours of the fits", float(drawn.sum() / 3600)),
        ("GB of stored predictions", size * n_fits / 1e9),
        ("ms of scheduling per task", scheduling * 1000),
        ("ms of writing per task", writing * 1000),
    ]
    for n_workers in WORKERS:
        formula = max(drawn.sum() / n_workers, n_fits * dispatch, float(drawn[0]))
        rows.append((f"{n_workers} workers: hours by the formula", formula / 3600))
        rows.append((f"{n_workers} workers: hours simulated", simulate(drawn.tolist(), n_workers, dispatch) / 3600))
    for what, value in rows:
        print(f"{what:42} {value:14,.3f}")
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        with (arguments.out / "cluster.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("what", "value"), *((what, f"{value:.4f}") for what, value in rows)])


if __name__ == "__main__":
    main()
