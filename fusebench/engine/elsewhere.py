"""A table of predictions made elsewhere as a benchmark: its spec, and what its fusions say row by row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fusebench import datasets
from fusebench.datasets._answers import Classes, listed, number
from fusebench.datasets._predicted import PredictionTable
from fusebench.engine.blueprint import Blueprint
from fusebench.engine.expansion import blueprint_of
from fusebench.engine.fusing import Predictions, make_fusion, predict_with
from fusebench.errors import DataError, FitError, UsageError
from fusebench.fusions.base import REGISTRY, Context, Fusion, TargetType, load_fusion
from fusebench.spec._parsing import RESERVED_IDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fusebench.engine.splits import Splits
    from fusebench.engine.store import Store
    from fusebench.spec.model import Spec

CELLS = 200_000_000  # of a prediction tensor; 8 bytes each
SHOWN = 5
WITHOUT_ANSWERS = ("voting", "averaging")
FUSIONS_OF_VALUES = ("averaging", "weighted", "ensemble_selection", "stacking", "adaptive")
FUSIONS_OF_CLASSES = ("voting", "weighted", "ensemble_selection", "stacking", "adaptive")


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


def spec_of(
    found: Elsewhere,
    *,
    fusions: Sequence[str] = (),
    scoring: Sequence[str] = (),
    n_folds: int | None = None,
    n_repeats: int | None = None,
    random_state: int = 0,
) -> dict[str, Any]:
    """Return the benchmark of a table as plain data: ids and answers are the dataset, the models are its learners.

    Raises
    ------
    UsageError
        If folds are asked for and the table has its own.
    """
    table = found.table
    if table.has_folds and (n_folds is not None or n_repeats is not None):
        raise UsageError(f"--folds and --repeats: the table has its own folds in column {table.fold!r}")
    dataset: dict[str, Any] = {
        "name": found.name.removeprefix("fuse-"),
        "source": "predictions",
        "path": str(found.path),
        "target": table.y_true,
        "id": table.id,
        "target_type": "continuous" if not found.classes else None,
    }
    cv: dict[str, Any] = {"n_splits": n_folds or 5, "n_repeats": n_repeats or 1}
    if found.classes:
        dataset["classes"] = [int(one) if all(map(_is_whole, found.classes)) else one for one in found.classes]
    if found.features:
        dataset["features"] = list(found.features)
    if table.has_folds:
        dataset["fold"] = table.fold
        cv = {"type": "predefined"}
    elif found.classes and table.has_targets and max(Counter(table.frame[table.y_true]).values()) < cv["n_splits"]:
        # Open answers: no label is frequent enough to be spread over the folds.
        dataset |= {"fold": "fold", "make_folds": cv["n_splits"], "folds_random_state": random_state}
        cv = {"type": "predefined"}
    params = {} if table.id == "id" else {"id": table.id}
    return {
        "name": found.name,
        "datasets": [dataset],
        "learners": {
            one: {"type": "predictions", "path": str(found.path), "model": model, **params}
            for one, model in found.models.items()
        },
        "fusions": {_free(one, found.models): _fusion(one, found) for one in fusions or _default_fusions(found)},
        "cv": cv,
        "random_state": random_state,
        **({"scoring": list(scoring)} if scoring else {}),
    }


def fuse_directly(found: Elsewhere, spec: Spec) -> tuple[list[str], list[list[Any]]]:
    """Return what fusions that learn nothing say: a header and a row per id. Needs no true answers.

    Raises
    ------
    UsageError
        If a fusion learns from true answers or looks at features.
    """
    blueprint = blueprint_of(spec)
    joined = {
        one: found.table.join(found.table.ids, found.classes, model).values for one, model in found.models.items()
    }
    columns: dict[str, list[Any]] = {}
    for name, fusion in blueprint.fusions.items():
        if fusion.kind == "reference":
            continue
        made = make_fusion(fusion.spec)
        _check_needs_nothing(name, made, fusion.members, found)
        messages = made.check(fusion.members, frozenset({_target_type(found)}))
        if messages:
            raise UsageError(f"--fusions {name}: {messages[0]}")
        P, labels = _tensor([joined[one] for one in fusion.members], classification=bool(found.classes))
        context = _context(found, fusion.members, labels)
        try:
            fused = predict_with(made.fit(P, np.zeros(len(P), dtype=np.intp), context), P, context)
        except FitError as error:
            raise UsageError(f"--fusions {name}: {error}") from error
        columns[name] = list(_said(fused, found.classes))
    header = [found.table.id, *columns]
    return header, [list(row) for row in zip(map(_cell, found.table.ids), *columns.values(), strict=True)]


def fused_rows(
    found: Elsewhere, blueprint: Blueprint, store: Store, splits: Splits
) -> tuple[list[str], list[list[Any]]]:
    """Return what the fusions of a finished run said of the test rows of the first repeat, in the table's order.

    Parameters
    ----------
    splits : Splits
        Of the table's rows.
    """
    (problem,) = blueprint.problems
    names = [one for one, fusion in blueprint.fusions.items() if fusion.kind == "fusion"]
    said: dict[str, list[Any]] = {name: [None] * problem.n_samples for name in names}
    fold_of: list[Any] = [None] * problem.n_samples
    for (repeat, fold), split in splits.outer.items():
        if repeat:
            continue
        for at in split.test:
            fold_of[at] = fold
        for name in names:
            entry = store.get(blueprint.fuse_key(problem, name, repeat, fold, "test"), "fuse")
            if entry is not None:  # a failed fusion has none
                for at, one in zip(split.test, _said(Predictions.read(entry, 0), found.classes), strict=True):
                    said[name][at] = one
    table = found.table
    header = [table.id, table.fold, table.y_true, *names]
    return header, [
        list(row)
        for row in zip(
            map(_cell, table.ids), fold_of, map(_cell, table.frame[table.y_true]), *said.values(), strict=True
        )
    ]


# -- what the models predict --------------------------------------------------------------------------


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


def _is_whole(label: str) -> bool:
    return re.fullmatch(r"-?(0|[1-9]\d{0,17})", label) is not None


# -- what they are called -----------------------------------------------------------------------------


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


def _free(name: str, taken: Mapping[str, str]) -> str:
    return f"{name}-fusion" if name in taken else name


# -- which fusions ------------------------------------------------------------------------------------


def _default_fusions(found: Elsewhere) -> Sequence[str]:
    if not found.has_targets:
        return WITHOUT_ANSWERS if found.gives_shares else WITHOUT_ANSWERS[:1] if found.classes else WITHOUT_ANSWERS[1:]
    return FUSIONS_OF_CLASSES if found.classes else FUSIONS_OF_VALUES


def _fusion(name: str, found: Elsewhere) -> Any:
    """Return a fusion's entry, with what the table lacks made up for by parameters."""
    if name == "voting" and found.classes:
        return {"type": name, "voting": "soft" if found.gives_shares and found.has_targets else "hard"}
    if name == "weighted" and found.classes and not found.gives_shares:
        return {"type": name, "weights": "accuracy"}
    if not found.features and REGISTRY.canonical(name) and hasattr(load_fusion(name), "space"):
        # Neighbours are sought among the answers where nothing else is known of a row.
        return {"type": name, "space": "predictions"}
    return name


# -- fusing without true answers ----------------------------------------------------------------------


def _check_needs_nothing(name: str, fusion: Fusion, members: Sequence[str], found: Elsewhere) -> None:
    what = "learns from true answers" if fusion.learns else "looks at features" if fusion.needs_features else ""
    if what:
        raise UsageError(
            f"--fusions {name}: it {what}, and the table has no column {found.table.y_true!r}; "
            f"{', '.join(WITHOUT_ANSWERS)} and the like need none"
        )
    stranger = next((one for one in members if one not in found.models), None)
    if stranger is not None:
        raise UsageError(
            f"--fusions {name}: its member '{stranger}' is a fusion; without true answers members are models"
        )


def _tensor(values: Sequence[NDArray[Any]], *, classification: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return predictions and labels as fusions see them."""
    if not classification:
        P = np.concatenate(values, axis=1).astype(np.float64)
        return P, P
    labels = np.stack([one[:, -1] for one in values], axis=1).astype(np.intp)
    return np.stack([one[:, :-1] for one in values], axis=1), labels


def _target_type(found: Elsewhere) -> TargetType:
    if not found.classes:
        return "continuous"
    return "binary" if len(found.classes) == 2 else "multiclass"


def _context(found: Elsewhere, members: tuple[str, ...], labels: NDArray[Any]) -> Context:
    def nothing(*_: Any, **__: Any) -> Any:
        raise FitError("it needs true answers")

    return Context(
        target_type=_target_type(found),
        classes=np.array(found.classes),
        members=members,
        labels=labels,
        score=nothing,
        metric="",
        fit_learner=nothing,
    )


def _said(fused: Predictions, classes: Sequence[str]) -> Iterator[Any]:
    """Yield labels as text, empty for an abstention, or values."""
    if not classes:
        yield from (float(one) for one in fused.labels)
    else:
        yield from ("" if code < 0 else _cell(classes[code]) for code in fused.labels)


def _cell(text: str) -> str | int:
    """Return a negative whole number as one: text that begins with a minus is marked in CSV files."""
    return int(text) if text.startswith("-") and _is_whole(text) else text
