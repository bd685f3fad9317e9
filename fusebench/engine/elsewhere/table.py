"""Reading a table of predictions, and finding out what its models predict."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench import datasets
from fusebench.datasets._answers import Classes, listed, number
from fusebench.datasets._predicted import PredictionTable
from fusebench.errors import DataError
from fusebench.spec._parsing import RESERVED_IDS

CELLS = 200_000_000  # of a prediction tensor; 8 bytes each
SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What a table of predictions holds.

    Parameters
    ----------
    path : Path
    table : PredictionTable
    classes : tuple of str
        All labels, sorted; empty where values are predicted.
    models : mapping of str to str
        The models' names in the table by the ids that they have here.
    gives_shares : bool
        Whether a model gives probabilities.
    features : tuple of str
    notes : tuple of str
        What a reader should know.
    """

    path: Path
    table: PredictionTable
    classes: tuple[str, ...]
    models: Mapping[str, str]
    gives_shares: bool
    features: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def has_targets(self) -> bool:
        """Whether the true answers are known."""
        return self.table.has_targets

    @property
    def name(self) -> str:
        """Of the benchmark: what the file is called."""
        return f"fuse-{_id(self.path.name.split('.')[0])}"[:100]


def read(
    path: Path,
    *,
    id_column: str = "id",
    y_true: str = "y_true",
    fold: str = "fold",
    features: Sequence[str] = (),
    ignore: Sequence[str] = (),
    classes: Sequence[str] = (),
    target_type: str | None = None,
) -> Elsewhere:
    """Read a table of predictions and find out what its models predict.

    Raises
    ------
    DataError
        If it cannot be used.
    """
    name = path.name
    table = datasets.read_predictions(
        path, name, id_column=id_column, y_true=y_true, fold=fold, others=[*features, *ignore]
    )
    if not table.columns:
        raise DataError(
            f"{name}: there are no columns of predictions beside {', '.join(map(repr, table.frame.columns))}"
        )
    notes: list[str] = []
    labels: tuple[str, ...] = ()
    if target_type != "regression" and (target_type == "classification" or classes or _predicts_classes(table)):
        labels = tuple(sorted(classes)) or _labels(table, notes)
    columns = table.models(labels or None)
    if len(columns) < 2:
        raise DataError(f"{name}: fusing needs two models or more, the table has {', '.join(map(repr, columns))}")
    if len(table.frame) * len(columns) * max(len(labels), 1) > CELLS:
        raise DataError(
            f"{name}: {len(table.frame)} rows, {len(columns)} models and {len(labels)} different labels are too many; "
            "name those that count (--classes), or say that the target is a number (--target-type regression)"
        )
    ids = _ids(list(columns))
    notes += [f"model {model!r} is called {one} here" for one, model in ids.items() if one != model]
    return Elsewhere(
        path=path,
        table=table,
        classes=labels,
        models=ids,
        gives_shares=any(one.proba for one in columns.values()),
        features=tuple(features),
        notes=tuple(notes),
    )


def _predicts_classes(table: PredictionTable) -> bool:
    """Return whether labels are predicted: not where most cells are numbers with decimals."""
    answers = set(table.answers(table.y_true)) if table.has_targets else set()
    for column in table.columns:
        suffixes = {column[at + 1 :].strip() for at, one in enumerate(column) if one == ":"}
        if suffixes & answers or (not table.has_targets and suffixes and _is_one_of_several(table, column)):
            return True
    if table.has_targets and _share_of_decimals(table.frame[table.y_true]) > 0.5:
        return False
    return sum(_share_of_decimals(table.frame[one]) for one in table.columns) <= len(table.columns) / 2


def _is_one_of_several(table: PredictionTable, column: str) -> bool:
    """Return whether another column has the same name up to the last colon, and both hold numbers from 0 to 1."""
    model = column.rpartition(":")[0]
    family = [one for one in table.columns if one.rpartition(":")[0] == model]
    return len(family) > 1 and all(
        (value := number(text)) is not None and 0 <= value <= 1 for one in family for text in table.answers(one)[:SHOWN]
    )


def _share_of_decimals(cells: Any) -> float:
    values = [number(one) for one in cells if one]
    return sum(one is not None and one != round(one) for one in values) / max(len(values), 1)


def _labels(table: PredictionTable, notes: list[str]) -> tuple[str, ...]:
    """Return every label: of the true answers, of the columns of probabilities, and of what the models answer."""
    if not table.has_targets:
        shares = [one for one in table.columns if ":" in one and _is_one_of_several(table, one)]
        answers = [one for column in table.columns if column not in shares for one in table.answers(column)]
        return _once([*(one.rpartition(":")[2].strip() for one in shares), *answers])
    true = _once(table.answers(table.y_true))
    known = Classes(true)
    strange: Counter[str] = Counter()
    for model, columns in table.models(true).items():
        if columns.labels is None:
            continue
        own = [one for one in table.frame[columns.labels] if one]
        others = [one for one in own if one not in known]
        if len(others) == len(own):
            got = f"such as {others[0][:40]!r}" if others else "it has none"
            raise DataError(
                f"{table.name}: model {model!r}: none of its answers is the true answer of any row ({got}); "
                f"the true ones are {listed(true)}"
            )
        strange.update(others)
    if strange:
        shown = listed([one for one, _ in strange.most_common(SHOWN)])
        notes.append(
            f"{strange.total()} answers are labels that are the true one of no row; they count as votes: {shown}"
        )
    return _once([*true, *strange])


def _once(labels: Sequence[str]) -> tuple[str, ...]:
    """Return labels sorted, each once; where all are numbers, those of equal value once."""
    values = {one: number(one) for one in labels}
    if None in values.values():
        return tuple(sorted(values))
    shortest = {values[one]: one for one in sorted(values, key=lambda one: (-len(one), one))}
    return tuple(sorted(shortest.values()))


def _id(name: str) -> str:
    """Return what a name becomes where only letters, digits and _ . + - are allowed."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", name).strip("-.+")[:90] or "model"


def _ids(names: Sequence[str]) -> dict[str, str]:
    """Return the models by ids that are allowed, each another."""
    found: dict[str, str] = {}
    for name in names:
        own = _id(name)
        tries = (own, *(f"{own}-{n}" for n in range(2, len(names) + 3)))
        found[next(one for one in tries if one not in found and one not in RESERVED_IDS)] = name
    return found
