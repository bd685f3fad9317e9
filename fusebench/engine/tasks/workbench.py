"""The workbench: one process's view of the store and the data, and the items that run on it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from fusebench.engine.blueprint import Blueprint, PredictionProblem
from fusebench.engine.fusing import Predictions, Tensor
from fusebench.engine.splits import Part
from fusebench.engine.store import Entry
from fusebench.engine.tasks import fit, fuse, score
from fusebench.engine.tasks.data import ProblemData, folds_key
from fusebench.engine.tasks.encoded import Encoded
from fusebench.engine.tasks.items import EncodeItem, ExplainItem, FitItem, FuseItem, Item, ScoreItem

PREDICTIONS = ("fit", "fuse", "given")  # kinds of entries
Key = TypeVar("Key")
Kept = TypeVar("Kept")


class Reader(Protocol):
    """Where a workbench finds stored results."""

    def get(self, key: str, *kinds: str) -> Entry | None:
        """Return an entry of one of some kinds, or None."""
        ...


class InputsLostError(Exception):
    """Stored inputs of an item are gone or damaged; the items that make them must run again."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = keys
        super().__init__(keys)


class Recent(Generic[Key, Kept]):
    """The last few values made, so that neighbouring items share them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Key, Kept] = OrderedDict()

    def get_or_make(self, key: Key, make: Callable[[], Kept]) -> Kept:
        """Return the value of a key, made where it is not kept."""
        if key not in self._kept:
            self.put(key, make())
        self._kept.move_to_end(key)
        return self._kept[key]

    def put(self, key: Key, value: Kept) -> None:
        """Keep a value, and forget the one that was not used for longest."""
        self._kept[key] = value
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)


@dataclass
class Workbench:
    """Runs items of one blueprint.

    Parameters
    ----------
    blueprint : Blueprint
    reader : Reader
        The store.
    data_folder : callable
        Maps a problem's `data_key` to the folder of its saved dataset.
    """

    blueprint: Blueprint
    reader: Reader
    data_folder: Callable[[str], Path]
    _data: Recent[str, ProblemData] = field(default_factory=lambda: Recent(4))
    encoded: Recent[Any, Encoded] = field(default_factory=lambda: Recent(3))
    fitted: Recent[Any, fit.FittedOnce] = field(default_factory=lambda: Recent(1))
    _tensors: Recent[Any, Tensor] = field(default_factory=lambda: Recent(2))

    def run(self, item: Item) -> Entry:
        """Run one item and return what is to be stored.

        Raises
        ------
        FitError
            If an estimator gave what cannot be used.
        InputsLostError
            If a stored input is not there any more.
        Exception
            Whatever an estimator raises.
        """
        match item:
            case EncodeItem():
                return fit.encode(self, item)
            case FitItem():
                return fit.fit(self, item)
            case FuseItem():
                return fuse.fuse(self, item)
            case ScoreItem():
                return score.score(self, item)
            case ExplainItem():
                from fusebench.engine import explain

                return explain.run(self, item)

    def problem(self, index: int) -> PredictionProblem:
        """Return a prediction problem by its number."""
        return self.blueprint.problems[index]

    def data(self, problem: PredictionProblem) -> ProblemData:
        """Return a problem's rows and splits, kept for the next item."""

        def opened() -> ProblemData:
            entry = self.reader.get(folds_key(problem), "folds")
            return ProblemData(problem, self.data_folder(problem.data_key), {} if entry is None else entry.arrays)

        return self._data.get_or_make(problem.digest, opened)

    # -- what is stored already -------------------------------------------------------------------

    def tensor(self, problem: PredictionProblem, members: tuple[str, ...], split: tuple[int, int]) -> Tensor:
        """Return the members' stored predictions on one outer split.

        Raises
        ------
        InputsLostError
            If some are not there.
        """
        return self._tensors.get_or_make(
            (problem.digest, members, split),
            lambda: Tensor.stack([self._member(problem, member, split) for member in members], members),
        )

    def _member(
        self, problem: PredictionProblem, member: str, split: tuple[int, int]
    ) -> tuple[Predictions, Predictions]:
        """Return a member's out-of-fold and test predictions on an outer split."""
        if member in self.blueprint.fusions:
            keys = [self.blueprint.fuse_key(problem, member, *split, stage) for stage in ("oof", "test")]
            first, second = self.entries(keys)
            return Predictions.read(first, 0), Predictions.read(second, 0)
        scheme, splits = problem.scheme, self.data(problem).splits
        inner_parts = scheme.inner_parts(*split)
        test_parts = scheme.test_parts(*split)
        wanted = list(dict.fromkeys([*inner_parts, *test_parts]))
        found = dict(
            zip(wanted, self.entries([self.blueprint.fit_key(problem, member, one) for one in wanted]), strict=True)
        )
        rows, _ = splits.out_of_fold(*split)
        position = np.full(problem.n_samples, -1, dtype=np.intp)
        position[rows] = np.arange(len(rows))
        pieces = []
        for j, part in zip(scheme.inner_folds(split[1]), inner_parts, strict=True):
            held = splits.predicted_rows(part)[scheme.where(part, predicting=j)]
            pieces.append((position[held], self._read(problem, member, part, found[part], predicting=j)))
        oof = Predictions.assemble(pieces, len(rows))
        test = Predictions.mean(
            [self._read(problem, member, part, found[part], predicting=split[1]) for part in test_parts]
        )
        return oof, test

    def _read(
        self, problem: PredictionProblem, learner: str, part: Part, entry: Entry, *, predicting: int
    ) -> Predictions:
        return Predictions.read(entry, self.blueprint.stored_at(problem, learner, part, predicting=predicting))

    def test_predictions(self, problem: PredictionProblem, model: str, split: tuple[int, int]) -> Predictions | None:
        """Return a model's stored predictions of an outer test part; None where it failed."""
        if model in self.blueprint.learners:
            keys = [self.blueprint.fit_key(problem, model, part) for part in problem.scheme.test_parts(*split)]
        else:
            keys = [self.blueprint.fuse_key(problem, model, *split, "test")]
        found = [entry for key in keys if (entry := self.reader.get(key, *PREDICTIONS)) is not None]
        if len(found) < len(keys):
            return None
        return Predictions.mean([self.read_test(problem, model, split[1], entry) for entry in found])

    def entries(self, keys: list[str]) -> list[Entry]:
        """Return stored predictions.

        Raises
        ------
        InputsLostError
            If some are not there.
        """
        entries = [self.reader.get(key, *PREDICTIONS) for key in keys]
        lost = [key for key, entry in zip(keys, entries, strict=True) if entry is None]
        if lost:
            raise InputsLostError(lost)
        return [entry for entry in entries if entry is not None]

    def read_test(self, problem: PredictionProblem, model: str, fold: int, entry: Entry) -> Predictions:
        """Return what an entry of a model predicts for an outer test part."""
        if entry.kind == "fuse":
            return Predictions.read(entry, 0)
        return self._read(problem, model, Part(*entry.meta["part"]), entry, predicting=fold)
