"""Use the winner: fit the chosen model of a benchmark on all rows, save it, predict a table with it."""

from __future__ import annotations

from fusebench.deploy.fitting import Winner, fit
from fusebench.deploy.importances import importance, importances
from fusebench.deploy.predicting import as_csv, predict, write_text
from fusebench.deploy.saving import check_output, form_of, save

__all__ = [
    "Winner",
    "as_csv",
    "check_output",
    "fit",
    "form_of",
    "importance",
    "importances",
    "predict",
    "save",
    "write_text",
]
