"""What a worker process changes around a fit."""

import subprocess
import sys

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
from fusebench.engine.execute._worker import remember_signatures
remember_signatures()
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
