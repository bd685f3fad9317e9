"""Stacking: a learner learns how to combine the members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.fusions._meta import (
    Feature,
    MetaFeatures,
    MetaLearner,
    default_final_estimator,
    fit_meta,
    linear_weights,
    make_encoder,
)
from fusebench.fusions.base import Context, Floats, Fusion
from fusebench.spec.model import LearnerSpec


@dataclass(kw_only=True)
class Stacking(Fusion):
    """Fit a learner on the members' out-of-fold predictions.

    Members may be fusions, which makes layers; naming learners beside them lets their predictions skip a layer, and
    ``passthrough`` lets the original features reach any layer (a residual connection).

    Parameters
    ----------
    final_estimator : learner, optional
        Written like a learner; by default scikit-learn's ``LogisticRegression()`` or ``RidgeCV()``. Predictions reach
        it as they are; its ``encode`` concerns the original features.
    passthrough : bool, default=False
        Whether the original features follow the predictions, encoded as `final_estimator` would have them alone;
        ``encode: none`` in it leaves them raw.
    features : str or list of str, default="proba"
        ``proba``, ``logit``, ``labels``, ``ranks``: what is known of each prediction. Two classes make one column per
        member, the second class's.
    meta_learner : {"joint", "class_wise", "shared"}, default="joint"
        ``joint``: one learner sees all columns. ``class_wise``: one per class, which sees the columns of its class.
        ``shared``: one for all classes, fitted on (row, class) pairs. The last two are scaled so that rows sum to 1.
    feature_weighted : bool, default=False
        Whether members' weights depend linearly on the (encoded) features: each prediction column is joined by
        its product with each feature.

    Notes
    -----
    With the defaults, the numbers of scikit-learn's ``StackingClassifier`` and ``StackingRegressor``. Columns: for each
    kind of feature, each member's columns; then the original features. The cost is that of fitting `final_estimator`.

    References
    ----------
    .. [1] D. H. Wolpert, Stacked generalization, Neural Networks 5(2), 1992.
    .. [2] K. M. Ting, I. H. Witten, Issues in stacked generalization, JAIR 10, 1999 (probabilities as features).
    .. [3] A. K. Seewald, How to make stacking better and faster while also taking care of an unknown weakness,
       ICML 2002 (class-wise).
    .. [4] J. Sill et al., Feature-weighted linear stacking, arXiv:0911.0460, 2009, equation 3.
    """

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
        encoder = make_encoder(learner, context) if self.needs_features else None
        features = MetaFeatures(self._kinds, encoder, products=self.feature_weighted)
        meta_learner: MetaLearner = self.meta_learner if context.is_classification else "joint"
        self.fitted_ = fit_meta(learner, P, y, context, features=features, meta_learner=meta_learner)
        self.members_ = context.members
        return self

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
