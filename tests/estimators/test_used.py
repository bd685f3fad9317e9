"""A fitted model keeps the members that it reads, and a cascade asks them for the rows that reach them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from fusebench.engine.fusing import EncodedLearner
from fusebench.estimators import FusedClassifier, FusedRegressor
from fusebench.estimators._model import FittedModel
from fusebench.estimators.saved import dumps, read_bytes
from fusebench.fusions.base import load_fusion

LEARNERS = {"stump": {"type": "decision_tree", "max_depth": 1}, "nb": "gaussian_nb", "lr": "logistic_regression"}


def both(monkeypatch, estimator, X, y):
    """Return a model that keeps what it uses, and one that keeps everything."""
    lean = estimator.fit(X, y)
    again = type(estimator)(**estimator.get_params())
    with monkeypatch.context() as patch:
        patch.setattr(FittedModel, "keep_used", lambda self, blueprint, problem: None)
        return lean, again.fit(X, y)


@pytest.mark.parametrize(
    ("fusion", "kept"),
    [
        ({"type": "pruned", "method": "complementary", "tolerance": 1.0}, 1),
        ({"type": "weighted", "weights": [0.0, 0.5, 0.5]}, 2),
        ("adaptive", 1),
        ("best_single", 1),
        ({"type": "voting", "voting": "soft"}, 3),
    ],
    ids=str,
)
def test_what_is_not_read_is_not_kept(monkeypatch, fusion, kept):
    X, y = load_breast_cancer(return_X_y=True)
    lean, full = both(monkeypatch, FusedClassifier(LEARNERS, fusion, cv=3), X, y)
    assert len(lean.model_.learners) == kept
    assert len(full.model_.learners) == 3
    np.testing.assert_array_equal(lean.predict_proba(X), full.predict_proba(X))
    assert read_bytes(dumps(lean), "m").model.predict_proba(X).shape == (len(X), 2)


def test_a_vote_of_pruned_members_keeps_these():
    X, y = load_breast_cancer(return_X_y=True)
    fusions = {"vote": {"type": "voting", "voting": "soft", "compress": [{"type": "pruned", "tolerance": 1.0}]}}
    model = FusedClassifier(LEARNERS, "vote+pruned(tolerance=1.0)", fusions=fusions, cv=3)
    names = [name for name in model_names(fusions) if name.startswith("vote+pruned")]
    model.set_params(fusion=names[0]).fit(X, y)
    assert len(model.model_.learners) == 1


def model_names(fusions) -> list[str]:
    from fusebench.estimators._recipe import recipe

    found = recipe(learners=LEARNERS, fusions=fusions, fusion="vote", scoring=None, random_state=0, allow_import=False)
    return list(found.blueprint.fusions)


def test_a_cascade_asks_for_the_rows_that_reach_a_member(monkeypatch):
    X, y = load_breast_cancer(return_X_y=True)
    cascade = {"type": "cascade", "order": ["nb", "stump", "lr"]}
    _, model = both(monkeypatch, FusedClassifier(LEARNERS, cascade, cv=3), X, y)
    (fusion,) = model.model_.fusions.values()
    fusion.thresholds_ = np.array([0.999999, 0.93])
    frame = model._frame(X)
    own = {name: fitted[0].predict_proba(frame) for name, fitted in model.model_.learners.items()}
    sure, surer = own["nb"].max(axis=1) >= 0.999999, own["stump"].max(axis=1) >= 0.93
    expected = np.where(sure[:, None], own["nb"], np.where(surer[:, None], own["stump"], own["lr"]))
    rows: list[int] = []
    asked = EncodedLearner.answer

    def counted(self, frame):
        rows.append(len(frame))
        return asked(self, frame)

    monkeypatch.setattr(EncodedLearner, "answer", counted)
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=0, atol=1e-12)
    assert rows == [len(X), (~sure).sum(), (~sure & ~surer).sum()]
    assert len(X) > rows[1] > rows[2] > 0


@pytest.mark.parametrize(
    ("thresholds", "used"), [([np.inf, 0.9], (1, 2)), ([0.9, -np.inf], (0, 1)), ([-np.inf, 0.5], (0,))]
)
def test_members_of_a_cascade_that_never_answer(thresholds, used):
    fusion = load_fusion("cascade")()
    fusion.order_, fusion.thresholds_ = [0, 1, 2], np.array(thresholds)
    assert fusion.used(3) == used


def test_a_cascade_of_values_asks_one_member_per_row(monkeypatch):
    X, y = load_diabetes(return_X_y=True)
    learners = {"ridge": "ridge", "dt": {"type": "decision_tree", "max_depth": 3}}
    model = FusedRegressor(learners, {"type": "cascade", "tolerance": 0.02}, cv=3)
    lean, full = both(monkeypatch, model, X, y)
    np.testing.assert_allclose(lean.predict(X), full.predict(X), rtol=0, atol=1e-9)
