"""Image files in folders, one folder a class."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fusebench.datasets._delimited import first_line
from fusebench.datasets._tables import sha256_of
from fusebench.datasets.base import Source
from fusebench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.spec.model import DatasetSpec

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"})
MODES = {"grey": "L", "colour": "RGB"}
TARGET = "class"
MOST_PIXELS = 200_000_000


class FolderOfImages(Source):
    """A folder that holds one folder of image files per class; every pixel becomes a column.

    Rows from left to right, top to bottom, the colours of a pixel side by side. Encoder ``pixels`` scales them, or
    describes the edges between them.
    """

    options: ClassVar = {
        "path": "the folder; relative to the spec",
        "size": "[width, height] in pixels that every image is resized to; needed where they differ",
        "mode": "grey (default) or colour",
    }
    takes_sha256 = False

    def read(self, spec: DatasetSpec, base: Path) -> pd.DataFrame:
        """Return one row per image."""
        import pandas as pd

        files = self._files(spec, base)
        size, mode = _size(spec), str(spec.options.get("mode", "grey"))
        if mode not in MODES:
            raise DataError(f"{spec.name}: mode: got {mode!r}, there is {' and '.join(MODES)}")
        first, rows = size, list[NDArray[np.uint8]]()
        for path, _ in files:
            pixels, found = _pixels(path, MODES[mode], size, spec.name)
            first = first or found
            if found != first:
                raise DataError(
                    f"{spec.name}: {path} is {found[0]} x {found[1]} pixels, the first image {first[0]} x {first[1]}; "
                    "say `size: [width, height]` to resize them all"
                )
            if len(files) * len(pixels) > MOST_PIXELS:
                raise DataError(f"{spec.name}: {len(files)} images of {len(pixels)} values are too large; say `size:`")
            rows.append(pixels)
        frame = pd.DataFrame(np.stack(rows), columns=[f"p{n}" for n in range(len(rows[0]))])
        frame[TARGET] = [label for _, label in files]
        frame.attrs["target"] = (TARGET,)
        return frame

    def identity(self, spec: DatasetSpec, base: Path) -> str:
        """Return a digest of the files' names and bytes."""
        digest = hashlib.sha256()
        for path, label in self._files(spec, base):
            digest.update(f"{label}/{path.name} {sha256_of(path)}\n".encode())
        return digest.hexdigest()

    @staticmethod
    def _files(spec: DatasetSpec, base: Path) -> list[tuple[Path, str]]:
        if not isinstance(spec.options.get("path"), str):
            raise DataError(f"{spec.name}: source 'images' needs a `path`: a folder with one folder per class")
        folder = base / str(spec.options["path"])
        if not folder.is_dir():
            raise DataError(f"{spec.name}: there is no folder {folder}")
        classes = sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
        files = [
            (path, one.name) for one in classes for path in sorted(one.iterdir()) if path.suffix.lower() in SUFFIXES
        ]
        if not files:
            raise DataError(f"{spec.name}: {folder} holds no folders with images ({', '.join(sorted(SUFFIXES))})")
        return files


def _size(spec: DatasetSpec) -> tuple[int, int] | None:
    size = spec.options.get("size")
    if size is None:
        return None
    if not isinstance(size, (list, tuple)) or len(size) != 2 or not all(isinstance(n, int) and n > 0 for n in size):
        raise DataError(f"{spec.name}: size: got {size!r}, expected [width, height] in pixels")
    return size[0], size[1]


def _pixels(
    path: Path, mode: str, size: tuple[int, int] | None, name: str
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return the values of an image in one line, and its width and height."""
    from PIL import Image

    try:
        with Image.open(path) as opened:
            image: Any = opened.convert(mode)
            if size is not None and image.size != size:
                image = image.resize(size, Image.Resampling.BILINEAR)
            return np.asarray(image, dtype=np.uint8).ravel(), image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{name}: {path} is no image that can be read: {first_line(error)}") from error
