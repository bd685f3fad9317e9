"""Read any score table."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fusebench.errors import DataError, StorageError, UsageError
from fusebench.io import read_text
from fusebench.judge.scoretable import Block, ScoreTable

_KEYS = ("dataset", "target", "repeat", "fold")
_FORMULA = ("=", "+", "-", "@", "\t")
_MISSING = frozenset({"", "nan", "na", "n/a", "none", "null", "inf", "-inf", "+inf", "infinity", "-infinity"})


@dataclass(frozen=True, kw_only=True)
class _Cell:
    line: int
    dataset: str
    fold: tuple[str, str]
    model: str
    score: float


def read_scores(
    path: Path,
    *,
    metric: str | None = None,
    lower_is_better: bool = False,
    test_train_ratio: float | None = None,
) -> ScoreTable:
    """Read a score table in CSV.

    Parameters
    ----------
    path : Path
        Tidy: columns ``dataset, model, score`` and, as far as there are any, ``target``, ``repeat``, ``fold``,
        ``metric``. Wide: first column ``dataset`` (or ``fold``, the folds of one dataset), then one column per model.
    metric : str, optional
        Which one of several to read; the first in the file by default, with a warning.
    lower_is_better : bool, default=False
        Turn all scores round.
    test_train_ratio : float, optional
        Test rows over training rows. When it is not given, k-fold cross-validation is assumed where there is a column
        ``dataset`` and a column ``fold``: 1 / (k - 1) with k the folds of one repeat.

    Raises
    ------
    StorageError
        If the file cannot be read.
    DataError
        If it is no such table; the message names the line.
    UsageError
        If there is no such file, or an option is missing or out of range.
    """
    if test_train_ratio is not None and not 0 < test_train_ratio < math.inf:
        raise UsageError(f"--test-train-ratio must be a finite number > 0, got {test_train_ratio:g}")
    header, rows = _rows(path)
    if {"model", "score"} <= set(header):
        name, cells, warnings = _tidy(path, header, rows, metric)
    else:
        name, cells, warnings = _wide(path, header, rows, metric)
        if header[0] == "fold" and test_train_ratio is None:
            raise UsageError(
                f"{path}: the rows are folds of one dataset, whose sizes the table does not tell; "
                "give --test-train-ratio (test rows over training rows: 0.25 for 5 folds, 0.1111 for 10)"
            )
    sign = -1.0 if lower_is_better else 1.0
    return _table(path, name, list(cells), sign, test_train_ratio, "fold" in header, tuple(warnings))


def metrics_in(path: Path) -> tuple[str | None, ...]:
    """Return the metrics of a score table in the order of the file; (None,) where it names none."""
    header, rows = _rows(path)
    if not {"model", "score", "metric"} <= set(header):
        return (None,)
    at = header.index("metric")
    return tuple(dict.fromkeys(row[at] for _, row in rows))


def _rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        text = read_text(path, "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text (byte {error.start}); save the table as UTF-8") from error
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise UsageError(f"{path}: there is no such score table") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error
    if "\0" in text:
        raise DataError(f"{path}: holds NUL bytes, so it is no CSV table")
    reader = csv.reader(io.StringIO(text), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        rows.extend((reader.line_num, [_text(cell) for cell in row]) for row in reader if any(row))
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: {error}") from error
    if len(rows) < 2:
        raise DataError(f"{path}: {'holds only a header' if rows else 'is empty'}; scores are needed")
    header = rows[0][1]
    if len(header) < 2:
        raise DataError(f"{path}:1: one column only ('{header[0]}'); are the cells separated by commas?")
    if repeated := sorted({name for name in header if header.count(name) > 1}):
        raise DataError(f"{path}:1: column '{repeated[0]}' appears twice")
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise DataError(f"{path}:{line}: {len(row)} cells, the header has {len(header)}")
    return header, rows[1:]


def _tidy(
    path: Path, header: list[str], rows: list[tuple[int, list[str]]], metric: str | None
) -> tuple[str, Iterator[_Cell], list[str]]:
    if "dataset" not in header:
        raise DataError(f"{path}:1: columns 'model' and 'score' but no 'dataset'; got {', '.join(header)}")
    at = {name: index for index, name in enumerate(header)}
    metrics = list(dict.fromkeys(row[at["metric"]] for _, row in rows)) if "metric" in at else [metric or "score"]
    name, warnings = metric or metrics[0], []
    if name not in metrics:
        raise UsageError(f"{path}: no metric '{name}'; there is {', '.join(metrics)}")
    if len(metrics) > 1 and metric is None:
        warnings.append(f"several metrics ({', '.join(metrics)}): only {name} is analysed; --metric chooses another")

    def cells() -> Iterator[_Cell]:
        targets = _targets(rows, at)
        for line, row in rows:
            oracle = "kind" in at and row[at["kind"]] == "reference" and row[at["model"]] == "oracle"
            if oracle or ("metric" in at and row[at["metric"]] != name):
                continue
            dataset = row[at["dataset"]]
            if len(targets[dataset]) > 1:
                dataset = f"{dataset}:{row[at['target']]}"
            fold = (row[at["repeat"]] if "repeat" in at else "0", row[at["fold"]] if "fold" in at else "0")
            score = _number(path, line, "score", row[at["score"]])
            yield _Cell(line=line, dataset=dataset, fold=fold, model=row[at["model"]], score=score)

    return name, cells(), warnings


def _targets(rows: list[tuple[int, list[str]]], at: Mapping[str, int]) -> dict[str, set[str]]:
    targets: dict[str, set[str]] = {}
    for _, row in rows:
        targets.setdefault(row[at["dataset"]], set()).add(row[at["target"]] if "target" in at else "")
    return targets


def _wide(
    path: Path, header: list[str], rows: list[tuple[int, list[str]]], metric: str | None
) -> tuple[str, Iterator[_Cell], list[str]]:
    if header[0] not in ("dataset", "fold"):
        raise DataError(
            f"{path}:1: the first column is '{header[0]}'; it must be 'dataset' or 'fold' "
            "(one column per model follows), or there must be columns dataset, model, score"
        )
    n_keys = next((index for index, name in enumerate(header) if name not in _KEYS), len(header))
    at = {name: index for index, name in enumerate(header[:n_keys])}

    def cells() -> Iterator[_Cell]:
        for line, row in rows:
            dataset = row[at["dataset"]] if "dataset" in at else path.stem
            if "target" in at:
                dataset = f"{dataset}:{row[at['target']]}"
            fold = (row[at["repeat"]] if "repeat" in at else "0", row[at["fold"]] if "fold" in at else "0")
            for model, text in zip(header[n_keys:], row[n_keys:], strict=True):
                score = _number(path, line, model, text)
                yield _Cell(line=line, dataset=dataset, fold=fold, model=model, score=score)

    return metric or "score", cells(), []


def _table(
    path: Path,
    metric: str,
    cells: list[_Cell],
    sign: float,
    ratio: float | None,
    has_folds: bool,  # private, named at its one call
    warnings: tuple[str, ...],
) -> ScoreTable:
    models = tuple(dict.fromkeys(cell.model for cell in cells))
    column = {model: at for at, model in enumerate(models)}
    found: dict[str, dict[tuple[str, str], list[float]]] = {}
    lines: dict[tuple[str, tuple[str, str], str], int] = {}
    for cell in cells:
        key = (cell.dataset, cell.fold, cell.model)
        if key in lines:
            hint = "" if has_folds else "; several folds need a column 'fold'"
            raise DataError(
                f"{path}:{cell.line}: a second score of {cell.model} on {cell.dataset}, "
                f"the first is in line {lines[key]}{hint}"
            )
        lines[key] = cell.line
        row = found.setdefault(cell.dataset, {}).setdefault(cell.fold, [math.nan] * len(models))
        row[column[cell.model]] = sign * cell.score + 0.0
    said = list(warnings)
    blocks = []
    for dataset, rows in found.items():
        n_repeats = len({repeat for repeat, _ in rows})
        k = math.ceil(len(rows) / n_repeats)
        own = ratio if ratio is not None else 1 / (k - 1) if k > 1 else None
        folds = tuple(rows)
        block = Block(
            dataset=dataset, folds=folds, scores=np.array([rows[fold] for fold in folds]),
            test_train_ratio=own if has_folds else None, n_repeats=n_repeats,
        )  # fmt: skip
        blocks.append(block)
        if has_folds and ratio is None and n_repeats == 1 and k > 10:
            said.append(
                f"{dataset}: {k} folds in one repeat are taken for {k}-fold cross-validation; a column 'repeat' or "
                "--test-train-ratio tells otherwise"
            )
    return ScoreTable(metric=metric, models=models, blocks=tuple(blocks), warnings=tuple(said))


def _number(path: Path, line: int, column: str, text: str) -> float:
    if text.strip().lower() in _MISSING:
        return math.nan
    try:
        value = float(text)
    except ValueError as error:
        raise DataError(f"{path}:{line}: '{text}' in column '{column}' is not a number") from error
    return value if math.isfinite(value) else math.nan


def _text(cell: str) -> str:
    """Undo the quote that guards text cells against being read as formulas."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
