"""Distillation: one student learns what a fused teacher predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.errors import FitError
from fusebench.fusions._training import Prepared, check_role, estimator_class, repeat_rows, takes_sample_weight
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

    The cost is one fit of the student on n_samples * n_classes rows; the teacher's predictions are in the store.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals, J. Dean, Distilling the knowledge in a neural network, arXiv:1503.02531, 2015.
    .. [2] C. Bucila, R. Caruana, A. Niculescu-Mizil, Model compression, KDD 2006.
    """

    needs_features: ClassVar[bool] = True
    trains: ClassVar[bool] = True
    uses_members: ClassVar[Literal["always", "fit", "never"]] = "fit"

    student: LearnerSpec | None = None
    temperature: Annotated[float, Field(gt=0)] = 1.0
    hard_weight: Annotated[float, Field(ge=0, le=1)] = 0.0

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
        if not context.is_classification:
            values = (1 - self.hard_weight) * P[:, 0] + self.hard_weight * y
            self.how_, self.exact_ = "fitted to the teacher's values", True
            self.n_rows_ = len(y)
            self.student_ = self._fit_learner(X, values, context)
        elif takes_soft_targets(learner, context.target_type):
            self.how_, self.exact_ = "the loss itself", True
            self.n_rows_ = len(y)
            self.student_ = self._fit_soft(P[:, 0], y, context)
        else:
            self._fit_repeated(X, P[:, 0], y, context)
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

    def _fit_repeated(self, X: Any, teacher: Floats, y: NDArray[Any], context: Context) -> None:
        target = softened(teacher, self.temperature)
        if self.hard_weight > 0:
            target = (1 - self.hard_weight) * target
            target[np.arange(len(y)), y] += self.hard_weight
        rows, codes = np.nonzero(target)
        self.n_rows_ = len(rows)
        self.sharpen_ = self.temperature
        self.exact_, self.how_ = self._exactness(context)
        groups = np.arange(len(y)) if context.groups is None else context.groups
        self.student_ = self._fit_learner(
            repeat_rows(X, rows), codes, context, sample_weight=target[rows, codes], groups=groups[rows]
        )

    def _fit_learner(self, X: Any, y: NDArray[Any], context: Context, **rows: Any) -> Any:
        return context.fit_learner(
            self.prepared_.learner,
            X,
            y,
            target_type=context.target_type,
            n_classes=context.n_classes,
            random_state=context.random_state,
            **({"groups": context.groups} | rows),
        )

    def _fit_soft(self, teacher: Floats, y: NDArray[Any], context: Context) -> Any:
        from fusebench import learners

        estimator = learners.build(
            self.prepared_.learner,
            context.target_type,
            random_state=context.random_state,
            arguments=self.prepared_.arguments,
        )
        return estimator.fit(
            self.prepared_.dense(context),
            y,
            groups=context.groups,
            soft_targets=teacher,
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
