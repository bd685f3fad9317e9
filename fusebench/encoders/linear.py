"""For models that add up features: fill in, scale, one column per category."""

from __future__ import annotations

from dataclasses import dataclass

from fusebench.encoders._stacked import _Stacked


@dataclass(kw_only=True)
class Linear(_Stacked):
    """Median imputation and standard scaling of numbers, one-hot categories, TF-IDF of text.

    Equal to scikit-learn's ``SimpleImputer(strategy="median")``, ``StandardScaler()`` beside
    ``SimpleImputer(strategy="most_frequent")``, ``OneHotEncoder(handle_unknown="ignore")``. A date becomes days since
    1970, year, month, day, weekday and hour. Numbers come first, then categories, then text.
    """
