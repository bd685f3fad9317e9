"""Every published or independently computed number, within its tolerance."""

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from fusebench import stats
from fusebench.stats.friedman import tie_factor
from fusebench.stats.nemenyi import critical_q

FOLDER = Path(__file__).parent / "golden"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())


def table(name):
    header, *rows = csv.reader((FOLDER / name).read_text(encoding="utf-8").splitlines())
    return header[1:], np.array([[float(cell) for cell in row[1:]] for row in rows])


def golden(name):
    entry = EXPECTED[name]
    return entry["value"], entry["abs_tol"]


@pytest.mark.parametrize(
    ("case", "file"),
    [
        ("demsar.published_ranks", "demsar2006_table6_published_ranks.csv"),
        ("demsar.from_3digit_auc", "demsar2006_table6_auc.csv"),
    ],
)
def test_ranks_and_friedman(case, file):
    expected, tol = golden(case)
    models, numbers = table(file)
    ranks = numbers if "ranks" in file else stats.ranks(numbers)
    assert dict(zip(models, ranks.mean(axis=0), strict=True)) == pytest.approx(expected["mean_ranks"], abs=tol)
    for key, corrected in (("no_tie_correction", False), ("tie_corrected", True)):
        result = stats.friedman(ranks, tie_corrected=corrected)
        got = {"chi2": result.chi2, "p_chi2": result.p_chi2, "F": result.f, "p_F": result.p_f}
        assert got == pytest.approx(expected[key], abs=tol)
    assert (result.df1, result.df2) == (3, 39)


def test_pictures_and_adjustments_of_published_ranks():
    expected, tol = golden("demsar.published_ranks")
    models, ranks = table("demsar2006_table6_published_ranks.csv")
    assert tie_factor(ranks) == pytest.approx(expected["tie_factor"], abs=tol)
    assert stats.critical_difference(4, 14) == pytest.approx(expected["nemenyi_cd_05"], abs=tol)
    assert stats.critical_difference(4, 14, 0.1) == pytest.approx(expected["nemenyi_cd_10"], abs=tol)
    assert stats.bonferroni_dunn(4, 14) == pytest.approx(expected["bonferroni_dunn_cd_05"], abs=tol)
    control = stats.against_control(ranks.mean(axis=0), 14, models.index("C4.5"))
    versus = expected["vs_C45"]
    assert control.z[1:] == pytest.approx(versus["z"], abs=tol)
    p = control.p[1:]
    assert p == pytest.approx(versus["p"], abs=tol)
    for method in (stats.holm, stats.hochberg, stats.hommel):
        assert method(p) == pytest.approx(versus[method.__name__], abs=tol)


def test_nemenyi_p_and_groups():
    expected, tol = golden("demsar.from_3digit_auc")
    models, scores = table("demsar2006_table6_auc.csv")
    p = stats.nemenyi_p(stats.ranks(scores).mean(axis=0), 14)
    got = {f"{models[i]}|{models[j]}": p[i, j] for i, j in itertools.combinations(range(4), 2)}
    assert got == pytest.approx(expected["nemenyi_p"], abs=tol)
    for alpha, key in ((0.05, "groups_alpha_05"), (0.1, "groups_alpha_10")):
        groups = {frozenset(models[i] for i in clique) for clique in stats.maximal_cliques(p > alpha)}
        assert groups == {frozenset(group) for group in expected[key]}


def test_wilcoxon():
    expected, tol = golden("demsar.wilcoxon")
    models, scores = table("demsar2006_table6_auc.csv")
    pairs = list(itertools.combinations(range(4), 2))
    results = [stats.wilcoxon(scores[:, j] - scores[:, i]) for i, j in pairs]
    adjusted = stats.holm([one.p for one in results])
    for (i, j), one, p_holm in zip(pairs, results, adjusted, strict=True):
        want = expected[f"{models[i]}|{models[j]}"]
        got = {
            "R_plus": one.r_plus,
            "R_minus": one.r_minus,
            "n_zero": one.n_zero,
            "p_two_exact": one.p,
            "p_holm": p_holm,
        }
        assert got == pytest.approx({key: want[key] for key in got}, abs=tol)


def test_corrected_t():
    expected, tol = golden("sklearn_grid_search_stats")
    models, scores = table("sklearn_grid_search_stats_folds.csv")
    names = [name.split("|") for name in expected]
    d = np.stack([scores[:, models.index(a)] - scores[:, models.index(b)] for a, b in names], axis=1)
    result = stats.corrected_t(d, 1 / 9)
    chance = stats.posterior(result.mean, result.se, result.df, 0.01)
    p_holm = stats.holm(result.p)
    for at, (a, b) in enumerate(names):
        want = expected[f"{a}|{b}"]
        got = {
            "mean": result.mean[at], "se": result.se[at], "df": result.df, "t": result.t[at], "p_two": result.p[at],
            "p_left": chance.worse[at], "p_rope": chance.equivalent[at], "p_right": chance.better[at],
            "p_two_holm": p_holm[at],
        }  # fmt: skip
        assert got == pytest.approx({key: want[key] for key in got}, abs=tol)
        assert [result.low[at], result.high[at]] == pytest.approx(want["ci95"], abs=tol)


def test_elo():
    expected, tol = golden("elo.demsar")
    models, scores = table("demsar2006_table6_auc.csv")
    names = [
        row[0] for row in csv.reader((FOLDER / "demsar2006_table6_auc.csv").read_text(encoding="utf-8").splitlines())
    ][1:]
    tasks = [1 - scores[[at]] for at in np.argsort(names)]
    free = stats.elo(tasks)
    assert dict(zip(models, free.elo, strict=True)) == pytest.approx(expected["uncalibrated"], abs=tol)
    fixed = stats.elo(tasks, anchor=models.index("C4.5"))
    for key, values in (("calibrated_C45_1000", fixed.elo), ("plus", fixed.plus), ("minus", fixed.minus)):
        assert dict(zip(models, values, strict=True)) == pytest.approx(expected[key], abs=tol)
    assert fixed.estimable


def test_mcnemar():
    expected, tol = golden("mcnemar_exact")
    got = {case: stats.mcnemar(*map(int, case.split("/"))) for case in expected}
    assert got == pytest.approx(expected, abs=tol)


def test_studentized_range():
    expected, tol = golden("nemenyi_q")
    for name, want in expected.items():
        k = int(name.removeprefix("k="))
        assert critical_q(k, 0.05) == pytest.approx(want["q05"], abs=tol)
        assert critical_q(k, 0.1) == pytest.approx(want["q10"], abs=tol)


def test_agrees_with_bencheval():
    """TabArena's own package on 12 tasks with 1 to 4 splits, ties and perfect scores; Elo is printed to 1 decimal."""
    stored = json.loads((FOLDER / "bencheval.json").read_text(encoding="utf-8"))
    errors = [np.array(splits) for _, splits in sorted(stored["errors"].items())]
    board = stored["leaderboard"]
    rated = stats.elo(errors)
    assert rated.elo == pytest.approx(board["elo"], abs=0.051)
    assert rated.plus == pytest.approx(board["elo+"], abs=0.051)
    assert rated.minus == pytest.approx(board["elo-"], abs=0.051)
    measures = (stats.win_rate, "winrate"), (stats.reciprocal_rank, "mrr"), (stats.improvability, "improvability")
    for measure, name in (*measures, (stats.rescaled_loss, "loss_rescaled")):
        assert measure(errors) == pytest.approx(board[name]), name
