"""Save a dataset so that workers open it without pickle and without reading what they do not use."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fusebench import io
from fusebench.datasets.base import Dataset, Target

CHECKSUMS = "SHA256SUMS"
ROLES = ("groups", "time", "folds", "weights", "ids")


def save(dataset: Dataset, folder: Path) -> None:
    """Write a dataset to a new folder, synced: numbers as one array a kind, the rest as Arrow, and all checksums."""
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


def open_saved(folder: Path) -> Dataset:
    """Return a saved dataset; numeric columns are mapped, not read."""
    from pyarrow import feather

    facts = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    kinds: list[str] = facts["kinds"]
    dtypes = sorted(set(kinds) - {"arrow"})
    blocks = {dtype: np.load(folder / f"block{n}.npy", mmap_mode="r") for n, dtype in enumerate(dtypes)}
    if not kinds:  # ids and answers alone
        X = pd.DataFrame(index=range(facts["n_samples"]))
    elif len(blocks) == 1 and "arrow" not in kinds:
        X = pd.DataFrame(next(iter(blocks.values())), columns=facts["columns"], copy=False)
    else:
        rest = feather.read_feather(folder / "rest.arrow") if "arrow" in kinds else None
        taken = dict.fromkeys(dtypes, 0)
        columns: list[Any] = []
        for c, kind in enumerate(kinds):
            if kind == "arrow" and rest is not None:
                columns.append(_plain(rest[f"c{c}"]))
                continue
            columns.append(pd.Series(np.asarray(blocks[kind][:, taken[kind]])))
            taken[kind] += 1
        X = pd.concat(columns, axis=1)
        X.columns = pd.Index(facts["columns"])
    roles = {role: _load(folder / f"{role}.npy") for role in ROLES}
    targets = tuple(
        Target(
            one["name"],
            _required(folder / f"y{n}.npy"),
            one["target_type"],
            _load(folder / f"classes{n}.npy"),
            _load(folder / f"missing{n}.npy"),
        )
        for n, one in enumerate(facts["targets"])
    )
    return Dataset(
        facts["name"],
        X,
        targets,
        facts["fingerprint"],
        facts["preprocessing"],
        text=tuple(facts["text"]),
        notes=tuple(facts["notes"]),
        **roles,
    )


def _plain(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of text as Python strings, whatever string type Arrow gave."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = pd.Index([str(one) for one in column.cat.categories])
        return pd.Series(pd.Categorical.from_codes(np.asarray(column.cat.codes), categories=categories))
    return column.astype(object)


def _required(path: Path) -> Any:
    return np.load(path, allow_pickle=False)


def _load(path: Path) -> Any:
    return np.load(path, allow_pickle=False) if path.exists() else None
