"""The sections of a page that explain fusions: contributions, diversity, wins, calibration."""

from __future__ import annotations

from collections.abc import Iterator

from fusebench.report import _figures as figures
from fusebench.report._layout import (
    MOST_ROWS,
    Cell,
    Column,
    Part,
    Row,
    Section,
    name_cell,
    number_cell,
    table_of,
)
from fusebench.report.base import (
    Verdicts,
)
from fusebench.results import Results

ON_REQUEST = "Not computed in this run; `fusebench report RUN --explain` computes it from the stored predictions."


def contributions_section(results: Results, verdicts: Verdicts) -> Section:
    if not results.contributions:
        return Section("contributions", "What members contribute", [Part(text=ON_REQUEST)])
    rows = []
    for row in results.contributions:
        if row.metric != results.metrics[0] and len(results.contributions) > MOST_ROWS:
            continue
        error = f" ± {row.error:.4f}" if row.error else ""
        shapley = "n/a" if row.shapley is None else f"{row.shapley:+.4f}{error}"
        left = "n/a" if row.leave_one_out is None else f"{row.leave_one_out:+.4f}"
        cells = [name_cell(row.dataset), name_cell(row.fusion), name_cell(row.member), Cell(row.metric)]
        rows.append(Row([*cells, number_cell(row.shapley, shapley), number_cell(row.leave_one_out, left)]))
    columns = [Column("dataset"), Column("fusion"), Column("member"), Column("metric")]
    columns += [Column("Shapley value", numeric=True), Column("left out", numeric=True)]
    said = (
        "A member's Shapley value is its share of the fusion's gain in held-out score over a model that knows only how "
        "frequent the classes are (the mean, for regression); the shares sum to the gain. Left out: the fusion's score "
        "minus that of the fusion of all other members; below zero, the fusion is better without it."
    )
    parts = [Part(text=said, figure=figures.contributions(results, verdicts)), Part(table=table_of(columns, rows))]
    parts += _diversity(results)
    parts += _wins(results)
    return Section("contributions", "What members contribute", parts)


def _diversity(results: Results) -> Iterator[Part]:
    rows = []
    for one in results.diagnoses:
        for pair in one.get("diversity", ()):
            cells = [name_cell(one["dataset"]), name_cell(pair["a"]), name_cell(pair["b"])]
            names = ("disagreement", "q", "double_fault", "error_correlation")
            rows.append(Row([*cells, *(number_cell(pair.get(name)) for name in names)]))
    if rows:
        columns = [Column("dataset"), Column("a"), Column("b")]
        names = ("disagreement", "Q statistic", "double fault", "error correlation")
        columns += [Column(name, numeric=True) for name in names]
        said = (
            "Pairs of learners on the test rows. Fusion gains most where double faults and error correlation are low."
        )
        yield Part(heading="Diversity", text=said, table=table_of(columns, rows, 60))


def _wins(results: Results) -> Iterator[Part]:
    rows = []
    for one in results.diagnoses:
        for told in one.get("wins", ()):
            cells = [name_cell(one["dataset"]), name_cell(told["fusion"])]
            rows.append(
                Row(
                    [*cells, *(number_cell(told[name], f"{told[name]:,}") for name in ("right", "wrong", "both_wrong"))]
                )
            )
    if rows:
        columns = [Column("dataset"), Column("fusion")]
        names = ("right where best_single is wrong", "wrong where best_single is right", "both wrong")
        columns += [Column(name, numeric=True) for name in names]
        yield Part(heading="Where fusions win (test rows)", table=table_of(columns, rows, 60))


def calibration_section(results: Results, verdicts: Verdicts) -> Section:
    rows = []
    for one in results.diagnoses:
        for told in one.get("calibration", ()):
            cells = [name_cell(one["dataset"]), name_cell(told["model"])]
            rows.append(Row([*cells, number_cell(told["ece"]), number_cell(told["brier"])]))
    if not rows:
        said = "There are no classes." if _only_regression(results) else ON_REQUEST
        return Section("calibration", "Calibration", [Part(text=said)])
    columns = [Column("dataset"), Column("model"), Column("ECE", numeric=True), Column("Brier score", numeric=True)]
    said = (
        "Reliability: of the answers given with some confidence, the share that is right; the dashed line is perfect. "
        "ECE: mean gap between the two over ten bins of confidence. Both are errors: lower is better."
    )
    figure = Part(text=said, figure=figures.calibration(results, verdicts))
    return Section("calibration", "Calibration", [figure, Part(table=table_of(columns, rows, 100))])


def _only_regression(results: Results) -> bool:
    return bool(results.datasets) and all(one.target_type == "continuous" for one in results.datasets)


def importance_section(results: Results) -> Section:
    """Return which features models need; nothing where nobody asked."""
    if not results.importances:
        return Section("importance", "Importance of features", [])
    rows = [
        Row(
            [
                name_cell(one.dataset), name_cell(one.model), name_cell(one.feature), Cell(one.metric),
                number_cell(one.importance, f"{one.importance:+.4f}"), number_cell(one.sd),
            ]
        )
        for one in results.importances
    ]  # fmt: skip
    columns = [Column("dataset"), Column("model"), Column("feature"), Column("metric")]
    columns += [Column("importance", numeric=True), Column("sd over splits", numeric=True)]
    said = (
        "How far the held-out score falls when the values of one feature are shuffled among the test rows. Features "
        "that carry the same are each unimportant by this measure."
    )
    return Section("importance", "Importance of features", [Part(text=said, table=table_of(columns, rows))])
