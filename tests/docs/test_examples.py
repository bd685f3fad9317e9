"""The examples of the pages run: files are written as titled, commands end with 0, Python runs from top to bottom."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Return (language, title, content) of every fenced block that is an example to run."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [one for one in found if one[1] or one[0] == "python" or (one[0] == "console" and "$ fusebench" in one[2])]


def pages() -> list[Path]:
    candidates = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in candidates if any(one[0] in {"python", "console"} for one in blocks(page))]


def run(page: Path, folder: Path, environment: dict[str, str]) -> None:
    script = []
    for language, title, content in blocks(page):
        if title:
            (folder / title).write_text(content, encoding="utf-8")
        elif language == "python":
            script.append(content)
        for line in content.splitlines() if language == "console" else ():
            if line.startswith("$ fusebench"):
                command = [sys.executable, "-m", *shlex.split(line.removeprefix("$ "))]
                check(command, folder, environment, line)
    if script:
        check([sys.executable, "-W", "error::UserWarning", "-c", "\n".join(script)], folder, environment, page.name)


def check(command: list[str], folder: Path, environment: dict[str, str], what: str) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"{what}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_run(page, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FUSEBENCH_JOBS": "1", "COLUMNS": "100"}
    run(page, tmp_path, environment)


def test_there_are_examples():
    names = {page.name for page in pages()}
    assert {"tour.md", "python.md", "winner.md", "fit.md", "check.md"} <= names
