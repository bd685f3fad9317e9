"""Hand-computed numbers, bad input, and agreement with other implementations where they are installed."""

import itertools
import sys

import numpy as np
import pytest
from scipy import stats as scipy_stats

from fusebench import stats


def test_wilcoxon_equals_full_enumeration():
    rng = np.random.default_rng(0)
    for _ in range(20):
        d = rng.integers(-3, 4, size=8) / 100
        ranks = scipy_stats.rankdata(np.abs(d))
        observed = abs(np.sum(np.sign(d) * ranks))
        flips = np.array(list(itertools.product([-1, 1], repeat=8)))
        p = np.mean(np.abs(flips @ (ranks * (d != 0))) >= observed - 1e-9)
        assert stats.wilcoxon(d).p == pytest.approx(p)


def test_wilcoxon_without_ties_is_scipy_s_exact_one():
    d = np.random.default_rng(1).normal(0.3, 1, size=40)
    assert stats.wilcoxon(d).p == pytest.approx(scipy_stats.wilcoxon(d, method="exact").pvalue)


def test_differences_are_rounded_before_ties_are_sought():
    d = np.array([0.5, 0.825, 0.375, 0.5]) - np.array([0.525, 0.775, 0.325, 0.55])
    result = stats.wilcoxon(d)
    assert (result.r_plus, result.r_minus) == (6.0, 4.0)  # ranks 1, 3, 3, 3 with signs -, +, +, -


def test_wilcoxon_of_zeros_and_of_nothing():
    assert stats.wilcoxon([0.0, 0.0]) == (1.5, 1.5, 2, 1.0)
    assert stats.smallest_p(6) == stats.wilcoxon([1, 2, 3, 4, 5, 6]).p == 0.03125
    with pytest.raises(ValueError, match="non-empty"):
        stats.wilcoxon([])


@pytest.mark.parametrize("method", [stats.wilcoxon, stats.ranks, lambda d: stats.corrected_t(d, 0.25)])
def test_nan_is_refused(method):
    with pytest.raises(ValueError, match="finite"):
        method([[0.1, np.nan]])


def test_corrected_t_by_hand():
    d = np.array([-0.03, 0.01, -0.05, 0.0, -0.02])  # s^2 = 0.00057, n = 5, c = 1/4
    result = stats.corrected_t(d, 0.25)
    assert result.se == pytest.approx(np.sqrt(0.00057 * (1 / 5 + 1 / 4)))
    assert result.t == pytest.approx(-0.018 / result.se)


def test_corrected_t_without_variance():
    columns = np.array([[0.1, 0.0, 1e-17], [0.1, 0.0, -1e-17], [0.1 + 1e-17, 0.0, 0.0]])
    result = stats.corrected_t(columns, 0.5)
    assert result.constant.tolist() == [True, True, True]
    assert result.identical.tolist() == [False, True, True]
    assert np.isnan(result.p).all()
    chances = stats.posterior(result.mean, result.se, result.df, 0.01)
    assert chances.better.tolist() == [1.0, 0.0, 0.0]
    assert chances.equivalent.tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(("d", "ratio", "says"), [([0.1], 0.25, "at least 2 folds"), ([0.1, 0.2], 0.0, "must be > 0")])
def test_corrected_t_refuses(d, ratio, says):
    with pytest.raises(ValueError, match=says):
        stats.corrected_t(d, ratio)


def test_welch_and_pooled_by_hand():
    a, b = np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.0, 4.0])  # variances 1 and 4
    result = stats.welch_t(a, b, 0.5, 0.25)
    v1, v2 = 1 * (1 / 3 + 0.5), 4 * (1 / 3 + 0.25)
    assert result == pytest.approx((0.0, np.sqrt(v1 + v2), (v1 + v2) ** 2 / (v1**2 / 2 + v2**2 / 2)))
    pooled = stats.pooled_t([0.1, 0.3], [0.03, 0.04], [4, 4])
    assert pooled == pytest.approx((0.2, 0.025, 0.0025**2 / (0.03**4 / 4 + 0.04**4 / 4)))
    assert stats.pooled_t([0.1, 0.3], [0, 0], [4, 4]) == pytest.approx((0.2, 0, 8))


def test_holm_keeps_nan_and_counts_it():
    assert stats.holm([0.01, np.nan, 0.02]) == pytest.approx([0.03, np.nan, 0.04], nan_ok=True)
    assert stats.holm([[0.01, 0.5], [0.5, 0.01]]).tolist() == [[0.02, 0.5], [0.5, 0.02]]


def test_friedman_edges():
    with pytest.raises(ValueError, match="at least 3 models"):
        stats.friedman(np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert stats.friedman(np.full((4, 3), 2.0)) is None
    assert stats.friedman(np.tile([1.0, 2.0, 3.0], (4, 1))).f == np.inf
    x = np.random.default_rng(0).integers(0, 4, size=(9, 4)).astype(float)
    want = scipy_stats.friedmanchisquare(*x.T)
    got = stats.friedman(stats.ranks(x))
    assert (got.chi2, got.p_chi2) == pytest.approx((want.statistic, want.pvalue))


def test_cliques_are_maximal_and_not_intervals():
    together = np.eye(4, dtype=bool)
    for i, j in ((0, 1), (1, 2), (2, 3), (0, 2)):
        together[i, j] = together[j, i] = True
    assert stats.maximal_cliques(together) == [(0, 1, 2), (2, 3)]


def test_many_cliques_are_covered():
    k = 40  # all but a perfect matching: 2^20 maximal cliques
    together = np.ones((k, k), dtype=bool)
    for i in range(0, k, 2):
        together[i, i + 1] = together[i + 1, i] = False
    cliques = stats.maximal_cliques(together)
    assert len(cliques) < 500
    shared = np.zeros((k, k), dtype=bool)
    for clique in cliques:
        shared[np.ix_(clique, clique)] = True
    assert (shared == together).all()


def test_bootstrap_is_seeded_and_defined_on_constants():
    values = np.column_stack([np.random.default_rng(0).normal(size=30), np.full(30, 0.7)])
    first, again = stats.bootstrap_means(values), stats.bootstrap_means(values)
    assert first.low.tolist() == again.low.tolist()
    assert (first.low[1], first.high[1]) == (0.7, 0.7)
    half = 1.96 * values[:, 0].std() / np.sqrt(30)
    assert first.high[0] - first.low[0] == pytest.approx(2 * half, rel=0.05)


def test_elo_of_a_decisive_field_is_said_to_be_meaningless():
    errors = [np.array([[0.1, 0.2, 0.3]])] * 10
    result = stats.elo(errors)
    assert not result.estimable
    assert result.elo == pytest.approx([3618, 1000, -1618], abs=1)
    assert result.plus.tolist() == pytest.approx([0, 0, 0], abs=1e-6)


def test_arena_measures_by_hand():
    errors = [np.array([[0.1, 0.2, 0.4]]), np.array([[0.0, 0.0, 0.0], [0.4, 0.2, 0.1]])]
    assert stats.win_rate(errors) == pytest.approx([(1 + 0.25) / 2, 0.5, (0 + 0.75) / 2])
    assert stats.reciprocal_rank(errors) == pytest.approx([(1 + (1 / 2 + 1 / 3) / 2) / 2, 0.5, (1 / 3 + 0.75) / 2])
    assert stats.improvability(errors) == pytest.approx([0.375 / 2, (0.5 + 0.25) / 2, 0.75 / 2])
    assert stats.rescaled_loss(errors) == pytest.approx([0.25, (1 / 3 + 1 / 6) / 2, 0.5])
    assert stats.normalised_error(errors) == pytest.approx([0.25, (1 + 0.5) / 2, 0.5])


def test_bayesian_tests_agree_with_baycomp():
    baycomp = pytest.importorskip("baycomp")
    rng = np.random.default_rng(3)
    x, y = rng.normal(0, 0.03, 25), rng.normal(0.01, 0.03, 25)
    weights = np.random.RandomState(7).dirichlet([0.5, *[1.0] * 25], 50_000).T  # baycomp's own draws
    want = baycomp.SignedRankTest.probs(x, y, 0.01, nsamples=50_000, random_state=7)
    assert stats.signed_rank_shares((y - x)[:, None], 0.01, weights)[0] == pytest.approx(want, abs=1e-4)
    assert stats.bayes_signed_rank(y - x, 0.01) == pytest.approx(want, abs=0.01)
    assert stats.bayes_sign(y - x, 0.01) == pytest.approx(baycomp.SignTest.probs(x, y, 0.01, random_state=7), abs=0.01)
    no_rope = baycomp.SignedRankTest.probs(x, y, 0, nsamples=50_000, random_state=7)
    got = stats.signed_rank_shares((y - x)[:, None], 0.0, weights)[0]
    assert (got.worse, got.better) == pytest.approx(no_rope, abs=1e-4)
    single = baycomp.CorrelatedTTest.probs(x, y, 0.01, runs=5)
    fold = stats.corrected_t(y - x, 0.25)
    assert stats.posterior(fold.mean, fold.se, fold.df, 0.01) == pytest.approx(single)


def test_nemenyi_agrees_with_scikit_posthocs():
    posthocs = pytest.importorskip("scikit_posthocs")
    x = np.random.default_rng(4).random((20, 6))
    want = posthocs.posthoc_nemenyi_friedman(x).to_numpy()
    assert stats.nemenyi_p(stats.ranks(x).mean(axis=0), 20) == pytest.approx(want, abs=1e-9)


def test_adjustments_agree_with_statsmodels():
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    rng = np.random.default_rng(5)
    for n in (1, 2, 5, 12):
        p = rng.random(n) ** 3
        for mine, theirs in ((stats.holm, "holm"), (stats.hochberg, "simes-hochberg"), (stats.hommel, "hommel")):
            assert mine(p) == pytest.approx(multipletests(p, method=theirs)[1])


def test_many_pairs_say_what_each_says_alone():
    rng = np.random.default_rng(4)
    d = rng.normal(size=(3, 40)).round(1) / 50  # many pairs alike in order and in what passes the margin
    for margin in (0.0, 0.01):
        weights = stats.draw_weights(3, 2000)
        together = stats.signed_rank_shares(d, margin, weights)
        alone = [stats.signed_rank_shares(column[:, None], margin, weights)[0] for column in d.T]
        assert together == alone
        assert 1 < len(set(together)) < 40


def test_signed_rank_shares_do_not_depend_on_the_size_of_blocks(monkeypatch):
    d = np.random.default_rng(3).normal(0, 0.02, size=(6, 4))

    def shares():
        return stats.signed_rank_shares(d, 0.01, stats.draw_weights(6, 1_000))

    whole = shares()
    method = sys.modules["fusebench.stats.bayes_signed_rank"]
    for name, size in (("BLOCK_CELLS", 7 * 300), ("LEAST_BLOCK", 1), ("MOST_BLOCK", 333)):
        monkeypatch.setattr(method, name, size)
    assert shares() == whole
