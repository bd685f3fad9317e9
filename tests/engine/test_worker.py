"""What a worker process changes around a fit."""

import subprocess
import sys

import numpy as np
import pytest

from fusebench.engine.execute._worker import Done, Lost, Raised, sealed
from fusebench.engine.store import Entry

SCRIPT = """
import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

X, y = load_iris(return_X_y=True)

def answers():
    return RandomForestClassifier(20, random_state=3).fit(X, y).predict_proba(X)

before, names = answers(), BaseEstimator._get_param_names.__func__(LogisticRegression)
from fusebench.engine.execute._shortcuts import take_shortcuts
take_shortcuts()
assert np.array_equal(before, answers())
found = LogisticRegression._get_param_names()
assert found == names
found.clear()  # a caller's list is its own
assert LogisticRegression._get_param_names() == names
assert RandomForestClassifier._get_param_names() != names
assert clone(LogisticRegression(C=3.0)).C == 3.0
"""


def test_remembered_signatures_change_no_number():
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)


ARRAYS = """
import numpy as np, pandas as pd
from sklearn.preprocessing import StandardScaler
from fusebench.engine.execute._shortcuts import take_shortcuts
take_shortcuts()
import sklearn.utils.validation as validation
native = validation.nw.dependencies
frame = pd.DataFrame({"a": [1.0, 2.0]})
assert native.is_into_dataframe(frame) and native.is_into_series(frame["a"])
assert not native.is_into_dataframe(np.ones((2, 1))) and not native.is_into_series(np.ones(2))
assert list(StandardScaler().fit(frame).feature_names_in_) == ["a"]
assert not hasattr(StandardScaler().fit(frame.to_numpy()), "feature_names_in_")
assert native.is_into_series.__module__ == "fusebench.engine.execute._shortcuts"
"""


def test_arrays_are_known_as_such_and_frames_are_still_seen():
    pytest.importorskip("narwhals.stable.v2")
    subprocess.run([sys.executable, "-c", ARRAYS], check=True)


@pytest.mark.parametrize(
    ("entry", "reason", "detail"),
    [
        (Entry("fit", {}, {"labels0": np.array([None, 1])}), "TypeError", "'labels0' has dtype object"),
        (Entry("fit", {"cpu": float("nan")}), "ValueError", "JSON compliant"),
        (Entry("fit", {"notes": [object()]}), "TypeError", "not JSON serializable"),
    ],
)
def test_a_result_that_cannot_be_stored_is_a_failure_of_its_own(entry, reason, detail):
    told = sealed(Done("key", entry))
    assert isinstance(told, Raised)
    assert (told.key, told.reason) == ("key", reason)
    assert detail in told.detail


def test_what_is_no_result_travels_as_it_is():
    lost = Lost("key", ["input"])
    assert sealed(lost) is lost
