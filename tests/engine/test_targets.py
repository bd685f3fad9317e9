"""Datasets with several targets: shared folds, missing cells."""

import numpy as np
import pandas as pd
import pytest

from fusebench.errors import DataError

N = 90


@pytest.fixture
def table(tmp_path):
    """Write a table with a class and a value to predict; a quarter of the values are missing."""

    def write(missing=slice(0, None, 4)):
        rng = np.random.default_rng(0)
        kind = np.arange(N) % 3
        frame = pd.DataFrame({"a": kind + rng.normal(0, 0.3, N), "b": rng.normal(size=N)})
        frame["kind"] = np.array(["x", "y", "z"])[kind]
        frame["size"] = 2.0 * frame["a"] + rng.normal(0, 0.1, N)
        frame.loc[np.arange(N)[missing], "size"] = np.nan
        frame.to_csv(tmp_path / "two.csv", index=False)
        return {"name": "two", "source": "file", "path": "two.csv", "target": ["kind", "size"]}

    return write


def test_targets_share_folds_stratified_by_the_first(bench, table):
    results = bench({"datasets": [table()], "learners": {"dt": "dt", "knn": "knn"}, "fusions": {"mean": "averaging"}})
    kind, size = results.datasets
    assert (kind.n_samples, size.n_samples) == (N, N - 23)
    assert set(kind.n_test.values()) == {N // 5}
    assert sum(size.n_test.values()) == size.n_samples
    assert not results.failures
    assert {(one.target, one.metric) for one in results.scores} == {("kind", "accuracy"), ("size", "r2")}
    # A fold of the value's rows is what the shared fold leaves of it, not a fold of its own.
    assert len(set(size.n_test.values())) > 1


def test_a_target_without_values_in_a_fold_is_refused(bench, table):
    with pytest.raises(DataError, match=r"two: target 'size' has 3 values, none of them on one side of fold \d"):
        bench({"datasets": [table(slice(3, None))], "learners": {"dt": "dt"}, "cv": {"n_splits": 3, "inner": 2}})
