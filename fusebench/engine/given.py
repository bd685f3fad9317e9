"""Predictions made elsewhere, joined to the rows of a problem and kept beside its data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench import datasets, learners
from fusebench.engine.blueprint import Blueprint
from fusebench.engine.keys import digest
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.store import Entry, Store
from fusebench.engine.tasks.data import DataFolders, ProblemData
from fusebench.errors import DataError
from fusebench.spec.model import LearnerSpec

TRUST = "predictions made elsewhere: that they did not see the answers they predict is for you to know"
KEY = re.compile("[0-9a-f]{64}")
OWN_FOLDS = "predictions made elsewhere, out of fold as their own fold column says; its folds are those of this run"


@dataclass
class Joiner:
    """Joins the learners of a benchmark that are given predictions.

    Parameters
    ----------
    blueprint : Blueprint
    base : Path
        What paths are relative to.
    store : Store
        Remembers what was joined, so that a finished benchmark reads no table.
    """

    blueprint: Blueprint
    base: Path
    store: Store
    _tables: dict[tuple[Path, str], Any] = field(default_factory=dict)

    def join(self, problem: PredictionProblem) -> tuple[dict[str, str], list[str]]:
        """Return the store key of each given learner's predictions for a problem, and notes.

        Raises
        ------
        DataError
            If a table cannot be read, or does not fit the problem's rows, classes or folds.
        """
        keys: dict[str, str] = {}
        notes: list[str] = []
        trusted: list[str] = []
        for name, spec in self.blueprint.learners.items():
            if learners.is_given(spec):
                found = self._joined(problem, name, spec)
                keys[name] = found["values"]
                notes.extend(f"{name}: {note}" for note in found["notes"])
                trusted.extend([] if found["own folds"] else [name])
        return keys, [*([f"{', '.join(trusted)}: {TRUST}"] if trusted else []), *notes]

    def _joined(self, problem: PredictionProblem, name: str, spec: LearnerSpec) -> Mapping[str, Any]:
        path = self._path(problem, spec)
        content = datasets.file_digest(path, name)
        key = digest("given", name, spec.params, content, problem.digest, problem.classes, learners.code_digest(spec))
        entry = self.store.get(key, "given")
        if entry is not None and "values" in entry.meta and self._are_kept(entry.meta["values"]):
            return entry.meta
        data = ProblemData(problem, DataFolders(self.store.root)(problem.data_key))
        model = self._model(problem, name, spec)
        joined = self._table(path, name, spec).join(self._ids(data, name), problem.classes, model)
        _check_folds(joined.folds, data, name)
        values = _values_key(joined.values)
        self.store.put(values, Entry("given", {}, {"values": joined.values}))
        own = joined.folds is not None
        found = {"values": values, "own folds": own, "notes": [*([OWN_FOLDS] if own else []), *joined.notes]}
        self.store.put(key, Entry("given", found))
        return found

    def _are_kept(self, values: str) -> bool:
        """Whether the values of a key are stored: they are called by what they hold, which cannot be made up."""
        entry = self.store.get(values, "given") if KEY.fullmatch(values) else None
        if entry is None or ("values" in entry.arrays and _values_key(entry.arrays["values"]) == values):
            return entry is not None
        self.store.reject(values)
        return False

    def _path(self, problem: PredictionProblem, spec: LearnerSpec) -> Path:
        named = str(spec.params["path"]).replace("{dataset}", problem.dataset).replace("{target}", problem.target)
        return self.base / named

    def _table(self, path: Path, name: str, spec: LearnerSpec) -> Any:
        column = str(spec.params.get("id", "id"))
        if (path, column) not in self._tables:
            self._tables[path, column] = datasets.read_predictions(path, name, id_column=column)
        return self._tables[path, column]

    def _model(self, problem: PredictionProblem, name: str, spec: LearnerSpec) -> str:
        table = self._table(self._path(problem, spec), name, spec)
        models = list(table.models(problem.classes or None))
        wanted = spec.params.get("model")
        if wanted in models:
            return str(wanted)
        if wanted is None and (name in models or len(models) == 1):
            return name if name in models else models[0]
        listed = ", ".join(map(repr, models[:10])) or "none"
        said = f"there is no model {wanted!r}" if wanted is not None else "say which `model:` it is"
        raise DataError(f"{name}: {said}; the table has {listed}")

    @staticmethod
    def _ids(data: ProblemData, name: str) -> list[str]:
        if data.ids is None:
            raise DataError(
                f"{data.problem.dataset}: learner '{name}' joins its predictions on an id; "
                "say `id: COLUMN` in the dataset's definition"
            )
        return [str(one) for one in data.ids]


def _values_key(values: NDArray[Any]) -> str:
    """Return the key of joined values: a digest of themselves."""
    return digest("given values", values.shape, sha256(np.ascontiguousarray(values).tobytes()).hexdigest())


def _check_folds(folds: NDArray[Any] | None, data: ProblemData, name: str) -> None:
    """Raise where a model that predicted a test row was trained on other rows of the same outer fold."""
    if folds is None:
        return
    for split in data.splits.outer.values():
        shared = np.intersect1d(folds[split.test], folds[split.train])
        if len(shared):
            raise DataError(
                f"{data.problem.dataset}: the column `fold` of learner '{name}' has other folds than this run "
                f"(its fold {str(shared[0])!r} is tested and trained on at once); give the dataset that fold column "
                "and say `cv: predefined`, or drop the column if the predictions saw no answers at all"
            )
