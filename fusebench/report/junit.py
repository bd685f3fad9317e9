"""JUnit XML of a run: one test case per dataset and model, failed where fits failed."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from fusebench.report.base import Format, Verdicts, number, visible
from fusebench.results import Results


class JUnit(Format):
    """What CI systems show of a run; for the verdict of a gate see `fusebench check --junit`."""

    def render(self, results: Results, verdicts: Verdicts) -> str:
        """Return the XML."""
        cases, n_failed = [], 0
        for dataset, rows in verdicts.per_dataset.items():
            for row in rows:
                name = quoteattr(visible(f"{row.model} {row.metric}"))
                head = f"  <testcase classname={quoteattr(visible(dataset))} name={name}"
                if row.failures:
                    n_failed += 1
                    cases.append(f"{head}><failure message={quoteattr(visible(row.failures))}/></testcase>")
                else:
                    cases.append(f"{head}><system-out>{escape(number(row.mean_score))}</system-out></testcase>")
        suite = quoteattr(visible(results.name))
        first = f'<testsuite name={suite} tests="{len(cases)}" failures="{n_failed}">'
        return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', first, *cases, "</testsuite>"])
