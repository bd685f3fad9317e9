"""What a report format is: text made of results and verdicts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fusebench.discovery import Registry
from fusebench.results import Results

REGISTRY = Registry(package="fusebench.report", base="Format", noun="format")


class Row(Protocol):
    """A named tuple."""

    _fields: tuple[str, ...]

    def __iter__(self) -> Any:
        """Yield the cells."""
        ...


class Verdicts(Protocol):
    """What the formats read of the verdicts."""

    @property
    def leaderboard(self) -> Sequence[Any]:
        """Rows by metric, best first."""
        ...

    @property
    def comparisons(self) -> Sequence[Any]:
        """Pairs of models."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """What limits the numbers."""
        ...

    @property
    def sentences(self) -> Sequence[str]:
        """The findings in words."""
        ...

    @property
    def compressed(self) -> Sequence[Any]:
        """Full and compressed fusions, by metric and fusion."""
        ...

    @property
    def distilled(self) -> Sequence[Any]:
        """What every distilled student keeps of its teacher."""
        ...

    @property
    def regrets(self) -> Sequence[Any]:
        """What fusions that choose lost against their best candidate in hindsight."""
        ...

    @property
    def per_dataset(self) -> Mapping[str, Sequence[Any]]:
        """The leaderboard of each dataset."""
        ...

    @property
    def costs(self) -> Sequence[Any]:
        """What each model costs on each dataset."""
        ...

    @property
    def fronts(self) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """By metric and cost, the models that no other beats in score at no more of that cost."""
        ...

    @property
    def datasets(self) -> Sequence[str]:
        """How the datasets are named."""
        ...


class Format(ABC):
    """One way of showing a run. Adding a format is adding one file to this package."""

    @abstractmethod
    def render(self, results: Results, verdicts: Verdicts) -> str:
        """Return the run as text."""


def visible(text: object) -> str:
    """Return a name with every character that could steer a terminal or turn text around made visible."""
    return "".join(one if one.isprintable() else "\ufffd" for one in str(text))


def shortened(text: object, width: int = 40) -> str:
    """Return a visible name of at most `width` characters."""
    shown = visible(text)
    return shown if len(shown) <= width else f"{shown[: width - 1]}…"


def number(value: float | None, digits: int = 4) -> str:
    """Return a number for people, ``n/a`` where there is none."""
    return "n/a" if value is None else f"{value:.{digits}f}"


def seconds(value: float | None) -> str:
    """Return seconds with about three digits."""
    if value is None:
        return "n/a"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def micro(value: float | None) -> str:
    """Return microseconds in the unit that suits them."""
    if value is None:
        return "n/a"
    return f"{value / 1e6:.2f} s" if value >= 1e6 else f"{value / 1e3:.1f} ms" if value >= 1e3 else f"{value:.0f} µs"


def size(value: float | None) -> str:
    """Return bytes in the unit that suits them."""
    if value is None:
        return "n/a"
    return f"{value / 1e6:,.1f} MB" if value >= 1e6 else f"{value / 1e3:,.1f} kB"


def rank(value: float | None) -> str:
    """Return a rank: whole where it is, with one decimal where it is a mean."""
    return "" if value is None else f"{value:g}" if value == int(value) else f"{value:.1f}"


def board_of(verdicts: Verdicts, metric: str) -> list[Any]:
    """Return the leaderboard rows of one metric."""
    return [row for row in verdicts.leaderboard if row.metric == metric]


COMPRESSED_CELLS = (
    "model", "score", "difference", "bytes", "ratio", "us per row", "ratio", "CPU s", "ratio", "front of",
)  # fmt: skip


def compressed_cells(row: Any) -> list[str]:
    """Return a full or compressed fusion as the texts of `COMPRESSED_CELLS`."""
    difference = "" if row.model == row.fusion or row.difference is None else f"{row.difference:+.4f}"
    size = "n/a" if row.bytes is None else f"{row.bytes:,}"
    took = "n/a" if row.predict_us_per_row is None else f"{row.predict_us_per_row:.3g}"
    ratios = ["n/a" if one is None else f"{one:.2f}" for one in (row.bytes_ratio, row.latency_ratio, row.cpu_ratio)]
    return [
        "full" if row.model == row.fusion else visible(row.model.removeprefix(row.fusion)),
        number(row.mean_score), difference, size, ratios[0], took, ratios[1],
        seconds(row.cpu_seconds), ratios[2], row.fronts,
    ]  # fmt: skip


def compressed_groups(verdicts: Verdicts) -> dict[tuple[str, str], list[Any]]:
    """Return the rows of full and compressed fusions by metric and fusion."""
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in verdicts.compressed:
        groups.setdefault((row.metric, row.fusion), []).append(row)
    return groups


CELLS = ("rank", "model", "kind", "mean score", "95% interval", "vs best_single", "group", "CPU s", "failures")


FRONT = "*"
FRONT_SAYS = f"{FRONT} no other model scores higher at no more of that cost (Pareto front)."


def marked(text: str, row: Any, verdicts: Verdicts, cost: str) -> str:
    """Return the text of a cost, marked where the model is on the Pareto front of score against it."""
    return text + FRONT if row.model in verdicts.fronts.get(row.metric, {}).get(cost, ()) else text


def cells(row: Any, verdicts: Verdicts) -> list[str]:
    """Return a leaderboard row as the texts of `CELLS`."""
    interval = "" if row.ci_low is None else f"{row.ci_low:.4f} to {row.ci_high:.4f}"
    difference = "" if row.diff_best_single is None or not row.verdict else f"{row.diff_best_single:+.4f} {row.verdict}"
    shown_rank = "bound" if row.model == "oracle" else rank(row.rank)
    return [
        shown_rank, visible(row.model), row.kind, number(row.mean_score), interval, difference, row.group,
        marked(seconds(row.fit_seconds_total), row, verdicts, "fit_seconds_total"), row.failures,
    ]  # fmt: skip
