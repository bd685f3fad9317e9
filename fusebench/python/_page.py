"""A run in a notebook: the findings and the leaderboard, everything escaped."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fusebench.python.running import Run

SENTENCES, ROWS = 3, 40
COLUMNS = {
    "rank": "rank",
    "model": "model",
    "kind": "kind",
    "mean_score": "score",
    "ci_low": "95% from",
    "ci_high": "to",
    "diff_best_single": "against best_single",
    "verdict": "verdict",
    "group": "group",
    "failures": "failures",
}


def as_html(run: Run) -> str:
    """Return a fragment of HTML without scripts and styles of its own."""
    results = run.results
    head = f"<p><b>{escape(results.name)}</b>: {len(results.datasets)} datasets, {len(results.models)} models</p>"
    said = "".join(f"<li>{escape(one)}</li>" for one in run.findings[:SENTENCES])
    warned = "".join(f"<li>{escape(one)}</li>" for one in run.verdicts.warnings[:SENTENCES])
    unfinished = "" if run.complete else "<p>Not finished: these are the results so far.</p>"
    tables = "".join(_table(run, metric) for metric in results.metrics)
    notes = f"<details><summary>What limits these numbers</summary><ul>{warned}</ul></details>" if warned else ""
    return f"<div>{head}{unfinished}<ul>{said}</ul>{tables}{notes}</div>"


def _table(run: Run, metric: str) -> str:
    rows = [row for row in run.verdicts.leaderboard if row.metric == metric]
    header = "".join(f"<th>{escape(title)}</th>" for title in COLUMNS.values())
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(getattr(row, name))}</td>" for name in COLUMNS) + "</tr>" for row in rows[:ROWS]
    )
    more = f"<p>{len(rows) - ROWS} more models in <code>leaderboard</code></p>" if len(rows) > ROWS else ""
    return (
        f"<table><caption>{escape(metric)}</caption><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>{more}"
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else ""
    return escape(str(value))
