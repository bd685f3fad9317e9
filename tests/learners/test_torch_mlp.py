from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import train_test_split

from fusebench.errors import FitError, MissingExtraError
from fusebench.learners import _torch_mlp
from fusebench.learners._network_inputs import Inputs
from fusebench.learners._torch_base import BaseTorchMLP
from fusebench.learners.torch_mlp import TorchMLP

needs_torch = pytest.mark.slow


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(name="Classifier")
def classifier(torch):
    return _torch_mlp.TorchMLPClassifier


@pytest.fixture(name="Regressor")
def regressor(torch):
    return _torch_mlp.TorchMLPRegressor


@pytest.fixture
def wine():
    X, y = load_wine(return_X_y=True)
    return train_test_split(X, y, random_state=0)


def test_inputs_by_hand():
    X = np.array([[1.0, 0.0, 5.0], [3.0, np.nan, 5.0], [np.nan, 1.0, 5.0]])
    inputs = Inputs(X, categorical=(1,))
    np.testing.assert_allclose(inputs.numbers(X), [[-1, 0, 0], [1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(inputs.codes(X), [[1], [0], [2]])
    assert inputs.cardinalities == (3,)
    unseen = np.array([[2.0, 7.0, 6.0]])
    np.testing.assert_allclose(inputs.numbers(unseen), [[0, 1, 0]])
    np.testing.assert_array_equal(inputs.codes(unseen), [[0]])


def test_a_category_without_any_value():
    assert Inputs(np.array([[np.nan], [np.nan]]), categorical=(0,)).cardinalities == (1,)


def test_naming_it_does_not_import_torch():
    code = (
        "import sys\n"
        "from fusebench.learners.torch_mlp import TorchMLP\n"
        "from fusebench.learners._families import family_of\n"
        "from fusebench.learners import _torch_mlp\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_missing_torch_names_the_extra(monkeypatch):
    monkeypatch.setattr("fusebench.learners.base.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"fusebench\[torch\]"):
        TorchMLP().estimator_class("binary")


@needs_torch
def test_learns_classes(Classifier, wine):
    X, X_test, y, y_test = wine
    model = Classifier(random_state=0).fit(X, y)
    assert model.score(X_test, y_test) > 0.9
    np.testing.assert_allclose(model.predict_proba(X_test).sum(axis=1), 1, rtol=1e-12)


@needs_torch
def test_learns_values(Regressor):
    X, X_test, y, y_test = train_test_split(*load_diabetes(return_X_y=True), random_state=0)
    assert Regressor(random_state=0).fit(X, y).score(X_test, y_test) > 0.3


@needs_torch
@pytest.mark.parametrize("params", [{"dropout": 0.2}, {"batch_norm": True}, {"swa": True, "max_epochs": 20}])
def test_two_fits_give_the_same_bits(Classifier, wine, torch, params):
    X, X_test, y, _ = wine
    first = Classifier(random_state=3, **params).fit(X, y)
    torch.manual_seed(99)
    second = Classifier(random_state=3, **params).fit(X, y)
    np.testing.assert_array_equal(first.predict_proba(X_test), second.predict_proba(X_test))
    assert first.training_ == second.training_


@needs_torch
def test_leaves_the_random_state_of_torch(Classifier, wine, torch):
    X, _, y, _ = wine
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    Classifier(max_epochs=2).fit(X, y)
    assert torch.equal(torch.rand(3), expected)


@needs_torch
def test_categories_are_learned(Classifier):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 6, size=400).astype(float)
    y = np.isin(codes, [1, 4, 5]).astype(int)
    codes[:20] = np.nan
    X = np.column_stack([rng.normal(size=400), codes])
    model = Classifier(categorical_features=(1,), max_epochs=60).fit(X, y)
    assert model.score(X[20:], y[20:]) == 1.0
    assert model.network_.embeddings[0].weight.shape == (7, 4)


@needs_torch
def test_early_stopping_keeps_the_best_epoch(Classifier, wine):
    X, _, y, _ = wine
    model = Classifier(random_state=0, learning_rate=0.05, max_epochs=300, patience=5).fit(X, y)
    losses = model.training_.validation_losses
    assert len(losses) < 300
    assert model.training_.best_epoch == int(np.argmin(losses)) + 1


@needs_torch
def test_named_validation_rows_are_not_trained_on(Classifier, wine):
    X, _, y, _ = wine
    held = np.arange(len(y)) % 4 == 0
    spoiled = X.copy()
    spoiled[held] += 1e3
    first = Classifier(max_epochs=3, patience=3).fit(X, y, validation=held)
    second = Classifier(max_epochs=3, patience=3).fit(spoiled, y, validation=held)
    assert first.training_.losses == second.training_.losses


@needs_torch
def test_groups_stay_whole(Classifier, wine, monkeypatch):
    X, _, y, _ = wine
    groups = np.arange(len(y)) // 4
    seen = {}
    train = BaseTorchMLP._train

    def spy(self, *args, **settings):
        seen.update(settings)
        return train(self, *args, **settings)

    monkeypatch.setattr(BaseTorchMLP, "_train", spy)
    Classifier(max_epochs=1).fit_by_group(X, y, groups)
    assert seen["watched"].any()
    assert not set(groups[seen["watched"]]) & set(groups[~seen["watched"]])


@needs_torch
def test_weight_zero_is_absence_and_weights_scale(Classifier, wine):
    X, _, y, _ = wine
    fit = {"early_stopping": False, "max_epochs": 5, "batch_size": 1000}
    whole = Classifier(**fit).fit(X, y, sample_weight=np.full(len(y), 7.0))
    plain = Classifier(**fit).fit(X, y)
    np.testing.assert_allclose(whole.predict_proba(X), plain.predict_proba(X), rtol=1e-5)
    weight = (y != 2).astype(float)
    model = Classifier(early_stopping=False, max_epochs=30).fit(X, y, sample_weight=weight)
    assert not (model.predict(X) == 2).any()


@needs_torch
def test_soft_targets_by_hand(Classifier):
    import torch

    scores = torch.tensor([[0.0, np.log(3.0)]], dtype=torch.float64)
    q = torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    hard = torch.tensor([1])
    # p = (1/4, 3/4): soft loss -(log 1/4 + log 3/4) / 2, hard loss -log 3/4.
    soft_loss, hard_loss = -(np.log(0.25) + np.log(0.75)) / 2, -np.log(0.75)
    loss = _torch_mlp._log_loss(1.0, 0.25)(scores, (hard, q))
    assert float(loss) == pytest.approx(0.75 * soft_loss + 0.25 * hard_loss)
    root = np.sqrt(3.0)
    warm = -(np.log(1 / (1 + root)) + np.log(root / (1 + root))) / 2
    assert float(_torch_mlp._log_loss(2.0, 0.0)(scores, (hard, q))) == pytest.approx(4 * warm)


@needs_torch
def test_soft_targets_are_matched(Classifier, wine):
    X, _, y, _ = wine
    Q = np.tile([0.7, 0.2, 0.1], (len(y), 1))
    model = Classifier(max_epochs=60, early_stopping=False).fit(X, y, soft_targets=Q)
    np.testing.assert_allclose(model.predict_proba(X).mean(axis=0), [0.7, 0.2, 0.1], atol=0.02)


@needs_torch
def test_a_loss_that_is_not_finite_names_epoch_and_learning_rate(Regressor):
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(FitError, match=r"the loss is (nan|inf) in epoch \d+ with learning_rate=1e\+30"):
        Regressor(optimizer="sgd", learning_rate=1e30).fit(X, y)


@needs_torch
def test_no_gpu_where_one_is_asked_for(Classifier, wine, torch, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    X, _, y, _ = wine
    with pytest.raises(FitError, match="device: cuda is asked for, PyTorch finds no GPU here"):
        Classifier(device="cuda").fit(X, y)


@needs_torch
def test_a_shared_initialisation(Classifier, wine):
    X, _, y, _ = wine
    settings = {"max_epochs": 1, "learning_rate": 1e-12, "init_random_state": 4}
    one, two = (Classifier(random_state=seed, **settings).fit(X, y).state() for seed in (0, 1))
    other = Classifier(random_state=0, max_epochs=1, learning_rate=1e-12, init_random_state=5).fit(X, y).state()
    np.testing.assert_allclose(one["head.weight"], two["head.weight"], atol=1e-9)
    assert np.abs(one["head.weight"] - other["head.weight"]).max() > 1e-3


@needs_torch
def test_swa_is_the_mean_of_the_last_epochs(Classifier, wine):
    X, _, y, _ = wine
    settings = {"early_stopping": False, "swa_start": 1.0}
    weights = [Classifier(max_epochs=n, **settings).fit(X, y).state()["head.bias"] for n in (3, 4)]
    model = Classifier(max_epochs=4, swa=True, swa_start=0.75).fit(X, y)
    assert model.training_.n_averaged == 2
    np.testing.assert_allclose(model.state()["head.bias"], np.mean(weights, axis=0), rtol=1e-5)


@needs_torch
def test_batch_norm_statistics_are_those_of_all_rows(Classifier, wine):
    X, _, y, _ = wine
    model = Classifier(batch_norm=True, max_epochs=2, hidden_layer_sizes=(8,), early_stopping=False).fit(X, y)
    spoiled = {name: value + 5 if "running_mean" in name else value for name, value in model.state().items()}
    restored = model.with_state(spoiled, X).state()
    first = restored["body.0.weight"] @ model.inputs_.numbers(X).T + restored["body.0.bias"][:, None]
    np.testing.assert_allclose(restored["body.1.running_mean"], first.mean(axis=1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(restored["body.1.running_var"], first.var(axis=1, ddof=1), rtol=1e-4)


@needs_torch
def test_weights_of_another_architecture_are_refused(Classifier, wine):
    X, _, y, _ = wine
    small, large = (Classifier(hidden_layer_sizes=(n,), max_epochs=1).fit(X, y) for n in (4, 8))
    with pytest.raises(FitError, match=r"'body.0.weight' has shape \(8, 13\), expected \(4, 13\)"):
        small.with_state(large.state())


@needs_torch
def test_fine_tuning_starts_from_given_weights(Classifier, wine):
    X, _, y, _ = wine
    base = Classifier(max_epochs=5).fit(X, y)
    tuned = Classifier(max_epochs=1, learning_rate=1e-12).fit(X, y, initial_state=base.state())
    np.testing.assert_allclose(tuned.predict_proba(X), base.predict_proba(X), atol=1e-2)


@needs_torch
def test_fisher_of_a_softmax_regression(Classifier, wine):
    X, _, y, _ = wine
    model = Classifier(hidden_layer_sizes=(), max_epochs=5).fit(X, y)
    p, inputs = model.predict_proba(X), model.inputs_.numbers(X)
    # E x_j**2 p_c (1 - p_c), by d log p_k / d w_cj = (1(k = c) - p_c) x_j.
    expected = (p * (1 - p)).T @ inputs.astype(float) ** 2 / len(X)
    np.testing.assert_allclose(model.fisher(X)["head.weight"], expected, rtol=1e-4)


@needs_torch
def test_fisher_of_a_line(Regressor, wine):
    X, _, y, _ = wine
    model = Regressor(hidden_layer_sizes=(), max_epochs=1).fit(X, y.astype(float))
    expected = (model.inputs_.numbers(X).astype(float) ** 2).mean(axis=0)[None]
    np.testing.assert_allclose(model.fisher(X)["head.weight"], expected, rtol=1e-5)
    np.testing.assert_allclose(model.fisher(X)["head.bias"], [1.0])


@needs_torch
def test_clones_and_pickles(Classifier, wine):
    X, _, y, _ = wine
    model = Classifier(hidden_layer_sizes=(4,), max_epochs=2).fit(X, y)
    assert clone(model).get_params() == model.get_params()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@needs_torch
def test_a_last_batch_of_one_row(Classifier, wine):
    X, _, y, _ = wine
    model = Classifier(batch_norm=True, batch_size=len(y) - 1, early_stopping=False, max_epochs=2).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()


@needs_torch
def test_as_a_learner():
    from fusebench import learners
    from fusebench.spec.model import LearnerSpec

    X, y = load_wine(return_X_y=True)
    spec = LearnerSpec(type="torch_mlp", params={"max_epochs": 20, "hidden_layer_sizes": [16, 8]})
    fitted = learners.fit(spec, X, y, target_type="multiclass", n_classes=4, random_state=0)
    assert fitted.notes == ()
    assert fitted.predict_proba(X).shape == (len(y), 4)
    assert (fitted.predict(X) == y).mean() > 0.9
