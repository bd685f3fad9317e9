"""One target of one dataset, split: what models are compared on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

from fusebench.engine.keys import digest, versions
from fusebench.engine.splits import Scheme

SMALL_DATA = 200_000  # cells that are encoded in less time than others' encoded rows are read
LARGE_DATA = 50_000_000  # cells above which a fit gets two threads unless the spec says otherwise


class TargetFacts(NamedTuple):
    """What is known of one target of a dataset without its values; `n_classes` is 0 for regression."""

    name: str
    target_type: str
    n_classes: int


@dataclass(frozen=True, kw_only=True)
class PredictionProblem:
    """One target of one dataset, split.

    Parameters
    ----------
    dataset, target : str
        Names.
    target_type : str
        binary, multiclass or continuous.
    classes : tuple of str
        The labels as text, sorted as the dataset sorts them; empty for regression.
    n_samples, n_features : int
        Size, without the rows whose target is missing.
    data_key : str
        The dataset's key in the store's data folder.
    fingerprint : str
        Digest of the dataset's content.
    scheme : Scheme
        How it is split.
    metrics : tuple of str
        The first one ranks.
    numeric : bool
        Whether every feature is a number.
    n_threads : int
        Threads per fit.
    targets : tuple of TargetFacts
        All targets of the dataset, this one among them; empty stands for this one alone. They share their folds, which
        are stratified by the first.
    """

    dataset: str
    target: str
    target_type: Literal["binary", "multiclass", "continuous"]
    classes: tuple[str, ...]
    n_samples: int
    n_features: int
    data_key: str
    fingerprint: str
    scheme: Scheme
    metrics: tuple[str, ...]
    numeric: bool
    n_threads: int = 1
    targets: tuple[TargetFacts, ...] = ()

    @property
    def n_classes(self) -> int:
        """Number of classes, 0 for regression."""
        return len(self.classes)

    @property
    def is_small(self) -> bool:
        """Whether encoding all its rows takes milliseconds."""
        return self.n_samples * self.n_features <= SMALL_DATA

    @property
    def is_classification(self) -> bool:
        """Whether classes are predicted."""
        return self.target_type != "continuous"

    @cached_property
    def digest(self) -> str:
        """Digest of the data and how it is split."""
        return digest(
            "problem",
            self.fingerprint,
            self.target,
            self.scheme.cv.model_dump(mode="json", exclude={"inner"}),
            self.scheme.inner,
            self.scheme.random_state,
            self.n_threads,
            versions(),
            *([self.targets[0].name] if len(self.targets) > 1 else []),
        )

    @cached_property
    def shared_digest(self) -> str:
        """Digest of what all targets of the dataset have in common; that of a model that learns them all at once."""
        return digest("targets", replace(self, target="", targets=self.targets or (self.facts,)).digest)

    @property
    def facts(self) -> TargetFacts:
        """What is known of the target."""
        return TargetFacts(self.target, self.target_type, self.n_classes)

    @property
    def position(self) -> int:
        """Which of the dataset's targets this is."""
        return self.targets.index(self.facts) if self.targets else 0

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__}
