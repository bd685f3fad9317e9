"""The navigation: known pages in their order, others at the end of their section, so that adding a page is one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SECTIONS: dict[str, tuple[str, ...]] = {
    "Start": ("index.md", "tour.md", "verdicts.md", "side-by-side.md"),
    "Use it": (
        "data.md",
        "predictions.md",
        "python.md",
        "winner.md",
        "costs.md",
        "explanations.md",
        "reports.md",
        "scale.md",
    ),
    "Fusions": (
        "fusions/index.md",
        "fusions/rules.md",
        "fusions/weights.md",
        "fusions/selection.md",
        "fusions/stacking.md",
        "fusions/dynamic-selection.md",
        "fusions/cascade.md",
        "fusions/adaptive.md",
        "fusions/training.md",
    ),
    "Commands": ("commands/index.md",),
}
FOLDERS = {"fusions": "Fusions", "commands": "Commands"}


def nav(folder: Path) -> list[dict[str, list[str]]]:
    """Return the navigation of the pages in a folder."""
    pages = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.md"))
    found = {title: [page for page in known if page in pages] for title, known in SECTIONS.items()}
    for page in pages:
        if not any(page in listed for listed in found.values()):
            found[FOLDERS.get(page.partition("/")[0], "Use it")].append(page)
    return [{title: listed} for title, listed in found.items() if listed]


def on_config(config: Any) -> Any:
    """Give MkDocs the navigation."""
    config["nav"] = nav(Path(config["docs_dir"]))
    return config
