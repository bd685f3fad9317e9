"""Break tables in every way that comes to mind and benchmark on them: a run ends in 0, 2 or 4 and in nothing else.

    python benchmarks/reliability/tables.py --n 2000

The whole benchmark runs in this process, with the command line's own exit codes.
"""

from __future__ import annotations

import argparse
import gzip
import random
import shutil
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fusebench import api
from fusebench.engine.execute._run import Outcomes, Run
from fusebench.engine.execute.local import _run_inline
from fusebench.engine.schedule import Schedule
from fusebench.errors import FitsFailedError, FusebenchError

SPEC = {
    "name": "fuzz",
    "learners": {"knn": "knn", "dt": "dt"},
    "fusions": {"mean": "averaging"},
    "cv": {"type": "holdout", "test_size": 0.3, "inner": 2},
}
CELLS = [
    "", "NA", "nan", "inf", "-inf", "1e400", "1e-400", "0x10", "1,5", "1_000", "TRUE", "=1+1", "'", '"', '""', "\\N",
    "99999999999999999999", "2024-13-45", "2024-01-02", "\u202e", "\x1b[31m", "[bold]", "é", "日本", "x" * 5000, "\t",
    "<script>", "None", "-", "+5", " 3 ", "3;4",
]  # fmt: skip


def table(rng: random.Random) -> list[list[str]]:
    """Return a sound table, header first."""
    n, kind = rng.randint(12, 60), rng.choice(["binary", "three", "numbers"])
    columns: dict[str, Callable[[int], str]] = {
        "a": lambda _: f"{rng.gauss(0, 1):.3f}",
        "b": lambda _: rng.choice(["red", "green", "blue"]),
        "c": lambda _: rng.choice(["1", "2", "", "3"]),
        "when": lambda i: f"2024-01-{1 + i % 28:02d}",
        "flag": lambda _: rng.choice(["true", "false"]),
        "free text": lambda i: f"a line, with comma {i}",
    }
    kept = rng.sample(list(columns), rng.randint(1, len(columns)))
    answer = {
        "binary": lambda i: "yes" if i % 2 else "no",
        "three": lambda i: str(i % 3),
        "numbers": lambda _: f"{rng.gauss(5, 2):.4f}",
    }[kind]
    rows = [[*(columns[one](i) for one in kept), answer(i)] for i in range(n)]
    return [[*kept, "y"], *rows]


def written(rows: list[list[str]], rng: random.Random) -> bytes:
    """Return a table as CSV."""
    careless = rng.random() < 0.1
    quoted = [[f'"{one}"' if "," in one and not careless else one for one in row] for row in rows]
    end = rng.choice(["\n", "\n", "\r\n"])
    return (end.join(",".join(row) for row in quoted) + end).encode("utf-8", errors="surrogatepass")


def broken(rng: random.Random) -> tuple[bytes, str, str]:
    """Return a broken table, its suffix, and what was done to it."""
    rows = table(rng)
    done = []
    for _ in range(rng.choice([0, 1, 1, 2])):
        step = rng.choice(ON_ROWS)
        step(rng, rows)
        done.append(step.__name__)
    raw = written(rows, rng) if rows else b""
    if not done or rng.random() < 0.3:
        step = rng.choice(ON_BYTES)
        raw = step(rng, raw)
        done.append(step.__name__)
    suffix = "csv"
    if rng.random() < 0.1:
        raw, suffix = gzip.compress(raw), "csv.gz"
        raw = rng.choice([raw, raw[: len(raw) // 2], some_bytes(rng, raw)])
        done.append("gz")
    elif rng.random() < 0.05:
        suffix = rng.choice(["parquet", "tsv", "feather", "csv.zip", "csv.xz"])
    return raw, suffix, ",".join(done)


def odd_cells(rng: random.Random, rows: list[list[str]]) -> None:
    for _ in range(rng.randint(1, 10)):
        row = rng.choice(rows[1:] or rows or [[""]])
        if row:
            row[rng.randrange(len(row))] = rng.choice(CELLS)


def odd_column(rng: random.Random, rows: list[list[str]]) -> None:
    value = rng.choice(CELLS)
    at = rng.randrange(max(len(rows[0]), 1)) if rows else 0
    for row in rows[1:]:
        if at < len(row):
            row[at] = value


def odd_header(rng: random.Random, rows: list[list[str]]) -> None:
    if rows and rows[0]:
        rows[0][rng.randrange(len(rows[0]))] = rng.choice([*CELLS, "y", "a", rows[0][0]])


def ragged(rng: random.Random, rows: list[list[str]]) -> None:
    if rows:
        row = rng.choice(rows)
        row.append("more") if rng.random() < 0.5 or not row else row.pop()


def few_rows(rng: random.Random, rows: list[list[str]]) -> None:
    del rows[rng.randint(0, 8) :]


def same_rows(rng: random.Random, rows: list[list[str]]) -> None:
    rows[1:] = [list(rows[-1]) for _ in rows[1:]]


def nothing(rng: random.Random, rows: list[list[str]]) -> None:
    pass


def some_bytes(rng: random.Random, raw: bytes) -> bytes:
    changed = bytearray(raw or b"\0")
    for _ in range(rng.randint(1, 20)):
        changed[rng.randrange(len(changed))] = rng.randrange(256) if rng.random() < 0.1 else rng.randrange(32, 127)
    return bytes(changed)


def a_piece_gone(rng: random.Random, raw: bytes) -> bytes:
    start = rng.randrange(len(raw) + 1)
    return raw[:start] + raw[start + rng.randint(1, 200) :]


def other_delimiter(rng: random.Random, raw: bytes) -> bytes:
    return raw.replace(b",", rng.choice([b";", b"\t", b"|", b" ", b",,"]))


def other_encoding(rng: random.Random, raw: bytes) -> bytes:
    text = raw.decode("utf-8", errors="replace")
    return rng.choice([text.encode("utf-16"), text.encode("latin-1", errors="replace"), b"\xef\xbb\xbf" + raw])


def a_quote(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + b'"' + raw[at:]


def a_nul(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + b"\0" + raw[at:]


ON_ROWS = [odd_cells, odd_cells, odd_cells, odd_column, odd_header, ragged, few_rows, same_rows, nothing]
ON_BYTES = [some_bytes, some_bytes, a_piece_gone, other_delimiter, other_encoding, a_quote, a_nul]


class InThisProcess:
    """An executor without workers: what the supervised one runs, run here."""

    enforces_limits = False

    def run(self, plan, missing, store, workbench, progress) -> Outcomes:
        """Run what is missing."""
        schedule = Schedule(plan, missing, store.scratch / "run", share_encodings=False)
        run = Run(plan, schedule, store, workbench, progress, 1)
        try:
            _run_inline(run)
        finally:
            run.close()
        return run.outcomes


def exit_code(data: dict, folder: Path) -> tuple[int, str]:
    """Return the exit code of a benchmark on a table and what is said; 70 stands for a bug."""
    try:
        place = api.settings(store=folder / "store", n_jobs=1)
        planned = api.make_plan(api.spec_from(data, base=folder), place)
        outcomes = api.execute(planned, place, api.SilentProgress(), InThisProcess())
        results = api.collect(planned, outcomes, place)
        verdicts = api.compare(results)
        api.write_run(results, verdicts, folder / "out")
        for name in ("table", "csv"):
            api.render(results, verdicts, name)
        if api.n_failed_fits(outcomes, planned.plan):
            reasons = sorted({f"{one.reason}: {one.detail}" for one in results.failures})
            raise FitsFailedError("; ".join(reasons)[:300])  # noqa: TRY301 - as the command line does
    except FusebenchError as error:
        return error.exit_code, str(error)
    except BaseException:  # noqa: BLE001 - any of them is what is looked for
        return 70, traceback.format_exc()
    return 0, ""


@dataclass
class Tally:
    """What came of many broken tables."""

    codes: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    def judge(self, seed: int, folder: Path) -> None:
        """Benchmark on one broken table."""
        raw, suffix, how = broken(random.Random(seed))
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / f"t.{suffix}").write_bytes(raw)
        data = {**SPEC, "datasets": [{"name": "t", "source": "file", "path": f"t.{suffix}", "target": "y"}]}
        code, said = exit_code(data, folder)
        self.codes[code] += 1
        if code not in {0, 2, 4} or (code and not said):
            self.wrong.append(f"seed {seed} ({how}): {code}\n{said}")
        if code == 4:
            self.failed[said] += 1


def run(n: int, folder: Path, start: int = 0) -> Tally:
    """Judge n broken tables."""
    tally = Tally()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in a worker
        for seed in range(start, start + n):
            tally.judge(seed, folder / "one")
    return tally


def main() -> None:
    """Print what came of it; exit 1 when a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=2_000)
    parser.add_argument("--start", type=int, default=0, help="first seed")
    parser.add_argument("--show", type=int, default=5, help="how many wrong ones to print")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = run(arguments.n, Path(folder), arguments.start)
    print(f"{sum(tally.codes.values())} tables: exit codes {dict(sorted(tally.codes.items()))}")
    for one in tally.wrong[: arguments.show]:
        print(f"-- {one}")
    for said, times in tally.failed.most_common(arguments.show):
        print(f"-- {times} times: {said}")
    sys.exit(bool(tally.wrong))


if __name__ == "__main__":
    main()
