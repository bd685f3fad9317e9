from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss

from fusebench.errors import FitError
from fusebench.fusions.calibrated import Calibrated


def planted(temperature, n_classes=3, n_samples=4000):
    """Return probabilities that are right once flattened by a temperature, and their outcomes."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(n_samples, n_classes))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (true.cumsum(axis=1) < rng.random((n_samples, 1))).sum(axis=1)
    sharp = true**temperature
    return (sharp / sharp.sum(axis=1, keepdims=True))[:, None], y


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_temperature_is_found(make_context, temperature, n_classes):
    P, y = planted(temperature, n_classes)
    context = make_context(P)
    fusion = Calibrated().fit(P, y, context)
    assert fusion.explain()["temperature"] == pytest.approx(temperature, rel=0.15)
    np.testing.assert_array_equal(fusion.predict(P, context), P[:, 0].argmax(axis=1))
    # The slope of the loss in the exponent is 0 at the minimum.
    losses = [
        log_loss(y, P[:, 0] ** e / (P[:, 0] ** e).sum(axis=1, keepdims=True))
        for e in fusion.exponent_ * np.array([0.999, 1, 1.001])
    ]
    assert losses[1] == min(losses)


@pytest.mark.parametrize("method", ["temperature", "sigmoid", "isotonic"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_overconfidence_is_cured(make_context, method, n_classes):
    P, y = planted(5.0, n_classes)
    context = make_context(P)
    proba = Calibrated(method=method).fit(P, y, context).predict_proba(P, context)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert log_loss(y, np.clip(proba, 1e-9, 1)) < log_loss(y, P[:, 0])


def test_isotonic_equals_scikit_learn(make_problem):
    P, y, context = make_problem("binary", n_members=1)
    theirs = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit_transform(P[:, 0, 1], y)
    ours = Calibrated(method="isotonic").fit(P, y, context).predict_proba(P, context)
    np.testing.assert_allclose(ours[:, 1], theirs, atol=1e-12)


def test_sigmoid_fits_platts_targets(make_context):
    # One value only: the curve passes through the mean of the targets, (3 * 4/5 + 1 * 1/3) / 4.
    P = np.tile([0.4, 0.6], (4, 1))[:, None]
    context = make_context(P)
    proba = Calibrated(method="sigmoid").fit(P, np.array([1, 1, 1, 0]), context).predict_proba(P, context)
    np.testing.assert_allclose(proba[:, 1], (3 * 0.8 + 1 / 3) / 4, rtol=1e-5)


@pytest.mark.parametrize("method", ["temperature", "sigmoid", "isotonic"])
def test_certain_members_stay_finite(make_context, method):
    P = np.eye(3)[np.array([0, 1, 2, 0, 1, 2, 0, 1])][:, None]
    context = make_context(P)
    y = np.array([0, 1, 2, 0, 1, 2, 1, 0])
    proba = Calibrated(method=method).fit(P, y, context).predict_proba(P, context)
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_several_members_are_averaged_first(make_problem):
    P, y, context = make_problem("binary", n_members=3)
    mean = P.mean(axis=1, keepdims=True)
    one = Calibrated().fit(mean, y, context.select(("m0",)))
    np.testing.assert_allclose(Calibrated().fit(P, y, context).exponent_, one.exponent_)


def test_one_class_is_an_error(make_problem):
    P, y, context = make_problem("binary")
    with pytest.raises(FitError, match="one class only"):
        Calibrated().fit(P, np.zeros_like(y), context)
