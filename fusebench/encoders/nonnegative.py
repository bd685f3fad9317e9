"""For naive Bayes on counts: nothing is negative."""

from __future__ import annotations

from dataclasses import dataclass

from fusebench.encoders._stacked import _Stacked


@dataclass(kw_only=True)
class Nonnegative(_Stacked):
    """Numbers scaled to the range 0 to 1 of the training rows, one-hot categories, TF-IDF of text."""

    scaling = "unit"
