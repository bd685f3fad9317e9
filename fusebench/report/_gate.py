"""What the gate found, for terminals, pull requests and CI systems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from fusebench.report._files import as_json
from fusebench.report.base import visible

MOST_ANNOTATIONS = 10  # GitHub shows no more per step
WIDEST = 25  # rows that a pull request still reads


class GateReport(Protocol):
    """What is read of a gate's report."""

    @property
    def rows(self) -> Sequence[Any]:
        """Checked cells and suites."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """What limits the verdict."""
        ...

    @property
    def failed(self) -> bool:
        """Whether the gate fails."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        ...

    def sentences(self) -> Iterator[str]:
        """Yield one line per row, failures first."""
        ...


def gate_text(found: GateReport, format_name: str) -> str:
    """Return a gate's report in a format: text, json, markdown, junit or annotations."""
    makers = {
        "text": _text,
        "json": lambda one: as_json(one.as_dict()).rstrip("\n"),
        "markdown": _markdown,
        "junit": _junit,
        "annotations": _annotations,
    }
    return makers[format_name](found)


def _verdict(found: GateReport) -> str:
    bad = sum(row.failed for row in found.rows)
    if bad:
        return f"FAILED: {bad} of {len(found.rows)} checks fell"
    return f"passed: none of {len(found.rows)} checks fell by more than its margin"


def _text(found: GateReport) -> str:
    lines = [visible(line) for line in found.sentences()]
    return "\n".join([*lines, *(f"! {visible(one)}" for one in found.warnings), _verdict(found)])


def _markdown(found: GateReport) -> str:
    from fusebench.report.markdown import escape, row

    lines = [
        f"### fusebench: {_verdict(found)}",
        "",
        row(["dataset", "model", "metric", "change", "verdict", "detectable"]),
    ]
    lines.append(row(["---"] * 6))
    ordered = sorted(found.rows, key=lambda one: (not one.failed, one.dataset != "", one.verdict == "IDENTICAL"))
    for one in ordered[:WIDEST]:
        change = "n/a" if one.mean_diff is None else f"{one.mean_diff:+.4f}"
        smallest = "n/a" if one.detectable_drop is None else f"{one.detectable_drop:.4f}"
        cells = [escape(one.dataset or "all"), escape(one.model), escape(one.metric), change, one.verdict, smallest]
        lines.append(row(cells))
    if len(ordered) > WIDEST:
        lines.append(f"\nand {len(ordered) - WIDEST} more rows")
    return "\n".join([*lines, "", *(f"> {escape(one)}" for one in found.warnings)]).rstrip("\n")


def _junit(found: GateReport) -> str:
    from xml.sax.saxutils import quoteattr  # not above: it imports what opens URLs, which few commands need

    sentences = {
        id(row): line
        for row, line in zip(sorted(found.rows, key=lambda r: not r.failed), found.sentences(), strict=True)
    }
    cases = []
    for one in found.rows:
        name = quoteattr(visible(f"{one.model} {one.metric}"))
        place = quoteattr(visible(one.dataset or "all datasets"))
        message = quoteattr(visible(sentences[id(one)]))
        inside = (
            f"<failure message={message}/>"
            if one.failed
            else f"<system-out>{_escaped(sentences[id(one)])}</system-out>"
        )
        cases.append(f"  <testcase classname={place} name={name}>{inside}</testcase>")
    failures = sum(one.failed for one in found.rows)
    head = f'<testsuite name="fusebench check" tests="{len(found.rows)}" failures="{failures}">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *cases, "</testsuite>"])


def _escaped(text: str) -> str:
    from xml.sax.saxutils import escape

    return escape(visible(text))


def _annotations(found: GateReport) -> str:
    """Return GitHub's workflow commands for what failed."""
    failed = sum(row.failed for row in found.rows)
    lines = list(found.sentences())[:failed]
    shown = lines[:MOST_ANNOTATIONS]
    if len(lines) > MOST_ANNOTATIONS:
        shown = [*lines[: MOST_ANNOTATIONS - 1], f"and {len(lines) - MOST_ANNOTATIONS + 1} more regressions"]
    return "\n".join(f"::error title=fusebench check::{_command_data(line)}" for line in shown)


def _command_data(line: str) -> str:
    return visible(line.replace("\n", " ")).replace("%", "%25")
