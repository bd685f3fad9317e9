from __future__ import annotations

import numpy as np

from fusebench.fusions.borda import Borda


def test_points_by_hand(make_context):
    # Points 2, 1, 0 / 0, 2, 1 / 0, 2, 1: five for the second class, though the first has the surest member.
    P = np.array([[[0.98, 0.01, 0.009], [0.1, 0.5, 0.4], [0.1, 0.5, 0.4]]])
    context = make_context(P)
    fusion = Borda().fit(P, np.array([0]), context)
    np.testing.assert_allclose(fusion.predict_proba(P, context), [[2 / 9, 5 / 9, 2 / 9]])
    assert fusion.predict(P, context).tolist() == [1]


def test_equal_probabilities_share_points(make_context):
    P = np.array([[[0.4, 0.4, 0.2]]])
    context = make_context(P)
    np.testing.assert_allclose(Borda().fit(P, np.array([0]), context).predict_proba(P, context), [[0.5, 0.5, 0]])


def test_weights_multiply_points(make_context):
    P = np.array([[[0.6, 0.4], [0.3, 0.7]]])
    context = make_context(P)
    fused = Borda(weights=(3, 1)).fit(P, np.array([0]), context).predict_proba(P, context)
    np.testing.assert_allclose(fused, [[0.75, 0.25]])
