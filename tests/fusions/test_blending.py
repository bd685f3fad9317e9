from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from fusebench.fusions.blending import Blending


def test_the_final_estimator_sees_the_last_inner_fold_alone(make_problem):
    P, y, context = make_problem("binary")
    rows = context.fold == 4
    theirs = LogisticRegression().fit(P[rows][:, :, 1], y[rows])
    ours = Blending().fit(P, y, context)
    np.testing.assert_allclose(ours.predict_proba(P, context), theirs.predict_proba(P[:, :, 1]), atol=1e-12)


def test_more_folds_for_a_larger_share_but_never_all(make_problem):
    _, y, context = make_problem("binary")
    fusion = Blending(holdout=0.4)
    np.testing.assert_array_equal(fusion._held_out(len(y), context), np.flatnonzero(context.fold >= 3))
    assert len(Blending(holdout=0.99)._held_out(len(y), context)) == 160


def test_without_inner_folds_a_random_part_is_held_out(make_problem):
    P, y, context = make_problem("binary", fold=None)
    rows = Blending()._held_out(len(y), context)
    assert len(np.unique(rows)) == 40
    np.testing.assert_array_equal(rows, Blending()._held_out(len(y), context))
    assert Blending().fit(P, y, context).predict(P, context).shape == y.shape
