"""Nothing that is read runs code: pickles and tags in every place where a file is read."""

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from faults import ARGV, fresh


class Payload:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (Path(self.path),))


@pytest.fixture
def folder(forge, tmp_path):
    """A finished run."""
    fresh(tmp_path / "run")
    assert forge.run(ARGV, tmp_path / "run")["code"] == 0
    return tmp_path / "run"


@pytest.fixture
def payloads(tmp_path):
    """Pickles as they are, inside an array of objects, and inside archives."""
    evil = Payload(tmp_path / "owned")
    plain = pickle.dumps(evil)
    array = io.BytesIO()
    np.save(array, np.array([evil], dtype=object), allow_pickle=True)
    several = io.BytesIO()
    np.savez(several, a=np.array([evil], dtype=object))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("data.pkl", plain)
        archive.writestr("../../escaped", plain)
        archive.writestr(
            "schema.json", json.dumps({"__class__": "system", "__module__": "os", "__loader__": "ObjectNode"})
        )
    text = f"!!python/object/apply:pathlib.Path.touch [{tmp_path / 'owned'}]\n".encode()
    return [plain, array.getvalue(), several.getvalue(), packed.getvalue(), text]


def harmless(forge, folder, argv, codes):
    done = forge.run(argv, folder)
    assert done["code"] in codes, (argv, done["code"], done["stderr"])
    assert "Traceback" not in done["stderr"]
    assert bool(done["code"]) == bool(done["stderr"].strip()) or done["code"] == 0
    assert not (folder.parent / "owned").exists()
    assert not (folder.parent / "escaped").exists()
    return done


def test_the_payload_is_a_real_one(payloads, tmp_path):
    pickle.loads(payloads[0])
    assert (tmp_path / "owned").exists()


@pytest.mark.slow
def test_in_every_file_of_a_store(forge, folder, payloads):
    scores = (folder / "results/small/scores.csv").read_bytes()
    store = folder / ".fusebench"
    for payload in payloads:
        for path in [*store.glob("objects/*/*"), *store.glob("data/*/*"), store / "costs.json"]:
            path.write_bytes(payload)
        harmless(forge, folder, ["cache", "verify"], {0, 2, 3, 74})
        harmless(forge, folder, ["cache", "info"], {0})
        done = harmless(forge, folder, ARGV, {0})
        assert (folder / "results/small/scores.csv").read_bytes() == scores, done["stderr"]


@pytest.mark.slow
def test_in_every_file_of_a_run_folder(forge, folder, payloads):
    run = folder / "results" / "small"
    whole = {path: path.read_bytes() for path in run.iterdir() if path.is_file()}
    for payload in payloads:
        for path in whole:
            path.write_bytes(payload)
        for argv in (["diff", "results/small", "results/small"], ["report", "results/small"]):
            harmless(forge, folder, argv, {2, 3, 74})
        harmless(forge, folder, ["stats", "results/small/scores.csv"], {2, 74})
        for path, raw in whole.items():
            path.write_bytes(raw)


@pytest.mark.slow
def test_in_specs_baselines_models_and_tables(forge, folder, payloads):
    for payload in payloads:
        for name in (
            "spec.yaml",
            "base.json",
            "m.skops",
            "d.csv",
            "d.parquet",
            "d.feather",
            "d.csv.gz",
            "d.xlsx",
            "d.npz",
        ):
            (folder / name).write_bytes(payload)
        harmless(forge, folder, ["run", "spec.yaml"], {2})
        harmless(forge, folder, ["validate", "spec.yaml"], {2})
        harmless(forge, folder, ["check", "base.json", "small.yaml", "-q"], {3})
        harmless(forge, folder, ["stats", "d.csv"], {2, 74})
        harmless(forge, folder, ["fuse", "d.csv"], {2, 74})
        harmless(forge, folder, ["predict", "m.skops", "d.csv"], {2, 3, 74})
        for name in ("d.csv", "d.parquet", "d.feather", "d.csv.gz", "d.xlsx", "d.npz"):
            argv = ["compare", "--datasets", f"./{name}", "--target", "y", "--learners", "nb", "--jobs", "1"]
            harmless(forge, folder, argv, {2, 74})


def test_datasets_yaml_beside_the_spec(forge, folder, payloads):
    (folder / "datasets.yaml").write_bytes(payloads[-1])
    harmless(forge, folder, ["run", "small.yaml"], {2})


@pytest.mark.parametrize("data_key", ["../../victim", "/", "", None, 5])
def test_a_forged_entry_leads_nowhere(forge, folder, data_key):
    """Whoever writes a store may not make a run read or move what lies outside it."""
    from fusebench.engine.store import Entry, Store, read_entry

    victim = folder / "victim"
    victim.mkdir()
    (victim / "letter").write_text("dear")
    store = Store(folder / ".fusebench")
    for key in list(store.keys()):
        entry = read_entry(store.path(key))
        if entry.kind == "dataset":
            store.put(key, Entry("dataset", {**entry.meta, "data_key": data_key}))
    done = forge.run(ARGV, folder)
    assert done["code"] == 0, done["stderr"]
    assert (victim / "letter").read_text() == "dear"


MONSTERS = {
    "nested deeply": b'{"schema_version": ' + b"[" * 100_000,
    "a number of 5,000 digits": b'{"schema_version": 1' + b"0" * 5_000 + b"}",
    "a number beyond all": b'{"schema_version": 1e999}',
    "half a letter": b'{"schema_version": "\xc3',
    "a date that is none": b"schema_version: 2024-13-45\n",
    "an alias of itself": b"schema_version: &a [*a]\n",
    "nothing": b"",
    "a list": b"[]\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", MONSTERS)
def test_monsters_in_every_text_that_is_read(forge, folder, what):
    """Deep nests and endless numbers are refused like any other damage, never called a bug."""
    raw = MONSTERS[what]
    assert forge.run(["check", "base.json", "small.yaml", "--update", "-q"], folder)["code"] == 0
    run = folder / "results" / "small"
    for path in (run / "summary.json", run / "environment.json", run / "spec.yaml", run / "scores.csv"):
        whole = path.read_bytes()
        path.write_bytes(raw)
        may = {0, 3} if path.name in {"spec.yaml", "environment.json"} else {2, 3}
        harmless(forge, folder, ["check", "base.json", "results/small", "-q"], may)
        harmless(forge, folder, ["report", "results/small"], may)
        path.write_bytes(whole)
    (folder / "base.json").write_bytes(raw)
    harmless(forge, folder, ["check", "base.json", "results/small", "-q"], {3})
    (folder / ".fusebench" / "costs.json").write_bytes(raw)
    harmless(forge, folder, ARGV, {0})
    (folder / "datasets.yaml").write_bytes(raw)
    harmless(forge, folder, ["run", "small.yaml"], {2})
