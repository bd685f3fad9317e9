"""What every fusion strategy is: a function of its members' predictions.

Adding a strategy is adding one file to this package. Its name is the ``type`` in YAML; the class inside is a
keyword-only dataclass whose fields are the YAML parameters, typed and constrained with ``Annotated[..., Field(...)]``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.discovery import Registry
from fusebench.spec.model import LearnerSpec  # the JSON Schema reads annotations at run time

if TYPE_CHECKING:
    import pandas as pd


Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
TargetType = Literal["binary", "multiclass", "continuous"]

REGISTRY = Registry(package="fusebench.fusions", base="Fusion", noun="fusion")


class FittedLearner(Protocol):
    """A learner that was fitted for a fusion, on encoded or raw features."""

    def predict(self, X: Any) -> NDArray[Any]:
        """Return class codes (classification) or values (regression), shape (n_samples,)."""
        ...

    def predict_proba(self, X: Any) -> Floats:
        """Return probabilities of all classes of the dataset, shape (n_samples, n_classes)."""
        ...


class FitLearner(Protocol):
    """Build and fit a learner on rows that a fusion names."""

    def __call__(
        self,
        learner: LearnerSpec,
        X: Any,
        y: NDArray[Any],
        *,
        target_type: TargetType,
        n_classes: int,
        sample_weight: Floats | None = None,
        groups: NDArray[Any] | None = None,
        random_state: int | None = None,
        proba: bool = True,
    ) -> FittedLearner:
        """Return the fitted learner; `X` is a matrix as it is, or a data frame for the learner's encoder."""
        ...


class AskMembers(Protocol):
    """Fit what stands behind the members on a context's rows and have it predict other rows."""

    def __call__(self, context: Context, y: NDArray[Any], X: pd.DataFrame) -> Floats:
        """Return the prediction tensor of the rows of `X`; costs one fit per learner behind the members."""
        ...


@dataclass(frozen=True, kw_only=True)
class Related:
    """Another target that a strategy may learn from.

    Parameters
    ----------
    name : str
    y : ndarray of shape (n_samples,)
        Class codes, -1 where missing; or values, NaN where missing.
    target_type : {"binary", "multiclass", "continuous"}
    X : DataFrame of n_samples rows, or None
        Rows of another dataset; None: those of the context.
    """

    name: str
    y: NDArray[Any]
    target_type: TargetType
    X: pd.DataFrame | None = None

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which rows have a value, shape (n_samples,)."""
        return np.asarray(~np.isnan(self.y) if self.target_type == "continuous" else self.y >= 0)


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a fusion may know about the rows that it is fitted on or predicts.

    Parameters
    ----------
    target_type : {"binary", "multiclass", "continuous"}
        What is predicted.
    classes : ndarray of shape (n_classes,)
        The dataset's own labels, sorted; empty for regression. Everywhere else a class is its
        index into this array (a *code*).
    members : tuple of str
        The ids along axis 1 of the prediction tensor.
    labels : ndarray of shape (n_samples, n_members)
        The members' own ``predict``: class codes (-1 where a member abstains: it has no vote and its probabilities
        are equal), or values for regression.
    X : DataFrame of n_samples rows, or None
        The features; only where the fusion sets `needs_features`.
    fold : ndarray of shape (n_samples,) or None
        Inner fold of each row when fitting; None when predicting.
    groups : ndarray of shape (n_samples,) or None
        Group of each row, where the dataset has groups.
    score : callable
        ``score(y, labels, proba)`` of the ranking metric, higher is better. ``proba`` is None for
        regression.
    metric : str
        The ranking metric's name.
    random_state : int
        The spec's seed.
    costs : mapping of str to float
        Declared cost per member: of all the learners behind it, where the spec declares one for each.
    bytes : mapping of str to float
        Declared size per member, likewise.
    sizes : mapping of str to int
        How many learners stand behind each member, for strategies that prefer fewer; 1 where absent.
    fit_learner : callable
        Builds and fits a learner (a meta-learner, say).
    text : tuple of str
        The columns of `X` that hold text.
    recipes : mapping of str to LearnerSpec
        The specs of those members that are learners, for fusions that train them anew.
    siblings : tuple of Related
        The dataset's other targets on these rows; only where the fusion sets `needs_siblings`, and when fitting.
    sources : tuple of Related
        All targets of the datasets that the fusion names in ``sources``; only when fitting.
    ask_members : callable or None
        Has the members predict rows that nobody has predicted; only where the fusion sets `asks_members`, and when
        fitting.
    """

    target_type: TargetType
    classes: NDArray[Any]
    members: tuple[str, ...]
    labels: NDArray[Any]
    score: Callable[[NDArray[Any], NDArray[Any], Floats | None], float]
    metric: str
    fit_learner: FitLearner
    X: pd.DataFrame | None = None
    fold: Ints | None = None
    groups: NDArray[Any] | None = None
    random_state: int = 0
    costs: Mapping[str, float] = field(default_factory=dict)
    bytes: Mapping[str, float] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    text: tuple[str, ...] = ()
    recipes: Mapping[str, LearnerSpec] = field(default_factory=dict)
    siblings: tuple[Related, ...] = ()
    sources: tuple[Related, ...] = ()
    ask_members: AskMembers | None = None

    @property
    def is_classification(self) -> bool:
        """Whether classes are predicted."""
        return self.target_type != "continuous"

    @property
    def n_classes(self) -> int:
        """Number of classes, 0 for regression."""
        return len(self.classes)

    def take(self, rows: NDArray[Any]) -> Context:
        """Return the context of some of the rows (indices or a mask)."""
        return replace(
            self,
            labels=self.labels[rows],
            X=None if self.X is None else self.X.iloc[_as_index(rows)],
            fold=None if self.fold is None else self.fold[rows],
            groups=None if self.groups is None else self.groups[rows],
            siblings=tuple(replace(one, y=one.y[rows]) for one in self.siblings),
        )

    def without_siblings(self) -> Context:
        """Return the context without the dataset's other targets."""
        return replace(self, siblings=())

    def select(self, members: tuple[str, ...]) -> Context:
        """Return the context of some of the members, in the order given."""
        columns = [self.members.index(member) for member in members]
        return replace(self, members=members, labels=self.labels[:, columns])


@dataclass(kw_only=True)
class Fusion(ABC):
    """One way of making one prediction out of several.

    A subclass implements `fit` when it learns something and either `predict_proba` (classification),
    `predict` (regression), or both. The prediction tensor ``P`` has shape (n_samples, n_members, n_classes) for
    classification and (n_samples, n_members) for regression. `fit` sees out-of-fold predictions only.
    Inputs must be left as they are. Learned attributes end in an underscore.
    """

    target_types: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "continuous"})
    """What the strategy can predict."""
    learns: ClassVar[bool] = True
    """Whether `fit` uses ``y``; a strategy that does not needs no out-of-fold predictions."""
    needs_features: ClassVar[bool] = False
    """Whether the strategy looks at ``context.X``; may be overridden by a property."""
    needs_siblings: ClassVar[bool] = False
    """Whether the strategy learns from the dataset's other targets, ``context.siblings``."""
    asks_members: ClassVar[bool] = False
    """Whether the strategy has its members predict new rows, ``context.ask_members``; may be a property."""
    needs_proba: ClassVar[bool] = True
    """Whether the strategy uses the members' probabilities; may be overridden by a property."""
    trains: ClassVar[bool] = False
    """Whether the strategy fits models of its own on the features and predicts with them (bagging, distillation...)."""
    uses_members: ClassVar[Literal["always", "fit", "never"]] = "always"
    """When the members' predictions are read: also to predict, only to fit, or never (it trains on features alone)."""
    default_members: ClassVar[Literal["learners", "everything"]] = "learners"
    """Members when the spec names none: all learners, or also all fusions that neither say this nor train."""
    default_estimator: ClassVar[LearnerSpec | None] = None
    """What the strategy trains when the spec names no ``estimator``, where that needs more than the core libraries."""
    min_members: ClassVar[int] = 1
    """Fewest members that make sense."""

    def reads_features(self, target_type: str) -> bool:
        """Return whether the strategy looks at ``context.X`` for this kind of target."""
        return self.needs_features

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return what is wrong with these parameters for these members; empty when all is well.

        Called before anything is fitted, for what the types of the fields cannot say (the length of a list of
        weights). Each message starts with the parameter: ``"weights: got 2, expected 3 (one per member)"``.
        """
        return []

    def check_recipes(
        self, members: tuple[str, ...], recipes: Mapping[str, LearnerSpec], target_types: frozenset[str]
    ) -> list[str]:
        """Return what is wrong with training these members anew; empty when all is well.

        Called like `check`, before anything is fitted. `recipes` holds the specs of those members that are learners.
        """
        return []

    def check_related(self, others: tuple[str, ...]) -> list[str]:
        """Return what is wrong with these other targets and datasets to learn from; empty when all is well.

        Called like `check`, before anything is fitted, with the names of the dataset's other targets and of the
        sources.
        """
        return []

    @abstractmethod
    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Learn from out-of-fold predictions.

        Parameters
        ----------
        P : ndarray of shape (n_samples, n_members, n_classes) or (n_samples, n_members)
            Out-of-fold predictions.
        y : ndarray of shape (n_samples,)
            Class codes, or values for regression.
        context : Context
            The same rows.
        """

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return fused probabilities, shape (n_samples, n_classes); rows sum to 1."""
        raise TypeError(f"{type(self).__name__} does not predict probabilities")

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return fused class codes or values, shape (n_samples,).

        For classification the most probable class, the first of equals, unless a strategy says otherwise.
        """
        if not context.is_classification:
            raise TypeError(f"{type(self).__name__} does not predict values")
        return np.asarray(self.predict_proba(P, context).argmax(axis=1))

    def used(self, n_members: int) -> tuple[int, ...]:
        """Return the positions of the members whose predictions are read to predict; known once it is fitted.

        What is not among them need not be kept: any numbers may stand for its predictions.
        """
        return tuple(range(n_members))

    def explain(self) -> dict[str, Any]:
        """Return what was learned, JSON-able: ``weights`` (one per member), ``members_used``, ..."""
        return {}

    def usage(self, P: Floats, context: Context) -> dict[str, Any]:
        """Return how the members are used on these rows, JSON-able, for strategies that choose per row.

        It is added to `explain`: ``weights`` (the mean per member), ``run_share`` (the share of the rows for which a
        member has to predict at all, one per member), ...
        """
        return {}


def _as_index(rows: NDArray[Any]) -> NDArray[Any]:
    return np.flatnonzero(rows) if rows.dtype == bool else rows


def load_fusion(name: str) -> type[Fusion]:
    """Import one strategy and return its class."""
    found: type[Fusion] = REGISTRY.load(name)
    return found
