"""Dynamic selection by hand: rows on a line, three members, neighbours that anyone can count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fusebench.errors import FitError
from fusebench.fusions.base import load_fusion

# Rows of fit at 0, 1, 2, 3, 10, 11, 12, 13. Member a is right on the left, b on the right, c on the rows of class 1.
AT = [0, 1, 2, 3, 10, 11, 12, 13]
Y = np.array([0, 1, 0, 1, 0, 1, 0, 1])
HITS = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 0, 1, 0, 1, 0, 1]], dtype=bool).T
STRATEGIES = ["knora_e", "knora_u", "ola", "lca", "des_knn", "meta_des"]


def proba_of(labels, certainty=0.8):
    return np.where(np.asarray(labels)[:, :, None] == np.arange(2), certainty, 1 - certainty)


@pytest.fixture
def line(make_context):
    """Return a function that fits a fusion on the line and asks it for (at, the members' labels)."""

    def ask(name, at, labels, **params):
        P = proba_of(np.where(HITS, Y[:, None], 1 - Y[:, None]))
        fusion = load_fusion(name)(encode="none", **params)
        fusion.fit(P, Y, make_context(P, X=pd.DataFrame({"at": AT})))
        query = proba_of([labels])
        context = make_context(query, X=pd.DataFrame({"at": [at]}))
        return fusion.predict(query, context)[0], fusion.predict_proba(query, context)[0], fusion

    return ask


def test_knora_e_lets_the_longest_run_of_hits_vote(line):
    label, proba, _ = line("knora_e", 0.1, [1, 0, 0], k=4)
    assert label == 1  # a alone is right on 0, 1, 2, 3
    np.testing.assert_allclose(proba, [0, 1])
    _, proba, _ = line("knora_e", 0.1, [1, 0, 0], k=4, voting="soft")
    np.testing.assert_allclose(proba, [0.2, 0.8])


def test_knora_e_keeps_all_where_nobody_gets_the_nearest_row_right(make_context):
    y, P = np.array([0, 1]), proba_of([[1, 1], [1, 1]])
    fusion = load_fusion("knora_e")(k=2, encode="none").fit(P, y, make_context(P, X=pd.DataFrame({"at": [0, 9]})))
    query = proba_of([[0, 1]])
    np.testing.assert_allclose(
        fusion.predict_proba(query, make_context(query, X=pd.DataFrame({"at": [0]}))), [[0.5] * 2]
    )


def test_knora_u_counts_hits(line):
    # Nearest to 11: 10, 11, 12, 13 for b and two hits for c; a has none.
    label, proba, _ = line("knora_u", 11.4, [0, 1, 0], k=4)
    assert label == 1
    np.testing.assert_allclose(proba, [2 / 6, 4 / 6])


def test_ola_takes_the_locally_most_accurate_member(line):
    label, proba, _ = line("ola", 11.4, [0, 1, 0], k=4)
    assert label == 1
    np.testing.assert_allclose(proba, [0.2, 0.8])


def test_lca_asks_who_is_right_about_the_class(line):
    # Around 11.4, of the rows of class 1 b and c get both right; of class 0 a gets none right. First of equals: b.
    assert line("lca", 11.4, [0, 1, 1], k=4)[0] == 1
    # Of the rows that c gives class 1 (all four) half are right, of those that b gives it, all.
    assert line("lca", 11.4, [0, 0, 1], k=4, among="predicted")[0] == 0


def test_des_knn_prefers_members_that_do_not_err_together(make_context):
    # Four members, all with 2 of 4 right; the first two err together, the last one with nobody.
    hits = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 1, 1]], dtype=bool).T
    y = np.zeros(4, dtype=int)
    P = proba_of(np.where(hits, 0, 1))
    context = make_context(P, X=pd.DataFrame({"at": [0, 1, 2, 3]}))
    fusion = load_fusion("des_knn")(k=4, encode="none", pct_accuracy=1, pct_diversity=0.25).fit(P, y, context)
    query = proba_of([[1, 1, 1, 0]])
    near = make_context(query, X=pd.DataFrame({"at": [1]}))
    # Both wrong with others: 2+1+0, 2+1+0, 1+1+1, 0+0+1.
    assert fusion.predict(query, near)[0] == 0
    np.testing.assert_allclose(fusion.usage(query, near)["weights"], [0, 0, 0, 1])


def test_meta_des_learns_who_is_right_where(make_context):
    at = np.r_[np.linspace(0, 1, 30), np.linspace(9, 10, 30)]
    y = np.arange(60) % 2
    right = np.column_stack([at < 5, at > 5, at > 5])
    P = proba_of(np.where(right, y[:, None], 1 - y[:, None]))
    fusion = load_fusion("meta_des")(encode="none").fit(P, y, make_context(P, X=pd.DataFrame({"at": at})))
    query = proba_of([[1, 0, 0], [1, 0, 0]])
    context = make_context(query, X=pd.DataFrame({"at": [0.5, 9.5]}))
    np.testing.assert_array_equal(fusion.predict(query, context), [1, 0])
    np.testing.assert_allclose(fusion.usage(query, context)["weights"], [1 / 2, 1 / 4, 1 / 4])


def test_meta_des_features_leave_a_row_out_of_its_own_neighbours(line):
    _, _, fusion = line("meta_des", 5, [1, 1, 1], k=2, kp=1)
    # Row 0 with member c: wrong on itself; of its neighbours 1 and 2 right on 1; the row of the most similar
    # predictions is row 2 (both classes and all members as in row 0), where it is wrong.
    P = proba_of(np.where(HITS, Y[:, None], 1 - Y[:, None]))
    pair = fusion._features_of_fit(P, np.array([0]))[2]
    np.testing.assert_allclose(pair, [1, 0, 0.8, 0.2, 0.5, 0, 0.8])


def test_agreement_is_taken_as_it_is(line):
    for name in STRATEGIES:
        label, proba, _ = line(name, 5, [1, 1, 1])
        assert label == 1
        np.testing.assert_allclose(proba, [0.2, 0.8])


def test_frienemy_pruning_drops_members_that_know_one_class(line):
    # Around 11.4 c knows class 1 only and loses its two votes; b knows both classes.
    _, proba, _ = line("knora_u", 11.4, [0, 1, 0], k=4, dfp=True)
    np.testing.assert_allclose(proba, [0, 1])


def test_regression_by_local_errors(make_context):
    y = np.array([0.0, 1, 2, 10, 11, 12])
    P = np.column_stack([y + np.repeat([0, 5], 3), y + np.repeat([3, 0], 3)])
    context = make_context(P, X=pd.DataFrame({"at": y}))
    query, near = np.array([[7.0, 9.0]]), make_context(np.array([[7.0, 9.0]]), X=pd.DataFrame({"at": [1.2]}))
    for name in ("knora_e", "knora_u", "ola", "des_knn"):
        fusion = load_fusion(name)(k=3, encode="none").fit(P, y, context)
        np.testing.assert_allclose(fusion.predict(query, near), [7.0], err_msg=name)
    # Everything within a wide tolerance is right, and the members are averaged.
    fusion = load_fusion("knora_u")(k=3, encode="none", tolerance=9).fit(P, y, context)
    np.testing.assert_allclose(fusion.predict(query, near), [8.0])


@pytest.mark.parametrize("name", STRATEGIES)
def test_mixed_and_missing_features(make_problem, name):
    P, y, context = make_problem("binary", n_samples=60)
    X = pd.DataFrame(
        {
            "number": np.where(y == 1, np.nan, np.arange(60.0)),
            "colour": pd.Categorical(np.where(y == 1, "red", "blue")),
            "word": [None if row % 7 == 0 else f"w{row % 3}" for row in range(60)],
            "yes": y == 1,
        }
    )
    context = replace(context, X=X)
    fusion = load_fusion(name)().fit(P, y, context)
    unseen = X.iloc[:5].assign(word="never seen", number=np.nan)
    proba = fusion.predict_proba(P[:5], replace(context.take(np.arange(5)), X=unseen))
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1)


@pytest.mark.parametrize("name", STRATEGIES)
def test_more_neighbours_than_rows_are_all_rows(make_problem, name):
    P, y, context = make_problem("binary", n_samples=12)
    far, all_rows = (load_fusion(name)(k=k).fit(P, y, context) for k in (500, 12))
    np.testing.assert_array_equal(far.predict_proba(P, context), all_rows.predict_proba(P, context))
    assert far.explain()["k"] == (11 if name == "meta_des" else 12)


def test_neighbours_among_predictions_need_no_features(make_problem):
    P, y, context = make_problem("multiclass", n_samples=60)
    fusion = load_fusion("ola")(space="predictions")
    assert not fusion.needs_features
    assert fusion.fit(P, y, replace(context, X=None)).predict(P, replace(context, X=None)).shape == (60,)
    with pytest.raises(FitError, match=r"space: there are no features .* use space: predictions"):
        load_fusion("ola")().fit(P, y, replace(context, X=None))


@pytest.mark.parametrize(
    ("params", "target_type", "message"),
    [
        ({"encode": "liner"}, "binary", "encode: unknown encoder 'liner'"),
        ({"encode": "auto"}, "binary", "encode: 'auto' is chosen by a learner"),
        ({"encode": "frame"}, "binary", "encode: 'frame' leaves a data frame"),
        ({"dfp": True}, "continuous", "dfp: it prunes members by the classes"),
    ],
)
def test_what_cannot_be(params, target_type, message):
    found = load_fusion("ola")(**params).check(("a", "b"), frozenset({target_type}))
    assert [one[: len(message)] for one in found] == [message]


def test_encoders_that_leave_missing_values(make_problem):
    P, y, context = make_problem("binary", n_samples=20)
    X = pd.DataFrame({"number": [np.nan, *np.arange(19.0)]})
    with pytest.raises(FitError, match="encode: 'native' leaves missing values"):
        load_fusion("ola")(encode="native").fit(P, y, replace(context, X=X))


def test_usage_tells_how_often_members_count(line):
    _, _, fusion = line("ola", 11.4, [0, 1, 0], k=4)
    import pickle

    assert pickle.loads(pickle.dumps(fusion))._memo is None
