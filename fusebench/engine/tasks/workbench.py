"""The workbench: one process's view of the store and the data, and the items that run on it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from fusebench import learners
from fusebench.engine.blueprint import Blueprint
from fusebench.engine.fusing import Predictions, Tensor
from fusebench.engine.layouts import hold_predictions
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.splits import Part
from fusebench.engine.store import Entry
from fusebench.engine.tasks import fit, fuse, score
from fusebench.engine.tasks.data import ProblemData, folds_key
from fusebench.engine.tasks.encoded import Encoded
from fusebench.engine.tasks.items import EncodeItem, ExplainItem, FitItem, FuseItem, Item, ScoreItem

PREDICTIONS = ("fit", "fuse", "given")  # kinds of entries
Stored = tuple[str, int, int]  # a key, the number of the predictions in its entry, their rows
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

    def forget_others(self, key: Key) -> None:
        """Forget all values but that of a key."""
        for other in [one for one in self._kept if one != key]:
            del self._kept[other]

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
    _binned: Recent[Any, Any] = field(default_factory=lambda: Recent(1))
    checks: Recent[str, Mapping[str, float]] = field(default_factory=lambda: Recent(4))
    samples: Recent[tuple[str, int], Any] = field(default_factory=lambda: Recent(6))
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

    def binned(self, key: Any, *, shared: bool) -> Any:
        """Return where fits on one encoded part leave its binned rows, None where only one would use them.

        Those of another part are dropped, whether or not this one's are shared.
        """
        if not shared:
            self._binned.forget_others(key)
            return None
        return self._binned.get_or_make(key, learners.binned_rows)

    # -- what is stored already -------------------------------------------------------------------

    def tensor(self, problem: PredictionProblem, members: tuple[str, ...], split: tuple[int, int]) -> Tensor:
        """Return the members' stored predictions on one outer split.

        Raises
        ------
        InputsLostError
            If some are not there, or cannot be theirs.
        """
        return self._tensors.get_or_make(
            (problem.digest, members, split),
            lambda: Tensor.stack([self._member(problem, member, split) for member in members], members),
        )

    def _member(
        self, problem: PredictionProblem, member: str, split: tuple[int, int]
    ) -> tuple[Predictions, Predictions]:
        """Return a member's out-of-fold and test predictions on an outer split."""
        scheme, splits = problem.scheme, self.data(problem).splits
        rows, _ = splits.out_of_fold(*split)
        if member in self.blueprint.fusions:
            oof_key, test_key = (self.blueprint.fuse_key(problem, member, *split, stage) for stage in ("oof", "test"))
            wanted = [(oof_key, 0, len(rows)), (test_key, 0, len(splits.outer[split].test))]
            (_, oof), (_, test) = self._read(problem, wanted)
            return oof, test
        position = np.full(problem.n_samples, -1, dtype=np.intp)
        position[rows] = np.arange(len(rows))
        wanted, held = [], []
        for j, part in zip(scheme.inner_folds(split[1]), scheme.inner_parts(*split), strict=True):
            held.append(position[splits.predicted_rows(part)[scheme.where(part, predicting=j)]])
            wanted.append(self._stored_fit(problem, member, part, j, len(held[-1])))
        wanted += self._stored_tests(problem, member, split)
        found = [predictions for _, predictions in self._read(problem, wanted)]
        oof = Predictions.assemble(list(zip(held, found, strict=False)), len(rows))
        return oof, Predictions.mean(found[len(held) :])

    def test_predictions(self, problem: PredictionProblem, model: str, split: tuple[int, int]) -> Predictions | None:
        """Return a model's stored predictions of an outer test part; None where it failed."""
        wanted = self._stored_tests(problem, model, split)
        if any(self.reader.get(key, *PREDICTIONS) is None for key, _, _ in wanted):
            return None
        return Predictions.mean([predictions for _, predictions in self._read(problem, wanted)])

    def read_tests(
        self, problem: PredictionProblem, model: str, split: tuple[int, int], keys: Sequence[str]
    ) -> list[tuple[Entry, Predictions]]:
        """Return what the entries of a model predict for an outer test part; a key may be another than the plain one.

        Raises
        ------
        InputsLostError
            If some are not there, or cannot be what the model says.
        """
        plain = self._stored_tests(problem, model, split)
        return self._read(problem, [(key, q, n) for key, (_, q, n) in zip(keys, plain, strict=True)])

    def _stored_tests(self, problem: PredictionProblem, model: str, split: tuple[int, int]) -> list[Stored]:
        n_rows = len(self.data(problem).splits.outer[split].test)
        if model in self.blueprint.fusions:
            return [(self.blueprint.fuse_key(problem, model, *split, "test"), 0, n_rows)]
        parts = problem.scheme.test_parts(*split)
        return [self._stored_fit(problem, model, part, split[1], n_rows) for part in parts]

    def _stored_fit(self, problem: PredictionProblem, learner: str, part: Part, fold: int, n_rows: int) -> Stored:
        number = self.blueprint.stored_at(problem, learner, part, predicting=fold)
        return self.blueprint.fit_key(problem, learner, part), number, n_rows

    def _read(self, problem: PredictionProblem, wanted: Sequence[Stored]) -> list[tuple[Entry, Predictions]]:
        found = self.entries(list(dict.fromkeys(key for key, _, _ in wanted)))
        entries = dict(zip(dict.fromkeys(key for key, _, _ in wanted), found, strict=True))
        wrong = [
            key for key, q, n in wanted if not hold_predictions(entries[key].arrays, q, n, problem.n_classes)
        ]  # somebody made these: their checksums are right
        if wrong:
            raise InputsLostError(list(dict.fromkeys(wrong)))
        return [(entries[key], Predictions.read(entries[key], q)) for key, q, _ in wanted]

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
