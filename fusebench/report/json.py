"""JSON: the summary of a run, with its scores."""

from __future__ import annotations

import json

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
        text = as_json({**summary(results, verdicts), **tables}).rstrip("\n")
        return "".join(one if one.isprintable() or one == "\n" else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    """Return a character that could turn text around as JSON escapes it."""
    return json.dumps(character)[1:-1]
