"""The committed scores that a gate compares with; JSON that diffs well."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, get_args

from fusebench.errors import StorageError, UndecidableError
from fusebench.io import read_text
from fusebench.results import Kind, Results, failed_cells, inapplicable_models

SCHEMA_VERSION = 1
ENVIRONMENT_KEYS = ("python", "implementation", "platform", "cpu", "versions")
_PARTS = ("name", "spec", "environment", "metrics", "models", "datasets", "failures", "scores")


class Cell(NamedTuple):
    """What one score belongs to."""

    dataset: str
    target: str
    model: str
    repeat: int
    fold: int
    metric: str


class Fold(NamedTuple):
    """One outer split: sizes of both sides and a digest of the test rows."""

    n_train: int
    n_test: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What a dataset must match so that scores on it can be paired.

    Parameters
    ----------
    fingerprint, preprocessing : str
        Digests of the content, and of what its entry does to the rows.
    folds : mapping of (repeat, fold) to Fold
    """

    fingerprint: str
    preprocessing: str
    folds: Mapping[tuple[int, int], Fold]

    @property
    def test_train_ratio(self) -> float:
        """Mean test rows over mean training rows."""
        return sum(fold.n_test for fold in self.folds.values()) / sum(fold.n_train for fold in self.folds.values())


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Per-fold scores with all that is needed to pair them and to run them again.

    Parameters
    ----------
    name : str
        The run's name.
    spec : mapping
        The resolved spec.
    environment : mapping
        Versions and platform.
    metrics : tuple of str
    models : mapping of str to str
        The kind of each model.
    problems : mapping of (dataset, target) to Problem
    scores : mapping of Cell to float
    failures : frozenset of Cell
        Cells without a score, because a fit failed.
    inapplicable : frozenset of (dataset, target, model)
        Models that cannot predict this kind of target; they have no cells there.
    base : str
        The folder that paths in the spec are relative to, seen from the baseline's own folder; empty where nobody said.
    """

    name: str
    spec: Mapping[str, Any]
    environment: Mapping[str, Any]
    metrics: tuple[str, ...]
    models: Mapping[str, str]
    problems: Mapping[tuple[str, str], Problem]
    scores: Mapping[Cell, float]
    failures: frozenset[Cell]
    inapplicable: frozenset[tuple[str, str, str]] = frozenset()
    base: str = ""

    def metrics_of(self, dataset: str, target: str) -> tuple[str, ...]:
        """Return the metrics that have a score on a dataset, in order."""
        found = {cell.metric for cell in self.scores if (cell.dataset, cell.target) == (dataset, target)}
        return tuple(metric for metric in self.metrics if metric in found)


def baseline_of(results: Results) -> Baseline:
    """Return the baseline that a run would make.

    Notes
    -----
    A split on which a model has no score, though others do, counts as failed. O(n_scores).
    """
    problems = {
        (facts.name, facts.target): Problem(
            fingerprint=facts.fingerprint,
            preprocessing=facts.preprocessing,
            folds={
                key: Fold(facts.n_train[key], facts.n_test[key], digest)
                for key, digest in sorted(facts.fold_hashes.items())
            },
        )
        for facts in results.datasets
    }
    scores = {
        Cell(row.dataset, row.target, row.model, row.repeat, row.fold, row.metric): row.score
        for row in results.scores
        if math.isfinite(row.score)
    }
    models = {model.id: model.kind for model in results.models}
    return Baseline(
        name=results.name,
        spec=results.spec,
        environment={key: results.environment[key] for key in ENVIRONMENT_KEYS if key in results.environment},
        metrics=results.metrics,
        models=models,
        problems=problems,
        scores=scores,
        failures=frozenset(Cell(*cell) for cell in failed_cells(results)),
        inapplicable=inapplicable_models(results),
    )


def dump(baseline: Baseline) -> str:
    """Return a baseline as JSON: sorted, one score a line."""
    said = [f'"base": {_json(baseline.base)}'] if baseline.base else []
    unable = [f'"inapplicable": {_lines(sorted(baseline.inapplicable))}'] if baseline.inapplicable else []
    parts = [
        f'"schema_version": {SCHEMA_VERSION}',
        f'"name": {_json(baseline.name)}',
        *said,
        f'"spec": {_indented(baseline.spec)}',
        f'"environment": {_indented(baseline.environment)}',
        f'"metrics": {_json(list(baseline.metrics))}',
        f'"models": {_indented(baseline.models)}',
        f'"datasets": {_lines(provenance(baseline.problems))}',
        *unable,
        f'"failures": {_lines(sorted(baseline.failures))}',
        f'"scores": {_lines([[*cell, score] for cell, score in sorted(baseline.scores.items())])}',
    ]
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def read_baseline(path: Path) -> Baseline:
    """Read a baseline, strictly.

    Raises
    ------
    StorageError
        If the file cannot be read.
    UndecidableError
        If it is cut off, was written by a newer fusebench, or a score is missing, doubled or of nothing.
    """
    try:
        text = read_text(path)
    except FileNotFoundError as error:
        raise UndecidableError(f"{path}: there is no such baseline; make it with --update") from error
    except UnicodeDecodeError as error:
        raise UndecidableError(f"{path}: not UTF-8 text, so it is no baseline") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error
    return load(text, str(path))


def load(text: str, where: str) -> Baseline:
    """Return the baseline in a text; `where` names it in messages."""

    def refuse(reason: str) -> NoReturn:
        raise UndecidableError(f"{where}: {reason}")

    def no_constant(name: str) -> NoReturn:
        refuse(f"holds {name}, which is no score")

    try:
        data = json.loads(text, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        raise UndecidableError(
            f"{where}:{error.lineno}:{error.colno}: not a whole JSON text ({error.msg}); was the baseline cut off?"
        ) from error
    except RecursionError as error:
        raise UndecidableError(f"{where}: nested too deeply, so it is no baseline") from error
    except ValueError as error:
        raise UndecidableError(f"{where}: holds a number that is too long, so it is no baseline") from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        refuse("has no schema_version, so it is no baseline")
    if version > SCHEMA_VERSION:
        refuse(f"has schema version {version}, this fusebench reads up to {SCHEMA_VERSION}; upgrade fusebench")
    if missing := [part for part in _PARTS if part not in data]:
        refuse(f"lacks {', '.join(missing)}; make it again with --update")
    try:
        baseline = _build(data, refuse)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UndecidableError(f"{where}: not laid out as a baseline ({error}); make it again with --update") from error
    _check_cells(baseline, refuse)
    return baseline


def problems_from(entries: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Problem]:
    """Return what `provenance` wrote."""
    return {
        (_text(entry["dataset"]), _text(entry["target"])): Problem(
            fingerprint=_text(entry["fingerprint"]),
            preprocessing=_text(entry["preprocessing"]),
            folds={
                (int(repeat), int(fold)): Fold(_count(n_train), _count(n_test), _text(digest))
                for repeat, fold, n_train, n_test, digest in entry["folds"]
            },
        )
        for entry in entries
    }


def provenance(problems: Mapping[tuple[str, str], Problem]) -> list[dict[str, Any]]:
    """Return plain data that tells which data and test rows were used; ``summary.json`` holds it as ``datasets``."""
    return [
        {
            "dataset": dataset,
            "target": target,
            "fingerprint": problem.fingerprint,
            "preprocessing": problem.preprocessing,
            "folds": [[*key, *fold] for key, fold in sorted(problem.folds.items())],
        }
        for (dataset, target), problem in sorted(problems.items())
    ]


def _build(data: Mapping[str, Any], refuse: Callable[[str], NoReturn]) -> Baseline:
    problems = problems_from(data["datasets"])
    scores: dict[Cell, float] = {}
    for row in data["scores"]:
        *head, score = row
        cell = Cell(*head)
        if cell in scores:
            refuse(f"holds a second score of {_words(cell)}")
        if isinstance(score, bool) or not isinstance(score, (int, float)) or not math.isfinite(score):
            refuse(f"{_words(cell)} has the score {score!r}, which is no number")
        scores[cell] = float(score)
    return Baseline(
        name=_text(data["name"]),
        spec=dict(data["spec"]),
        environment=dict(data["environment"]),
        metrics=tuple(map(_text, data["metrics"])),
        models={model: _kind(kind) for model, kind in data["models"].items()},
        problems=problems,
        scores=scores,
        failures=frozenset(Cell(*row) for row in data["failures"]),
        inapplicable=frozenset((_text(d), _text(t), _text(m)) for d, t, m in data.get("inapplicable", ())),
        base=_text(data.get("base", "")),
    )


def _check_cells(baseline: Baseline, refuse: Callable[[str], NoReturn]) -> None:
    """Refuse a baseline whose scores are not exactly those of its models, metrics and folds."""
    expected = {
        cell
        for cell in _expected(baseline.problems, baseline.models, baseline.scores)
        if cell[:3] not in baseline.inapplicable
    }
    there = baseline.scores.keys() | baseline.failures
    if unnamed := sorted({cell.metric for cell in there} - set(baseline.metrics)):
        refuse(f"holds scores of '{unnamed[0]}', which is none of its metrics ({', '.join(baseline.metrics)})")
    if not baseline.scores:
        refuse("holds no scores")
    if extra := sorted(there - expected):
        refuse(f"holds {_words(extra[0])}, which belongs to no dataset, model or fold of it{_more(extra)}")
    if missing := sorted(expected - there):
        refuse(f"lacks the score of {_words(missing[0])}{_more(missing)}; make it again with --update")
    if both := sorted(baseline.scores.keys() & baseline.failures):
        refuse(f"says that {_words(both[0])} failed, and gives its score{_more(both)}")


def _expected(
    problems: Mapping[tuple[str, str], Problem], models: Mapping[str, str], scores: Mapping[Cell, float]
) -> set[Cell]:
    metrics: dict[tuple[str, str], set[str]] = {}
    for cell in scores:
        metrics.setdefault((cell.dataset, cell.target), set()).add(cell.metric)
    return {
        Cell(*where, model, *key, metric)
        for where, problem in problems.items()
        for key in problem.folds
        for model in models
        for metric in metrics.get(where, ())
    }


def _words(cell: Cell) -> str:
    return f"{cell.model} on {cell.dataset}, repeat {cell.repeat}, fold {cell.fold}, {cell.metric}"


def _more(cells: list[Cell]) -> str:
    return f" (and {len(cells) - 1} more)" if len(cells) > 1 else ""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {value!r}")
    return value


def _kind(value: Any) -> str:
    if value not in get_args(Kind):
        raise ValueError(f"{value!r} is no kind of model")
    return str(value)


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"expected a number of rows, got {value!r}")
    return value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _indented(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1).replace("\n", "\n ")


def _lines(rows: list[Any]) -> str:
    return "[\n" + ",\n".join(f"  {row}" for row in _each(rows)) + "\n ]" if rows else "[]"


def _each(rows: list[Any]) -> Iterator[str]:
    for row in rows:
        yield _json(row)
