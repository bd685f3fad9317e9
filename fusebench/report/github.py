"""GitHub: annotations of a workflow that ran a benchmark."""

from __future__ import annotations

from fusebench.report.base import Format, Verdicts, shortened, visible
from fusebench.results import Results

MOST = 10  # GitHub shows no more per step and level


class GitHub(Format):
    """The first findings as notices, what failed as warnings; the Markdown format suits a step's summary."""

    def render(self, results: Results, verdicts: Verdicts) -> str:
        """Return workflow commands, one a line."""
        lines = [f"::notice title=fusebench::{_data(one)}" for one in list(verdicts.sentences)[:3]]
        own = [one for one in results.failures if one.stage != "member"]
        for one in own[: MOST if len(own) <= MOST else MOST - 1]:
            where = f"{shortened(one.dataset)}, {shortened(one.model)}, repeat {one.repeat}, fold {one.fold}"
            lines.append(f"::warning title=fusebench::{_data(f'{where}: {one.reason}: {shortened(one.detail, 200)}')}")
        if len(own) > MOST:
            lines.append(f"::warning title=fusebench::and {len(own) - MOST + 1} more failures, see failures.csv")
        return "\n".join(lines) or "::notice title=fusebench::there are no scores"


def _data(text: str) -> str:
    """Return text that cannot start another command or leave its line."""
    return visible(text.replace("\r", " ").replace("\n", " ")).replace("%", "%25")
