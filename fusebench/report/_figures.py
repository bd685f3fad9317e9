"""The figures of a report, each made of results and verdicts alone."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fusebench.report._drawing import Drawing, Role
from fusebench.report.base import Verdicts, board_of, number, shortened
from fusebench.results import Results

MOST_MODELS, MOST_DATASETS = 40, 60
LABEL = 150.0  # pixels for a name beside a row
BINS_SIDE = 260.0
ORACLE, BEST_SINGLE = "oracle", "best_single"
COST_NAMES = {"fit_seconds_total": "CPU seconds of all fits", "latency_us": "µs to answer one row", "bytes": "bytes"}


def figures(results: Results, verdicts: Verdicts) -> Iterator[tuple[str, Drawing]]:
    """Yield every figure that the run has data for, with a name for its file."""
    for metric in results.metrics:
        made = {
            "intervals": intervals(verdicts, metric),
            "critical_difference": critical_difference(verdicts, metric),
            "datasets": heat_map(verdicts, metric),
            **{f"pareto_{cost}": pareto(verdicts, metric, cost) for cost in COST_NAMES},
        }
        yield from ((f"{name}_{metric}", drawing) for name, drawing in made.items() if drawing is not None)
    for name, maker in (("contributions", contributions), ("calibration", calibration)):
        drawing = maker(results, verdicts)
        if drawing is not None:
            yield name, drawing


def intervals(verdicts: Verdicts, metric: str) -> Drawing | None:
    """Return every model's mean score with its 95% interval."""
    rows = [row for row in board_of(verdicts, metric) if row.mean_score is not None][:MOST_MODELS]
    if not rows:
        return None
    ends = [one for row in rows for one in (row.mean_score, row.ci_low, row.ci_high) if one is not None]
    low, high = min(ends), max(ends)
    drawing = Drawing(f"{metric}: mean score and 95% interval of each model", 640, 34 + 18 * len(rows) + 22)
    left, right = LABEL + 10, drawing.width - 70
    at = _scale(low, high, left, right)
    bottom = 20 + 18 * len(rows)
    for tick in _ticks(low, high):
        drawing.line([(at(tick), 14), (at(tick), bottom)], "grid")
        drawing.words(at(tick), bottom + 16, f"{tick:g}", "muted", "middle", 11)
    for index, row in enumerate(rows):
        y = 26 + 18 * index
        drawing.words(LABEL, y + 4, shortened(row.model, 22), "ink", "end")
        if row.ci_low is not None:
            drawing.line([(at(row.ci_low), y), (at(row.ci_high), y)], _role(row), 2)
        drawing.dot(at(row.mean_score), y, 4, _role(row), f"{row.model} {number(row.mean_score)}")
        drawing.words(drawing.width - 4, y + 4, number(row.mean_score), "muted", "end", 11)
    return drawing


def critical_difference(verdicts: Verdicts, metric: str) -> Drawing | None:
    """Return mean ranks on an axis, with a bar over every group of models that cannot be told apart."""
    rows = [row for row in board_of(verdicts, metric) if row.rank is not None and row.model != ORACLE]
    if len(rows) < 2 or len(verdicts.datasets) < 2 or len(rows) > MOST_MODELS:
        return None
    rows = sorted(rows, key=lambda row: row.rank)
    groups = _groups(rows)
    half = (len(rows) + 1) // 2
    axis, worst = 30.0, float(max(len(rows), math.ceil(rows[-1].rank)))
    first_label = axis + 24 + 9 * len(groups)
    drawing = Drawing(f"{metric}: mean rank of each model, 1 is best", 720, first_label + 20 * half + 6)
    at = _scale(1, worst, 190, drawing.width - 190)
    drawing.line([(at(1), axis), (at(worst), axis)], "ink")
    for tick in range(1, int(worst) + 1, max(1, int(worst) // 12)):
        drawing.line([(at(tick), axis - 5), (at(tick), axis)], "ink")
        drawing.words(at(tick), axis - 9, str(tick), "muted", "middle", 11)
    for level, group in enumerate(groups):
        y = axis + 12 + 9 * level
        ranks = [row.rank for row in group]
        drawing.line([(at(min(ranks)) - 4, y), (at(max(ranks)) + 4, y)], "ink", 4)
    for index, row in enumerate(rows):
        on_left = index < half
        y = first_label + 20 * (index if on_left else len(rows) - 1 - index) + 6
        end = 180.0 if on_left else drawing.width - 180
        drawing.line([(at(row.rank), axis), (at(row.rank), y), (end, y)], _role(row))
        anchor = "end" if on_left else "start"
        label = f"{shortened(row.model, 18)} {row.rank:.2f}"
        drawing.words(end + (-5 if on_left else 5), y + 4, label, "ink", anchor)  # type: ignore[arg-type]  # a literal
    return drawing


def heat_map(verdicts: Verdicts, metric: str, *, tips: bool = True) -> Drawing | None:
    """Return the difference of every model to best_single on every dataset (to the dataset's mean without it)."""
    columns = [row.model for row in board_of(verdicts, metric) if row.model != ORACLE][:MOST_MODELS]
    cells = {
        dataset: {row.model: row.mean_score for row in rows if row.metric == metric}
        for dataset, rows in verdicts.per_dataset.items()
    }
    datasets = [one for one in cells if any(score is not None for score in cells[one].values())][:MOST_DATASETS]
    if not datasets or not columns:
        return None
    gains = {dataset: _gains(cells[dataset]) for dataset in datasets}
    largest = max((abs(gain) for one in gains.values() for gain in one.values()), default=0.0) or 1.0
    wide = max(18.0, min(44.0, 560 / len(columns)))
    head = 96.0
    drawing = Drawing(
        f"{metric}: difference to best_single per dataset; green is better, red is worse",
        LABEL + wide * len(columns) + 80,
        head + 16 * len(datasets) + 8,
    )
    for at, model in enumerate(columns):
        drawing.words(LABEL + 10 + wide * (at + 0.5), head - 6, shortened(model, 18), "ink", "start", 11, slanted=True)
    for index, dataset in enumerate(datasets):
        y = head + 16 * index
        drawing.words(LABEL, y + 12, shortened(dataset, 22), "ink", "end", 11)
        for at, model in enumerate(columns):
            gain = gains[dataset].get(model)
            role: Role = "grid" if gain is None else "good" if gain >= 0 else "bad"
            opacity = 0.3 if gain is None else 0.06 + 0.94 * math.sqrt(abs(gain) / largest)
            said = "no score" if gain is None else f"{gain:+.4f}"
            tip = f"{shortened(dataset, 30)}, {shortened(model, 30)}: {said}"
            drawing.box(LABEL + 6 + wide * at, y, wide - 1, 15, role, opacity, tip if tips else "")
    return drawing


def pareto(verdicts: Verdicts, metric: str, cost: str) -> Drawing | None:
    """Return score against a cost, with the front of models that no other beats at no more of it."""
    costs = suite_costs(verdicts, metric, cost)
    rows = [row for row in board_of(verdicts, metric) if row.mean_score is not None and costs.get(row.model, 0) > 0]
    if len(rows) < 2:
        return None
    scores = [row.mean_score for row in rows]
    drawing = Drawing(f"{metric} against {COST_NAMES[cost]}", 640, 330)
    logs = [math.log10(costs[row.model]) for row in rows]
    across = _scale(min(logs), max(logs), 80, drawing.width - 120)
    up = _scale(min(scores), max(scores), drawing.height - 60, 24)
    for tick in _ticks(min(scores), max(scores)):
        drawing.line([(70, up(tick)), (drawing.width - 20, up(tick))], "grid")
        drawing.words(64, up(tick) + 4, f"{tick:g}", "muted", "end", 11)
    for power in range(math.floor(min(logs)), math.ceil(max(logs)) + 1):
        if min(logs) - 0.05 <= power <= max(logs) + 0.05:
            drawing.line([(across(power), 20), (across(power), drawing.height - 50)], "grid")
            drawing.words(across(power), drawing.height - 34, f"{10.0**power:g}", "muted", "middle", 11)
    drawing.words(drawing.width / 2, drawing.height - 12, COST_NAMES[cost], "muted", "middle", 12)
    front = set(verdicts.fronts.get(metric, {}).get(cost, ()))
    best = sorted((across(math.log10(costs[row.model])), up(row.mean_score)) for row in rows if row.model in front)
    if len(best) > 1:
        drawing.line(best, "muted", 1.5, dashed=True)
    taken: list[tuple[float, float]] = []
    for row in rows:
        x, y = across(math.log10(costs[row.model])), up(row.mean_score)
        drawing.dot(x, y, 5 if row.model in front else 3.5, _role(row), f"{row.model}: {number(row.mean_score)}")
        place = _free(taken, x, y)
        if place is not None:
            drawing.words(x + 8, place, shortened(row.model, 18), "ink" if row.model in front else "muted", "start", 11)
    return drawing


def contributions(results: Results, verdicts: Verdicts) -> Drawing | None:
    """Return the Shapley values of the members of the fusion that ranks highest among those that have them."""
    found = shapley_means(results)
    order = [row.model for row in board_of(verdicts, results.metrics[0])] if results.metrics else []
    fusion = next((model for model in order if model in found), None)
    if fusion is None:
        return None
    rows = sorted(found[fusion].items(), key=lambda one: -one[1])[:MOST_MODELS]
    values = [value for _, value in rows]
    drawing = Drawing(f"{fusion}: what each member adds to {results.metrics[0]}", 640, 30 + 20 * len(rows))
    at = _scale(min(0.0, *values), max(0.0, *values), LABEL + 20, drawing.width - 80)
    drawing.line([(at(0), 16), (at(0), 22 + 20 * len(rows))], "muted")
    for index, (member, value) in enumerate(rows):
        y = 20 + 20 * index
        drawing.words(LABEL, y + 12, shortened(member, 22), "ink", "end")
        start, end = sorted((at(0), at(value)))
        drawing.box(start, y, max(end - start, 0.5), 15, "good" if value >= 0 else "bad", 0.8, f"{member} {value:+.5f}")
        drawing.words(drawing.width - 6, y + 12, f"{value:+.4f}", "muted", "end", 11)
    return drawing


def shapley_means(results: Results) -> dict[str, dict[str, float]]:
    """Return the mean Shapley value over datasets of each member of each fusion, under the first metric."""
    gathered: dict[str, dict[str, list[float]]] = {}
    for row in results.contributions:
        if row.metric == results.metrics[0] and row.shapley is not None:
            gathered.setdefault(row.fusion, {}).setdefault(row.member, []).append(row.shapley)
    return {
        fusion: {member: sum(values) / len(values) for member, values in members.items()}
        for fusion, members in gathered.items()
    }


def calibration(results: Results, verdicts: Verdicts) -> Drawing | None:
    """Return the reliability curves of best_single and of the two highest fusions, all datasets pooled."""
    pooled = pooled_bins(results)
    order = (
        [row.model for row in board_of(verdicts, results.metrics[0]) if row.kind == "fusion"] if results.metrics else []
    )
    chosen = [one for one in (*order[:2], BEST_SINGLE) if one in pooled]
    if not chosen:
        return None
    drawing = Drawing("Reliability: how often the predicted class is right, by confidence", 520, BINS_SIDE + 60)
    left, bottom = 50.0, BINS_SIDE + 20
    across, up = _scale(0, 1, left, left + BINS_SIDE, 0), _scale(0, 1, bottom, bottom - BINS_SIDE, 0)
    for tick in (0, 0.25, 0.5, 0.75, 1):
        drawing.line([(left, up(tick)), (left + BINS_SIDE, up(tick))], "grid")
        drawing.words(left - 6, up(tick) + 4, f"{tick:g}", "muted", "end", 11)
        drawing.words(across(tick), bottom + 16, f"{tick:g}", "muted", "middle", 11)
    drawing.line([(across(0), up(0)), (across(1), up(1))], "muted", 1, dashed=True)
    drawing.words(left + BINS_SIDE / 2, bottom + 34, "confidence", "muted", "middle", 12)
    roles: Sequence[Role] = ("fusion", "good", "reference")
    for index, model in enumerate(chosen):
        role: Role = "reference" if model == BEST_SINGLE else roles[index]
        points = [(across(c / n), up(a / n)) for n, c, a in pooled[model] if n > 0]
        drawing.line(points, role, 2)
        for x, y in points:
            drawing.dot(x, y, 3, role)
        y = 30.0 + 20 * index
        drawing.line([(left + BINS_SIDE + 24, y), (left + BINS_SIDE + 48, y)], role, 3)
        drawing.words(left + BINS_SIDE + 54, y + 4, shortened(model, 20))
    return drawing


def pooled_bins(results: Results) -> dict[str, list[tuple[float, float, float]]]:
    """Return per model and bin the rows, and the sums of confidence and of correct answers, over all datasets."""
    pooled: dict[str, list[tuple[float, float, float]]] = {}
    for diagnosis in results.diagnoses:
        for one in diagnosis.get("calibration", ()):
            bins = [(float(n), float(c), float(a)) for n, c, a in one["bins"]]
            before = pooled.get(one["model"])
            pooled[one["model"]] = (
                bins
                if before is None
                else [(n + m, c + d, a + b) for (n, c, a), (m, d, b) in zip(before, bins, strict=True)]
            )
    return pooled


def suite_costs(verdicts: Verdicts, metric: str, cost: str) -> dict[str, float]:
    """Return a cost of each model over the suite: seconds summed, latency and bytes as means over datasets."""
    if cost != "latency_us":
        return {
            row.model: float(value)
            for row in board_of(verdicts, metric)
            if (value := getattr(row, cost)) is not None and row.model != ORACLE
        }
    gathered: dict[str, list[float | None]] = {}
    for row in verdicts.costs:
        gathered.setdefault(row.model, []).append(row.latency_1_us)
    known = {model: [one for one in found if one is not None] for model, found in gathered.items()}
    return {
        model: sum(found) / len(found) for model, found in known.items() if found and len(found) == len(gathered[model])
    }


def _gains(scores: Mapping[str, float | None]) -> dict[str, float]:
    known = {model: score for model, score in scores.items() if score is not None and model != ORACLE}
    if not known:
        return {}
    base = known.get(BEST_SINGLE, sum(known.values()) / len(known))
    return {model: score - base for model, score in known.items()}


def _groups(rows: Sequence[Any]) -> list[list[Any]]:
    letters: dict[str, list[Any]] = {}
    for row in rows:
        for letter in re.findall(r"[A-Za-z]\d*", row.group):
            letters.setdefault(letter, []).append(row)
    return [group for group in letters.values() if len(group) > 1]


def _role(row: Any) -> Role:
    return row.kind if row.kind in ("learner", "fusion") else "reference"


def _scale(low: float, high: float, start: float, end: float, pad: float = 0.03) -> Any:
    """Return a function from data to pixels; a range of nothing maps to the middle."""
    if high - low < 1e-12:
        return lambda _: (start + end) / 2
    spread = (high - low) * pad
    low, high = low - spread, high + spread
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _ticks(low: float, high: float) -> list[float]:
    if high - low < 1e-12:
        return [round(low, 6)]
    step = 10 ** math.floor(math.log10((high - low) / 3))
    step *= next((one for one in (1, 2, 5, 10) if (high - low) / (one * step) <= 6), 10)
    first = math.ceil(low / step)
    return [round(step * one, 10) for one in range(first, math.floor(high / step) + 1)]


def _free(taken: list[tuple[float, float]], x: float, y: float) -> float | None:
    """Return a height beside a point where a label fits; None where there is none near."""
    for shift in (4, -8, 16, -20, 28):
        if all(abs(y + shift - other) > 11 or abs(x - place) > 110 for place, other in taken):
            taken.append((x, y + shift))
            return y + shift
    return None
