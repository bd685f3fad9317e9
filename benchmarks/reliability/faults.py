"""Stop a run at every one of its I/O operations, start it again, and compare with a run that nothing stopped.

Three ways to stop at operation K: the process is killed, the disk is full, the disk fails. Afterwards every entry that
the stopped run had stored must be sound, must not be made again, and the second run must end with the bytes of a whole
one.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from fusebench.datasets import is_intact
from fusebench.engine.store import CorruptEntryError, read_entry

SPEC = """
name: small
datasets: [iris]
learners: {nb: nb, dt: dt}
fusions: {vote: voting}
cv: {n_splits: 3, inner: 2}
"""
ARGV = ["run", "small.yaml", "--jobs", "1", "-q", "--format", "csv"]


class Forge:
    """A warm process that forks one run an order; see `forge.py`."""

    def __enter__(self) -> Self:
        here = Path(__file__).parent
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [sys.executable, str(here / "forge.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **threads, "PYTHONPATH": str(here.parents[1])},
        )
        return self

    def __exit__(self, *error: object) -> None:
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def run(
        self,
        argv: list[str],
        cwd: Path,
        fault: str = "",
        kill_after: float | None = None,
        env: dict[str, str] | None = None,
    ) -> dict:
        """Run one command and return its code, seconds, stdout and stderr."""
        variables = {"FUSEBENCH_FAULT": fault, **(env or {})}
        return self._ask([{"argv": argv, "cwd": str(cwd), "env": variables, "kill_after": kill_after}])[0]

    def run_together(self, several: list[list[str]], cwd: Path, kill_first_after: float | None = None) -> list[dict]:
        """Run several commands at once and return what came of each."""
        orders = [{"argv": argv, "cwd": str(cwd), "env": {"FUSEBENCH_FAULT": ""}} for argv in several]
        return self._ask([{**orders[0], "kill_after": kill_first_after}, *orders[1:]])

    def _ask(self, orders: list[dict]) -> list[dict]:
        self._process.stdin.write(json.dumps(orders) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@dataclass(frozen=True)
class Point:
    """What came of one place to stop at.

    Parameters
    ----------
    stopped : bool
        False when the run finished before it got there.
    stored : int
        Entries that were in the store.
    torn : int
        Entries or saved datasets among them that cannot be read.
    lost : int
        Entries among them that were made again.
    same : bool
        Whether the second run ends with the bytes of a whole one.
    clean : bool
        Whether the exit code and the message were the promised ones.
    """

    fault: str
    stopped: bool
    stored: int
    torn: int
    lost: int
    same: bool
    clean: bool
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether nothing was lost and no lie was told."""
        return self.torn == 0 and self.lost == 0 and self.same and self.clean


def whole_run(forge: Forge, folder: Path) -> tuple[bytes, float]:
    """Return the scores of a run that nothing stops, and its seconds."""
    fresh(folder)
    done = forge.run(ARGV, folder)
    if done["code"] != 0:
        raise RuntimeError(done["stderr"])
    return scores(folder), done["seconds"]


def points(forge: Forge, folder: Path, kind: str, whole: bytes, start: int = 1, step: int = 1) -> Iterator[Point]:
    """Stop at operation start, start + step, ... until a run finishes untouched."""
    k = start
    while True:
        point = stop_at(forge, folder, f"{kind}:{k}", whole)
        yield point
        if not point.stopped:
            return
        k += step


def random_kills(forge: Forge, folder: Path, whole: bytes, n: int, within: float, seed: int = 0) -> Iterator[Point]:
    """Kill a run at random times, until so many were killed before they had ended."""
    rng = random.Random(seed)
    stopped = 0
    for _ in range(3 * n):
        point = stop_at(forge, folder, "", whole, kill_after=rng.uniform(0, within))
        yield point
        stopped += point.stopped
        if stopped == n:
            return


def stop_at(forge: Forge, folder: Path, fault: str, whole: bytes, kill_after: float | None = None) -> Point:
    """Run until the fault, then again without it."""
    fresh(folder)
    done = forge.run(ARGV, folder, fault, kill_after)
    killed = fault.startswith("kill") or kill_after is not None
    stopped = done["code"] != 0
    promised = -9 if killed else 74
    clean = not stopped or (done["code"] == promised and (killed or _says_why(done["stderr"])))
    before = entries(folder)
    torn = sum(not _is_sound(path) for path in before) + sum(not is_intact(one) for one in saved(folder))
    again = forge.run(ARGV, folder)
    after = entries(folder)
    lost = sum(after.get(path) != mark for path, mark in before.items())
    same = again["code"] == 0 and scores(folder) == whole and "damaged" not in again["stderr"]
    name = fault or f"kill after {kill_after:.3f} s"
    return Point(name, stopped, len(before), torn, lost, same, clean, done["seconds"] + again["seconds"])


def fresh(folder: Path) -> None:
    """Empty a folder and put the spec there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "small.yaml").write_text(SPEC)


def entries(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return every stored entry with what changes when it is written again."""
    found = folder.glob(".fusebench/objects/*/*")
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def saved(folder: Path) -> list[Path]:
    """Return the folders of all saved datasets."""
    return list(folder.glob(".fusebench/data/*"))


def scores(folder: Path) -> bytes:
    """Return the scores of the run folder."""
    path = folder / "results" / "small" / "scores.csv"
    return path.read_bytes() if path.exists() else b""


def _is_sound(path: Path) -> bool:
    try:
        read_entry(path)
    except CorruptEntryError:
        return False
    return True


def _says_why(stderr: str) -> bool:
    reasons = ("No space left", "Input/output error")
    return any(one in stderr for one in reasons) and "Traceback" not in stderr and "a bug" not in stderr
