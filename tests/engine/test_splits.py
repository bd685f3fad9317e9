"""Splits: scikit-learn's own folds, and the row sets of paired nesting against plain loops."""

import numpy as np
import pytest
from sklearn import model_selection as ms

from fusebench.engine.splits import KeptSplits, Part, Scheme, Splits
from fusebench.spec.model import CV

N = 60


@pytest.fixture
def y():
    return np.random.default_rng(0).integers(0, 3, N)


def splits_of(y, stratify=True, n_predefined=0, groups=None, folds=None, **cv):
    return Splits(Scheme.of(CV(**cv), 7, n_predefined), y, stratify, groups, folds)


def as_lists(pairs):
    return [(list(a), list(b)) for a, b in pairs]


def test_repeat_r_is_one_line_of_scikit_learn(y):
    splits = splits_of(y, n_splits=5, n_repeats=3)
    for r in range(3):
        expected = ms.StratifiedKFold(5, shuffle=True, random_state=7 + r).split(np.zeros((N, 1)), y)
        assert as_lists(splits.outer[r, i] for i in range(5)) == as_lists(expected)


def test_regression_uses_kfold(y):
    splits = splits_of(y, stratify=False, n_splits=4)
    expected = ms.KFold(4, shuffle=True, random_state=7).split(np.zeros((N, 1)))
    assert as_lists(splits.outer[0, i] for i in range(4)) == as_lists(expected)


def test_holdout_is_train_test_split(y):
    splits = splits_of(y, type="holdout", test_size=0.2)
    train, test = ms.train_test_split(np.arange(N), test_size=0.2, random_state=7)
    assert as_lists([splits.outer[0, 0]]) == as_lists([(train, test)])
    assert splits.scheme.outer == [(0, 0)]


def test_group_folds_keep_groups_whole(y):
    groups = np.repeat(np.arange(12), 5)
    splits = splits_of(y, groups=groups, type="group", n_splits=4)
    for train, test in splits.outer.values():
        assert not set(groups[train]) & set(groups[test])
    for (r, i), (train, _) in splits.outer.items():
        for fitted, held in splits.inner(r, i):
            assert not set(groups[fitted]) & set(groups[held])
            assert set(held) <= set(train)


def test_time_series_never_looks_ahead(y):
    splits = splits_of(y, type="time_series", n_splits=3, inner=2)
    for (r, i), (train, test) in splits.outer.items():
        assert train.max() < test.min()
        for fitted, held in splits.inner(r, i):
            assert fitted.max() < held.min() <= train.max()


def test_predefined_folds(y):
    folds = np.arange(N) % 6
    splits = splits_of(y, n_predefined=6, folds=folds, type="predefined")
    assert splits.scheme.paired
    assert [list(splits.outer[0, i].test) for i in range(6)] == [list(np.flatnonzero(folds == i)) for i in range(6)]


@pytest.mark.parametrize(
    ("cv", "paired"),
    [
        ({"n_splits": 5}, True),
        ({"n_splits": 4}, False),
        ({"n_splits": 4, "inner": "paired"}, True),
        ({"n_splits": 10, "inner": 5}, False),
        ({"type": "holdout", "test_size": 0.2}, False),
        ({"type": "time_series"}, False),
        ({"type": "group", "n_splits": 5}, True),
    ],
)
def test_paired_where_test_folds_partition_the_rows(cv, paired):
    assert Scheme.of(CV(**cv), 0).paired is paired


@pytest.mark.parametrize("n_splits", [3, 5, 7])
def test_paired_costs_k_plus_k_choose_2_fits(n_splits):
    scheme = Scheme.of(CV(n_splits=n_splits, n_repeats=2, inner="paired"), 0)
    assert len(scheme.parts()) == 2 * (n_splits + n_splits * (n_splits - 1) // 2)
    unrefitted = Scheme.of(CV(n_splits=n_splits, inner="paired", refit=False), 0)
    assert len(unrefitted.parts()) == n_splits * (n_splits - 1) // 2


def test_own_inner_folds_cost_k_times_one_plus_inner():
    assert len(Scheme.of(CV(n_splits=5, inner=5), 0).parts()) == 5 * 6


def test_paired_parts_against_plain_loops(y):
    splits = splits_of(y, n_splits=5)
    fold_of = np.empty(N, dtype=int)
    for i in range(5):
        fold_of[splits.outer[0, i].test] = i
    for part in splits.scheme.parts():
        left_out = {part.fold} | ({part.inner} if part.inner >= 0 else set())
        assert list(splits.training_rows(part)) == [n for n in range(N) if fold_of[n] not in left_out]
        predicted = [list(rows) for rows in splits.predicted_rows(part)]
        assert predicted == [[n for n in range(N) if fold_of[n] == f] for f in sorted(left_out)]


def test_a_pair_serves_both_outer_splits():
    scheme = Scheme.of(CV(n_splits=5), 0)
    assert scheme.inner_part(0, 3, 1) == scheme.inner_part(0, 1, 3) == Part(0, 1, 3)
    assert scheme.where(Part(0, 1, 3), predicting=3) == 1
    assert scheme.where(Part(0, 1, 3), predicting=1) == 0


def test_nothing_that_saw_a_test_fold_predicts_for_its_split(y):
    splits = splits_of(y, n_splits=5, n_repeats=2)
    for r, i in splits.scheme.outer:
        test = set(splits.outer[r, i].test)
        rows, fold_of = splits.out_of_fold(r, i)
        assert not test & set(rows)
        for j, part in zip(splits.scheme.inner_folds(i), splits.scheme.inner_parts(r, i), strict=True):
            seen = set(splits.training_rows(part))
            assert not seen & test
            assert not seen & set(rows[fold_of == j])


def test_own_inner_folds_are_those_of_stacking_classifier(y):
    splits = splits_of(y, n_splits=4, inner=5)
    for (r, i), (train, _) in splits.outer.items():
        expected = ms.StratifiedKFold(5).split(np.zeros((len(train), 1)), y[train])
        assert as_lists(splits.inner(r, i)) == [(list(train[a]), list(train[b])) for a, b in expected]
        rows, fold_of = splits.out_of_fold(r, i)
        assert list(rows) == list(train)
        for j, (_, held) in enumerate(splits.inner(r, i)):
            assert set(rows[fold_of == j]) == set(held)


def test_a_time_series_first_block_has_no_out_of_fold_rows(y):
    splits = splits_of(y, type="time_series", n_splits=3, inner=3)
    rows, fold_of = splits.out_of_fold(0, 2)
    assert len(rows) < len(splits.outer[0, 2].train)
    assert fold_of.min() == 0


@pytest.mark.parametrize("cv", [{"n_splits": 5}, {"n_splits": 5, "inner": 3}, {"type": "holdout", "test_size": 0.3}])
def test_targets_with_missing_values_share_the_folds_of_the_dataset(y, cv):
    whole, kept = splits_of(y, **cv), np.flatnonzero(np.arange(N) % 4 != 1)
    splits = KeptSplits(whole.scheme, y[kept], True, whole=whole, kept=kept)
    for r, i in whole.scheme.outer:
        for part in {*whole.scheme.test_parts(r, i), *whole.scheme.inner_parts(r, i)}:
            assert set(kept[splits.training_rows(part)]) == set(whole.training_rows(part)) & set(kept)
            for mine, all_ in zip(splits.predicted_rows(part), whole.predicted_rows(part), strict=True):
                assert list(kept[mine]) == [row for row in all_ if row in set(kept)]
        rows, fold_of = splits.out_of_fold(r, i)
        expected, expected_folds = whole.out_of_fold(r, i)
        assert list(kept[rows]) == [row for row in expected if row in set(kept)]
        assert list(fold_of) == [j for row, j in zip(expected, expected_folds, strict=True) if row in set(kept)]


@pytest.mark.parametrize(
    "cv",
    [
        {"n_splits": 5, "n_repeats": 2},
        {"type": "group", "n_splits": 4},
        {"type": "stratified_group", "n_splits": 4},
        {"type": "predefined"},
    ],
)
def test_remembered_folds_are_the_folds(y, cv):
    groups, folds = np.arange(N) // 3, np.array([7, 3, 5])[np.arange(N) % 3]
    made = splits_of(y, n_predefined=3, groups=groups, folds=folds, **cv)
    remembered = made.partitions()
    assert {name for name in remembered if "-" not in name} == {str(r) for r in range(cv.get("n_repeats", 1))}
    again = Splits(made.scheme, y, True, groups, folds, remembered)
    assert as_lists(again.outer.values()) == as_lists(made.outer.values())


@pytest.mark.parametrize(
    "cv",
    [
        {"n_splits": 3, "n_repeats": 2, "inner": 4},
        {"type": "group", "n_splits": 4, "inner": 3},
        {"type": "holdout", "test_size": 0.3, "inner": 3},
    ],
)
def test_remembered_inner_folds_are_the_folds(y, cv, monkeypatch):
    made = splits_of(y, groups=np.arange(N) // 3, **cv)
    expected = {split: as_lists(made.inner(*split)) for split in made.scheme.outer}
    again = Splits(made.scheme, y, True, made.groups, None, made.partitions())
    monkeypatch.setattr(Splits, "_own_inner", None)  # no splitter is asked
    assert {split: as_lists(again.inner(*split)) for split in again.scheme.outer} == expected


@pytest.mark.parametrize("cv", [{"type": "holdout"}, {"type": "time_series", "n_splits": 4}])
def test_what_is_no_partition_is_split_anew(y, cv):
    assert "0" not in splits_of(y, **cv).partitions()
