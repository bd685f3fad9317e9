"""CSV: the leaderboard."""

from __future__ import annotations

from fusebench.report._files import LEADERBOARD, as_csv
from fusebench.report.base import Format, Verdicts
from fusebench.results import Results


class Csv(Format):
    """The leaderboard as CSV."""

    def render(self, results: Results, verdicts: Verdicts) -> str:
        """Return the leaderboard."""
        del results
        return as_csv(LEADERBOARD, verdicts.leaderboard).rstrip("\n")
