"""A folder of images: pixels as columns, folders as classes, and files that are none."""

import numpy as np
import pytest
from PIL import Image

from fusebench import datasets
from fusebench import spec as specs
from fusebench.errors import DataError


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for label, brightness in (("cat", 40), ("dog", 160)):
        (tmp_path / "pets" / label).mkdir(parents=True)
        for n in range(12):
            pixels = rng.integers(brightness, brightness + 80, (6, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / label / f"{n:02}.png")
    (tmp_path / "pets" / "cat" / "notes.txt").write_text("no image")
    return tmp_path / "pets"


def load(folder, **fields):
    spec = specs.dataset({"name": "pets", "source": "images", "path": "pets", **fields})
    return datasets.load(datasets.resolve(spec, folder.parent), folder.parent)


def test_pixels_are_columns_and_folders_are_classes(folder):
    found = load(folder, mode="colour")
    assert found.X.shape == (24, 6 * 8 * 3)
    assert list(found.targets[0].classes) == ["cat", "dog"]
    expected = np.asarray(Image.open(folder / "cat" / "00.png")).ravel()
    np.testing.assert_array_equal(found.X.iloc[0], expected)
    assert load(folder).X.shape == (24, 48)
    assert load(folder, size=[4, 4]).X.shape == (24, 16)


def test_the_identity_follows_the_bytes(folder):
    spec = specs.dataset({"name": "pets", "source": "images", "path": "pets"})
    one = datasets.identity(spec, folder.parent)
    Image.new("L", (8, 6), 3).save(folder / "cat" / "00.png")
    assert datasets.identity(spec, folder.parent) != one


def test_what_cannot_be_read(folder):
    (folder / "dog" / "zz.jpg").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"zz\.jpg is no image"):
        load(folder)
    Image.new("RGB", (5, 5)).save(folder / "dog" / "zz.jpg")
    with pytest.raises(DataError, match=r"is 5 x 5 pixels, the first image 8 x 6; say `size"):
        load(folder)
    assert len(load(folder, size=[8, 6]).X) == 25
    for fields, message in (
        ({"path": "none"}, "there is no folder"),
        ({"path": "pets/cat"}, "holds no folders with images"),
        ({"mode": "sepia"}, "there is grey and colour"),
        ({"size": 8}, r"expected \[width, height\]"),
    ):
        with pytest.raises(DataError, match=message):
            load(folder, **fields)


def test_compare_takes_a_folder(folder, fusebench):
    done = fusebench("compare", "--datasets", "./pets", "--learners", "nb", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "24" in done.stdout
