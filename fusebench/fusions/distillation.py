"""Distillation: one student learns what a fused teacher predicts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.errors import FitError
from fusebench.fusions._munge import munge
from fusebench.fusions._training import (
    Prepared,
    check_role,
    estimator_class,
    features_of,
    repeat_rows,
    takes_sample_weight,
)
from fusebench.fusions.base import Context, Floats, Fusion
from fusebench.spec.model import LearnerSpec

WEIGHTED_LOG_LOSS = frozenset({"LogisticRegression", "DecisionTreeClassifier", "XGBClassifier"})
"""Estimators to which a row repeated with weights that sum to 1 is one row with a soft label."""

COUNTING = {
    "DecisionTreeClassifier": frozenset({"min_samples_leaf", "min_samples_split"}),
    "XGBClassifier": frozenset({"subsample", "sampling_method"}),
    "LogisticRegression": frozenset({"class_weight"}),
}
"""Parameters of these that count, draw or re-weight the repeated rows."""


@dataclass(frozen=True)
class _Rows:
    """What a student learns from: encoded rows, the teacher's answers, labels, groups, and a context of the rows."""

    X: Any
    teacher: Floats
    y: NDArray[Any]
    groups: NDArray[Any] | None
    context: Context


@dataclass(kw_only=True)
class Distillation(Fusion):
    """Fit one student on the out-of-fold predictions of a teacher, which is the only member.

    Parameters
    ----------
    student : learner, optional
        What learns; by default logistic regression, ridge for values.
    temperature : float, default=1
        Softens the teacher: P_T(c | x) ** (1 / temperature), scaled to sum to 1. Above 1 the smaller probabilities
        count more. The student's own predictions are at temperature 1.
    hard_weight : float, default=0
        Weight of the true labels, from 0 (only the teacher counts) to 1 (plain training).
    augmentation : int, default=0
        Made-up rows per training row, labelled by the teacher: MUNGE, and pieces of texts [3]_. A tree wants 20 to 40.
    munge_probability : float, default=0.5
        Share of the cells of made-up rows that come from a neighbour.
    munge_variance : float, default=1
        Larger values keep them nearer to the neighbour's.

    Notes
    -----
    Per row x the student minimises, with temperature t and hard weight h,
    ``-(1 - h) t**2 sum_c P_T(c|x; t) log P_S(c|x; t) - h log P_S(y|x)``.

    ``torch_mlp`` does so directly. Any other student sees each row once per class, with weight
    (1 - h) P_T(c|x; t) + h 1(c = y), which at temperature 1 is the same loss for a student that minimises weighted
    log loss and neither counts nor resamples rows (logistic regression, one tree, XGBoost); for forests, LightGBM and
    others it is approximate. The copies of a row stay on one side of every inner split, and the encoder is fitted on
    the rows themselves. At another temperature such a student fits the softened teacher, and what it predicts is
    sharpened back by the same temperature; this leaves no place for hard labels, which are refused then. `explain`
    says which case it is.

    For values the student fits (1 - h) teacher + h y, which is exact for squared error.

    The cost is one fit of the student on n_samples * n_classes rows; the teacher's predictions are in the store. They
    are not for made-up rows: with `augmentation` every learner behind the teacher is fitted once more on the training
    rows, to label them. Their hard labels are the teacher's.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals, J. Dean, Distilling the knowledge in a neural network, arXiv:1503.02531, 2015.
    .. [2] C. Bucila, R. Caruana, A. Niculescu-Mizil, Model compression, KDD 2006.
    .. [3] R. Tang et al., Distilling task-specific knowledge from BERT into simple neural networks, arXiv:1903.12136.
    """

    needs_features: ClassVar[bool] = True
    trains: ClassVar[bool] = True
    uses_members: ClassVar[Literal["always", "fit", "never"]] = "fit"

    student: LearnerSpec | None = None
    temperature: Annotated[float, Field(gt=0)] = 1.0
    hard_weight: Annotated[float, Field(ge=0, le=1)] = 0.0
    augmentation: Annotated[int, Field(ge=0)] = 0
    munge_probability: Annotated[float, Field(gt=0, le=1)] = 0.5
    munge_variance: Annotated[float, Field(gt=0)] = 1.0

    @property
    def asks_members(self) -> bool:  # type: ignore[override]  # depends on the parameters
        """Whether made-up rows are to be labelled."""
        return self.augmentation > 0

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return what is wrong with the teacher and the student."""
        found = []
        if len(members) != 1:
            found.append(f"members: got {len(members)}, expected one: the teacher, such as a stacking or voting fusion")
        unable = [
            one
            for kind in sorted(target_types)
            for one in check_role("student", self._student(kind), frozenset({kind}))
        ]
        if unable or target_types <= {"continuous"}:
            return found + unable[:1]
        learner = self._student("multiclass")
        if takes_soft_targets(learner, "multiclass"):
            return found
        if not takes_sample_weight(learner, "multiclass"):
            found.append(f"student: '{learner.type}' takes no sample_weight, so it cannot learn from probabilities")
        if self.temperature != 1 and self.hard_weight > 0:
            found.append("temperature: other than 1 beside hard_weight needs a torch_mlp student; drop one of them")
        return found

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Fit the student on the context's features and the teacher's out-of-fold predictions.

        Raises
        ------
        FitError
            If there is not one teacher, or the student cannot learn from probabilities.
        """
        for message in self.check(context.members, frozenset({context.target_type})):
            raise FitError(message)
        learner = self._student(context.target_type)
        self.name_ = learner.type
        self.prepared_, X = Prepared.fit(learner, y, context)
        self.sharpen_ = 1.0
        rows = _Rows(X, P[:, 0], y, context.groups, context)
        if self.augmentation:
            rows = self._augmented(rows, context)
        if not context.is_classification:
            values = (1 - self.hard_weight) * rows.teacher + self.hard_weight * rows.y
            self.how_, self.exact_ = "fitted to the teacher's values", True
            self.n_rows_ = len(values)
            self.student_ = self._fit_learner(rows.X, values, context, groups=rows.groups)
        elif takes_soft_targets(learner, context.target_type):
            self.how_, self.exact_ = "the loss itself", True
            self.n_rows_ = len(rows.y)
            self.student_ = self._fit_soft(rows, context)
        else:
            self._fit_repeated(rows, context)
        return self

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return the student's probabilities, shape (n_samples, n_classes)."""
        proba = self.student_.predict_proba(self._rows(context))
        return proba if self.sharpen_ == 1 else softened(proba, 1 / self.sharpen_)

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return the student's class codes or values, shape (n_samples,)."""
        return np.asarray(self.student_.predict(self._rows(context)))

    def explain(self) -> dict[str, Any]:
        """Return the student, and whether its loss is that of the formula."""
        return {
            "student": self.name_,
            "exact": self.exact_,
            "how": self.how_,
            "temperature": self.temperature,
            "hard_weight": self.hard_weight,
            "n_rows": self.n_rows_,
        }

    def _student(self, target_type: str) -> LearnerSpec:
        if self.student is not None:
            return self.student
        return LearnerSpec(type="ridge" if target_type == "continuous" else "logistic_regression")

    def _rows(self, context: Context) -> Any:
        if getattr(self.student_, "takes_soft_targets", False):
            return self.prepared_.dense(context)
        return self.prepared_.rows(context)

    def _augmented(self, rows: _Rows, context: Context) -> _Rows:
        """Return the rows and made-up ones, which the teacher labels."""
        if context.ask_members is None:
            raise FitError("augmentation: the teacher cannot be asked for new rows here; fit within a benchmark")
        made, origin = munge(
            features_of(context),
            self.augmentation,
            probability=self.munge_probability,
            variance=self.munge_variance,
            random_state=context.random_state,
            text=context.text,
        )
        told = context.ask_members(context, rows.y, made)[:, 0]
        hard = told.argmax(axis=1) if context.is_classification else told
        groups = np.arange(len(rows.y)) if context.groups is None else context.groups
        there = replace(context, X=made)
        return _Rows(
            _stack([rows.X, self.prepared_.rows(there)]),
            np.concatenate([rows.teacher, told]),
            np.concatenate([rows.y, hard.astype(rows.y.dtype)]),
            np.concatenate([groups, groups[origin]]),
            replace(context, X=_stack([features_of(context), made])),
        )

    def _fit_repeated(self, own: _Rows, context: Context) -> None:
        target = softened(own.teacher, self.temperature)
        if self.hard_weight > 0:
            target = (1 - self.hard_weight) * target
            target[np.arange(len(own.y)), own.y] += self.hard_weight
        rows, codes = np.nonzero(target)
        self.n_rows_ = len(rows)
        self.sharpen_ = self.temperature
        self.exact_, self.how_ = self._exactness(context)
        groups = np.arange(len(own.y)) if own.groups is None else own.groups
        self.student_ = self._fit_learner(
            repeat_rows(own.X, rows), codes, context, sample_weight=target[rows, codes], groups=groups[rows]
        )

    def _fit_learner(self, X: Any, y: NDArray[Any], context: Context, **rows: Any) -> Any:
        return context.fit_learner(
            self.prepared_.learner,
            X,
            y,
            target_type=context.target_type,
            n_classes=context.n_classes,
            random_state=context.random_state,
            **rows,
        )

    def _fit_soft(self, rows: _Rows, context: Context) -> Any:
        from fusebench import learners

        estimator = learners.build(
            self.prepared_.learner,
            context.target_type,
            random_state=context.random_state,
            arguments={"categorical_features": self.prepared_.categorical},
        )
        return estimator.fit(
            self.prepared_.dense(rows.context),
            rows.y,
            groups=rows.groups,
            soft_targets=rows.teacher,
            temperature=self.temperature,
            hard_weight=self.hard_weight,
        )

    def _exactness(self, context: Context) -> tuple[bool, str]:
        learner = self.prepared_.learner
        name = estimator_class(learner, context.target_type).__name__
        counting = sorted(COUNTING.get(name, frozenset()) & learner.params.keys())
        if self.temperature != 1:
            return False, "fitted to the softened teacher and sharpened back; regularisation acts on the softened scale"
        if name not in WEIGHTED_LOG_LOSS:
            return False, f"rows repeated per class with weights; {name} counts, draws or batches rows"
        if counting:
            return False, f"rows repeated per class with weights; {counting[0]} acts on the copies"
        if learner.calibrate is not None:
            return False, "rows repeated per class with weights; the calibration sees the copies"
        return True, "rows repeated per class with weights"


def _stack(parts: list[Any]) -> Any:
    """Return encoded rows below each other: matrices, sparse ones, or data frames."""
    if hasattr(parts[0], "columns"):
        import pandas as pd

        return pd.concat(parts, ignore_index=True)
    if hasattr(parts[0], "toarray"):
        import scipy.sparse as sp

        return sp.vstack(parts).tocsr()
    return np.vstack(parts)


def softened(proba: Floats, temperature: float) -> Floats:
    """Return p ** (1 / temperature), scaled so that rows sum to 1, shape (n_samples, n_classes)."""
    proba = np.asarray(proba, dtype=np.float64)
    if temperature == 1:
        return np.asarray(proba / proba.sum(axis=1, keepdims=True))
    powered = (proba / proba.max(axis=1, keepdims=True)) ** (1 / temperature)
    return np.asarray(powered / powered.sum(axis=1, keepdims=True))


def takes_soft_targets(learner: LearnerSpec, target_type: str) -> bool:
    """Return whether the estimator's ``fit`` takes ``soft_targets``."""
    return bool(getattr(estimator_class(learner, target_type), "takes_soft_targets", False))
