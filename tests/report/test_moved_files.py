"""The resolved spec of a run folder finds its data from there."""

from pathlib import Path

import pytest

from fusebench.report._files import _moved

BASE, FOLDER = Path("specs"), Path("results/a")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"source": "file", "path": "t.csv"}, {"path": "../../specs/t.csv"}),
        ({"source": "file", "path": ["t.csv", "/u.csv"]}, {"path": ["../../specs/t.csv", "/u.csv"]}),
        ({"source": "file", "path": "t.csv", "labels": "l"}, {"path": "../../specs/t.csv", "labels": "../../specs/l"}),
        ({"source": "file", "path": "https://a/t.csv"}, {"path": "https://a/t.csv"}),
        ({"source": "package", "path": "toy/t.csv", "labels": "toy/l"}, {"path": "toy/t.csv", "labels": "toy/l"}),
        ({"source": "sklearn"}, {}),
    ],
)
def test_files_move_and_those_of_packages_do_not(entry, expected):
    (moved,) = _moved({"datasets": [entry]}, BASE, FOLDER)["datasets"]
    assert moved == {**entry, **expected}
