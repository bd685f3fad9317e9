"""One part's encoded features, which several learners share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass
class Encoded:
    """One part's encoded features.

    Parameters
    ----------
    train : ndarray or sparse array of shape (n_train, n_columns)
    predicted : list of the same of shape (n_predicted, n_columns)
    categorical : tuple of int
        Columns that hold category codes.
    seconds : float
        What encoding took; 0 where another worker did it.
    encoder : object or None
        What encodes further rows; None where another worker made the matrices.
    made_in : float
        What encoding took whoever did it.
    """

    train: Any
    predicted: list[Any]
    categorical: tuple[int, ...]
    seconds: float
    encoder: Any = None
    made_in: float = 0.0

    @property
    def is_plain(self) -> bool:
        """Whether it is matrices, which other workers can map; a data frame each encodes for itself."""
        return not any(hasattr(X, "columns") for X in (self.train, *self.predicted))

    def save(self, folder: Path) -> None:
        """Write to scratch for other workers; a reader sees all of it or nothing."""
        import json

        import scipy.sparse as sp

        aside = folder.with_name(folder.name + ".part")
        aside.mkdir(parents=True)
        for n, X in enumerate((self.train, *self.predicted)):
            if sp.issparse(X):
                matrix: Any = X
                sp.save_npz(aside / f"{n}.npz", matrix, compressed=False)
            else:
                np.save(aside / f"{n}.npy", np.asarray(X), allow_pickle=False)
        described = {"categorical": self.categorical, "seconds": self.seconds, "n": 1 + len(self.predicted)}
        (aside / "encoded.json").write_text(json.dumps(described))
        aside.rename(folder)

    @classmethod
    def load(cls, folder: Path) -> Encoded | None:
        """Memory-map what another worker saved; None where there is nothing."""
        import json

        import scipy.sparse as sp

        try:
            described = json.loads((folder / "encoded.json").read_text())
            matrices = [
                np.load(path, mmap_mode="r")
                if (path := folder / f"{n}.npy").exists()
                else sp.load_npz(folder / f"{n}.npz")
                for n in range(described["n"])
            ]
        except OSError:
            return None
        matrices = [np.asarray(X) if isinstance(X, np.memmap) else X for X in matrices]
        return cls(matrices[0], matrices[1:], tuple(described["categorical"]), 0.0, made_in=described["seconds"])
