"""From a spec's datasets to prediction problems: read once, keep in the store, know again without reading."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from fusebench import datasets, io
from fusebench import spec as specs
from fusebench.engine.blueprint import Blueprint
from fusebench.engine.given import Joiner
from fusebench.engine.keys import digest
from fusebench.engine.problem import LARGE_DATA, PredictionProblem, TargetFacts
from fusebench.engine.splits import Scheme
from fusebench.engine.store import Entry, Store
from fusebench.engine.tasks.data import DataFolders, ProblemData, folds_key
from fusebench.errors import DataError, UsageError
from fusebench.results import DatasetFacts
from fusebench.spec.model import DatasetSpec, Spec

LAYOUT = 3  # of what is remembered of a dataset; a new number reads them all again
DATA_KEY = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Prepared:
    """Problems ready to be planned, and what is known of their data."""

    problems: tuple[PredictionProblem, ...]
    facts: tuple[DatasetFacts, ...]
    given: Mapping[tuple[str, str, str], str]


def data_folder(store: Store, data_key: str) -> Path:
    """Return where a dataset is saved."""
    return DataFolders(store.root)(data_key)


def prepare(spec: Spec, blueprint: Blueprint, base: Path, store: Store) -> Prepared:
    """Read every dataset of a spec that the store does not know, and split it.

    Parameters
    ----------
    spec : Spec
    blueprint : Blueprint
        Its models; a dataset that none of them can predict is an error.
    base : Path
        What paths are relative to.
    store : Store

    Raises
    ------
    DataError
        With every dataset that cannot be used, before anything is fitted.
    """
    problems: list[PredictionProblem] = []
    facts: list[DatasetFacts] = []
    given: dict[tuple[str, str, str], str] = {}
    joiner = Joiner(blueprint, base, store)
    errors: list[str] = []
    for declared in spec.datasets:
        try:
            for problem, fact in _prepare_one(declared, spec, blueprint, base, store):
                problems.append(problem)
                keys, notes = joiner.join(problem)
                given |= {(name, problem.dataset, problem.target): key for name, key in keys.items()}
                facts.append(replace(fact, notes=(*fact.notes, *notes)))
        except UsageError as error:
            errors.append(str(error))
    if errors:
        count = f"{len(errors)} error{'' if len(errors) == 1 else 's'}, nothing was run"
        raise DataError("\n".join([*errors, count]))
    return Prepared(tuple(problems), tuple(facts), given)


def _prepare_one(
    declared: DatasetSpec, spec: Spec, blueprint: Blueprint, base: Path, store: Store
) -> Iterable[tuple[PredictionProblem, DatasetFacts]]:
    known = _remembered(declared, base, store)
    for target in known["targets"]:
        problem = _problem(known, target, spec)
        if not any(blueprint.fits_problem(learner, problem) for learner in blueprint.learners):
            kind = "continuous" if not problem.is_classification else f"{problem.n_classes} classes"
            raise DataError(
                f"{problem.dataset}: no learner of this spec predicts its target '{problem.target}' ({kind})"
            )
        _check_features(problem, blueprint)
        yield problem, _facts(problem, known, spec, store)


def _check_features(problem: PredictionProblem, blueprint: Blueprint) -> None:
    """Raise where a dataset of ids and answers alone meets a learner that needs features."""
    if problem.n_features:
        return
    for name in blueprint.learners:
        if not blueprint.is_given(name) and blueprint.fits_problem(name, problem):
            raise DataError(
                f"{problem.dataset}: no feature columns are left beside target and id, learner '{name}' needs some"
            )


def _remembered(declared: DatasetSpec, base: Path, store: Store) -> Mapping[str, Any]:
    identity = datasets.identity(declared, base)
    key = digest("dataset", LAYOUT, identity)
    entry = store.get(key, "dataset")
    if entry is not None and _is_described(entry) and _is_kept(data_folder(store, entry.meta["data_key"]), store):
        return {**entry.meta, "name": declared.name}
    dataset = datasets.load(declared, base)
    described = _describe(dataset)
    folder = data_folder(store, described["data_key"])
    if not _is_kept(folder, store):
        with io.storage_errors(folder):
            aside = store.scratch / f"data-{os.getpid()}-{time.time_ns()}"
            datasets.save(dataset, aside)
            io.publish_folder(aside, folder)
    store.put(key, Entry("dataset", described))
    return {**described, "name": declared.name}


def _is_described(entry: Entry) -> bool:
    """Whether an entry is one of `_describe`: a folder's name that somebody forged would lead anywhere."""
    return DATA_KEY.fullmatch(str(entry.meta["data_key"])) is not None


def _is_kept(folder: Path, store: Store) -> bool:
    """Whether a saved dataset is there and sound; a damaged one is set aside."""
    with io.storage_errors(folder):
        if not folder.is_dir():
            return False
        if datasets.is_intact(folder):
            return True
    store.set_aside(folder)
    return False


def _describe(dataset: Any) -> dict[str, Any]:
    numeric = all(dtype.kind in "iufb" for dtype in dataset.X.dtypes)
    return {
        "data_key": digest(dataset.fingerprint, dataset.name)[:32],
        "fingerprint": dataset.fingerprint,
        "preprocessing": dataset.preprocessing,
        "n_rows": len(dataset.X),
        "n_features": int(dataset.X.shape[1]),
        "numeric": bool(numeric),
        "has_groups": dataset.groups is not None,
        "n_folds": 0 if dataset.folds is None else len(set(dataset.folds.tolist())),
        "notes": list(dataset.notes),
        "targets": [
            {
                "name": str(target.name),
                "target_type": target.target_type,
                "classes": [str(one) for one in target.classes] if target.classes is not None else [],
                "n_samples": len(target.y) - _n_missing(target),
            }
            for target in dataset.targets
        ],
    }


def _n_missing(target: Any) -> int:
    return 0 if target.missing is None else int(target.missing.sum())


def _problem(known: Mapping[str, Any], target: Mapping[str, Any], spec: Spec) -> PredictionProblem:
    name = known["name"]
    if spec.cv.type in {"group", "stratified_group"} and not known["has_groups"]:
        raise DataError(f"{name}: cv.type is '{spec.cv.type}', but the dataset has no `group` column; name one")
    if spec.cv.type == "predefined" and known["n_folds"] < 2:
        raise DataError(f"{name}: cv.type is 'predefined', but the dataset has no `fold` column with two folds or more")
    if spec.cv.type == "predefined" and (mistake := spec.cv.mistake(known["n_folds"])):
        raise DataError(f"{name}: cv.{mistake[0]}: {mistake[1]}")
    cells = max(one["n_samples"] for one in known["targets"]) * known["n_features"]
    threads = spec.resources.threads_per_fit or (2 if cells > LARGE_DATA else 1)
    return PredictionProblem(
        dataset=name,
        target=target["name"],
        target_type=target["target_type"],
        classes=tuple(target["classes"]),
        n_samples=target["n_samples"],
        n_features=known["n_features"],
        data_key=known["data_key"],
        fingerprint=known["fingerprint"],
        scheme=Scheme.of(spec.cv, spec.random_state, known["n_folds"]),
        metrics=specs.scoring_for(spec, target["target_type"]),
        numeric=known["numeric"],
        n_threads=threads,
        targets=tuple(TargetFacts(one["name"], one["target_type"], len(one["classes"])) for one in known["targets"]),
    )


def _are_folds(entry: Entry, problem: PredictionProblem, n_rows: int) -> bool:
    """Whether an entry holds folds of a problem, and those that say which fold holds each row are of its rows."""
    counted = {(row[0], row[1]): row for row in entry.meta["folds"]}
    if counted.keys() != set(problem.scheme.outer):
        return False
    for name, fold_of in entry.arrays.items():
        repeat, _, fold = name.partition("-")
        split = (int(repeat), int(fold or 0))
        n_folds = problem.scheme.inner if fold else problem.scheme.n_folds
        if split not in counted or fold_of.dtype.kind != "i" or not len(fold_of):
            return False
        if fold_of.min() < -1 or fold_of.max() >= n_folds:
            return False
        outer = entry.arrays.get(repeat)
        n_train = counted[split][3] if outer is None else np.count_nonzero(outer != split[1])
        if len(fold_of) != (n_train if fold else n_rows):
            return False
        if not fold and n_rows == problem.n_samples:  # else a target lacks rows, and counts its own
            held = np.bincount(fold_of[fold_of >= 0], minlength=n_folds)
            if held.tolist() != [counted[split[0], one][4] for one in range(n_folds)]:
                return False
    return True


def _facts(problem: PredictionProblem, known: Mapping[str, Any], spec: Spec, store: Store) -> DatasetFacts:
    key = folds_key(problem)
    entry = store.get(key, "folds")
    if entry is not None and not _are_folds(entry, problem, known["n_rows"]):
        store.reject(key)
        entry = None
    if entry is None:
        data = ProblemData(problem, data_folder(store, problem.data_key))
        facts = _fold_facts(problem, data, spec)
        entry = Entry("folds", facts, data.dataset_splits.partitions())
        store.put(key, entry)
    folds = {(r, i): (hashed, train, test) for r, i, hashed, train, test in entry.meta["folds"]}
    return DatasetFacts(
        name=problem.dataset,
        target=problem.target,
        target_type=problem.target_type,
        n_samples=problem.n_samples,
        n_features=problem.n_features,
        n_classes=problem.n_classes,
        fingerprint=problem.fingerprint,
        preprocessing=known["preprocessing"],
        fold_hashes={split: one[0] for split, one in folds.items()},
        n_train={split: one[1] for split, one in folds.items()},
        n_test={split: one[2] for split, one in folds.items()},
        notes=(*known["notes"], *entry.meta["notes"]),
    )


def _fold_facts(problem: PredictionProblem, data: ProblemData, spec: Spec) -> dict[str, Any]:
    import warnings

    errors, notes = datasets.check_folds(data.y, spec.cv, target_type=problem.target_type, groups=data.groups)
    if errors:
        raise DataError("\n".join(f"{problem.dataset}: {error}" for error in errors))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's warning about small classes is one of the notes
        try:
            outer = data.splits.outer
            for repeat, fold in problem.scheme.outer:
                _check_filled(problem, fold, [*outer[repeat, fold], *data.splits.inner(repeat, fold)])
        except ValueError as error:
            raise DataError(f"{problem.dataset}: cannot be split: {error}") from error
    folds = [
        [r, i, sha256(split.test.astype("<i8").tobytes()).hexdigest()[:16], len(split.train), len(split.test)]
        for (r, i), split in outer.items()
    ]
    return {"folds": folds, "notes": list(notes)}


def _check_filled(problem: PredictionProblem, fold: int, parts: Sequence[Any]) -> None:
    """Raise where a target that is missing in some rows is missing in all rows of a fold, or of what it leaves."""
    if all(len(rows) for part in parts for rows in (part if isinstance(part, tuple) else (part,))):
        return
    raise DataError(
        f"{problem.dataset}: target {problem.target!r} has {problem.n_samples} values, none of them on one side of "
        f"fold {fold}, which all targets of a dataset share; lower cv.n_splits, or leave this target out"
    )


def with_problems(blueprint: Blueprint, prepared: Prepared) -> Blueprint:
    """Return a blueprint that has its problems and the digests of its given predictions."""
    return replace(blueprint, problems=prepared.problems, given=prepared.given, _digests={})
