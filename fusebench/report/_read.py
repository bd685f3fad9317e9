"""Results from a run folder alone."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from fusebench.errors import StorageError, UndecidableError, UsageError, printable
from fusebench.io import read_text
from fusebench.report._files import FORMULA_STARTS
from fusebench.results import (
    SCHEMA_VERSION,
    Cell,
    Contribution,
    Cost,
    DatasetFacts,
    Failure,
    Importance,
    Kind,
    ModelFacts,
    Results,
    Score,
    expected_cells,
)

T = TypeVar("T")
NEEDED = ("summary.json", "scores.csv", "costs.csv", "failures.csv", "environment.json", "spec.yaml")


def read_run(folder: Path) -> Results:
    """Return what a run wrote; needs nothing but its folder.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    UsageError
        If there is no such folder, or it is no run folder.
    UndecidableError
        If it is half written, damaged, of a newer schema, or a score is missing, doubled or of nothing.
    StorageError
        If a file cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such run folder; name one that `fusebench run` wrote")
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if {"summary.json", "scores.csv"} <= set(missing):
        raise UsageError(f"{folder}: not a run folder, since it holds neither summary.json nor scores.csv")
    if missing:
        raise UndecidableError(f"{folder}: half written, it lacks {', '.join(missing)}; run the benchmark again")
    summary = _json(folder / "summary.json")
    version = summary.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise UndecidableError(f"{folder / 'summary.json'}: has no schema_version; run the benchmark again")
    if version > SCHEMA_VERSION:
        raise UndecidableError(
            f"{folder}: of schema version {version}, this fusebench reads up to {SCHEMA_VERSION}; upgrade fusebench"
        )
    try:
        results = _results(folder, summary)
        unable = frozenset((str(d), str(t), str(m)) for d, t, m in summary["inapplicable"])
        failed = {_cell(row) for row in summary["failed_cells"]}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        said = f"{type(error).__name__}: {error}"
        raise UndecidableError(f"{folder}: not laid out as a run folder ({said}); run the benchmark again") from error
    if results.complete:
        _check_cells(folder, results, unable, failed)
    return results


def _results(folder: Path, summary: Mapping[str, Any]) -> Results:
    return Results(
        name=_of(str, summary["name"]),
        spec=_yaml(folder / "spec.yaml"),
        metrics=tuple(_of(str, one) for one in summary["metrics"]),
        models=tuple(
            ModelFacts(
                id=_of(str, one["id"]),
                kind=_kind(one["kind"]),
                type=_of(str, one["type"]),
                members=tuple(one["members"]),
                order=one["order"],
                alone=one["alone"],
                variant_of=one.get("variant_of", ""),
            )
            for one in summary["models"]
        ),
        datasets=tuple(_facts(one) for one in summary["datasets"]),
        scores=tuple(sorted(Score(*row) for row in _table(folder / "scores.csv", Score))),
        costs=tuple(sorted((Cost(*row) for row in _table(folder / "costs.csv", Cost)), key=lambda row: row[:6])),
        failures=tuple(sorted(Failure(*row) for row in _table(folder / "failures.csv", Failure))),
        environment=_json(folder / "environment.json"),
        notes=tuple(summary["notes"]),
        totals={
            (one["dataset"], one["target"], one["model"]): (
                one["fits"],
                one["fit_cpu_seconds"],
                one["fit_wall_seconds"],
            )
            for one in summary["totals"]
        },
        explanations={
            (one["dataset"], one["target"], one["model"], one["repeat"], one["fold"]): one["explain"]
            for one in summary["explanations"]
        },
        latencies={
            (one["dataset"], one["target"], one["model"]): {int(size): took for size, took in one["seconds"].items()}
            for one in summary.get("latencies", ())
        },
        contributions=tuple(Contribution(**one) for one in summary.get("contributions", ())),
        diagnoses=tuple(summary.get("diagnoses", ())),
        importances=tuple(Importance(**one) for one in summary.get("importances", ())),
        complete=_of(bool, summary["complete"]),
    )


def _facts(one: Mapping[str, Any]) -> DatasetFacts:
    folds = {(int(r), int(i)): (int(train), int(test), _of(str, digest)) for r, i, train, test, digest in one["folds"]}
    return DatasetFacts(
        name=_of(str, one["dataset"]),
        target=_of(str, one["target"]),
        target_type=_of(str, one["target_type"]),
        n_samples=_of(int, one["n_samples"]),
        n_features=_of(int, one["n_features"]),
        n_classes=_of(int, one["n_classes"]),
        fingerprint=_of(str, one["fingerprint"]),
        preprocessing=_of(str, one["preprocessing"]),
        fold_hashes={split: fold[2] for split, fold in folds.items()},
        n_train={split: fold[0] for split, fold in folds.items()},
        n_test={split: fold[1] for split, fold in folds.items()},
        notes=tuple(one["notes"]),
    )


def _check_cells(folder: Path, results: Results, unable: frozenset[tuple[str, str, str]], failed: set[Cell]) -> None:
    """Refuse a folder whose scores are not exactly those of its models, metrics and folds."""
    where = folder / "scores.csv"
    there: set[Cell] = set()
    kinds = {one.id: one.kind for one in results.models}
    for row in results.scores:
        if row.kind != kinds.get(row.model, row.kind):
            raise UndecidableError(
                f"{where}: says that {row.model} is a '{printable(row.kind)}', summary.json: a {kinds[row.model]}"
            )
        cell = (row.dataset, row.target, row.model, row.repeat, row.fold, row.metric)
        if cell in there:
            raise UndecidableError(f"{where}: holds a second score of {_words(cell)}")
        there.add(cell)
    expected = set(expected_cells(results, unable))
    if missing := sorted(expected - there - failed):
        raise UndecidableError(f"{where}: lacks the score of {_words(missing[0])}{_more(missing)}; run it again")
    if extra := sorted(there - expected):
        raise UndecidableError(f"{where}: holds {_words(extra[0])}, which belongs to no part of the run{_more(extra)}")
    if both := sorted(there & failed):
        raise UndecidableError(f"{where}: has a score of {_words(both[0])}, which failed{_more(both)}")


def _of(kind: type[T], value: Any) -> T:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"expected {kind.__name__}, got {value!r}")
    return value


def _kind(value: Any) -> Kind:
    kind: Kind
    for kind in get_args(Kind):
        if value == kind:
            return kind
    raise ValueError(f"{value!r} is no kind of model")


def _words(cell: Cell) -> str:
    dataset, _, model, repeat, fold, metric = cell
    return f"{model} on {dataset}, repeat {repeat}, fold {fold}, {metric}"


def _more(cells: list[Cell]) -> str:
    return f" (and {len(cells) - 1} more)" if len(cells) > 1 else ""


def _cell(row: Any) -> Cell:
    dataset, target, model, repeat, fold, metric = row
    return str(dataset), str(target), str(model), int(repeat), int(fold), str(metric)


def _table(path: Path, kind: Any) -> list[list[Any]]:
    """Return the rows of a table that a run wrote, converted to the types of a row's fields."""
    convert = [_CONVERT[one.__forward_arg__] for one in kind.__annotations__.values()]
    text = _text(path)
    if not text.endswith("\n"):  # half a number is a number too
        raise UndecidableError(f"{path}: its last line does not end; was it cut off?")
    reader = csv.reader(io.StringIO(text), strict=True)
    header = next(reader, [])
    if header != list(kind._fields):
        raise UndecidableError(f"{path}: its columns are {', '.join(header)}; expected {', '.join(kind._fields)}")
    rows = []
    for row in reader:
        if len(row) != len(header):
            raise UndecidableError(f"{path}:{reader.line_num}: {len(row)} cells, the header has {len(header)}")
        try:
            rows.append([to(cell) for to, cell in zip(convert, row, strict=True)])
        except ValueError as error:
            raise UndecidableError(f"{path}:{reader.line_num}: {error}") from error
    return rows


def _name(cell: str) -> str:
    """Undo the quote that guards text cells against being read as formulas."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell


def _finite(cell: str) -> float:
    value = float(cell)
    if value - value != 0:
        raise ValueError(f"'{cell}' is no score")
    return value


def _float_or_none(cell: str) -> float | None:
    return float(cell) if cell else None


def _int_or_none(cell: str) -> int | None:
    return int(cell) if cell else None


_CONVERT: dict[str, Any] = {
    "str": _name,
    "int": int,
    "float": _finite,
    "float | None": _float_or_none,
    "int | None": _int_or_none,
}


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except UnicodeDecodeError as error:
        raise UndecidableError(f"{path}: not UTF-8 text, so it is damaged; run the benchmark again") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(_text(path))
    except (ValueError, RecursionError) as error:  # of a number with thousands of digits, too
        raise UndecidableError(f"{path}: not a whole JSON text ({error}); run the benchmark again") from error
    if not isinstance(data, dict):
        raise UndecidableError(f"{path}: holds no mapping; run the benchmark again")
    return data


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(_text(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UndecidableError(f"{path}: not a whole YAML text; run the benchmark again") from error
    if not isinstance(data, dict):
        raise UndecidableError(f"{path}: holds no spec; run the benchmark again")
    return data
