"""Learners: one family a file, and the verbs that every one of them answers to.

`check` before anything is fitted, `fit` on one part, `build` for the plain scikit-learn estimator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.learners.base import NOTHING, REGISTRY, Family

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fusebench.errors import Problem
    from fusebench.learners._binned import Binned
    from fusebench.learners._fitted import Fitted
    from fusebench.learners._targets import FittedTargets, Target
    from fusebench.spec.model import CompressSpec, LearnerSpec

__all__ = [
    "REGISTRY",
    "Family",
    "as_target",
    "auto_encoder",
    "binned_rows",
    "binning",
    "build",
    "check",
    "check_targets",
    "code_digest",
    "compressed",
    "expected_seconds",
    "fingerprint",
    "fit",
    "fit_targets",
    "is_given",
    "is_released",
    "library",
    "modules",
    "predicts",
    "several_targets",
    "thread_aware",
    "traits",
]


def check(spec: LearnerSpec, target_types: frozenset[str], *, allow_import: bool = False) -> list[Problem]:
    """Return everything that is wrong with a learner; see `fusebench.learners._check.check`."""
    from fusebench.learners._check import check as check_

    return check_(spec, target_types, allow_import=allow_import)


def build(
    spec: LearnerSpec,
    target_type: str,
    *,
    random_state: int | None = None,
    n_threads: int = 1,
    proba: bool = True,
    arguments: Mapping[str, Any] = NOTHING,
) -> Any:
    """Return the unfitted estimator that a learner is; see `fusebench.learners._fitting.build`."""
    from fusebench.learners import _fitting

    return _fitting.build(
        spec, target_type, random_state=random_state, n_threads=n_threads, proba=proba, arguments=arguments
    )


def fit(
    spec: LearnerSpec,
    X: Any,
    y: NDArray[Any],
    *,
    target_type: str,
    n_classes: int,
    random_state: int | None,
    n_threads: int = 1,
    sample_weight: NDArray[np.floating[Any]] | None = None,
    groups: NDArray[Any] | None = None,
    categorical: Sequence[int] = (),
    proba: bool = True,
    class_labels: Sequence[Any] = (),
    binned: Binned | None = None,
) -> Fitted:
    """Fit a learner on encoded rows; see `fusebench.learners._fitting.fit`."""
    from fusebench.learners import _fitting

    return _fitting.fit(
        spec,
        X,
        y,
        target_type=target_type,
        n_classes=n_classes,
        random_state=random_state,
        n_threads=n_threads,
        sample_weight=sample_weight,
        groups=groups,
        categorical=categorical,
        proba=proba,
        class_labels=class_labels,
        binned=binned,
    )


def binned_rows() -> Binned:
    """Return where fits on the same rows leave what their library makes of them, for `fit`; empty at first."""
    from fusebench.learners._binned import Binned

    return Binned()


def binning(spec: LearnerSpec) -> str | None:
    """Return what decides how a learner's library bins a part's rows; see `fusebench.learners._families.binning`."""
    from fusebench.learners import _families

    return _families.binning(spec)


def fit_targets(
    spec: LearnerSpec,
    X: Any,
    targets: Sequence[Target],
    *,
    random_state: int | None,
    n_threads: int = 1,
    sample_weight: NDArray[np.floating[Any]] | None = None,
    groups: NDArray[Any] | None = None,
    categorical: Sequence[int] = (),
) -> FittedTargets:
    """Fit a learner once for several targets; see `fusebench.learners._targets.fit_targets`."""
    from fusebench.learners import _targets

    return _targets.fit_targets(
        spec,
        X,
        targets,
        random_state=random_state,
        n_threads=n_threads,
        sample_weight=sample_weight,
        groups=groups,
        categorical=categorical,
    )


def as_target(target: Any) -> Target:
    """Return a dataset's target as learners of several targets take it."""
    from fusebench.learners import _targets

    return _targets.Target.of(target)


def several_targets(spec: LearnerSpec) -> bool:
    """Return whether one fit of a learner serves all targets of a dataset."""
    return _family(spec).several_targets


def check_targets(spec: LearnerSpec, targets: Sequence[str]) -> str:
    """Return what is wrong with a learner's parameters for these targets of a dataset, empty if nothing."""
    return _family(spec).check_targets(spec.params, targets)


def compressed(fitted: Fitted, compress: CompressSpec) -> Fitted:
    """Return a fitted learner with its estimator compressed; see `fusebench.learners._fitting.compressed`."""
    from fusebench.learners import _fitting

    return _fitting.compressed(fitted, compress)


def traits(spec: LearnerSpec) -> Mapping[str, Any]:
    """Return what compressions may ask of a learner; a calibrated one has no weights of its own to compress."""
    own = _family(spec).traits
    return own if spec.calibrate is None else {name: value for name, value in own.items() if name == "trees"}


def auto_encoder(spec: LearnerSpec, target_type: str) -> str:  # noqa: ARG001  # may depend on it one day
    """Return the encoder that ``encode: auto`` means for a learner."""
    return _family(spec).encoder


def predicts(spec: LearnerSpec, target_type: str) -> bool:
    """Return whether a learner can predict a kind of target."""
    from fusebench.learners._families import roles

    return ("regressor" if target_type == "continuous" else "classifier") in roles(spec.type)


def is_given(spec: LearnerSpec) -> bool:
    """Return whether a learner's predictions are given and looked up, not fitted."""
    return _family(spec).given


def thread_aware(spec: LearnerSpec) -> bool:
    """Return whether a learner's fit can use several threads of its own."""
    return _family(spec).threads is not None


def expected_seconds(spec: LearnerSpec, n_samples: int, n_features: int, target_type: str, n_classes: int = 0) -> float:
    """Return a rough guess of the seconds of one fit on one thread; for ordering and estimates only."""
    classes = 0 if target_type == "continuous" else max(n_classes, 2)
    return _family(spec).expected_seconds(n_samples, n_features, classes, spec.params)


@cache
def _digest_of_type(type_: str) -> str:
    from fusebench.learners._families import family_of, is_trusted

    if REGISTRY.canonical(type_) is not None:
        return REGISTRY.code_digest(type_)
    path = family_of(type_).classifier or family_of(type_).regressor or type_
    shared = REGISTRY.code_digest("dummy")  # every digest covers the files that the package shares
    top = path.partition(".")[0]
    return shared if is_trusted(path) and top != "fusebench" else shared + _digest_of_package(top)


def _digest_of_package(top: str) -> str:
    """Return a digest of a package's files, without importing it; empty for an installed release or none at all."""
    found = find_spec(top)
    origin = Path(found.origin) if found is not None and found.origin is not None else None
    if origin is None or not origin.is_file() or "site-packages" in origin.parts:
        return ""
    files = sorted(origin.parent.rglob("*.py")) if origin.stem == "__init__" else [origin]
    digest = sha256()
    for file in files:
        digest.update(str(file.relative_to(origin.parent)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def code_digest(spec: LearnerSpec) -> str:
    """Return a digest of the code of this project, or of the user's package, that a learner runs."""
    return _digest_of_type(spec.type)


def fingerprint(spec: LearnerSpec) -> str:
    """Return a digest of what a learner's parameters name outside the spec, empty for nothing.

    Raises
    ------
    UsageError
        If it is not there.
    """
    return _family(spec).fingerprint(spec.params)


def library(spec: LearnerSpec) -> str:
    """Return the top-level package of the library behind the estimator, whose version can change the predictions."""
    family = _family(spec)
    # An estimator of this project itself runs on the library that its extra brings.
    return family.extra or str(family.classifier or family.regressor).partition(".")[0]


def is_released(spec: LearnerSpec) -> bool:
    """Return whether a learner's class belongs to an installed release, whose version tells its code."""
    from fusebench.discovery import class_digest
    from fusebench.learners._families import is_trusted
    from fusebench.learners.base import import_class

    return (
        REGISTRY.canonical(spec.type) is not None or is_trusted(spec.type) or not class_digest(import_class(spec.type))
    )


def modules(type_: str) -> list[str]:
    """Return the modules that fits of a type of learner will import, for a parent process to import once.

    None of a class outside the trusted packages: importing it may do anything, so each fit does it for itself.
    """
    from fusebench.learners._families import family_of, is_trusted

    family = family_of(type_)
    paths = [path for path in (family.classifier, family.regressor) if path is not None and is_trusted(path)]
    found = [path.rpartition(".")[0] for path in paths if family.is_installed]
    if family.extra is not None and family.is_installed and paths and paths[0].startswith("fusebench."):
        found.append(family.extra)  # an estimator of this project's own imports it late
    return list(dict.fromkeys(["fusebench.learners._fitting", "fusebench.learners._calibrated", *found]))


def _family(spec: LearnerSpec) -> Family:
    from fusebench.learners._families import family_of

    return family_of(spec.type)
