"""Progress on stderr: a live view on a terminal, one line a finished dataset elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fusebench.cli import say

if TYPE_CHECKING:
    from fusebench.engine.blueprint import Blueprint
    from fusebench.engine.execute._run import Progress
    from fusebench.engine.plan import Task
    from fusebench.engine.tasks.items import Item


def progress_for(blueprint: Blueprint, *, quiet: bool) -> Progress:
    """Return what suits stderr."""
    from fusebench.api import SilentProgress

    if quiet:
        return SilentProgress()
    return LiveProgress(blueprint) if sys.stderr.isatty() else PlainProgress(blueprint)


class PlainProgress:
    """One line when a dataset is finished."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        self._left: dict[str, set[str]] = {}
        self._failed = Counter[str]()
        self._begun = time.monotonic()

    def begin(self, n_tasks: int, expected_seconds: float) -> None:
        """Say how much there is."""
        say(f"{n_tasks} tasks, about {human_seconds(expected_seconds)}")
        self._begun = time.monotonic()
        for problem in self._blueprint.problems:
            self._left.setdefault(problem.dataset, set()).update(self._goals(problem))

    def _goals(self, problem: Any) -> list[str]:
        return [self._blueprint.score_key(problem, one) for one in self._blueprint.models_on(problem)]

    def advance(self, task: Task, failed: Any, seconds_left: float) -> None:
        """Say so when a dataset's last model is scored."""
        from fusebench.engine.tasks.items import FitItem, ScoreItem

        if task.item is None:
            return
        dataset = self._blueprint.problems[task.item.problem].dataset
        if failed is not None and isinstance(task.item, FitItem):
            self._failed[dataset] += 1
        if not isinstance(task.item, ScoreItem):
            return
        for dataset, left in self._left.items():  # one set of data may have several names
            last = left == {task.key}
            left.discard(task.key)
            if last:
                bad = f", {self._failed[dataset]} fits failed" if self._failed[dataset] else ""
                elapsed = human_seconds(time.monotonic() - self._begun)
                say(f"{dataset}: done after {elapsed}{bad}; about {human_seconds(seconds_left)} left")

    def running(self, items: Sequence[Item]) -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""


class LiveProgress:
    """A bar, what runs, and an estimate of what is left."""

    def __init__(self, blueprint: Blueprint) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
        from rich.table import Column

        self._blueprint = blueprint
        self._bar = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=None, table_column=Column(min_width=8, max_width=40, ratio=1)),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}", markup=False, table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[now]}", markup=False, table_column=Column(no_wrap=True, ratio=2)),
            console=Console(stderr=True),
            transient=True,
            expand=True,
        )
        self._failed = 0

    def begin(self, n_tasks: int, expected_seconds: float) -> None:
        """Show the bar."""
        left = f"about {human_seconds(expected_seconds)} left"
        self._task = self._bar.add_task("", total=n_tasks, left=left, now="")
        self._bar.start()

    def advance(self, task: Task, failed: Any, seconds_left: float) -> None:
        """Move the bar."""
        self._failed += failed is not None
        bad = f" {self._failed} failed" if self._failed else ""
        self._bar.update(self._task, advance=1, left=f"about {human_seconds(seconds_left)} left{bad}")

    def running(self, items: Sequence[Item]) -> None:
        """Show what the workers are at."""
        from fusebench.engine.tasks.items import ExplainItem, FitItem, FuseItem

        at = []
        for item in items:
            if isinstance(item, (FitItem, FuseItem, ExplainItem)):
                model = getattr(item, "learner", None) or getattr(item, "fusion", None) or getattr(item, "model", "")
                at.append(f"{self._blueprint.problems[item.problem].dataset}/{model}")
        self._bar.update(self._task, now=" ".join(at))

    def end(self) -> None:
        """Remove the bar."""
        self._bar.stop()


def human_seconds(seconds: float) -> str:
    """Return a duration for people: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
