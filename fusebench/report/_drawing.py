"""Figures as a few kinds of marks: written as SVG by hand for pages, drawn by matplotlib for files.

By hand, because a page's figures follow its colours (light or dark), because their bytes are the same every time, and
because importing matplotlib takes longer than everything else that a report does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Literal

from fusebench.report.base import visible

Role = Literal["ink", "muted", "grid", "learner", "fusion", "reference", "good", "bad", "ground"]
COLOURS: dict[str, str] = {
    "ink": "#1b1f24", "muted": "#5c6773", "grid": "#d0d7de", "learner": "#3b78b5", "fusion": "#c2571a",
    "reference": "#7a7f87", "good": "#1a7f4b", "bad": "#c0392b", "ground": "#ffffff",
}  # fmt: skip


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    role: Role
    opacity: float = 1.0
    tip: str = ""


@dataclass(frozen=True)
class Path_:  # noqa: N801 - `Path` is a file's name everywhere else
    """An open line through points."""

    points: tuple[tuple[float, float], ...]
    role: Role
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    role: Role
    tip: str = ""


@dataclass(frozen=True)
class Words:
    """A line of text; `y` is its base line."""

    x: float
    y: float
    text: str
    role: Role = "ink"
    anchor: Literal["start", "middle", "end"] = "start"
    size: float = 12.0
    slanted: bool = False


Mark = Box | Path_ | Dot | Words


@dataclass
class Drawing:
    """A figure.

    Parameters
    ----------
    title : str
        What it shows, for people who cannot see it.
    width, height : float
        In pixels; y grows downward.
    """

    title: str
    width: float
    height: float
    marks: list[Mark] = field(default_factory=list)

    def box(
        self, x: float, y: float, width: float, height: float, role: Role, opacity: float = 1.0, tip: str = ""
    ) -> None:
        """Add a rectangle."""
        self.marks.append(Box(x, y, width, height, role, opacity, tip))

    def line(self, points: Sequence[tuple[float, float]], role: Role, width: float = 1.0, dashed: bool = False) -> None:
        """Add a line."""
        self.marks.append(Path_(tuple(points), role, width, dashed))

    def dot(self, x: float, y: float, radius: float, role: Role, tip: str = "") -> None:
        """Add a circle."""
        self.marks.append(Dot(x, y, radius, role, tip))

    def words(
        self,
        x: float,
        y: float,
        text: str,
        role: Role = "ink",
        anchor: Literal["start", "middle", "end"] = "start",
        size: float = 12.0,
        slanted: bool = False,
    ) -> None:
        """Add a line of text."""
        self.marks.append(Words(x, y, visible(text), role, anchor, size, slanted))

    def svg(self) -> str:
        """Return the figure for a page, which says what the classes look like."""
        inside = "".join(map(_svg, self.marks))
        title = escape(visible(self.title))
        size = f'viewBox="0 0 {_n(self.width)} {_n(self.height)}" width="{_n(self.width)}" height="{_n(self.height)}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}">{inside}</svg>'


def save(drawing: Drawing, path: Path) -> None:
    """Draw a figure into a PNG, SVG or PDF file with matplotlib; equal figures make equal bytes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle, Rectangle

    with mpl.rc_context({"svg.hashsalt": "fusebench", "svg.fonttype": "none", "pdf.fonttype": 42}):
        figure = Figure(figsize=(drawing.width / 96, drawing.height / 96), dpi=192)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, drawing.width), ylim=(drawing.height, 0))
        axes.axis("off")
        for mark in drawing.marks:
            colour = COLOURS[mark.role]
            match mark:
                case Box(x, y, width, height):
                    axes.add_patch(Rectangle((x, y), width, height, color=colour, alpha=mark.opacity, linewidth=0))
                case Dot(x, y, radius):
                    axes.add_patch(Circle((x, y), radius, color=colour, linewidth=0))
                case Path_(points):
                    style = "--" if mark.dashed else "-"
                    axes.plot(*zip(*points, strict=True), color=colour, linewidth=0.75 * mark.width, linestyle=style)
                case Words(x, y, text):
                    side = {"start": "left", "middle": "center", "end": "right"}[mark.anchor]
                    turned = 45 if mark.slanted else 0
                    axes.text(
                        x, y, text.replace("$", r"\$"), color=colour, ha=side, va="baseline", rotation=turned,
                        rotation_mode="anchor", fontsize=0.75 * mark.size,
                    )  # fmt: skip
        kind = path.suffix[1:]
        dateless = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[kind]
        figure.savefig(path, format=kind, metadata=dateless)


def _svg(mark: Mark) -> str:
    match mark:
        case Box():
            tip = f"<title>{escape(visible(mark.tip))}</title>" if mark.tip else ""
            dim = f' fill-opacity="{mark.opacity:.2f}"' if mark.opacity < 1 else ""
            where = f'x="{_n(mark.x)}" y="{_n(mark.y)}" width="{_n(mark.width)}" height="{_n(mark.height)}"'
            return f'<rect class="{mark.role}" {where}{dim}>{tip}</rect>' if tip else (
                f'<rect class="{mark.role}" {where}{dim}/>'
            )  # fmt: skip
        case Dot():
            tip = f"<title>{escape(visible(mark.tip))}</title>" if mark.tip else ""
            where = f'cx="{_n(mark.x)}" cy="{_n(mark.y)}" r="{_n(mark.radius)}"'
            return f'<circle class="{mark.role}" {where}>{tip}</circle>'
        case Path_():
            points = " ".join(f"{_n(x)},{_n(y)}" for x, y in mark.points)
            dashes = ' stroke-dasharray="4 3"' if mark.dashed else ""
            return (
                f'<polyline class="line {mark.role}" points="{points}" fill="none" '
                f'stroke-width="{_n(mark.width)}"{dashes}/>'
            )
        case Words():
            turned = f' transform="rotate(-45 {_n(mark.x)} {_n(mark.y)})"' if mark.slanted else ""
            anchor = "" if mark.anchor == "start" else f' text-anchor="{mark.anchor}"'
            return (
                f'<text class="{mark.role}" x="{_n(mark.x)}" y="{_n(mark.y)}" font-size="{_n(mark.size)}"{anchor}'
                f"{turned}>{escape(mark.text)}</text>"
            )


def _n(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")
