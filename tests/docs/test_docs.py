"""The pages say what the program does: every command, option and fusion stands there, and links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from fusebench.fusions.base import REGISTRY

DOCS = Path(__file__).parents[2] / "docs"


def script(name: str):
    described = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_every_command_has_its_page_with_its_options():
    writer = script("write_commands")
    for group in writer.groups():
        page = writer.page(group)
        assert page.exists(), f"{page.name} is missing: python docs/write_commands.py"
        _, marker, below = page.read_text(encoding="utf-8").partition(writer.MARKER)
        assert marker
        assert below.strip() == writer.generated(group).strip(), f"{page.name}: python docs/write_commands.py"
    listed = (DOCS / "commands" / "index.md").read_text(encoding="utf-8")
    assert all(f"]({group}.md)" in listed for group in writer.groups())


def test_every_fusion_stands_on_a_page():
    text = "\n".join(path.read_text(encoding="utf-8") for path in (DOCS / "fusions").glob("*.md"))
    assert [name for name in REGISTRY.names() if f"`{name}`" not in text] == []


def test_every_page_is_in_the_navigation_once():
    listed = [page for section in script("nav").nav(DOCS) for pages in section.values() for page in pages]
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")))
def test_links_lead_to_files(page):
    path = DOCS / page
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    local = [link.partition("#")[0] for link in links if not link.startswith(("http://", "https://", "#"))]
    assert [link for link in local if not (path.parent / link).exists()] == []


def test_nothing_is_loaded_from_elsewhere():
    settings = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in settings
