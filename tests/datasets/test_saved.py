"""A saved dataset: what goes in comes out, and no changed byte of it is believed."""

import numpy as np
import pandas as pd
import pytest

from fusebench import datasets
from fusebench import spec as specs


@pytest.fixture
def saved(tmp_path):
    frame = pd.DataFrame({"a": [0.5, 1.5] * 10, "b": ["x", "y"] * 10, "y": ["p", "q"] * 10})
    frame.to_csv(tmp_path / "d.csv", index=False)
    dataset = datasets.load(specs.dataset({"name": "d", "path": "d.csv", "target": "y"}), tmp_path)
    datasets.save(dataset, tmp_path / "saved")
    return tmp_path / "saved"


def test_it_comes_back(saved):
    assert datasets.is_intact(saved)
    found = datasets.open_saved(saved)
    assert list(found.X.columns) == ["a", "b"]
    np.testing.assert_array_equal(found.targets[0].y, [0, 1] * 10)


def test_every_changed_or_missing_file_is_noticed(saved):
    for path in sorted(saved.iterdir()):
        whole = path.read_bytes()
        step = max(len(whole) // 40, 1)
        for position in range(0, len(whole), step):
            changed = bytearray(whole)
            changed[position] ^= 1
            path.write_bytes(bytes(changed))
            assert not datasets.is_intact(saved), (path.name, position)
            path.write_bytes(whole[:position])
            assert not datasets.is_intact(saved), (path.name, position)
        path.unlink()
        assert not datasets.is_intact(saved), path.name
        path.write_bytes(whole)
    (saved / "more").write_bytes(b"")
    assert not datasets.is_intact(saved)
