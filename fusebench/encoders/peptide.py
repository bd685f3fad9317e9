"""Peptides and proteins as physico-chemical descriptors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.encoders._numbers import NumberBlock
from fusebench.encoders._stacked import _TextFirst
from fusebench.encoders._text import documents

if TYPE_CHECKING:
    import pandas as pd

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
# Kyte and Doolittle 1982, table 2; Eisenberg et al. 1984, normalised consensus scale; average residue masses in dalton.
HYDROPATHY = (
    1.8,
    2.5,
    -3.5,
    -3.5,
    2.8,
    -0.4,
    -3.2,
    4.5,
    -3.9,
    3.8,
    1.9,
    -3.5,
    -1.6,
    -3.5,
    -4.5,
    -0.8,
    -0.7,
    4.2,
    -0.9,
    -1.3,
)
CONSENSUS = (
    *(0.62, 0.29, -0.90, -0.74, 1.19, 0.48, -0.40, 1.38, -1.50, 1.06),
    *(0.64, -0.78, 0.12, -0.85, -2.53, -0.18, -0.05, 1.08, 0.81, 0.26),
)
MASS = (
    *(71.0788, 103.1388, 115.0886, 129.1155, 147.1766, 57.0519, 137.1411, 113.1594, 128.1741, 113.1594),
    *(131.1926, 114.1038, 97.1167, 128.1307, 156.1875, 87.0782, 101.1051, 99.1326, 186.2132, 163.1760),
)
WATER = 18.0153
CHARGE = {"K": 1.0, "R": 1.0, "H": 0.1, "D": -1.0, "E": -1.0}
HELIX = np.deg2rad(100.0)
DESCRIPTORS = ("length", "mass", "charge", "hydropathy", "moment", "aliphatic", "aromatic", *LETTERS)


def descriptors(sequence: str) -> NDArray[np.float64]:
    """Return the descriptors of one sequence, shape (27,), in the order of `DESCRIPTORS`.

    Letters that are no amino acid are left out. Length; mass in dalton; net charge near pH 7 (K, R: 1, H: 0.1,
    D, E: -1); mean hydropathy; hydrophobic moment of a helix; aliphatic index; share of F, W, Y; shares of the 20
    amino acids.
    """
    codes = np.array([LETTERS.index(letter) for letter in sequence.upper() if letter in LETTERS], dtype=np.intp)
    n = len(codes)
    if n == 0:
        return np.zeros(len(DESCRIPTORS))
    hydropathy, consensus, mass, charge = _scales()
    share = np.bincount(codes, minlength=len(LETTERS)) / n
    of = dict(zip(LETTERS, share, strict=True))
    moment = abs((consensus[codes] * np.exp(1j * HELIX * np.arange(n))).sum()) / n
    aliphatic = 100 * (of["A"] + 2.9 * of["V"] + 3.9 * (of["I"] + of["L"]))
    aromatic = of["F"] + of["W"] + of["Y"]
    whole = [n, mass[codes].sum() + WATER, charge[codes].sum(), hydropathy[codes].mean(), moment, aliphatic, aromatic]
    return np.concatenate([whole, share])


class _PeptideBlock:
    """Scaled descriptors of the sequences of some columns."""

    def __init__(self) -> None:
        self.scaled = NumberBlock("standard")

    def fit(self, X: pd.DataFrame, positions: tuple[int, ...]) -> Self:
        """Learn the scale."""
        self.scaled.fit(self._raw(X, positions))
        return self

    def transform(self, X: pd.DataFrame, positions: tuple[int, ...]) -> NDArray[np.float64]:
        """Return the descriptors, shape (n_samples, 27 * n_columns)."""
        return self.scaled.transform(self._raw(X, positions))

    def _raw(self, X: pd.DataFrame, positions: tuple[int, ...]) -> NDArray[np.float64]:
        columns = [[descriptors(text) for text in documents(X.iloc[:, position])] for position in positions]
        return np.hstack([np.reshape(rows, (len(X), len(DESCRIPTORS))) for rows in columns])


@dataclass(kw_only=True)
class Peptide(_TextFirst):
    """27 descriptors of a sequence: length, mass, charge, hydropathy, moment, indices and composition, scaled.

    Other columns are encoded as in ``linear``. Where the dataset names no text columns, all that are neither numbers
    nor dates are sequences.

    References
    ----------
    .. [1] J. Kyte and R. F. Doolittle, A simple method for displaying the hydropathic character of a protein, J. Mol.
       Biol. 157, 1982.
    .. [2] D. Eisenberg et al., Analysis of membrane and surface protein sequences with the hydrophobic moment plot, J.
       Mol. Biol. 179, 1984.
    .. [3] A. Ikai, Thermostability and aliphatic index of globular proteins, J. Biochem. 88, 1980.
    """

    def _text_block(self) -> Any:
        return _PeptideBlock()


@cache
def _scales() -> tuple[NDArray[np.float64], ...]:
    charge = [CHARGE.get(letter, 0.0) for letter in LETTERS]
    return np.array(HYDROPATHY), np.array(CONSENSUS), np.array(MASS), np.array(charge)
