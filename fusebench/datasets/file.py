"""A table in a file of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fusebench.datasets._tables import existing, read_table, sha256_of
from fusebench.datasets.base import Source
from fusebench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.spec.model import DatasetSpec


class TableFile(Source):
    """CSV, TSV, Parquet or Feather, also compressed."""

    options: ClassVar = {
        "path": "the file; relative to the spec",
        "delimiter": "between cells of a CSV; default a comma",
        "header": "false for a file without column names",
        "format": "csv, tsv, parquet or feather, where the suffix does not tell",
    }

    def read(self, spec: DatasetSpec, base: Path) -> pd.DataFrame:
        """Return the table; the checksum is compared first."""
        path = self._path(spec, base)
        found = sha256_of(path) if spec.sha256 else None
        if found != spec.sha256:
            raise DataError(f"{spec.name}: {path} has the SHA-256 {found}, expected {spec.sha256}; it is another file")
        options = {key: value for key, value in spec.options.items() if key != "path"}
        return read_table(path, spec.name, spec.na_values, options)

    def identity(self, spec: DatasetSpec, base: Path) -> str:
        """Return the SHA-256 of the file."""
        return sha256_of(self._path(spec, base))

    @staticmethod
    def _path(spec: DatasetSpec, base: Path) -> Path:
        if "path" not in spec.options:
            raise DataError(f"{spec.name}: source 'file' needs a `path`")
        return existing(base / str(spec.options["path"]), spec.name)
