"""OpenML through a server of our own that answers as OpenML does: by number, by name, suites, faults, and without it."""

import time

import pytest

from fusebench import datasets
from fusebench import spec as specs
from fusebench.datasets import openml
from fusebench.errors import DataError, Problem

DATA = "/data/v1/download/31/credit-g.arff"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)


def load(name, tmp_path, **fields):
    spec = datasets.resolve(specs.dataset({"name": name, **fields}), tmp_path)
    return datasets.load(spec, tmp_path)


def test_by_number_without_an_entry(web, tmp_path):
    web.openml(31, "credit-g")
    found = load("openml:31", tmp_path)
    assert list(found.X) == ["age", "housing kind"]  # the row's number is no feature
    assert found.X.shape == (60, 2)
    assert found.X["housing kind"].isna().sum() == 20
    assert list(found.targets[0].classes) == ["bad", "good"]
    asked = len(web.asked)
    again = load("openml:31", tmp_path)
    assert again.fingerprint == found.fingerprint
    assert len(web.asked) == asked, "the local copy was not used"


def test_by_name_and_with_another_target(web, tmp_path):
    web.openml(31, "credit-g")
    assert load("openml:credit-g", tmp_path).fingerprint == load("openml:31", tmp_path).fingerprint
    assert load("openml:31", tmp_path, target="age").targets[0].target_type == "continuous"
    spec = specs.dataset({"name": "credit", "source": "openml", "data_id": 31, "drop": ["age"]})
    assert list(datasets.load(spec, tmp_path).X) == ["housing kind"]


def test_offline_what_is_stored_is_used_and_named(web, tmp_path):
    web.openml(31, "credit-g")
    one = load("openml:31", tmp_path)
    web.stop()
    assert load("openml:31", tmp_path).fingerprint == one.fingerprint
    assert load("openml:credit-g", tmp_path).fingerprint == one.fingerprint
    with pytest.raises(
        DataError, match=r"openml:40: OpenML cannot be reached: .*; stored in .*: openml:31 \(credit-g\)"
    ):
        load("openml:40", tmp_path)


def test_offline_with_nothing_stored(web, tmp_path):
    web.stop()
    with pytest.raises(DataError, match="no dataset of OpenML is stored in"):
        load("openml:31", tmp_path)


@pytest.mark.parametrize(
    ("path", "fault", "message"),
    [
        (DATA, "fails", "the server answered 503"),
        (DATA, "truncated", "OpenML's answer cannot be used|cannot be reached"),
        ("/api/v1/json/data/31", "truncated", "OpenML's answer cannot be used|cannot be reached"),
        ("/api/v1/json/data/31", "fails", "the server answered 503"),
    ],
)
def test_a_failed_or_truncated_download_leaves_nothing(web, tmp_path, path, fault, message):
    web.openml(31, "credit-g")
    web.faults[path] = fault
    with pytest.raises(DataError, match=message) as caught:
        load("openml:31", tmp_path)
    assert str(caught.value).startswith("openml:31: ")
    assert openml.stored() == []
    web.faults.clear()
    assert len(load("openml:31", tmp_path).X) == 60


def test_a_wrong_checksum_leaves_nothing(web, tmp_path):
    web.openml(31, "credit-g")
    web.answers[DATA] = web.answers[DATA].replace(b"own", b"owe")
    with pytest.raises(DataError, match="md5 checksum"):
        load("openml:31", tmp_path)
    assert openml.stored() == []


def test_an_unknown_dataset(web, tmp_path):
    with pytest.raises(DataError, match=r"999.*not found"):
        load("openml:999", tmp_path)
    with pytest.raises(DataError, match="by a number or a name"):
        load("openml:a:b", tmp_path)


def test_a_damaged_local_copy_is_downloaded_again(web, tmp_path):
    web.openml(31, "credit-g")
    one = load("openml:31", tmp_path)
    table = openml.stored()[0] / openml.TABLE
    table.write_bytes(table.read_bytes()[:100])
    assert load("openml:31", tmp_path).fingerprint == one.fingerprint


def test_a_suite(web, tmp_path):
    web.openml(31, "credit-g")
    web.openml(54, "vehicle")
    web.answers["/api/v1/json/study/99"] = b'{"study": {"id": "99", "data": {"data_id": ["31", "54"]}}}'
    found = datasets.resolve(specs.dataset({"name": "openml-suite:99"}), tmp_path)
    assert [one.name for one in found] == ["openml:31", "openml:54"]
    assert all(len(datasets.load(one, tmp_path).X) == 60 for one in found)
    web.stop()
    assert datasets.resolve(specs.dataset({"name": "openml-suite:99"}), tmp_path) == found
    problem = datasets.resolve(specs.dataset({"name": "openml-suite:218"}), tmp_path)
    assert isinstance(problem, Problem)
    assert "stored in" in problem.message


def test_a_suite_that_is_none(web, tmp_path):
    web.answers["/api/v1/json/study/5"] = b"{}"
    assert "lists no datasets" in datasets.resolve(specs.dataset({"name": "openml-suite:5"}), tmp_path).message
    assert "412" in datasets.resolve(specs.dataset({"name": "openml-suite:6"}), tmp_path).message


def test_no_checksum_of_the_users_own(tmp_path):
    spec = specs.dataset({"name": "t", "source": "openml", "data_id": 31, "sha256": "0" * 64})
    assert "takes no sha256" in datasets.resolve(spec, tmp_path).message


@pytest.mark.slow
def test_the_command_line_end_to_end(web, cold_fusebench):
    web.openml(31, "credit-g")
    arguments = ("compare", "--datasets", "openml:31", "--learners", "nb", "--dry-run")
    assert cold_fusebench(*arguments).returncode == 0
    web.stop()
    assert cold_fusebench(*arguments, "--store", "another").returncode == 0
    offline = cold_fusebench("compare", "--datasets", "openml:40", "--learners", "nb")
    assert offline.returncode == 2
    assert "stored in" in offline.stderr
    assert "openml:31 (credit-g)" in offline.stderr
