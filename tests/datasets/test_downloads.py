"""Files on the web: a local copy, checksums, retries, and every way a download can go wrong."""

import pytest

from fusebench import datasets
from fusebench import spec as specs
from fusebench.datasets._downloads import data_home
from fusebench.errors import DataError

CSV = ("u,v,y\n" + "".join(f"{n},{n % 7},{'ab'[n % 2]}\n" for n in range(40))).encode()


def load(web, tmp_path, path="/folder/my%20data.csv", **fields):
    spec = specs.dataset({"name": "t", "source": "file", "path": web.address + path, "target": "y", **fields})
    return datasets.load(datasets.resolve(spec, tmp_path), tmp_path)


@pytest.fixture
def csv(web):
    web.answers["/folder/my%20data.csv"] = CSV
    return web


def test_a_file_on_the_web_is_downloaded_once(csv, tmp_path):
    assert load(csv, tmp_path).X.shape == (40, 2)
    assert load(csv, tmp_path).X.shape == (40, 2)
    assert len(csv.asked) == 1
    csv.stop()
    assert load(csv, tmp_path).X.shape == (40, 2)


def test_the_checksum_is_compared_and_nothing_wrong_is_kept(csv, tmp_path):
    with pytest.raises(DataError, match="expected " + "0" * 64):
        load(csv, tmp_path, sha256="0" * 64)
    assert not [one for one in data_home().rglob("*") if one.is_file()]


def test_a_stored_copy_of_another_checksum_is_downloaded_again(csv, tmp_path):
    import hashlib

    load(csv, tmp_path)
    csv.answers["/folder/my%20data.csv"] = newer = CSV + b"7,7,a\n"
    assert len(load(csv, tmp_path).X) == 40
    assert len(load(csv, tmp_path, sha256=hashlib.sha256(newer).hexdigest().upper()).X) == 41


@pytest.mark.parametrize(("fault", "message", "times"), [("truncated", "cut off", 3), ("fails", "503", 3)])
def test_what_fails_is_tried_again_and_then_told(csv, tmp_path, fault, message, times):
    csv.faults["/folder/my%20data.csv"] = fault
    with pytest.raises(DataError, match=message):
        load(csv, tmp_path)
    assert len(csv.asked) == times
    assert not [one for one in data_home().rglob("*") if one.is_file()]
    csv.faults.clear()
    assert len(load(csv, tmp_path).X) == 40


def test_no_server_no_such_file_no_such_protocol(csv, tmp_path):
    with pytest.raises(DataError, match="412"):
        load(csv, tmp_path, path="/absent.csv")
    csv.stop()
    with pytest.raises(DataError, match="cannot be downloaded"):
        load(csv, tmp_path)
    with pytest.raises(DataError, match="expected a file, http"):
        datasets.load(specs.dataset({"name": "t", "path": "ftp://host/a.csv", "target": "y"}), tmp_path)


def test_compare_takes_an_address(csv, fusebench):
    address = f"{csv.address}/folder/my%20data.csv"
    done = fusebench("compare", "--datasets", address, "--target", "y", "--learners", "nb", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "40" in done.stdout
