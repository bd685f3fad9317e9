"""Draw a run's table: ``python docs/draw_table.py SPEC.yaml`` runs the spec and writes images/table.svg."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

WIDTH = 104


def main(spec: str) -> None:
    """Run a spec, and write what a terminal shows of it as SVG."""
    from rich.console import Console
    from rich.text import Text

    from fusebench import api
    from fusebench.python.running import run

    found = run(spec)
    os.environ["COLUMNS"] = str(WIDTH)
    # The table chooses colours by the terminal, so it is told that there is one.
    sys.stdout.isatty = lambda: True  # type: ignore[method-assign]
    os.environ.pop("NO_COLOR", None)
    text = api.render(found.results, found.verdicts, "table")
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w", encoding="utf-8"), force_terminal=True)  # noqa: SIM115, PTH123
    console.print(f"$ fusebench run {spec}", style="bold", highlight=False)
    console.print(Text.from_ansi(text))
    drawn = console.export_svg(title="fusebench", unique_id="table")
    # No picture of this project asks another host for a font.
    drawn = re.sub(r"@font-face \{.*?\}\n", "", drawn, flags=re.DOTALL)
    path = Path(__file__).parent / "images" / "table.svg"
    path.parent.mkdir(exist_ok=True)
    path.write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
