"""The store: what goes in comes out, and no changed byte is ever believed."""

import numpy as np
import pytest

from fusebench.engine import maintenance
from fusebench.engine.store import CorruptEntryError, Entry, Sealed, Store, decode_entry, seal
from fusebench.errors import StorageError

KEY = "ab" * 32


@pytest.fixture
def entry():
    arrays = {
        "proba": np.arange(12, dtype=np.float32).reshape(4, 3),
        "labels": np.array([0, 1, 2, 1], dtype=np.uint8),
        "empty": np.empty((0, 3)),
        "flags": np.array([True, False]),
    }
    return Entry("any", {"cpu": 0.25, "notes": ["ü"]}, arrays)


def test_an_entry_comes_back_as_it_went_in(tmp_path, entry):
    store = Store(tmp_path)
    store.put(KEY, entry)
    found = store.get(KEY)
    assert found.kind == "any"
    assert found.meta == entry.meta
    assert list(found.arrays) == list(entry.arrays)
    for name, array in entry.arrays.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)
        assert not (array.size and found.arrays[name].flags.writeable)


def test_large_arrays_are_mapped(tmp_path):
    store = Store(tmp_path)
    large = np.random.default_rng(0).random(300_000)
    store.put(KEY, Entry("any", {}, {"proba": large}))
    np.testing.assert_array_equal(store.get(KEY).arrays["proba"], large)


def test_an_absent_key_is_a_miss(tmp_path):
    assert Store(tmp_path).get(KEY) is None
    assert not Store(tmp_path).has(KEY)


def test_every_flipped_byte_and_every_truncation_is_noticed(tmp_path, entry):
    store = Store(tmp_path)
    store.put(KEY, entry)
    raw = store.path(KEY).read_bytes()
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 0xFF
        with pytest.raises(CorruptEntryError):
            decode_entry(bytes(changed))
        with pytest.raises(CorruptEntryError):
            decode_entry(raw[:position])
    with pytest.raises(CorruptEntryError):
        decode_entry(raw + b"\0")


def test_a_damaged_entry_is_set_aside_and_reported(tmp_path, entry):
    reported = []
    store = Store(tmp_path, on_corrupt=reported.append)
    store.put(KEY, entry)
    raw = bytearray(store.path(KEY).read_bytes())
    raw[-1] ^= 1
    store.path(KEY).write_bytes(bytes(raw))
    assert store.get(KEY) is None
    assert not store.has(KEY)
    assert reported == [store.path(KEY)]
    assert len(list((tmp_path / "corrupt").iterdir())) == 1


def test_objects_are_refused(tmp_path):
    with pytest.raises(TypeError, match="not plain bytes"):
        Store(tmp_path).put(KEY, Entry("any", {}, {"bad": np.array([object()])}))
    with pytest.raises(ValueError, match="JSON"):
        Store(tmp_path).put(KEY, Entry("any", {"nan": float("nan")}))


def test_a_pickle_in_the_place_of_an_entry_is_a_miss(tmp_path):
    import pickle

    store = Store(tmp_path)
    store.path(KEY).parent.mkdir(parents=True)
    store.path(KEY).write_bytes(pickle.dumps({"a": 1}))
    assert store.get(KEY) is None


def forged(header, payload=b""):
    """Return an entry with right checksums and whatever header."""
    import hashlib
    import json

    digest = hashlib.sha256(payload).hexdigest()
    text = json.dumps({"payload_bytes": len(payload), "payload_sha256": digest, **header}).encode()
    first = b"fusebench-entry 1 %d %s\n" % (len(text), hashlib.sha256(text).hexdigest().encode())
    return first + text + bytes(-(len(first) + len(text)) % 64) + payload


@pytest.mark.parametrize(
    "array",
    [
        {"dtype": "|O", "shape": [1], "offset": 0}, {"dtype": "i4,O", "shape": [1], "offset": 0},
        {"dtype": "<f8", "shape": [9], "offset": 0}, {"dtype": "<f8", "shape": [1], "offset": 60},
        {"dtype": "<f8", "shape": [-1], "offset": 0}, {"dtype": "<f8", "shape": [1 << 62, 8], "offset": 0},
        {"dtype": "nonsense", "shape": [1], "offset": 0}, {"dtype": "<f8", "shape": 3, "offset": 0}, {"shape": [1]},
    ],
)  # fmt: skip
def test_an_entry_that_somebody_forged_is_a_miss(tmp_path, array):
    store = Store(tmp_path)
    store.path(KEY).parent.mkdir(parents=True)
    store.path(KEY).write_bytes(forged({"kind": "any", "meta": {}, "arrays": [{"name": "a", **array}]}, bytes(64)))
    assert store.get(KEY) is None
    assert not store.has(KEY)


@pytest.mark.parametrize("header", [{}, {"arrays": 5}, {"payload_bytes": "many"}, {"kind": "any", "arrays": [None]}])
def test_a_forged_header_is_a_miss(tmp_path, header):
    store = Store(tmp_path)
    store.path(KEY).parent.mkdir(parents=True)
    store.path(KEY).write_bytes(forged(header))
    assert store.get(KEY) is None


def test_a_pipe_in_the_place_of_an_entry_is_not_waited_for(tmp_path):
    import os

    store = Store(tmp_path)
    store.path(KEY).parent.mkdir(parents=True)
    os.mkfifo(store.path(KEY))
    assert store.get(KEY) is None


def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path, entry, monkeypatch):
    from fusebench import io

    store = Store(tmp_path)
    monkeypatch.setenv("FUSEBENCH_FAULT", "enospc:3")
    monkeypatch.setattr(io, "_counter", iter(range(1, 1000)))
    with pytest.raises(StorageError, match="No space left"):
        store.put(KEY, entry)
    assert not store.has(KEY)
    assert list(store.scratch.iterdir()) == []


def test_many_entries_at_once(tmp_path, entry):
    store = Store(tmp_path)
    keys = [f"{n:064x}" for n in range(20)]
    store.put_many(dict.fromkeys(keys, entry))
    assert sorted(store.keys()) == sorted(keys)
    store.remove(keys[0])
    assert not store.has(keys[0])


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("absent", "check the name"),
        ("taken/below", "a part of the name is a file, name another folder"),
        ("folder", "name a file"),
        ("x" * 300, "give a shorter one"),
    ],
)
def test_a_name_that_is_no_file_is_told_what_to_do(tmp_path, name, advice):
    from fusebench import io

    (tmp_path / "taken").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match=advice), io.storage_errors(tmp_path):
        io.read_bytes(tmp_path / name)


def test_entries_of_another_layout_are_not_found_and_go_with_the_leftovers(tmp_path, entry):
    store = Store(tmp_path)
    store.put(KEY, entry)
    other = tmp_path / "objects" / "abcd" / KEY
    other.parent.mkdir()
    other.write_bytes(store.path(KEY).read_bytes())
    assert list(store.keys()) == [KEY]
    assert maintenance.verify(tmp_path) == (1, 0)
    size = other.stat().st_size
    assert maintenance.gc(tmp_path, None) == {"entries": 0, "bytes": size}
    assert not other.exists()
    assert store.has(KEY)


def test_a_sealed_entry_is_stored_in_the_same_bytes(tmp_path, entry):
    one, other = Store(tmp_path / "one"), Store(tmp_path / "other")
    sealed = seal(entry)
    assert isinstance(sealed, Sealed)
    one.put(KEY, entry)
    other.put_many({KEY: sealed})
    assert one.path(KEY).read_bytes() == other.path(KEY).read_bytes()
    assert sealed.opened().meta == entry.opened().meta


@pytest.mark.parametrize(("meta", "seconds"), [({"wall": 1.5, "predict": 0.25}, 1.75), ({"scores": []}, None)])
def test_what_an_entry_took_is_known_without_opening_it(meta, seconds):
    assert (Entry("fit", meta).seconds, seal(Entry("fit", meta)).seconds) == (seconds, seconds)


def test_large_entries_are_not_joined():
    large = Entry("fit", {}, {"proba0": np.zeros(1 << 18)})
    assert seal(large) is large
