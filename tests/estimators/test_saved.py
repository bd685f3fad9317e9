"""Model files: what was fitted comes back, and nothing else does."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

from fusebench.errors import ModelError, StorageError, UsageError
from fusebench.estimators import FusedClassifier, FusedRegressor
from fusebench.estimators.saved import load, read, save
from fusebench.fusions.base import REGISTRY
from tests.estimators.test_fused import LEARNERS, table

SAVED_LEARNERS = {**LEARNERS, "xgb": {"type": "xgboost", "n_estimators": 3}, "lgbm": {"type": "lightgbm", "n_estimators": 3},
                  "hgb": {"type": "hist_gradient_boosting", "max_iter": 3}, "knn": "knn", "svc": "svc",
                  "gp": "gaussian_process", "mlp": {"type": "mlp", "max_iter": 20, "early_stopping": True}}  # fmt: skip


def test_every_kind_of_learner_comes_back(tmp_path):
    frame = table()
    y = frame.pop("y")
    frame["note"] = [f"{'word' * (n % 5 + 8)} and number {n} of a long text" for n in range(len(frame))]
    model = FusedClassifier(SAVED_LEARNERS, "uniform_average").fit(frame, y)
    save(model, tmp_path / "model.skops", facts={"dataset": "mine"})
    back = read(tmp_path / "model.skops")
    assert back.facts["dataset"] == "mine"
    assert back.notes == ()
    assert (back.model.predict_proba(frame) == model.predict_proba(frame)).all()
    assert (back.model.predict(frame) == model.predict(frame)).all()
    assert list(back.model.feature_names_in_) == list(frame.columns)


@pytest.mark.parametrize(
    ("net", "needs"),
    [
        ({"type": "torch_mlp", "hidden_layer_sizes": [6, 4], "batch_norm": True, "dropout": 0.1}, "torch"),
        ({"type": "torch_mlp", "hidden_layer_sizes": [6], "activation": "tanh", "embedding_dim": 2}, "torch"),
        ({"type": "torch_mlp", "hidden_layer_sizes": [8], "compress": "structured"}, "torch"),
        ({"type": "torch_mlp", "hidden_layer_sizes": [8], "compress": "half"}, "torch"),
        ({"type": "torch_mlp", "hidden_layer_sizes": [8], "batch_norm": True, "compress": "int8"}, "torch"),
        ({"type": "torch_mlp", "hidden_layer_sizes": [8], "compress": {"type": "magnitude", "amount": 0.5}}, "torch"),
        ({"type": "torch_multitask", "hidden_layer_sizes": [6]}, "torch"),
        ({"type": "catboost", "iterations": 5}, "catboost"),
    ],
    ids=str,
)
def test_networks_and_catboost_come_back(net, needs, tmp_path):
    pytest.importorskip(needs)
    frame = table().drop(columns="when")
    labels, values = frame.pop("y"), frame["a"] * 2
    learners = {"net": net if needs == "catboost" else {**net, "max_epochs": 2}, "nb": "gaussian_nb"}
    for kind, y in ((FusedClassifier, labels), (FusedRegressor, values)):
        members = learners if kind is FusedClassifier else {"net": learners["net"]}
        model = kind(members, "uniform_average").fit(frame, y)
        save(model, tmp_path / "model.skops")
        back = load(tmp_path / "model.skops")
        assert (back.predict(frame) == model.predict(frame)).all()
        if kind is FusedClassifier:
            assert (back.predict_proba(frame) == model.predict_proba(frame)).all()
    assert b"pickle" not in (tmp_path / "model.skops").read_bytes()


def test_weights_of_another_architecture_are_damage(tmp_path):
    pytest.importorskip("torch")
    X, y = load_iris(return_X_y=True)
    model = FusedClassifier({"net": {"type": "torch_mlp", "hidden_layer_sizes": [4], "max_epochs": 1}}, "net").fit(X, y)
    network = model.model_.learners["net"][0].fitted.estimator.network_
    network.head.weight.data = network.head.weight.data[:, :2]
    save(model, tmp_path / "model.skops")
    with pytest.raises(ModelError, match=r"damaged.*another architecture"):
        load(tmp_path / "model.skops")


@pytest.mark.parametrize("name", REGISTRY.names())
def test_every_fusion_comes_back(name, tmp_path):
    X, y = load_iris(return_X_y=True)
    fusion = {"type": name}
    if name in {"distillation", "bagging", "boosting"}:
        fusion |= {"members": ["tree"]}
    if name in {"bagging", "boosting"}:
        fusion |= {"n_estimators": 2}
    model = FusedClassifier(LEARNERS, fusion, cv=3)
    try:
        model.fit(X, y)
    except UsageError as error:
        pytest.skip(f"{name} needs other members or an extra: {error}")
    save(model, tmp_path / "model.skops")
    assert (load(tmp_path / "model.skops").predict_proba(X) == model.predict_proba(X)).all()


def small() -> FusedRegressor:
    X, y = load_diabetes(return_X_y=True)
    return FusedRegressor({"tree": {"type": "decision_tree", "max_depth": 2}}, "tree").fit(X, y)


def rewritten(path: Path, changes: dict[str, bytes]) -> None:
    """Replace members of a model file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**members, **changes}.items():
            archive.writestr(name, content)


@pytest.fixture
def path(tmp_path) -> Path:
    save(small(), tmp_path / "model.skops")
    return tmp_path / "model.skops"


class Payload:
    def __reduce__(self):
        return os.system, ("touch /tmp/fusebench-was-here",)


def test_a_pickle_is_not_loaded(tmp_path):
    file = tmp_path / "model.skops"
    file.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(ModelError, match="looks like a pickle"):
        load(file)


def test_a_function_hidden_in_the_model_is_named_and_not_loaded(path):
    with zipfile.ZipFile(path) as archive:
        schema = json.loads(archive.read("schema.json"))
    schema["content"]["content"]["text"] = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}
    rewritten(path, {"schema.json": json.dumps(schema).encode()})
    with pytest.raises(ModelError, match=r"the type os\.system, which fusebench does not trust"):
        load(path)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("fusebench.cli", "main"),
        ("sklearn.datasets", "fetch_openml"),
        ("fusebench.learners.base", "importlib"),
        ("fusebench.engine.store", "Store"),
    ],
)
def test_trusted_packages_do_not_lend_their_functions_or_imports(path, module, name):
    with zipfile.ZipFile(path) as archive:
        schema = json.loads(archive.read("schema.json"))
    schema["content"]["content"]["text"] = {"__class__": name, "__module__": module, "__loader__": "TypeNode"}
    rewritten(path, {"schema.json": json.dumps(schema).encode()})
    with pytest.raises(ModelError, match=f"{module}.{name}"):
        load(path)


def test_a_tree_that_leads_out_of_itself_is_not_loaded(path):
    with zipfile.ZipFile(path) as archive:
        arrays = {name: archive.read(name) for name in archive.namelist() if name.endswith(".npy")}
    for name, content in arrays.items():
        nodes = np.load(io.BytesIO(content))
        if nodes.dtype.names and "left_child" in nodes.dtype.names:
            nodes["left_child"][0] = 10_000_000
            buffer = io.BytesIO()
            np.save(buffer, nodes)
            rewritten(path, {name: buffer.getvalue()})
    with pytest.raises(ModelError, match="lead out of it"):
        load(path)


def test_a_zip_bomb_is_not_unpacked(path):
    rewritten(path, {"bomb.npy": bytes(300_000_000)})
    assert path.stat().st_size < 1_000_000
    with pytest.raises(ModelError, match="zip bomb"):
        load(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_cut_off_file_is_not_loaded(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError, match=r"model\.skops"):
        load(path)


@pytest.mark.parametrize("schema", [b"{}", b"[" * 200_000, b"not json"])
def test_a_changed_schema_is_damage(path, schema):
    rewritten(path, {"schema.json": schema})
    with pytest.raises(ModelError, match="damaged"):
        load(path)


def test_other_files_are_named(tmp_path, path):
    with pytest.raises(StorageError, match=r"nothing\.skops"):
        load(tmp_path / "nothing.skops")
    rewritten(path, {"fusebench.json": json.dumps({"format": "fusebench-model", "schema_version": 99}).encode()})
    with pytest.raises(ModelError, match="newer fusebench"):
        load(path)
    with zipfile.ZipFile(tmp_path / "other.skops", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(ModelError, match="not a model of fusebench"):
        load(tmp_path / "other.skops")


def test_other_versions_are_a_note(path):
    facts = {"format": "fusebench-model", "schema_version": 1, "versions": {"scikit-learn": "0.1"}}
    rewritten(path, {"fusebench.json": json.dumps(facts).encode()})
    assert read(path).notes[0].startswith("saved with scikit-learn 0.1, this is ")


def test_what_has_no_safe_form_is_not_written(tmp_path):
    model = small()
    model.odd_ = Payload()
    with pytest.raises(ModelError, match="Payload"):
        save(model, tmp_path / "model.skops")
    assert not list(tmp_path.iterdir())
