"""Tables in files of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fusebench.datasets._downloads import is_url, local_copy
from fusebench.datasets._table_source import _TableSource
from fusebench.datasets._tables import TABLE_OPTIONS, existing
from fusebench.errors import DataError

if TYPE_CHECKING:
    from fusebench.spec.model import DatasetSpec


class TableFile(_TableSource):
    """CSV, TSV, Parquet, Feather, ARFF, libsvm or a workbook, also compressed; on disk or on the web."""

    options: ClassVar = {
        "path": "the file, or a list of files one below the other; relative to the spec, or https://...",
        "labels": "a file with one target a line, where the table holds none",
        **TABLE_OPTIONS,
    }

    def _locate(self, spec: DatasetSpec, base: Path, path: str) -> Path:
        if is_url(path):
            several = isinstance(spec.options["path"], (list, tuple)) or "labels" in spec.options
            return local_copy(path, spec.name, None if several else spec.sha256)
        if "://" in path:
            raise DataError(f"{spec.name}: path: got {path!r}, expected a file, http:// or https://")
        return existing(base / path, spec.name)
