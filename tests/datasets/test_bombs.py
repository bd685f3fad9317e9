"""Small files that would fill memory are refused before they do."""

import bz2
import gzip
import lzma
import os
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from fusebench import datasets
from fusebench import spec as specs
from fusebench.datasets import _compressed
from fusebench.errors import DataError

HEAD, ROW, TIMES = b"a,y\n", b"0,1\n", 300_000


def load(tmp_path, name):
    return datasets.load(specs.dataset({"name": "d", "path": name, "target": "y"}), tmp_path)


@pytest.fixture
def small_bound(monkeypatch):
    """A bomb of a megabyte does as well as one of a gigabyte."""
    monkeypatch.setattr(_compressed, "ALWAYS_ALLOWED", 100_000)


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst", "zip"])
def test_a_compressed_bomb(tmp_path, small_bound, suffix):
    path = tmp_path / f"d.csv.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("d.csv", HEAD + ROW * TIMES)
    elif suffix == "zst":
        with pa.CompressedOutputStream(str(path), "zstd") as file:
            file.write(HEAD + ROW * TIMES)
    else:
        with {"gz": gzip, "bz2": bz2, "xz": lzma}[suffix].open(path, "wb") as file:
            file.write(HEAD + ROW * TIMES)
    with pytest.raises(DataError, match="expands to more than"):
        load(tmp_path, path.name)


def test_what_tables_really_shrink_to_is_read(tmp_path, small_bound):
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=30_000), "y": [0, 1] * 15_000})
    frame.to_csv(tmp_path / "d.csv.gz", index=False)
    assert len(load(tmp_path, "d.csv.gz").X) == 30_000


def test_a_parquet_bomb(tmp_path, small_bound):
    column = pa.array(np.zeros(2_000_000))
    parquet.write_table(pa.table({"a": column, "y": column}), tmp_path / "d.parquet")
    with pytest.raises(DataError, match="says that it holds 4,000,000 cells"):
        load(tmp_path, "d.parquet")


def test_a_libsvm_bomb(tmp_path, small_bound):
    (tmp_path / "d.libsvm").write_text("1 1:1\n0 90000000:1\n")
    with pytest.raises(DataError, match="says that it holds 180,000,000 cells"):
        load(tmp_path, "d.libsvm")


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst", "zip", "parquet", "feather", "xlsx"])
@pytest.mark.parametrize("content", [b"", b"a,y\n0,1\n", b"PK\x03\x04" + bytes(100), b"\x1f\x8b\x08" + bytes(50)])
def test_a_file_that_is_not_what_its_name_says(tmp_path, suffix, content):
    name = f"d.{suffix}" if suffix in {"parquet", "feather", "xlsx"} else f"d.csv.{suffix}"
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError):
        load(tmp_path, name)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "d.csv")
    with pytest.raises(DataError, match="a pipe or a device"):
        load(tmp_path, "d.csv")
