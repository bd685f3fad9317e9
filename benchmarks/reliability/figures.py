"""Measure every figure of docs/reliability.md and write the table into it.

    python benchmarks/reliability/figures.py                # all of it, about 20 minutes on two cores
    python benchmarks/reliability/figures.py --quick        # a hundredth of it, to see that it works
    python benchmarks/reliability/figures.py --only specs tables

Writes benchmarks/reliability/figures.csv and the table between the markers in docs/reliability.md. Exits 1 when a
promise is broken.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
SLICES = 4  # jobs of each way to stop
_own: list = []
"""Of a process of the pool: its forge, its folder, the scores of a whole run and their seconds."""
HEADER = ("part", "what", "figure", "kept", "command")


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    part: str
    what: str
    figure: str
    kept: bool
    command: str


def specs(share: float, folder: Path) -> list[Figure]:
    import mutations

    tally = mutations.run(int(10_000 * share), folder)
    own = "python benchmarks/reliability/mutations.py --n 10000"
    right = f"{tally.lines_right} of {tally.lines_known} ({tally.share_right:.2%})"
    n = f"{tally.n:,}"
    return [
        Figure("specs", f"Tracebacks in {n} broken specs", str(len(tally.tracebacks)), not tally.tracebacks, own),
        Figure(
            "specs", "Slowest of them", f"{tally.slowest:.2f} s ({tally.slowest_cpu:.2f} s CPU)", tally.slowest < 1, own
        ),
        Figure("specs", "Refusals that name the broken line first", right, tally.share_right >= 0.99, own),
    ]


def tables(share: float, folder: Path) -> list[Figure]:
    import tables as broken

    tally = broken.run(int(2_000 * share), folder)
    n = sum(tally.codes.values())
    codes = ", ".join(f"{code}: {count}" for code, count in sorted(tally.codes.items()))
    own = "python benchmarks/reliability/tables.py --n 2000"
    return [Figure("tables", f"Exit codes of {n:,} broken tables", codes, not tally.wrong, own)]


def faults(share: float, folder: Path) -> list[Figure]:
    step = SLICES if share == 1 else SLICES * max(round(0.05 / share), 1)  # a hundredth stops once in 20 operations
    starts = range(1, 1 + SLICES) if share == 1 else [1]
    jobs = [(kind, start, step) for kind in ("kill", "enospc", "eio") for start in starts]
    jobs += [("random", start, max(int(100 * share / len(starts)), 1)) for start in starts]
    several: dict[str, list] = {}
    with multiprocessing.get_context("spawn").Pool(2, _ready, (str(folder),)) as pool:
        for kind, points in pool.imap_unordered(_stopped, jobs):
            several.setdefault(kind, []).extend(points)
    said = {
        "kill": "killed at an I/O operation",
        "enospc": "disk full at an I/O operation (exit 74)",
        "eio": "I/O error at an I/O operation (exit 74)",
        "random": "killed at a random time",
    }
    found = []
    for kind, how in said.items():
        points = several[kind]
        stopped = [one for one in points if one.stopped]
        bad = [one for one in points if not one.ok]
        lost, torn = sum(one.lost for one in points), sum(one.torn for one in points)
        text = f"{len(stopped)} runs: {lost} lost, {torn} torn, {sum(not one.same for one in points)} other bytes"
        found.append(Figure("faults", f"Runs {how}, then run again", text, not bad, _figures("faults")))
    return found


def _ready(folder: str) -> None:
    """Start, in one process of the pool, the warm one that its runs are forked from."""
    import faults as stopping

    forge, own = stopping.Forge().__enter__(), Path(folder) / str(os.getpid())
    _own.extend([forge, own, *stopping.whole_run(forge, own)])


def _stopped(job: tuple[str, int, int]) -> tuple[str, list]:
    """Stop runs at every step-th operation from a first one on, or at some random times."""
    import faults as stopping

    kind, start, step = job
    forge, folder, whole, seconds = _own
    if kind == "random":
        return kind, list(stopping.random_kills(forge, folder, whole, step, seconds, seed=start))
    return kind, list(stopping.points(forge, folder, kind, whole, start, step))


def power(share: float, folder: Path) -> list[Figure]:
    import power as cutting

    tally = cutting.run(folder / "run")
    text = f"{len(tally.lost)} lost, {len(tally.torn)} torn"
    what = f"Power cuts at {tally.moments} moments, {tally.disks:,} disks"
    kept = not (tally.lost or tally.torn)
    return [Figure("power", what, text, kept, "python benchmarks/reliability/power.py")]


def store(share: float, folder: Path) -> list[Figure]:
    """Flip every byte of a small entry and cut it everywhere."""
    import numpy as np

    from fusebench.engine.store import Entry, Store

    kept = Store(folder)
    key = "ab" * 32
    kept.put(key, Entry("any", {"cpu": 0.5}, {"proba": np.arange(12.0).reshape(4, 3)}))
    raw = kept.path(key).read_bytes()
    changed = [raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :] for at in range(len(raw))]
    believed = 0
    for one in [*changed, *(raw[:at] for at in range(len(raw)))]:
        kept.path(key).write_bytes(one)
        believed += kept.get(key) is not None
    what = f"Damaged entries believed, of {2 * len(raw):,} (every byte flipped, every truncation)"
    return [Figure("store", what, str(believed), not believed, _figures("store"))]


def limits(share: float, folder: Path) -> list[Figure]:
    """Measure how late limits hold and how long an interrupt takes."""
    alone = _seconds_of("fine", folder)
    found = []
    for how, what in (
        ("hang_in_c", "Overrun of a timeout"),
        ("eat", "From the first byte to the end at a memory limit"),
    ):
        late = (_seconds_of(how, folder) - alone) / 3 - (how == "hang_in_c")
        found.append(
            Figure("limits", f"{what}, a fit, with a new worker", f"{late:.2f} s", late < 2, _figures("limits"))
        )
    late = _interrupt(folder)
    what = "From Ctrl-C to the end, with the partial table"
    return [*found, Figure("limits", what, f"{late:.2f} s", late < 2, _figures("limits"))]


def _seconds_of(how: str, folder: Path) -> float:
    """Return the seconds of a run with three fits of one learner of tests/engine/hostile.py."""
    spec = folder / f"{how}.yaml"
    spec.write_text(
        f"name: {how}\ndatasets: [iris]\nlearners: {{one: {{type: hostile.Hostile, how: {how}}}}}\n"
        "cv: {type: holdout, test_size: 0.3, inner: 2}\nresources: {timeout: 1s, memory: 700MB}\n"
    )
    begun = time.monotonic()
    _start(spec, "--allow-import").wait()
    return time.monotonic() - begun


def _interrupt(folder: Path) -> float:
    spec = folder / "slow.yaml"
    forest = "{type: rf, n_estimators: 1500}"
    spec.write_text(f"name: slow\ndatasets: [iris]\nlearners: {{nb: nb, rf: {forest}}}\nfusions: {{vote: voting}}\n")
    process = _start(spec)
    while process.poll() is None and len(list(folder.glob("slow-store/objects/*/*"))) < 12:
        time.sleep(0.02)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    code = process.wait()
    late = time.monotonic() - begun
    if code != 130 or not (folder / "slow" / "scores.csv").exists():
        raise RuntimeError(f"the interrupted run ended with {code}")
    return late


def _start(spec: Path, *flags: str) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "engine")])}
    places = ["--store", f"{spec.stem}-store", "--out", spec.stem, "--jobs", "1", "-q"]
    command = [sys.executable, "-m", "fusebench", "run", spec.name, *places, *flags]
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=spec.parent, env=env, stdout=nowhere, stderr=nowhere)


def tests(share: float, folder: Path) -> list[Figure]:
    """Count the tests that enumerate the rest."""
    lines = {
        "Hostile learners, each with its exact status, and what is right beside them": "tests/engine/test_hostile.py",
        "Lines of the list of bad input": "tests/cli/test_bad_input.py",
        "Stopping, sleepers, shared stores": "tests/engine/test_stopping.py tests/reliability/test_together.py",
        "No leak: learners, encoders, fusions": "tests/reliability/test_leaks.py",
        "Payloads in files that are read": "tests/reliability/test_payloads.py",
    }
    found = []
    for what, paths in lines.items():
        command = ["-m", "pytest", *paths.split(), "-n", "0", "-m", "slow or not slow", "-p", "no:cacheprovider"]
        done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
        last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr[-200:]
        passed = re.search(r"(\d+) passed", last)
        text = f"{passed[1]} tests passed" if passed and done.returncode == 0 else last
        found.append(Figure("tests", what, text, done.returncode == 0, f'pytest {paths} -m "slow or not slow"'))
    return found


def _figures(part: str) -> str:
    return f"python benchmarks/reliability/figures.py --only {part}"


PARTS: dict[str, Callable[[float, Path], list[Figure]]] = {
    "faults": faults, "power": power, "store": store, "specs": specs, "tables": tables, "limits": limits,
    "tests": tests,
}  # fmt: skip


def write(figures: list[Figure]) -> None:
    """Replace the lines of the parts that were measured, in the CSV file and in the docs."""
    path = HERE / "figures.csv"
    before = []
    if path.exists():
        with path.open(newline="") as file:
            before = [Figure(**{**row, "kept": row["kept"] == "yes"}) for row in csv.DictReader(file)]
    measured = {one.part for one in figures}
    every = [one for one in before if one.part not in measured] + figures
    every.sort(key=lambda one: list(PARTS).index(one.part))
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows((one.part, one.what, one.figure, "yes" if one.kept else "no", one.command) for one in every)
    table = ["| What | Figure | Kept | Command |", "|---|---|---|---|"]
    table += [f"| {one.what} | {one.figure} | {'yes' if one.kept else '**no**'} | `{one.command}` |" for one in every]
    docs = ROOT / "docs" / "reliability.md"
    text = docs.read_text()
    head, rest = text.split(BEGIN)
    docs.write_text(f"{head}{BEGIN}\n" + "\n".join(table) + f"\n{END}{rest.split(END)[1]}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="a hundredth of it, and nothing is written")
    arguments = parser.parse_args()
    figures: list[Figure] = []
    for part in arguments.only:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            figures += PARTS[part](0.01 if arguments.quick else 1.0, Path(folder))
        for one in figures:
            if one.part == part:
                print(f"{'kept  ' if one.kept else 'BROKEN'} {one.what}: {one.figure}", flush=True)
        print(f"       ({part}: {time.monotonic() - begun:.0f} s)", flush=True)
        if not arguments.quick:
            write(figures)
    raise SystemExit(not all(one.kept for one in figures))


if __name__ == "__main__":
    main()
