"""Stacking: a learner learns how to combine the members."""

from __future__ import annotations

from dataclasses import dataclass

from fusebench.fusions._stacked import StackedFusion


@dataclass(kw_only=True)
class Stacking(StackedFusion):
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
        ``encode: none`` in it leaves them raw. The default one sees them raw where all are numbers without gaps, else
        encoded as for linear models.
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
