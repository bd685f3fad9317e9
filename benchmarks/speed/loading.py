"""How long loading and fingerprinting a large table takes, and how much memory.

    python benchmarks/speed/loading.py [--rows 500000] [--columns 40] [--kind numbers|mixed]

Each measurement is a process of its own, whose memory is read before and after: the peak less what the libraries take,
as a multiple of the table's size in memory.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd


def make(path: Path, n_rows: int, n_columns: int, kind: str) -> int:
    """Write a table and return its bytes in memory."""
    rng = np.random.default_rng(0)
    columns: dict[str, object] = {f"x{n}": rng.normal(size=n_rows) for n in range(n_columns - 1)}
    if kind == "mixed":
        for n in range(0, n_columns - 1, 4):
            columns[f"x{n}"] = rng.integers(0, 1000, n_rows)
            columns[f"x{n + 1}"] = rng.choice([f"category {m}" for m in range(50)], n_rows)
    columns["y"] = rng.integers(0, 2, n_rows)
    frame = pd.DataFrame(columns)
    frame.to_parquet(path)
    return int(frame.memory_usage(deep=True).sum())


def measure(path: Path) -> dict[str, float]:
    """Load and fingerprint the table in this process."""
    import pyarrow.parquet  # noqa: F401 - what the libraries take is not the table's

    from fusebench import datasets
    from fusebench import spec as specs
    from fusebench.datasets import _assemble, _tables  # noqa: F401

    spec = specs.dataset({"name": "large", "path": str(path), "target": "y"})
    before = _memory()
    wall, cpu = time.perf_counter(), time.process_time()
    datasets.identity(spec, Path())
    found = datasets.load(spec, Path())
    seconds = {"wall_seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    return {**seconds, "peak_bytes": _memory() - before, "rows": len(found.X), "columns": found.X.shape[1]}


def _memory() -> int:
    """Return the peak of this process; what getrusage says holds its parent's too."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("this machine does not say how much memory a process took")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--kind", choices=["numbers", "mixed"], default="numbers")
    parser.add_argument("--measure", type=Path)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.parquet"
        size = make(path, given.rows, given.columns, given.kind)
        done = subprocess.run(
            [sys.executable, __file__, "--measure", str(path)], capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout)
        print(
            f"{found['rows']:,} x {found['columns']} ({given.kind}, {size / 1e6:.0f} MB, "
            f"{path.stat().st_size / 1e6:.0f} MB on disk): {found['wall_seconds']:.2f} s wall, "
            f"{found['cpu_seconds']:.2f} s CPU, peak {found['peak_bytes'] / size:.2f} times the table"
        )


if __name__ == "__main__":
    main()
