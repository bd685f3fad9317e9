"""The true answers of a table of predictions that were made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fusebench.datasets._predicted import read_predictions
from fusebench.datasets._tables import existing, read_table, sha256_of
from fusebench.datasets.base import Source
from fusebench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.spec.model import DatasetSpec

TARGET, FOLD = "y_true", "fold"


class TableOfPredictions(Source):
    """The columns ``id``, ``y_true`` and ``fold`` of a table that `fusebench fuse` reads, without the models.

    The models take part as learners: ``{type: predictions, path: ..., model: ...}``.
    """

    options: ClassVar = {
        "path": "the table; relative to the spec",
        "features": "columns of the table that are features and no model; default none",
        "make_folds": "make a column `fold` of this many shuffled folds, by folds_random_state",
        "folds_random_state": "the seed of those folds; default 0",
    }
    needs_target = False

    def read(self, spec: DatasetSpec, base: Path) -> pd.DataFrame:
        """Return ids, true answers, folds and features; answers are text unless the target is continuous."""
        if spec.id is None:
            raise DataError(f"{spec.name}: source 'predictions' needs the name of its `id` column")
        path = _path(spec, base)
        target = TARGET if spec.target is None else str(spec.target)
        features = spec.options.get("features", ())
        features = [features] if isinstance(features, str) else [str(one) for one in features]
        fold = spec.fold or FOLD
        table = read_predictions(path, spec.name, id_column=spec.id, y_true=target, fold=fold, others=features)
        if not table.has_targets:
            raise DataError(f"{spec.name}: {path} has no column {target!r} of true answers")
        kept = [spec.id, target, *([table.fold] if table.has_folds else [])]
        frame = table.frame[kept].copy()
        empty = frame[target] == ""
        if empty.any():
            ids = ", ".join(map(repr, frame[spec.id][empty].iloc[:3]))
            raise DataError(
                f"{spec.name}: column {target!r} is empty in {int(empty.sum())} of {len(frame)} rows (ids {ids}); "
                "leave these rows out, or the whole column to fuse without true answers"
            )
        if spec.target_type == "continuous":
            frame[target] = _values(frame, spec.id, target, spec.name)
        if "make_folds" in spec.options:
            frame[fold] = _shuffled(len(frame), spec.options, spec.name)
        if features:
            frame[features] = read_table(path, spec.name, spec.na_values, {})[features]
        return frame

    def identity(self, spec: DatasetSpec, base: Path) -> str:
        """Return the SHA-256 of the table."""
        return sha256_of(_path(spec, base))

    def default_target(self, spec: DatasetSpec) -> tuple[str, ...]:
        """Return ``y_true``."""
        return (TARGET,)


def _path(spec: DatasetSpec, base: Path) -> Path:
    if "path" not in spec.options:
        raise DataError(f"{spec.name}: source 'predictions' needs a `path`")
    return existing(base / str(spec.options["path"]), spec.name)


def _values(frame: pd.DataFrame, ids: str, target: str, name: str) -> pd.Series[Any]:
    import numpy as np
    import pandas as pd

    values = pd.to_numeric(frame[target], errors="coerce")
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        got, at = frame[target].iloc[wrong[0]], frame[ids].iloc[wrong[0]]
        raise DataError(f"{name}: column {target!r}, id {at!r}: got {got[:40]!r}, expected a finite number")
    return values.astype(np.float64)


def _shuffled(n_samples: int, options: Any, name: str) -> Any:
    """Return the fold of each row: scikit-learn's ``KFold(n_splits, shuffle=True, random_state)``."""
    import numpy as np
    from sklearn.model_selection import KFold

    n_folds, seed = options["make_folds"], options.get("folds_random_state", 0)
    if not isinstance(n_folds, int) or not 2 <= n_folds <= n_samples or not isinstance(seed, int):
        raise DataError(
            f"{name}: {n_samples} rows cannot be split into {n_folds!r} folds; lower cv.n_splits (make_folds)"
        )
    folds = np.empty(n_samples, dtype=np.intp)
    for fold, (_, test) in enumerate(KFold(n_folds, shuffle=True, random_state=seed).split(folds)):
        folds[test] = fold
    return folds
