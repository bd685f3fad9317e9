"""A learner that is fitted on predictions: what stacking and blending share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.fusions._meta import MetaLearner, default_final_estimator, fit_meta, linear_weights
from fusebench.fusions._meta_features import Feature, MetaFeatures, are_plain_numbers, make_encoder
from fusebench.fusions.base import Context, Floats, Fusion
from fusebench.spec.model import LearnerSpec


@dataclass(kw_only=True)
class StackedFusion(Fusion):
    """Base of strategies that fit a final estimator on members' predictions; `stacking` describes the parameters."""

    final_estimator: LearnerSpec | None = None
    passthrough: bool = False
    features: Feature | tuple[Feature, ...] = "proba"
    meta_learner: MetaLearner = "joint"
    feature_weighted: bool = False

    @property
    def needs_features(self) -> bool:  # type: ignore[override]  # the base allows a property in place of its constant
        """Whether the original features are read."""
        return self.passthrough or self.feature_weighted

    @property
    def needs_proba(self) -> bool:  # type: ignore[override]  # the base allows a property in place of its constant
        """Whether probabilities are read: not from labels alone."""
        return set(self._kinds) != {"labels"}

    @property
    def _kinds(self) -> tuple[Feature, ...]:
        return (self.features,) if isinstance(self.features, str) else tuple(self.features)

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return what is wrong with the features."""
        found = []
        if not self._kinds:
            found.append("features: got an empty list, expected some of proba, logit, labels, ranks")
        if len(set(self._kinds)) < len(self._kinds):
            found.append(f"features: got {', '.join(self._kinds)}, each may stand once")
        if "logit" in self._kinds and "continuous" in target_types:
            found.append("features: 'logit' is of a probability, a continuous target has none; use proba or ranks")
        if self.passthrough and self.feature_weighted:
            found.append("feature_weighted: cannot be combined with passthrough; choose one")
        return found

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Fit the final estimator on out-of-fold predictions.

        Raises
        ------
        FitError
            If the rows hold one class only.
        """
        learner = self.final_estimator or default_final_estimator(classification=context.is_classification)
        encoder = self._encoder(learner, context) if self.needs_features else None
        features = MetaFeatures(self._kinds, encoder, products=self.feature_weighted)
        meta_learner: MetaLearner = self.meta_learner if context.is_classification else "joint"
        self.fitted_ = fit_meta(learner, P, y, context, features=features, meta_learner=meta_learner)
        self.members_ = context.members
        return self

    def _encoder(self, learner: LearnerSpec, context: Context) -> Any:
        # scikit-learn's default estimator sees features as they are, its very numbers, where it can read them at all.
        if self.final_estimator is None and not are_plain_numbers(context):
            learner = learner.model_copy(update={"encode": "linear"})
        return make_encoder(learner, context)

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return the final estimator's probabilities, shape (n_samples, n_classes)."""
        return self.fitted_.predict_proba(P, context)

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return the final estimator's own class codes or values, shape (n_samples,)."""
        return np.asarray(self.fitted_.predict(P, context))

    def explain(self) -> dict[str, Any]:
        """Return, for a linear final estimator, each member's share of the absolute coefficients."""
        found: dict[str, Any] = {"members_used": list(self.members_)}
        weights = linear_weights(self.fitted_, len(self.members_))
        return found if weights is None else {"weights": weights, **found}
