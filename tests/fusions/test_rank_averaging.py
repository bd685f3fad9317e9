from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score

from fusebench.fusions.rank_averaging import RankAveraging


def test_values_by_hand(make_context):
    # Sorted members: 1, 2, 3 and 10, 20, 30; the common scale is 5.5, 11, 16.5.
    P = np.array([[1.0, 30.0], [2.0, 20.0], [3.0, 10.0]])
    context = make_context(P)
    fusion = RankAveraging().fit(P, np.zeros(3), context)
    np.testing.assert_allclose(fusion.predict(P, context), [11, 11, 11])
    agreeing = np.array([[1.0, 10.0], [3.0, 30.0]])
    np.testing.assert_allclose(fusion.predict(agreeing, make_context(agreeing)), [5.5, 16.5])


def test_only_the_order_within_a_member_counts(make_problem):
    P, y, context = make_problem("binary", n_members=2)
    bent = P.copy()
    bent[:, 1, 1] = P[:, 1, 1] ** 5
    bent[:, 1, 0] = 1 - bent[:, 1, 1]
    plain = RankAveraging().fit(P, y, context).predict_proba(P, context)[:, 1]
    other = RankAveraging().fit(bent, y, context).predict_proba(bent, context)[:, 1]
    assert roc_auc_score(y, plain) == roc_auc_score(y, other)


def test_a_row_is_ranked_alone_as_among_others(make_problem):
    P, y, context = make_problem("multiclass")
    fusion = RankAveraging().fit(P, y, context)
    together = fusion.predict_proba(P, context)
    np.testing.assert_array_equal(fusion.predict_proba(P[7:8], context.take(np.array([7]))), together[7:8])


def test_one_member_keeps_its_own_predictions(make_problem):
    P, y, context = make_problem("binary", n_members=1)
    np.testing.assert_allclose(RankAveraging().fit(P, y, context).predict_proba(P, context), P[:, 0], atol=1e-12)
