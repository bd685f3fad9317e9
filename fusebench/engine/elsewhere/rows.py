"""What fusions of a table of predictions say, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fusebench.engine.blueprint import Blueprint
from fusebench.engine.elsewhere._labels import is_whole
from fusebench.engine.elsewhere.spec import WITHOUT_ANSWERS
from fusebench.engine.elsewhere.table import Elsewhere
from fusebench.engine.expansion import blueprint_of
from fusebench.engine.fusing import Predictions, make_fusion, predict_with
from fusebench.errors import FitError, UsageError
from fusebench.fusions.base import Context, Fusion, TargetType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fusebench.engine.splits import Splits
    from fusebench.engine.store import Store
    from fusebench.spec.model import Spec


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
    return int(text) if text.startswith("-") and is_whole(text) else text
