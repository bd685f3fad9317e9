from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_linnerud

from fusebench.errors import FitError
from fusebench.learners._lambdas import check_lambdas
from fusebench.learners._targets import Target
from fusebench.learners._torch_multitask import TorchMultitask

needs_torch = pytest.mark.slow


@pytest.fixture
def heads():
    pytest.importorskip("torch")
    from fusebench.learners import _torch_heads

    return _torch_heads


@pytest.fixture
def iris():
    """Return three features, the class, and the fourth feature as a value to predict."""
    pytest.importorskip("torch")
    X, y = load_iris(return_X_y=True)
    species = Target(name="species", y=y, target_type="multiclass", n_classes=3)
    return X[:, :3], [species, Target(name="width", y=X[:, 3], target_type="continuous")]


def tensors(*rows):
    import torch

    return [torch.tensor(row, dtype=torch.float64) for row in rows]


@needs_torch
@pytest.mark.parametrize("weighting", ["fixed", "uncertainty", "gradnorm"])
def test_learns_both_targets(iris, weighting):
    X, targets = iris
    model = TorchMultitask(weighting=weighting, random_state=0).fit_targets(X, targets)
    codes, values = model.predict_targets(X)
    assert (codes == targets[0].y).mean() > 0.93
    assert np.mean((values - targets[1].y) ** 2) < 0.06
    proba, none = model.predict_proba_targets(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert none is None


@needs_torch
def test_two_fits_give_the_same_bits(iris):
    X, targets = iris
    first, second = (TorchMultitask(weighting="gradnorm", max_epochs=5).fit_targets(X, targets) for _ in range(2))
    assert first.training_ == second.training_
    np.testing.assert_array_equal(first.predict_targets(X)[1], second.predict_targets(X)[1])


@needs_torch
def test_losses_by_hand(heads):
    import torch

    from fusebench.learners._torch_net import Batch

    outputs = [torch.tensor([[0.0, np.log(3.0)]] * 3), torch.tensor([[1.0], [2.0], [5.0]])]
    targets = (torch.tensor([1, -1, 0]), torch.tensor([0.0, 4.0, np.nan]))
    batch = Batch(
        numbers=torch.zeros(3, 1), codes=torch.zeros(3, 0), targets=targets, weight=torch.tensor([1.0, 3.0, 1.0])
    )
    losses, present = heads.target_losses(outputs, batch, [True, False])
    # p = (1/4, 3/4): (-log 3/4 - log 1/4) / 2; errors 1 and 4 with weights 1 and 3: 13 / 4.
    assert losses.tolist() == pytest.approx([-(np.log(0.75) + np.log(0.25)) / 2, 13 / 4])
    assert present.tolist() == [2.0, 4.0]


@needs_torch
def test_a_missing_target_has_no_gradient(heads):
    import torch

    from fusebench.learners._torch_net import Batch

    scores = torch.tensor([[1.0], [2.0]], requires_grad=True)
    batch = Batch(
        numbers=torch.zeros(2, 1),
        codes=torch.zeros(2, 0),
        targets=(torch.tensor([np.nan, 1.0]),),
        weight=torch.ones(2),
    )
    losses, _ = heads.target_losses([scores], batch, [False])
    losses.sum().backward()
    assert scores.grad.tolist() == [[0.0], [2.0]]


@needs_torch
def test_uncertainty_by_hand(heads):
    import torch

    losses, log_variance = tensors([2.0, 3.0], [0.0, np.log(4.0)])
    # Class: 2 + 0; value: 3 / (2 * 4) + log(4) / 2 = log 2.
    total = heads.uncertainty_loss(losses, log_variance, torch.tensor([True, False]))
    assert float(total) == pytest.approx(2 + 3 / 8 + np.log(2))


@needs_torch
def test_gradnorm_by_hand(heads):
    lambdas, norms, losses, initial = tensors([1.0, 1.0], [4.0, 2.0], [1.0, 1.0], [2.0, 1.0])
    # G = (4, 2), mean 3; ratios (1/2, 1), rates (2/3, 4/3); targets (2, 4): slopes (4, -2).
    # (1 - .4, 1 + .2) = (.6, 1.2), scaled back to a sum of 2.
    moved = heads.gradnorm_step(lambdas, norms, losses, initial, alpha=1.0, learning_rate=0.1)
    assert moved.tolist() == pytest.approx([2 / 3, 4 / 3])


@needs_torch
def test_a_lambda_of_zero_leaves_a_head_as_it_was(iris):
    X, targets = iris
    import torch

    model = TorchMultitask(lambdas=(1.0, 0.0), max_epochs=3, weight_decay=0.0).fit_targets(X, targets)
    other = TorchMultitask(lambdas=(1.0, 0.0), max_epochs=1, learning_rate=1e-12).fit_targets(X, targets)
    assert torch.allclose(model.network_.heads[1].weight, other.network_.heads[1].weight, atol=1e-9)
    assert not torch.allclose(model.network_.heads[0].weight, other.network_.heads[0].weight, atol=1e-4)


@needs_torch
def test_missing_targets_are_masked(iris):
    X, (species, width) = iris
    rng = np.random.default_rng(0)
    some = rng.random(len(X)) < 0.5
    codes, values = np.where(some, species.y, -1), np.where(some, np.nan, width.y)
    targets = [
        Target(name="species", y=codes, target_type="multiclass", n_classes=3),
        Target(name="width", y=values, target_type="continuous"),
    ]
    found, predicted = TorchMultitask(random_state=0).fit_targets(X, targets).predict_targets(X)
    assert (found == species.y).mean() > 0.9
    assert np.corrcoef(predicted, width.y)[0, 1] > 0.9


@needs_torch
def test_a_target_that_is_missing_or_constant(iris):
    X, (species, _) = iris
    nothing = Target(name="none", y=np.full(len(X), np.nan), target_type="continuous")
    with pytest.raises(FitError, match="target 'none' is missing on all rows"):
        TorchMultitask(max_epochs=1).fit_targets(X, [species, nothing])
    constant = Target(name="same", y=np.full(len(X), 7.0), target_type="continuous")
    _, same = TorchMultitask(random_state=0).fit_targets(X, [species, constant]).predict_targets(X)
    np.testing.assert_array_equal(same, 7)
    only = Target(name="only", y=np.full(len(X), 1), target_type="multiclass", n_classes=3)
    model = TorchMultitask(max_epochs=1).fit_targets(X, [species, only])
    np.testing.assert_array_equal(model.predict_proba_targets(X)[1], np.tile([0.0, 1.0, 0.0], (len(X), 1)))


@needs_torch
def test_values_alone(iris):
    X, Y = load_linnerud(return_X_y=True)
    targets = [Target(name=str(n), y=Y[:, n], target_type="continuous") for n in range(3)]
    predicted = TorchMultitask(early_stopping=False, max_epochs=300).fit_targets(X, targets).predict_targets(X)
    assert all(np.corrcoef(one, Y[:, n])[0, 1] > 0.5 for n, one in enumerate(predicted))


@needs_torch
def test_a_loss_that_is_not_finite(iris):
    X, targets = iris
    with pytest.raises(FitError, match=r"in epoch \d+ with learning_rate=1e\+30"):
        TorchMultitask(optimizer="sgd", learning_rate=1e30).fit_targets(X, targets)


@pytest.mark.parametrize(
    ("lambdas", "message"),
    [
        ((1.0,), "lambdas: got 1, expected 2 (one per target: a, b)"),
        ((1.0, -1.0), "lambdas: got [1.0, -1.0], each must be a finite number of at least 0"),
        ((0.0, 0.0), "lambdas: all are 0, at least one must be positive"),
        ((1.0, 2.0), ""),
        (None, ""),
        (2.0, "lambdas: got 2.0, expected a list of numbers, one per target"),
    ],
)
def test_check_lambdas(lambdas, message):
    assert check_lambdas(lambdas, ["a", "b"]) == message
