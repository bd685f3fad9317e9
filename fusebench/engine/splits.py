"""Outer and inner splits, exactly scikit-learn's, and the row sets that models are fitted on.

A *part* is a set of training rows and the rows that a model fitted on it predicts:

* ``Part(r, i)``: fitted on outer split i's training rows, predicts its test rows.
* ``Part(r, i, j)`` of paired nesting, i < j: fitted without folds i and j, predicts both; the inner model
  of outer split i for fold j and of outer split j for fold i at once.
* ``Part(r, i, j)`` of own inner folds: fitted on outer split i's training rows less its inner fold j, predicts
  that fold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusebench.spec.model import CV, DEFAULT_INNER

Rows = NDArray[np.intp]


class Part(NamedTuple):
    """Names one set of training rows; see the module's text."""

    repeat: int
    fold: int
    inner: int = -1


@dataclass(frozen=True)
class Scheme:
    """A resolved protocol: what is split how, with no data in it.

    Parameters
    ----------
    cv : CV
        The spec's protocol.
    n_folds : int
        Outer splits per repeat.
    inner : int
        Own inner folds per outer split; 0 for paired nesting.
    random_state : int
        Repeat r shuffles with ``random_state + r``.
    """

    cv: CV
    n_folds: int
    inner: int
    random_state: int

    @classmethod
    def of(cls, cv: CV, random_state: int, n_predefined: int = 0) -> Scheme:
        """Resolve the defaults: paired nesting where test folds partition the rows and there are >= 5."""
        folds = {"holdout": 1, "predefined": n_predefined}.get(cv.type, cv.n_splits)
        inner = 0 if cv.is_paired(folds) else int(cv.inner or DEFAULT_INNER)
        return cls(cv, folds, inner, random_state)

    @property
    def paired(self) -> bool:
        """Whether inner models are shared between the outer splits."""
        return self.inner == 0

    @property
    def n_repeats(self) -> int:
        """Repeats; 1 where repeating would give the same splits again."""
        return self.cv.n_repeats if self.cv.type in {"kfold", "stratified_group", "group", "holdout"} else 1

    @property
    def outer(self) -> list[tuple[int, int]]:
        """All (repeat, fold), in order."""
        return [(r, i) for r in range(self.n_repeats) for i in range(self.n_folds)]

    def inner_folds(self, fold: int) -> list[int]:
        """Ids of the inner folds of an outer split: the other outer folds, or 0..k-1."""
        if self.paired:
            return [j for j in range(self.n_folds) if j != fold]
        return list(range(self.inner))

    def inner_part(self, repeat: int, fold: int, inner: int) -> Part:
        """Return the part whose model predicts an inner fold of an outer split."""
        if self.paired:
            return Part(repeat, min(fold, inner), max(fold, inner))
        return Part(repeat, fold, inner)

    def inner_parts(self, repeat: int, fold: int) -> list[Part]:
        """Return the parts behind the out-of-fold predictions of an outer split."""
        return [self.inner_part(repeat, fold, j) for j in self.inner_folds(fold)]

    def test_parts(self, repeat: int, fold: int) -> list[Part]:
        """Return the parts whose models predict the test rows: one, or all pairs without refitting."""
        return [Part(repeat, fold)] if self.cv.refit else self.inner_parts(repeat, fold)

    def parts(self) -> list[Part]:
        """Return every part of the benchmark once: K + K(K-1)/2 per repeat when paired."""
        needed = {part: None for r, i in self.outer for part in (*self.test_parts(r, i), *self.inner_parts(r, i))}
        return list(needed)

    def predicted_folds(self, part: Part) -> tuple[int, ...]:
        """Return the ids under which a part's predictions are stored, one array set each."""
        return (part.fold, part.inner) if self.paired and part.inner >= 0 else (0,)

    def where(self, part: Part, *, predicting: int) -> int:
        """Return which of a part's stored predictions are those of a fold."""
        return self.predicted_folds(part).index(predicting) if self.paired and part.inner >= 0 else 0


class OuterSplit(NamedTuple):
    """Row indices of one outer split."""

    train: Rows
    test: Rows


@dataclass(frozen=True)
class Splits:
    """The splits of one prediction problem.

    Parameters
    ----------
    scheme : Scheme
        The protocol.
    y : ndarray of shape (n_samples,)
        Class codes or values.
    stratify : bool
        Whether classes are predicted.
    groups, folds : ndarray of shape (n_samples,), optional
        The dataset's groups and predefined folds.
    known : mapping of str to ndarray, optional
        What `partitions` of the same splits returned: no splitter is needed for those.
    """

    scheme: Scheme
    y: NDArray[Any]
    stratify: bool
    groups: NDArray[Any] | None = None
    folds: NDArray[Any] | None = None
    known: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @cached_property
    def outer(self) -> Mapping[tuple[int, int], OuterSplit]:
        """Row indices of every outer split."""
        return {
            (r, i): OuterSplit(np.asarray(train), np.asarray(test))
            for r in range(self.scheme.n_repeats)
            for i, (train, test) in enumerate(self._repeat(r))
        }

    def partitions(self) -> dict[str, NDArray[np.int16]]:
        """Return the fold that holds each row, where that says all: later runs need no splitter.

        Returns
        -------
        dict of str to ndarray
            ``"r"`` for the outer folds of a repeat, shape (n_samples,); ``"r-i"`` for the own inner folds of an outer
            split, shape (n_train,). Left out are folds in which a row is held never or twice, or whose rows are not in
            ascending order.
        """
        found = {str(r): self.folds_by_row(r) for r in range(self.scheme.n_repeats)}
        if not self.scheme.paired:
            found |= {f"{r}-{i}": self.folds_by_row(r, i) for r, i in self.scheme.outer}
        return {name: fold_of for name, fold_of in found.items() if fold_of is not None}

    def folds_by_row(self, repeat: int, fold: int | None = None) -> NDArray[np.int16] | None:
        """Return the outer fold of each row, or its inner fold in an outer split; None where that does not say all."""
        rows: Rows = np.arange(len(self.y)) if fold is None else self.outer[repeat, fold].train
        pairs: list[tuple[Rows, Rows]] = (
            [self.outer[repeat, i] for i in range(self.scheme.n_folds)] if fold is None else self.inner(repeat, fold)
        )
        place = np.full(len(self.y), -1, dtype=np.int16)
        for number, (_, held) in enumerate(pairs):
            place[held] = number
        again = zip(_partition(place[rows], len(pairs)), pairs, strict=True)
        same = all(np.array_equal(rows[one], other) for pair in again for one, other in zip(*pair, strict=True))
        return place[rows] if same else None

    def _repeat(self, repeat: int) -> list[tuple[Rows, Rows]]:
        if (fold_of := self.known.get(str(repeat))) is not None:
            return _partition(fold_of, self.scheme.n_folds)
        from sklearn import model_selection as ms

        cv, seed = self.scheme.cv, self.scheme.random_state + repeat
        rows = np.zeros((len(self.y), 1))
        match cv.type:
            case "holdout":
                test_size = 0.25 if cv.test_size is None else cv.test_size
                labels = self.y if cv.stratify else None
                train, test = ms.train_test_split(
                    np.arange(len(self.y)), test_size=test_size, random_state=seed, stratify=labels
                )
                return [(train, test)]
            case "time_series":
                test_rows = cv.test_size if isinstance(cv.test_size, int) else None
                return list(ms.TimeSeriesSplit(cv.n_splits, test_size=test_rows, gap=cv.gap).split(rows))
            case "predefined":
                ids = np.unique(self._required(self.folds, "fold"))
                return [(np.flatnonzero(self.folds != one), np.flatnonzero(self.folds == one)) for one in ids]
            case "group":
                splitter = ms.GroupKFold(cv.n_splits, shuffle=True, random_state=seed)
                return list(splitter.split(rows, self.y, self._required(self.groups, "group")))
            case "stratified_group":
                splitter = ms.StratifiedGroupKFold(cv.n_splits, shuffle=True, random_state=seed)
                return list(splitter.split(rows, self.y, self._required(self.groups, "group")))
            case _:
                kind = ms.StratifiedKFold if self.stratify else ms.KFold
                return list(kind(cv.n_splits, shuffle=True, random_state=seed).split(rows, self.y))

    def _required(self, column: NDArray[Any] | None, field: str) -> NDArray[Any]:
        if column is None:
            raise ValueError(f"cv.type '{self.scheme.cv.type}' needs datasets with `{field}`")
        return column

    @cached_property
    def _inner(self) -> dict[tuple[int, int], list[tuple[Rows, Rows]]]:
        return {}

    def inner(self, repeat: int, fold: int) -> list[tuple[Rows, Rows]]:
        """Return (training, held-out) rows of the inner folds of an outer split, in the order of their ids."""
        if (repeat, fold) not in self._inner:
            self._inner[repeat, fold] = self._make_inner(repeat, fold)
        return self._inner[repeat, fold]

    def _make_inner(self, repeat: int, fold: int) -> list[tuple[Rows, Rows]]:
        if self.scheme.paired:
            train = self.outer[repeat, fold].train
            held_out = [self.outer[repeat, j].test for j in self.scheme.inner_folds(fold)]
            return [(self._without(train, rows), rows) for rows in held_out]
        train = self.outer[repeat, fold].train
        fold_of = self.known.get(f"{repeat}-{fold}")
        pairs = self._own_inner(train) if fold_of is None else _partition(fold_of, self.scheme.inner)
        return [(train[fitted], train[held]) for fitted, held in pairs]

    def _own_inner(self, train: Rows) -> list[tuple[Rows, Rows]]:
        from sklearn import model_selection as ms

        k, y = self.scheme.inner, self.y[train]
        rows = np.zeros((len(train), 1))
        groups = None if self.groups is None else self.groups[train]
        match self.scheme.cv.type:
            case "time_series":
                return list(ms.TimeSeriesSplit(k).split(rows))
            case "group":
                return list(ms.GroupKFold(k).split(rows, y, groups))
            case "stratified_group":
                return list(ms.StratifiedGroupKFold(k).split(rows, y, groups))
            case _:
                kind = ms.StratifiedKFold if self.stratify else ms.KFold
                return list(kind(k).split(rows, y))

    def training_rows(self, part: Part) -> Rows:
        """Return the rows that a part's models are fitted on."""
        if part.inner < 0:
            return self.outer[part.repeat, part.fold].train
        if self.scheme.paired:
            train = self.outer[part.repeat, part.fold].train
            return self._without(train, self.outer[part.repeat, part.inner].test)
        return self.inner(part.repeat, part.fold)[part.inner][0]

    def _without(self, rows: Rows, others: Rows) -> Rows:
        """Return the rows that are not among others, in their order."""
        stays = np.ones(len(self.y), dtype=bool)
        stays[others] = False
        return rows[stays[rows]]

    def predicted_rows(self, part: Part) -> list[Rows]:
        """Return the rows that a part's models predict, one set per stored prediction."""
        if part.inner < 0:
            return [self.outer[part.repeat, part.fold].test]
        if self.scheme.paired:
            return [self.outer[part.repeat, fold].test for fold in self.scheme.predicted_folds(part)]
        return [self.inner(part.repeat, part.fold)[part.inner][1]]

    def out_of_fold(self, repeat: int, fold: int) -> tuple[Rows, NDArray[np.intp]]:
        """Return the rows of an outer training part that have out-of-fold predictions, and their inner fold.

        In the row order of the training part; a time series' first block has no predictions and is left out.
        """
        train = self.outer[repeat, fold].train
        fold_of = np.full(len(self.y), -1, dtype=np.intp)
        for j, (_, held) in zip(self.scheme.inner_folds(fold), self.inner(repeat, fold), strict=True):
            fold_of[held] = j
        rows = train[fold_of[train] >= 0]
        return rows, fold_of[rows]


def _partition(fold_of: NDArray[Any], n_folds: int) -> list[tuple[Rows, Rows]]:
    return [(np.flatnonzero(fold_of != i), np.flatnonzero(fold_of == i)) for i in range(n_folds)]


@dataclass(frozen=True, kw_only=True)
class KeptSplits(Splits):
    """The splits of one target of several, on the rows that have it.

    The folds are those of the whole dataset, so that they coincide for all its targets: a row is tested in the same
    fold for every target.

    Parameters
    ----------
    whole : Splits
        Of all rows of the dataset.
    kept : ndarray of shape (n_samples,)
        The rows that have the target, in order; everything here counts rows among them.
    """

    whole: Splits
    kept: Rows

    @cached_property
    def outer(self) -> Mapping[tuple[int, int], OuterSplit]:
        """Row indices of every outer split, among the kept rows."""
        return {
            split: OuterSplit(self._kept_of(rows.train), self._kept_of(rows.test))
            for split, rows in self.whole.outer.items()
        }

    def _make_inner(self, repeat: int, fold: int) -> list[tuple[Rows, Rows]]:
        return [(self._kept_of(train), self._kept_of(held)) for train, held in self.whole.inner(repeat, fold)]

    @cached_property
    def _position(self) -> Rows:
        position = np.full(len(self.whole.y), -1, dtype=np.intp)
        position[self.kept] = np.arange(len(self.kept))
        return position

    def _kept_of(self, rows: Rows) -> Rows:
        found = self._position[rows]
        return found[found >= 0]
