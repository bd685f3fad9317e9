"""Files inside installed packages: read by path, never imported, and what happens when one is absent or another."""

import sys

import pytest

from fusebench import datasets
from fusebench import spec as specs
from fusebench.datasets._tables import sha256_of
from fusebench.errors import DataError, Problem

ROWS = "u,v,y\n" + "".join(f"{n},{n % 7},{'ab'[n % 2]}\n" for n in range(40))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """An installed package that would fail if it were imported."""
    site = tmp_path / "site"
    (site / "toydata" / "data").mkdir(parents=True)
    (site / "toydata" / "__init__.py").write_text("raise RuntimeError('a data package was imported')\n")
    (site / "toydata" / "data" / "t.csv").write_text(ROWS)
    (site / "toydata" / "data" / "labels.txt").write_text("\n".join("10"[n % 2] for n in range(40)) + "\n")
    info = site / "toydata-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toydata\nVersion: 1.2\n")
    (info / "RECORD").write_text("toydata/__init__.py,,\ntoydata/data/t.csv,,\ntoydata/data/labels.txt,,\n")
    monkeypatch.syspath_prepend(str(site))
    return site


def entry(**fields):
    return specs.dataset(
        {"name": "toy", "source": "package", "package": "toydata", "path": "toydata/data/t.csv", **fields}
    )


def test_a_file_of_a_package_is_read_and_nothing_is_imported(installed, tmp_path):
    found = datasets.load(entry(target="y"), tmp_path)
    assert found.X.shape == (40, 2)
    assert "toydata" not in sys.modules


def test_several_files_one_below_the_other_and_labels_beside(installed, tmp_path):
    twice = ["toydata/data/t.csv"] * 2
    assert len(datasets.load(entry(path=twice, target="y"), tmp_path).X) == 80
    found = datasets.load(entry(labels="toydata/data/labels.txt", drop=["y"]), tmp_path)
    assert found.targets[0].name == "target"
    assert found.targets[0].y.tolist() == [1, 0] * 20
    with pytest.raises(DataError, match=r"has 40 rows, .* has 80"):
        datasets.load(entry(path=twice, labels="toydata/data/labels.txt"), tmp_path)


def test_the_checksum_says_which_version_it_is_of(installed, tmp_path):
    right = sha256_of(installed / "toydata" / "data" / "t.csv")
    assert datasets.load(entry(target="y", sha256=right, version="1.0"), tmp_path)
    with pytest.raises(DataError, match=r"expected version 1\.0, found 1\.2: pip install 'toydata==1\.0'") as caught:
        datasets.load(entry(target="y", sha256="0" * 64, version="1.0"), tmp_path)
    assert right in str(caught.value)


def test_a_missing_package_names_the_pip_command(tmp_path):
    found = datasets.resolve(entry(package="no-such-toy", version="3.1", deps=False, target="y"), tmp_path)
    assert isinstance(found, Problem)
    assert "'no-such-toy': pip install --no-deps 'no-such-toy==3.1'" in found.message
    with pytest.raises(DataError, match="pip install 'no-such-toy'"):
        datasets.load(entry(package="no-such-toy", target="y"), tmp_path)


@pytest.mark.parametrize("path", ["toydata/data/T.csv", "../secret.csv", "/etc/passwd", "toydata/../../secret.csv"])
def test_only_files_of_the_package_are_read(installed, tmp_path, path):
    (tmp_path / "secret.csv").write_text(ROWS)
    with pytest.raises(DataError, match=r"toydata 1\.2 has no file"):
        datasets.load(entry(path=path, target="y"), tmp_path)


def test_unknown_fields_of_a_source_are_problems(tmp_path):
    found = datasets.resolve(entry(packge="x"), tmp_path)
    assert (found.message, found.hint) == ("unknown key 'packge'", "did you mean 'package'?")
    assert "unknown source 'fil'" in datasets.resolve(specs.dataset({"name": "t", "source": "fil"}), tmp_path).message


def test_a_suite_names_what_is_not_installed(tmp_path):
    (tmp_path / "datasets.yaml").write_text(
        "one: {source: package, package: no-such-toy, path: a.csv, target: y, tags: [mine]}\n"
        "two: {source: package, package: no-such-toy, path: b.csv, target: y, tags: [mine]}\n"
    )
    found = datasets.resolve(specs.dataset({"name": "suite:mine"}), tmp_path)
    assert found.message == (
        "suite 'mine' needs packages that are not installed (no-such-toy): pip install 'no-such-toy'"
    )


def test_the_command_line_ends_with_2_and_the_pip_command(fusebench, tmp_path):
    (tmp_path / "datasets.yaml").write_text(
        "one: {source: package, package: no-such-toy, path: a.csv, target: y, version: '2.0'}\n"
    )
    done = fusebench("compare", "--datasets", "one", "--learners", "nb")
    assert done.returncode == 2
    assert "dataset 'one' needs the package 'no-such-toy': pip install 'no-such-toy==2.0'" in done.stderr
    assert "1 error, nothing was run" in done.stderr
