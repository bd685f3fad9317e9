"""The datasets that are bundled with scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fusebench.datasets.base import Source
from fusebench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.spec.model import DatasetSpec

LOADERS = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")
LINNERUD_TARGETS = ("Weight", "Waist", "Pulse")


class BundledWithScikitLearn(Source):
    """A ``sklearn.datasets.load_*`` function, by the name behind ``load_``."""

    options: ClassVar = {
        "loader": f"one of {', '.join(LOADERS)}; default: the dataset's name",
        "products": "columns to add, such as a second target: each name with the columns whose product it is",
    }
    takes_sha256 = False

    def read(self, spec: DatasetSpec, base: Path) -> pd.DataFrame:
        """Return the table; classes are the loader's own codes, so that numbers equal those of scikit-learn alone."""
        from sklearn import datasets

        loaded = getattr(datasets, f"load_{self._loader(spec)}")(as_frame=True)
        frame: pd.DataFrame = loaded.frame
        for name, factors in self._products(spec, list(frame.columns)).items():
            frame[name] = frame[factors].prod(axis=1)
        frame.attrs["target"] = LINNERUD_TARGETS if self._loader(spec) == "linnerud" else ("target",)
        return frame

    def identity(self, spec: DatasetSpec, base: Path) -> str:
        """Return the loader and scikit-learn's version."""
        return f"{self._loader(spec)} of scikit-learn {version('scikit-learn')}"

    @staticmethod
    def _products(spec: DatasetSpec, columns: list[str]) -> dict[str, list[str]]:
        products = spec.options.get("products", {})
        if not isinstance(products, Mapping) or not all(isinstance(one, list) for one in products.values()):
            raise DataError(f"{spec.name}: products: got {products!r}, expected names, each with a list of columns")
        for name, factors in products.items():
            absent = [one for one in factors if one not in columns]
            if absent or not factors:
                which = repr(absent[0]) if absent else "nothing"
                raise DataError(f"{spec.name}: products: {name!r} is of {which}; the columns are {', '.join(columns)}")
        return {str(name): list(factors) for name, factors in products.items()}

    @staticmethod
    def _loader(spec: DatasetSpec) -> str:
        loader = str(spec.options.get("loader", spec.name))
        if loader not in LOADERS:
            raise DataError(f"{spec.name}: scikit-learn bundles no '{loader}'; there is {', '.join(LOADERS)}")
        return loader
