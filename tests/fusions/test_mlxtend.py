"""Voting and stacking predict what mlxtend's ensembles predict, where both mean the same."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from fusebench.fusions.stacking import Stacking
from fusebench.fusions.voting import Voting
from fusebench.spec.model import LearnerSpec

PARITY = Path(__file__).parent / "parity"
SCRIPT = runpy.run_path(str(PARITY / "mlxtend_predictions.py"))
STORED = json.loads((PARITY / "mlxtend_predictions.json").read_text())["predictions"]


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
@pytest.mark.parametrize("voting", ["hard", "soft"])
def test_votes(make_context, name, voting):
    P, labels = SCRIPT["refitted"](name)
    context = make_context(P, labels=labels)
    fusion = Voting(voting=voting, weights=tuple(SCRIPT["WEIGHTS"])).fit(P, np.empty(0), context)
    assert fusion.predict(P, context).tolist() == STORED[f"{name}_{voting}"]
    if voting == "soft":
        np.testing.assert_allclose(fusion.predict_proba(P, context), STORED[f"{name}_soft_proba"], atol=1e-9)


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
def test_stacked_classifiers(make_context, name):
    P, test = SCRIPT["out_of_fold"](name), SCRIPT["refitted"](name)[0]
    fusion = Stacking().fit(P, SCRIPT["data"](name)[1], make_context(P))
    np.testing.assert_allclose(fusion.predict_proba(test, make_context(test)), STORED[f"{name}_stacking"], atol=1e-4)


def test_stacked_regressors(make_context):
    P, test = SCRIPT["out_of_fold"]("diabetes"), SCRIPT["refitted"]("diabetes")[0]
    spec = LearnerSpec(type="linear_regression", encode="none")
    fusion = Stacking(final_estimator=spec).fit(P, SCRIPT["data"]("diabetes")[1], make_context(P))
    np.testing.assert_allclose(fusion.predict(test, make_context(test)), STORED["diabetes_stacking"], rtol=1e-9)
