"""Compressions of PyTorch networks."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_wine

from fusebench import compressions, encoders, learners
from fusebench.spec.model import CompressSpec, LearnerSpec

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")


def compressed(estimator, type_, **params):
    return compressions.compressed(CompressSpec(type=type_, params=params), estimator)


@pytest.fixture(scope="module")
def wine():
    return load_wine(return_X_y=True)


@pytest.fixture(scope="module")
def net(wine):
    params = {"hidden_layer_sizes": [64, 32], "max_epochs": 30, "batch_norm": True}
    spec = LearnerSpec(type="torch_mlp", params=params)
    return learners.fit(spec, *wine, target_type="multiclass", n_classes=3, random_state=0).estimator


def test_an_8_bit_layer_by_hand():
    from fusebench.compressions._torch import Int8Embedding, Int8Linear

    linear = torch.nn.Linear(2, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0, -4.0], [0.5, 2.0]]))
        linear.bias.copy_(torch.tensor([10.0, 20.0]))
    small = Int8Linear(linear)
    assert small.weight.tolist() == [[32, -127], [32, 127]]  # 31.75 and 31.75 round up
    out = small(torch.tensor([[127.0, 0.0], [0.0, 0.0]]))  # the first row is exact in 8 bits
    np.testing.assert_allclose(out.numpy(), [[127 * 32 * 4 / 127 + 10, 127 * 32 * 2 / 127 + 20], [10, 20]], rtol=1e-6)
    assert small(torch.zeros((0, 2))).shape == (0, 2)
    assert small(torch.zeros((3, 5, 2))).shape == (3, 5, 2)
    embedding = torch.nn.Embedding.from_pretrained(torch.tensor([[1.0, -0.5], [0.0, 0.0]]))
    np.testing.assert_allclose(
        Int8Embedding(embedding)(torch.tensor([0, 1])).numpy(), [[1, -64 / 127], [0, 0]], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("type_", "params", "agree", "share"),
    [
        ("half", {}, 0.99, 0.6),
        ("int8", {}, 0.97, 0.6),
        ("magnitude", {"amount": 0.5}, 0.9, 0.75),
        ("structured", {"amount": 0.25}, 0.8, 0.75),
    ],
)
def test_a_network(net, wine, type_, params, agree, share):
    before = net.state()
    small = compressed(net, type_, **params)
    assert (small.predict(wine[0]) == net.predict(wine[0])).mean() >= agree
    assert len(pickle.dumps(small)) < share * len(pickle.dumps(net)) + 2000
    assert all(np.array_equal(before[name], value) for name, value in net.state().items())
    again = pickle.loads(pickle.dumps(compressed(net, type_, **params)))
    assert again.predict_proba(wine[0]).tobytes() == small.predict_proba(wine[0]).tobytes()


def test_what_magnitude_leaves_is_the_networks_own(net):
    own, left = net.state(), compressed(net, "magnitude", amount=0.5).whole().state()
    linear = [name for name, value in own.items() if value.ndim == 2]
    dropped = sum(int((left[name] == 0).sum()) for name in linear)
    assert dropped == round(0.5 * sum(own[name].size for name in linear))
    for name, value in own.items():
        same = (left[name] == value) | (left[name] == 0) if name in linear else left[name] == value
        assert np.all(same)
    kept = np.concatenate([np.abs(own[name][left[name] != 0]) for name in linear])
    gone = np.concatenate([np.abs(own[name][left[name] == 0]) for name in linear])
    assert kept.min() >= gone.max()


def test_structured_pruning_leaves_the_outputs_of_the_units_that_stay(net, wine):
    small = compressed(net, "structured", amount=0.5)
    assert small.hidden_layer_sizes == (32, 16)
    shapes = {name: value.shape for name, value in small.state().items()}
    assert shapes["body.0.weight"] == (32, 13)
    assert shapes["body.1.running_mean"] == (32,)
    assert shapes["body.3.weight"] == (16, 32)
    assert shapes["head.weight"] == (3, 16)


@pytest.mark.parametrize("type_", ["int8", "half", "magnitude"])
def test_a_language_model(tiny_bert, reviews, type_):
    pytest.importorskip("peft")
    X, y = reviews
    params = {"model": str(tiny_bert), "tune": "all", "max_epochs": 12, "learning_rate": 0.01, "batch_size": 8}
    spec = LearnerSpec(type="transformer", params=params)
    Z = encoders.make("text").fit_transform(X, y)
    plain = learners.fit(spec, Z, y, target_type="binary", n_classes=2, random_state=0)
    small = learners.compressed(plain, CompressSpec(type=type_, params={"amount": 0.3} if type_ == "magnitude" else {}))
    assert (small.predict(Z) == plain.predict(Z)).mean() > 0.9
    again = pickle.loads(pickle.dumps(small.estimator))
    assert again.predict_proba(Z).tobytes() == small.predict_proba(Z).tobytes()
