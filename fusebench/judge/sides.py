"""Two runs or score tables to be told apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import StorageError, UndecidableError, UsageError
from fusebench.io import read_text
from fusebench.judge.baseline import Baseline, Cell, Problem, problems_from, read_baseline
from fusebench.judge.read import metrics_in, read_scores

Floats = NDArray[np.float64]
FoldName = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Part:
    """The scores of one side on one dataset under one metric.

    Parameters
    ----------
    models : mapping of str to ndarray of shape (n_folds,)
        NaN where a score is missing.
    folds : tuple of (str, str)
        Repeat and fold of each score.
    test_train_ratio : float or None
        None: the one value is a mean.
    problem : Problem or None
        What data and test rows there were; None where the table does not tell.
    """

    models: Mapping[str, Floats]
    folds: tuple[FoldName, ...]
    test_train_ratio: float | None
    problem: Problem | None


@dataclass(frozen=True, kw_only=True)
class Side:
    """Everything one side holds; `parts` by dataset and metric."""

    name: str
    parts: Mapping[tuple[str, str], Part]


def read_side(path: Path, *, test_train_ratio: float | None = None) -> Side:
    """Read a run folder, a baseline or a score table.

    Parameters
    ----------
    path : Path
        A folder with ``scores.csv`` and ``summary.json``, a ``.json`` baseline, or any CSV that `read_scores` takes.
    test_train_ratio : float, optional
        For a CSV, see `read_scores`.

    Raises
    ------
    UsageError
        If there is no such file or folder, or a folder is no run folder.
    FusebenchError
        As `read_baseline` and `read_scores`.
    """
    if not path.exists():
        raise UsageError(f"{path}: there is no such run folder, baseline or score table; check the path")
    if path.is_dir():
        scores = path / "scores.csv"
        if not scores.is_file():
            raise UsageError(f"{path}: no run folder, since it holds no scores.csv")
        return _from_csv(path.name, scores, test_train_ratio, _summary_problems(path / "summary.json"))
    if path.suffix == ".json":
        return side_of(str(path), read_baseline(path))
    return _from_csv(str(path), path, test_train_ratio, {})


def side_of(name: str, baseline: Baseline) -> Side:
    """Return the scores of a baseline as one side."""
    labels = {where: _label(where, baseline.problems) for where in baseline.problems}
    parts = {}
    for where, problem in baseline.problems.items():
        keys = sorted(problem.folds)
        for metric in baseline.metrics_of(*where):
            columns = {
                model: np.array([baseline.scores.get(Cell(*where, model, *key, metric), np.nan) for key in keys])
                for model in baseline.models
            }
            parts[labels[where], metric] = Part(
                models=columns,
                folds=tuple((str(repeat), str(fold)) for repeat, fold in keys),
                test_train_ratio=problem.test_train_ratio,
                problem=problem,
            )
    return Side(name=name, parts=parts)


def _from_csv(name: str, path: Path, ratio: float | None, problems: Mapping[tuple[str, str], Problem]) -> Side:
    labelled = {_label(where, problems): problem for where, problem in problems.items()}
    parts = {}
    for metric in metrics_in(path):
        table = read_scores(path, metric=metric, test_train_ratio=ratio)
        for block in table.blocks:
            problem = labelled.get(block.dataset)
            own = problem.test_train_ratio if problem is not None else block.test_train_ratio
            parts[block.dataset, table.metric] = Part(
                models=dict(zip(table.models, block.scores.T, strict=True)),
                folds=block.folds,
                test_train_ratio=own,
                problem=problem,
            )
    return Side(name=name, parts=parts)


def _summary_problems(path: Path) -> dict[tuple[str, str], Problem]:
    """Return what a run folder says about its data; empty where it says nothing."""
    try:
        data: Any = json.loads(read_text(path))
        return problems_from(data.get("datasets", ()))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UndecidableError(f"{path}: does not tell which data and folds were used ({error})") from error


def _label(where: tuple[str, str], problems: Mapping[tuple[str, str], Problem]) -> str:
    alone = sum(dataset == where[0] for dataset, _ in problems) == 1
    return where[0] if alone else f"{where[0]}:{where[1]}"
