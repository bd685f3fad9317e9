"""Tables in files of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fusebench.datasets._table_source import _TableSource
from fusebench.datasets._tables import TABLE_OPTIONS, existing

if TYPE_CHECKING:
    from fusebench.spec.model import DatasetSpec


class TableFile(_TableSource):
    """CSV, TSV, Parquet, Feather, ARFF, libsvm or a workbook, also compressed."""

    options: ClassVar = {
        "path": "the file, or a list of files one below the other; relative to the spec",
        "labels": "a file with one target a line, where the table holds none",
        **TABLE_OPTIONS,
    }

    def _locate(self, spec: DatasetSpec, base: Path, path: str) -> Path:
        return existing(base / path, spec.name)
