"""Time the four answers to one question, and count their lines.

``python benchmarks/side_by_side/run.py --pycaret PYTHON --autogluon PYTHON``: the interpreters of environments that
have PyCaret 3.3.2 and autogluon.tabular 1.6; one that is not named is left out. Each answer runs in a fresh process and
an empty folder, so that imports count as they do for a user; the best of ``--repeats`` is printed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent


def lines(path: Path) -> int:
    """Return the lines of code of a file: neither blank nor comment."""
    text = path.read_text(encoding="utf-8").splitlines()
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in text)


def timed(command: list[str], repeats: int) -> tuple[float, str]:
    """Return the least seconds of a command and what it printed."""
    seconds, printed = [], ""
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            seconds.append(time.perf_counter() - begun)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        printed = done.stdout
    return min(seconds), printed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pycaret", metavar="PYTHON")
    parser.add_argument("--autogluon", metavar="PYTHON")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    spec = HERE / "question.yaml"
    answers = {
        "fusebench": (spec, [sys.executable, "-m", "fusebench", "run", str(spec), "--quiet"]),
        "scikit-learn": (HERE / "with_sklearn.py", [sys.executable, str(HERE / "with_sklearn.py")]),
    }
    for name in ("pycaret", "autogluon"):
        python = getattr(given, name)
        if python is not None:
            path = HERE / f"with_{name}.py"
            answers[name] = (path, [python, str(path)])
    for name, (path, command) in answers.items():
        seconds, printed = timed(command, given.repeats)
        print(f"== {name}: {lines(path)} lines, {seconds:.1f} s\n{printed}", flush=True)


if __name__ == "__main__":
    main()
