"""Break good specs in every way that comes to mind and see what the reader says.

    python benchmarks/reliability/mutations.py --n 10000

A mutation knows the line that it broke. Each broken spec must be refused with the errors of a user's mistake (or be
fine by luck), within a second, and the first error must name that line.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fusebench import api
from fusebench.errors import SpecError, UsageError
from fusebench.spec._document import Document
from fusebench.spec._reading import parse_document

LEARNERS: dict[str, Any] = {
    "lr": {"type": "logistic_regression", "C": 0.5, "max_iter": 200},
    "svm": {"type": "svc", "C": 2.0, "kernel": "rbf", "calibrate": "sigmoid"},
    "rf": {"type": "random_forest", "n_estimators": 20, "max_depth": 5, "timeout": "10m"},
    "xgb": {"type": "xgboost", "n_estimators": 10, "learning_rate": 0.1},
    "lgbm": {"type": "lightgbm", "n_estimators": 10, "num_leaves": 7},
    "knn": {"type": "knn", "n_neighbors": 5, "weights": "uniform", "encode": "linear"},
    "tree": {"type": "decision_tree", "grid": {"max_depth": [2, 4]}},
    "net": {"type": "mlp", "hidden_layer_sizes": [8, 4], "alpha": 0.01},
    "dotted": {"type": "sklearn.linear_model.RidgeClassifier", "alpha": 1.5, "encode": "none"},
    "nb": "gaussian_nb",
    "et": "extra_trees",
}
FUSIONS: dict[str, Any] = {
    "vote": {"type": "voting", "voting": "soft"},
    "stack": {"type": "stacking", "final_estimator": {"type": "logistic_regression", "C": 1.0}, "passthrough": True},
    "select": {"type": "ensemble_selection", "n_iterations": 10},
    "mean": {"type": "averaging", "method": "mean"},
    "plain": "stacking",
}
REST: dict[str, Any] = {
    "cv": {"n_splits": 5, "n_repeats": 2, "inner": 3},
    "scoring": ["accuracy", "neg_log_loss"],
    "random_state": 42,
    "resources": {"timeout": "5m", "memory": "4GB", "threads_per_fit": 1},
}
DATASETS: list[Any] = [
    "iris",
    "wine",
    {"name": "mine", "source": "file", "path": "data/mine.csv", "target": "y", "drop": ["id"]},
]
JUNK = [
    "soon", "-5", "0", "1e400", ".nan", ".inf", "true", "null", "''", "2024-01-02", "[1]", "{a: 1}", "[]", "{}",
    "xgbost", "../../etc", "'; rm -rf /'", "x" * 300, "9" * 500, "*nothing", "!!python/object/apply:os.system [ls]",
    "!own 1", "os.system", "'[bold red]x'", "{<<: 1}", "'\\u202e'", "'\\e[31m'", '"\\e[31m"', "0x1G", "1_000", "no",
    "@x", "`x`", "- a", "a: b: c", "[1, 2", "{a: 1", '"open', "'open", "&a [*a]", "|", ">", "? x", "1e309",
]  # fmt: skip


@dataclass(frozen=True)
class Broken:
    """A mutated spec and the 1-based lines that may be named; empty where none is known."""

    text: str
    how: str
    lines: frozenset[int] = frozenset()


def good_spec(rng: random.Random) -> str:
    """Return a sound spec in block style, one value a line."""
    learners = dict(rng.sample(list(LEARNERS.items()), rng.randint(2, 6)))
    fusions = dict(rng.sample(list(FUSIONS.items()), rng.randint(1, 4)))
    if "select" in fusions:
        fusions["select"] = {**fusions["select"], "members": list(learners)[:2]}
    data = {
        "name": "demo",
        "datasets": rng.sample(DATASETS, rng.randint(1, 3)),
        "learners": learners,
        "fusions": fusions,
        **dict(rng.sample(list(REST.items()), rng.randint(1, 4))),
    }
    return str(yaml.safe_dump(data, sort_keys=False, default_flow_style=False))


def mutate(rng: random.Random) -> Broken:
    """Return one broken spec."""
    text = good_spec(rng)
    document = parse_document(text, "spec.yaml")
    return rng.choice(MUTATIONS)(rng, text, document)


def _values(document: Document) -> list[Any]:
    """Return the places of all scalars."""
    return [
        (path, mark) for path, mark in document.values.items() if not isinstance(_at(document.data, path), (dict, list))
    ]


def _at(data: Any, path: Any) -> Any:
    for part in path:
        data = data[part]
    return data


def wrong_value(rng: random.Random, text: str, document: Document) -> Broken:
    path, mark = rng.choice(_values(document))
    junk = rng.choice(JUNK)
    lines = text.splitlines()
    line = lines[mark.line]
    lines[mark.line] = line[: mark.column] + junk + line[mark.column + mark.width :]
    return Broken(
        "\n".join(lines) + "\n", f"value {'.'.join(map(str, path))} = {junk[:30]}", frozenset({mark.line + 1})
    )


def before_value(rng: random.Random, text: str, document: Document) -> Broken:
    _, mark = rng.choice(_values(document))
    prefix = rng.choice(['"', "'", "!!python/name:os.system ", "!x ", "*gone ", "[", "{", "&a *a ", "\x07", "\x1b[31m"])
    lines = text.splitlines()
    line = lines[mark.line]
    lines[mark.line] = line[: mark.column] + prefix + line[mark.column :]
    return Broken("\n".join(lines) + "\n", f"before a value: {prefix!r}", frozenset({mark.line + 1}))


def wrong_key(rng: random.Random, text: str, document: Document) -> Broken:
    ids = {"learners", "fusions", "datasets"}
    keys = [(path, mark) for path, mark in document.keys.items() if not (len(path) == 2 and path[0] in ids)]
    path, mark = rng.choice(keys)
    key = str(path[-1])
    at = rng.randrange(len(key))
    typo = rng.choice([key[:at] + key[at + 1 :] + "q", key[:at] + "z" + key[at:], key + "_", key.upper() + "x"])
    lines = text.splitlines()
    line = lines[mark.line]
    lines[mark.line] = line[: mark.column] + typo + line[mark.column + mark.width :]
    # A key that is required and gone is missed where its mapping begins.
    needed = path in {("datasets",), ("learners",)} or key in {"type", "name", "path"}
    expected = {mark.line + 1} | ({1, *_owner_lines(document, path)} if needed else set())
    return Broken("\n".join(lines) + "\n", f"key {'.'.join(map(str, path))} -> {typo}", frozenset(expected))


def _owner_lines(document: Document, path: Any) -> Iterator[int]:
    for places in (document.keys, document.values):
        if path[:-1] in places:
            yield places[path[:-1]].line + 1


def twice(rng: random.Random, text: str, document: Document) -> Broken:
    mark = rng.choice(list(document.keys.values()))
    lines = text.splitlines()
    line = lines[mark.line]
    copy = line.replace("- ", "  ", 1) if line.lstrip().startswith("- ") else line
    lines.insert(mark.line + 1, copy)
    return Broken("\n".join(lines) + "\n", "a line twice", frozenset({mark.line + 2}))


def tab(rng: random.Random, text: str, document: Document) -> Broken:
    lines = text.splitlines()
    indented = [n for n, line in enumerate(lines) if line.startswith(" ")]
    n = rng.choice(indented)
    lines[n] = "\t" + lines[n].lstrip()
    return Broken("\n".join(lines) + "\n", "a tab", frozenset({n + 1}))


def no_colon(rng: random.Random, text: str, document: Document) -> Broken:
    lines = text.splitlines()
    n = rng.choice([n for n, line in enumerate(lines) if re.search(r": \S", line)])
    lines[n] = lines[n].replace(": ", " ", 1)
    return Broken("\n".join(lines) + "\n", "no colon", frozenset({n, n + 1}))  # a scalar above may go on in it


def indentation(rng: random.Random, text: str, document: Document) -> Broken:
    lines = text.splitlines()
    n = rng.randrange(1, len(lines))
    lines[n] = f" {lines[n]}" if rng.random() < 0.5 or not lines[n].startswith(" ") else lines[n][1:]
    return Broken("\n".join(lines) + "\n", "indentation", frozenset({n, n + 1, n + 2}))


def block_gone(rng: random.Random, text: str, document: Document) -> Broken:
    path = rng.choice(
        [path for path, mark in document.keys.items() if isinstance(_at(document.data, path), (dict, list))]
    )
    first = document.keys[path].line
    lines = text.splitlines()
    indent = len(lines[first]) - len(lines[first].lstrip(" -"))
    last = first + 1
    while last < len(lines) and (
        len(lines[last]) - len(lines[last].lstrip(" ")) > indent
        or (lines[last][indent : indent + 2] == "- " and lines[last][:indent].strip() == "")
    ):
        last += 1
    junk = rng.choice(JUNK)
    lines[first:last] = [lines[first].split(":")[0] + ": " + junk]
    return Broken("\n".join(lines) + "\n", f"block {'.'.join(map(str, path))} = {junk[:30]}", frozenset({first + 1}))


def noise(rng: random.Random, text: str, document: Document) -> Broken:
    characters = list(text)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(characters))
        other = chr(rng.choice([rng.randrange(32, 127), rng.randrange(0x2FFFF), 10, 9]))
        characters[at : at + rng.randint(0, 2)] = [other] * rng.randint(0, 2)
    whole = "".join(characters).encode("utf-8", errors="surrogatepass").decode("utf-8", errors="replace")
    return Broken(whole, "noise")


def cut(rng: random.Random, text: str, document: Document) -> Broken:
    start = rng.randrange(len(text))
    return Broken(text[:start] if rng.random() < 0.5 else text[start:], "cut")


MUTATIONS: list[Callable[[random.Random, str, Document], Broken]] = [
    wrong_value, wrong_value, wrong_value, wrong_key, wrong_key, before_value, twice, tab, no_colon, indentation,
    block_gone, noise, cut,
]  # fmt: skip


@dataclass
class Tally:
    """What came of many broken specs."""

    n: int = 0
    fine: int = 0
    refused: int = 0
    tracebacks: list[str] = field(default_factory=list)
    slowest: float = 0.0
    slowest_cpu: float = 0.0
    lines_right: int = 0
    lines_known: int = 0
    wrong_lines: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def judge(self, broken: Broken, folder: Path) -> None:
        """Read one broken spec."""
        path = folder / "spec.yaml"
        path.write_text(broken.text, encoding="utf-8", errors="surrogatepass")
        self.n += 1
        begun, begun_cpu = time.perf_counter(), time.process_time()
        try:
            api.load_spec(path)
            self.fine += 1
        except SpecError as error:
            self.refused += 1
            self._judge_line(broken, error)
        except UsageError:
            self.refused += 1
        except BaseException:  # noqa: BLE001 - any of them is what is looked for
            self.tracebacks.append(f"{broken.how}\n{traceback.format_exc()}\n{broken.text}")
        self.slowest = max(self.slowest, time.perf_counter() - begun)
        self.slowest_cpu = max(self.slowest_cpu, time.process_time() - begun_cpu)

    def _judge_line(self, broken: Broken, error: SpecError) -> None:
        if not broken.lines:
            return
        self.lines_known += 1
        location = error.problems[0].location
        if location is not None and location.line in broken.lines:
            self.lines_right += 1
        else:
            said = str(error).splitlines()[0]
            self.wrong_lines.append(f"{broken.how}: expected {sorted(broken.lines)}, said: {said}")

    @property
    def share_right(self) -> float:
        """Share of the refusals with a known line that named it."""
        return self.lines_right / max(self.lines_known, 1)


def run(n: int, folder: Path, *, derandomize: bool = False) -> Tally:
    """Judge n broken specs."""
    tally = Tally()
    api.load_spec(_written(folder, good_spec(random.Random(0))))  # imports are not what is timed
    for model in (LEARNERS, FUSIONS):
        for name, one in model.items():
            data = {"datasets": ["iris"], "learners": {"a": "gaussian_nb", "b": "knn", "c": "dt"}}
            data = {**data, "learners": {name: one}} if model is LEARNERS else {**data, "fusions": {name: one}}
            api.load_spec(_written(folder, yaml.safe_dump(data)))

    @settings(
        max_examples=n, deadline=None, database=None, derandomize=derandomize, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.integers(0, 2**63))
    def one(seed: int) -> None:
        tally.judge(mutate(random.Random(seed)), folder)

    one()
    return tally


def _written(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


def main() -> None:
    """Print what came of it; exit 1 when a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--show", type=int, default=10, help="how many wrong ones to print")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = run(arguments.n, Path(folder))
    print(f"{tally.n} specs: {tally.refused} refused, {tally.fine} fine, {len(tally.tracebacks)} tracebacks")
    print(
        f"slowest {tally.slowest:.3f} s; line right {tally.lines_right}/{tally.lines_known} = {tally.share_right:.4f}"
    )
    for one in [*tally.tracebacks[: arguments.show], *tally.wrong_lines[: arguments.show]]:
        print(f"-- {one}")
    sys.exit(bool(tally.tracebacks) or tally.share_right < 0.99 or tally.slowest >= 1)


if __name__ == "__main__":
    main()
