"""For trees that take missing numbers: a code per category."""

from __future__ import annotations

from dataclasses import dataclass

from fusebench.encoders._in_place import _InPlace


@dataclass(kw_only=True)
class Ordinal(_InPlace):
    """Numbers as they are, with missing values; categories as their place in sorted order, -1 if missing or unseen.

    A date becomes days since 1970, year, month, day, weekday and hour; a text its 50 leading dimensions of TF-IDF.
    """
