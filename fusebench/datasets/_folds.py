"""Whether a target can be split as a spec asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fusebench.spec.model import CV


def check_folds(
    y: NDArray[Any], cv: CV, *, target_type: str, groups: NDArray[Any] | None = None
) -> tuple[list[str], list[str]]:
    """Return what makes the split impossible, and what a reader should know about it.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Class codes or values.
    """
    n = len(y)
    errors: list[str] = []
    notes: list[str] = []
    if cv.type == "holdout":
        if isinstance(cv.test_size, int) and cv.test_size >= n - 1:
            errors.append(f"cv.test_size is {cv.test_size}, the dataset has {n} rows")
        return errors, notes
    if cv.type != "predefined" and n < cv.n_splits + (cv.type == "time_series"):
        return [f"{n} rows cannot be split into {cv.n_splits} folds; lower cv.n_splits"], notes
    if groups is not None and cv.type in {"group", "stratified_group"}:
        n_groups = len(np.unique(groups))
        if n_groups == 1:
            errors.append("the group column has one value only: all rows are one group, which cannot be split")
        elif n_groups < cv.n_splits:
            errors.append(f"{n_groups} groups cannot be split into {cv.n_splits} folds; lower cv.n_splits")
    elif groups is not None and cv.type == "kfold":
        notes.append("rows of one group stand on both sides of a split; say `cv: {type: group}` to keep them together")
    if target_type != "continuous" and cv.type == "kfold":
        counts = np.bincount(y[y >= 0])
        counts = counts[counts > 0]
        if counts.max() < cv.n_splits:
            errors.append(f"every class has fewer rows than the {cv.n_splits} folds; lower cv.n_splits")
        elif counts.min() < cv.n_splits:
            rare = int((counts < cv.n_splits).sum())
            notes.append(f"{rare} classes have fewer rows than the {cv.n_splits} folds: some folds lack them")
    return errors, notes
