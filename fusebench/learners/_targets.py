"""Learners that are fitted once for all targets of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.learners._families import family_of
from fusebench.learners._fitted import Fitted, Notes
from fusebench.learners._fitting import build
from fusebench.learners.base import Floats
from fusebench.spec.model import LearnerSpec

TargetType = Literal["binary", "multiclass", "continuous"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """One target of several.

    Parameters
    ----------
    name : str
    y : ndarray of shape (n_samples,)
        Class codes, -1 where missing; or values, NaN where missing.
    target_type : {"binary", "multiclass", "continuous"}
    n_classes : int
        Classes of the dataset; 0 for values.
    """

    name: str
    y: NDArray[Any]
    target_type: TargetType
    n_classes: int = 0

    @classmethod
    def of(cls, target: Any) -> Target:
        """Return a dataset's target."""
        n_classes = 0 if target.classes is None else len(target.classes)
        return cls(name=str(target.name), y=np.asarray(target.y), target_type=target.target_type, n_classes=n_classes)

    def take(self, rows: NDArray[Any]) -> Target:
        """Return some of the rows."""
        return replace(self, y=self.y[rows])

    @property
    def is_class(self) -> bool:
        """Whether classes are predicted."""
        return self.target_type != "continuous"

    @property
    def known(self) -> NDArray[Any]:
        """Which rows have a value, shape (n_samples,)."""
        return np.asarray(self.y >= 0 if self.is_class else ~np.isnan(self.y))


@dataclass
class _Answers:
    """Predictions of one target as those of an estimator of its own."""

    labels: NDArray[Any]
    proba: Floats | None

    def predict(self, X: Any) -> NDArray[Any]:
        return self.labels

    def predict_proba(self, X: Any) -> Floats | None:
        return self.proba


@dataclass
class FittedTargets:
    """A fitted learner of several targets.

    Parameters
    ----------
    estimator : object
        With ``predict_targets`` and ``predict_proba_targets``, which return one array per target.
    targets : sequence of (target_type, n_classes)
    """

    estimator: Any
    targets: Sequence[tuple[str, int]]
    _notes: Notes = field(default_factory=Notes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the estimator warned about."""
        return tuple(self._notes.lines)

    def predict(self, X: Any) -> list[tuple[NDArray[Any], Floats | None]]:
        """Return labels and probabilities, or values and None, of each target; checked as those of one target are.

        Raises
        ------
        FitError
            If they are not predictions of these rows.
        """
        with self._notes.collect():
            labels, proba = self.estimator.predict_targets(X), self.estimator.predict_proba_targets(X)
        found: list[tuple[NDArray[Any], Floats | None]] = []
        for (target_type, n_classes), own, sure in zip(self.targets, labels, proba, strict=True):
            is_class = target_type != "continuous"
            one = Fitted(_Answers(own, sure), np.arange(n_classes) if is_class else None, n_classes)
            found.append((one.predict(X), one.predict_proba(X) if is_class else None))
        return found


def fit_targets(
    spec: LearnerSpec,
    X: Any,
    targets: Sequence[Target],
    *,
    random_state: int | None,
    n_threads: int = 1,
    sample_weight: Floats | None = None,
    groups: NDArray[Any] | None = None,
    categorical: Sequence[int] = (),
) -> FittedTargets:
    """Fit one learner on encoded rows for all their targets; see `fusebench.learners._fitting.fit`.

    Parameters
    ----------
    targets : sequence of Target
        With missing values where a row lacks one.

    Raises
    ------
    FitError
        If the learner takes one target only, or cannot be fitted.
    """
    family = family_of(spec.type)
    if not family.several_targets:
        raise FitError(f"'{spec.type}' is fitted for one target at a time")
    if hasattr(X, "toarray"):
        X = X.toarray()
    arguments, _, note = family.categorical(X, categorical)
    fitted = FittedTargets(None, [(one.target_type, one.n_classes) for one in targets])
    fitted._notes.add(note)
    if len(targets) > 1:
        names = ", ".join(target.name for target in targets)
        fitted._notes.add(
            f"one fit serves {len(targets)} targets ({names}); each is shown with an equal share of its time"
        )
    with fitted._notes.collect():
        estimator = build(spec, "continuous", random_state=random_state, n_threads=n_threads, arguments=arguments)
        fitted.estimator = estimator.fit_targets(X, targets, sample_weight, groups=groups)
    return fitted
