"""What the sources that read table files share."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.datasets._tables import TABLE_OPTIONS, read_table, sha256_of
from fusebench.datasets.base import Source
from fusebench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.spec.model import DatasetSpec


class _TableSource(Source):
    """One table file; or several, one below the other; and perhaps another file that holds the targets."""

    def read(self, spec: DatasetSpec, base: Path) -> pd.DataFrame:
        """Return the table; the checksum is compared first."""
        import pandas as pd

        tables, labels = self._files(spec, base)
        if spec.sha256:
            found = sha256_of([*tables, *labels])
            if found != spec.sha256.lower():
                raise DataError(self._mismatch(spec, tables[0], found))
        options = {key: one for key, one in spec.options.items() if key in TABLE_OPTIONS}
        frames = [read_table(path, spec.name, spec.na_values, options) for path in tables]
        frame = frames[0] if len(frames) == 1 else self._below(frames, spec)
        for path in labels:
            target = read_table(path, spec.name, spec.na_values, {"format": "csv", "names": ["target"]})
            if len(target) != len(frame):
                raise DataError(f"{spec.name}: {path} has {len(target)} rows, {tables[0]} has {len(frame)}")
            frame = pd.concat([frame, target], axis=1)
            frame.attrs["target"] = ("target",)
        return frame

    def identity(self, spec: DatasetSpec, base: Path) -> str:
        """Return the SHA-256 of the files."""
        tables, labels = self._files(spec, base)
        return sha256_of([*tables, *labels])

    @abstractmethod
    def _locate(self, spec: DatasetSpec, base: Path, path: str) -> Path:
        """Return where a file of an entry lies; a DataError if it does not."""

    def _mismatch(self, spec: DatasetSpec, path: Path, found: str) -> str:
        return f"{spec.name}: {path} has the SHA-256 {found}, expected {spec.sha256}; it is another file"

    def _files(self, spec: DatasetSpec, base: Path) -> tuple[list[Path], list[Path]]:
        if "path" not in spec.options:
            raise DataError(f"{spec.name}: source '{spec.source}' needs a `path`")
        return (
            [self._locate(spec, base, one) for one in _listed(spec.options["path"], spec.name)],
            [self._locate(spec, base, one) for one in _listed(spec.options.get("labels", []), spec.name)],
        )

    @staticmethod
    def _below(frames: list[pd.DataFrame], spec: DatasetSpec) -> pd.DataFrame:
        import pandas as pd

        columns = list(frames[0].columns)
        for n, frame in enumerate(frames[1:], start=2):
            if list(frame.columns) != columns:
                raise DataError(f"{spec.name}: path: file {n} has other columns than the first")
        return pd.concat(frames, ignore_index=True)


def _listed(value: Any, name: str) -> list[str]:
    values = value if isinstance(value, (list, tuple)) else [value]
    if not all(isinstance(one, str) and one for one in values):
        raise DataError(f"{name}: path: got {value!r}, expected a file or a list of files")
    return list(values)
