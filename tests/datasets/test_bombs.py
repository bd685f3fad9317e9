"""Small files that would fill memory are refused before they do."""

import bz2
import gzip
import lzma
import os
import random
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


def workbook(folder):
    """Return the members of a workbook that can be read."""
    pytest.importorskip("openpyxl")
    pd.DataFrame({"u": range(9), "y": list("abcabcabc")}).to_excel(folder / "whole.xlsx", index=False)
    with zipfile.ZipFile(folder / "whole.xlsx") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_workbook(folder, members):
    with zipfile.ZipFile(folder / "d.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_a_workbook_of_endless_entities(tmp_path):
    members = workbook(tmp_path)
    entities = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
    sheet = members["xl/worksheets/sheet1.xml"].split(b"<sheetData>")
    cell = b'<sheetData><row r="1"><c t="inlineStr"><is><t>&a11;</t></is></c></row>'
    head = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a0 "aaaaaaaaaa">' + entities + b"]>"
    bomb = head + sheet[0].split(b"?>")[-1] + cell + sheet[1]
    write_workbook(tmp_path, {**members, "xl/worksheets/sheet1.xml": bomb})
    with pytest.raises(DataError, match="cannot be read as a workbook"):
        load(tmp_path, "d.xlsx")


@pytest.mark.slow
def test_damaged_workbooks(tmp_path):
    """Each part of a workbook gone, cut or with bytes of something else: read, or refused, and never a bug."""
    members = workbook(tmp_path)
    rng = random.Random(0)
    refused = 0
    for name, content in members.items():
        cut = rng.randrange(len(content))
        noise = bytes(rng.randrange(256) for _ in range(5))
        for changed in (None, b"", content[:cut], content[:cut] + noise + content[cut + 5 :], b"<a/>"):
            others = {n: one for n, one in members.items() if n != name}
            write_workbook(tmp_path, others if changed is None else {**others, name: changed})
            try:
                load(tmp_path, "d.xlsx")
            except DataError:
                refused += 1
    assert refused > 20
