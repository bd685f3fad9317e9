"""CSV: the leaderboard."""

from __future__ import annotations

from fusebench.report._files import LEADERBOARD, as_csv
from fusebench.report.base import Format, Verdicts, visible
from fusebench.results import Results


class Csv(Format):
    """The leaderboard as CSV."""

    def render(self, results: Results, verdicts: Verdicts) -> str:
        """Return the leaderboard."""
        del results
        text = as_csv(LEADERBOARD, verdicts.leaderboard).rstrip("\n")
        return "\n".join(map(visible, text.split("\n")))
