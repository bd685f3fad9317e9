"""Progress of a run that was started from Python: one line that moves."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fusebench.api import SilentProgress

if TYPE_CHECKING:
    from fusebench.engine.execute._run import Progress
    from fusebench.engine.plan import Task
    from fusebench.engine.tasks.items import Item

EVERY = 0.25  # seconds between two updates


def progress_for(wanted: bool | Progress | None) -> Progress:
    """Return a progress: of a notebook, of a terminal, or silence."""
    if wanted is False:
        return SilentProgress()
    if wanted is not None and not isinstance(wanted, bool):
        return wanted
    show = _notebook_line()
    if show is not None:
        return LineProgress(show)
    return LineProgress(_stderr_line) if wanted else SilentProgress()


class LineProgress:
    """Shows one line: how many tasks are done, failed, and about how long the rest takes.

    Parameters
    ----------
    show : callable
        Shows a line in the place of the one before; ``done`` says that it is the last.
    """

    def __init__(self, show: Callable[[str, bool], None]) -> None:
        self._show = show
        self._total = self._done = self._failed = 0
        self._shown = self._begun = 0.0

    def begin(self, n_tasks: int, expected_seconds: float) -> None:
        """Show how much there is."""
        self._total, self._begun = n_tasks, time.monotonic()
        self._show(f"0 of {n_tasks} tasks, about {expected_seconds:.0f} s", False)

    def advance(self, task: Task, failed: Any, seconds_left: float) -> None:  # noqa: ARG002 - a Progress takes it
        """Count one task; show it when the last time is long enough ago."""
        self._done += 1
        self._failed += failed is not None
        now = time.monotonic()
        if now - self._shown >= EVERY:
            self._shown = now
            self._show(f"{self._counted()}, about {seconds_left:.0f} s left", False)

    def running(self, items: Sequence[Item]) -> None:
        """Say nothing: the line has no room."""

    def end(self) -> None:
        """Show what it came to."""
        self._show(f"{self._counted()} in {time.monotonic() - self._begun:.1f} s", True)

    def _counted(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{self._done} of {self._total} tasks{failed}"


def _notebook_line() -> Callable[[str, bool], None] | None:
    """Return what shows plain text in a notebook's output; None outside of one."""
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None else None
    if found is None or not hasattr(found, "kernel"):
        return None
    from IPython.display import display

    handle = display({"text/plain": ""}, raw=True, display_id=True)
    return lambda line, _: handle.update({"text/plain": line}, raw=True)


def _stderr_line(line: str, done: bool) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{line}" + ("\n" if done else ""))
    elif done:
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
