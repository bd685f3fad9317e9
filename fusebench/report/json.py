"""JSON: the summary of a run, with its scores."""

from __future__ import annotations

from fusebench.report._files import as_json, summary
from fusebench.report.base import Format, Verdicts
from fusebench.results import Results


class Json(Format):
    """Everything as one JSON document."""

    def render(self, results: Results, verdicts: Verdicts) -> str:
        """Return the summary with scores, comparisons and failures."""
        tables = {
            "scores": [row._asdict() for row in results.scores],
            "comparisons": [row._asdict() for row in verdicts.comparisons],
            "failures": [row._asdict() for row in results.failures],
        }
        return as_json({**summary(results, verdicts), **tables}).rstrip("\n")
