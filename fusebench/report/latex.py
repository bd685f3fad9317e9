"""LaTeX with booktabs, for papers."""

from __future__ import annotations

from fusebench.report.base import FRONT_SAYS, Format, Verdicts, board_of, cells, visible
from fusebench.results import Results

ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip
COLUMNS = ("Rank", "Model", "Kind", "Mean score", r"95\% interval", "Against best single", "Group", "CPU s", "Failures")


END = r" \\"


class Latex(Format):
    """A table per metric in the style of the package booktabs, which a document must load."""

    def render(self, results: Results, verdicts: Verdicts) -> str:
        """Return the tables."""
        return "\n\n".join(self._table(results, verdicts, metric) for metric in results.metrics)

    @staticmethod
    def _table(results: Results, verdicts: Verdicts, metric: str) -> str:
        rows = board_of(verdicts, metric)
        body = [" & ".join(escape(cell) for cell in cells(row, verdicts)) + END for row in rows]
        caption = f"{escape(results.name)}: {escape(metric)}, higher is better. {escape(FRONT_SAYS)}"
        return "\n".join(
            [
                r"\begin{table}",
                rf"\caption{{{caption}}}",
                r"\begin{tabular}{rllrllrrl}",
                r"\toprule",
                " & ".join(COLUMNS) + r" \\",
                r"\midrule",
                *body,
                r"\bottomrule",
                r"\end{tabular}",
                r"\end{table}",
            ]
        )


def escape(text: str) -> str:
    """Return text that LaTeX shows as it is."""
    return "".join(ESCAPES.get(one, one) for one in visible(text))
