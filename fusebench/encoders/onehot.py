"""One column per category, numbers unscaled."""

from __future__ import annotations

from dataclasses import dataclass

from fusebench.encoders._stacked import _Stacked


@dataclass(kw_only=True)
class OneHot(_Stacked):
    """Median imputation of numbers, one-hot categories, TF-IDF of text; nothing is scaled."""

    scaling = "none"
