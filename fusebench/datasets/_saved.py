"""Save a dataset so that workers open it without pickle and without reading what they do not use."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fusebench import io
from fusebench.datasets.base import Dataset, Target

if TYPE_CHECKING:
    import pandas as pd

CHECKSUMS = "SHA256SUMS"
ROLES = ("groups", "time", "folds", "weights", "ids")


def save(dataset: Dataset, folder: Path) -> None:
    """Write a dataset to a new folder, synced: numbers as one array a kind, the rest as Arrow, and all checksums."""
    import pandas as pd
    from pyarrow import feather

    folder.mkdir(parents=True)
    kinds = [
        np.asarray(column).dtype.str if column.dtype.kind in "iufbM" else "arrow" for _, column in dataset.X.items()
    ]
    for n, dtype in enumerate(sorted(set(kinds) - {"arrow"})):
        block = [np.asarray(dataset.X.iloc[:, c]) for c, kind in enumerate(kinds) if kind == dtype]
        _save_array(folder / f"block{n}.npy", np.column_stack(block))
    rest = {f"c{c}": dataset.X.iloc[:, c] for c, kind in enumerate(kinds) if kind == "arrow"}
    if rest:
        with io.new_file(folder / "rest.arrow") as file:
            feather.write_feather(pd.DataFrame(rest), file, compression="uncompressed")
    for role in ROLES:
        column = getattr(dataset, role)
        if column is not None:
            _save_array(folder / f"{role}.npy", column)
    described = [_save_target(target, n, folder) for n, target in enumerate(dataset.targets)]
    facts = {
        "name": dataset.name,
        "columns": list(dataset.X.columns),
        "n_samples": len(dataset.X),
        "kinds": kinds,
        "targets": described,
        "fingerprint": dataset.fingerprint,
        "preprocessing": dataset.preprocessing,
        "text": list(dataset.text),
        "notes": list(dataset.notes),
    }
    with io.new_file(folder / "dataset.json") as file:
        file.write(json.dumps(facts).encode())
    with io.new_file(folder / CHECKSUMS) as file:
        file.write(_checksums(folder))


def is_intact(folder: Path) -> bool:
    """Return whether a saved dataset is whole and no byte of it has changed since it was saved."""
    try:
        return (folder / CHECKSUMS).read_bytes() == _checksums(folder)
    except FileNotFoundError:
        return False


def _checksums(folder: Path) -> bytes:
    """Return the SHA-256 of every file of a saved dataset, as ``sha256sum`` writes them."""
    lines = []
    for path in sorted(folder.iterdir()):
        if path.name != CHECKSUMS:
            with path.open("rb") as file:
                lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    return "".join(lines).encode()


def _save_array(path: Path, array: Any) -> None:
    with io.new_file(path) as file:
        np.save(file, array, allow_pickle=False)


def _save_target(target: Target, n: int, folder: Path) -> dict[str, Any]:
    for role, array in (("y", target.y), ("classes", target.classes), ("missing", target.missing)):
        if array is not None:
            _save_array(folder / f"{role}{n}.npy", array)
    return {"name": target.name, "target_type": target.target_type}


@dataclass(frozen=True)
class SavedDataset:
    """A saved dataset, of which only what is asked for is read; numeric columns are mapped.

    Everything but the features is there without importing pandas.

    Parameters
    ----------
    folder : Path
        Where it was saved.
    """

    folder: Path

    @cached_property
    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.folder / "dataset.json").read_text(encoding="utf-8"))
        return facts

    @property
    def fingerprint(self) -> str:
        """Digest of the content."""
        return str(self._facts["fingerprint"])

    @property
    def preprocessing(self) -> str:
        """Digest of what the entry did to the rows."""
        return str(self._facts["preprocessing"])

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know."""
        return tuple(self._facts["notes"])

    @property
    def text(self) -> tuple[str, ...]:
        """Columns of free text."""
        return tuple(self._facts["text"])

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """The targets, in the order of the dataset's entry."""
        return tuple(
            Target(
                one["name"],
                _required(self.folder / f"y{n}.npy"),
                one["target_type"],
                _load(self.folder / f"classes{n}.npy"),
                _load(self.folder / f"missing{n}.npy"),
            )
            for n, one in enumerate(self._facts["targets"])
        )

    @cached_property
    def groups(self) -> Any:
        """Groups, ndarray of shape (n_samples,) or None."""
        return _load(self.folder / "groups.npy")

    @cached_property
    def time(self) -> Any:
        """Times, ndarray of shape (n_samples,) or None."""
        return _load(self.folder / "time.npy")

    @cached_property
    def folds(self) -> Any:
        """Predefined folds, ndarray of shape (n_samples,) or None."""
        return _load(self.folder / "folds.npy")

    @cached_property
    def weights(self) -> Any:
        """Sample weights, ndarray of shape (n_samples,) or None."""
        return _load(self.folder / "weights.npy")

    @cached_property
    def ids(self) -> Any:
        """The rows' own ids, ndarray of shape (n_samples,) or None."""
        return _load(self.folder / "ids.npy")

    @cached_property
    def X(self) -> pd.DataFrame:  # noqa: N802 - a matrix
        """The features, DataFrame of shape (n_samples, n_features)."""
        import pandas as pd
        from pyarrow import feather

        columns, kinds = self._facts["columns"], self._facts["kinds"]
        dtypes = sorted(set(kinds) - {"arrow"})
        blocks = {dtype: np.load(self.folder / f"block{n}.npy", mmap_mode="r") for n, dtype in enumerate(dtypes)}
        if not kinds:  # ids and answers alone
            return pd.DataFrame(index=range(self._facts["n_samples"]))
        if len(blocks) == 1 and "arrow" not in kinds:
            return pd.DataFrame(next(iter(blocks.values())), columns=columns, copy=False)
        rest = feather.read_feather(self.folder / "rest.arrow") if "arrow" in kinds else None
        taken = dict.fromkeys(dtypes, 0)
        series: list[Any] = []
        for c, kind in enumerate(kinds):
            if kind == "arrow" and rest is not None:
                series.append(_plain(rest[f"c{c}"]))
                continue
            series.append(pd.Series(np.asarray(blocks[kind][:, taken[kind]])))
            taken[kind] += 1
        X: pd.DataFrame = pd.concat(series, axis=1)
        X.columns = pd.Index(columns)
        return X


def _plain(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of text as Python strings, whatever string type Arrow gave."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = pd.Index([str(one) for one in column.cat.categories])
        return pd.Series(pd.Categorical.from_codes(np.asarray(column.cat.codes), categories=categories))
    return column.astype(object)


def _required(path: Path) -> Any:
    return np.load(path, allow_pickle=False)


def _load(path: Path) -> Any:
    return np.load(path, allow_pickle=False) if path.exists() else None
