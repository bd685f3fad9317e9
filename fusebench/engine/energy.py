"""Energy of a run, where the processor counts it (RAPL, by Linux's powercap); nothing is guessed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Self

POWERCAP = Path("/sys/class/powercap")
PACKAGE = re.compile(r"intel-rapl:\d+$")  # whole packages; what is inside them is in their counts
SOURCE = "measured (RAPL): all processor packages of the machine while the run lasted, other programs included"


class Energy:
    """Counts the joules of a block.

    Attributes
    ----------
    joules : float or None
        None where no counter can be read, or one was lost on the way.
    """

    joules: float | None = None

    def __init__(self, powercap: Path = POWERCAP) -> None:
        self._powercap = powercap

    def __enter__(self) -> Self:
        self._before = _counters(self._powercap)
        return self

    def __exit__(self, *error: object) -> None:
        after = _counters(self._powercap)
        if self._before and self._before.keys() == after.keys():
            self.joules = 1e-6 * sum(_passed(self._before[zone], after[zone]) for zone in after)

    def told(self) -> dict[str, Any]:
        """Return plain data for ``environment.json``; empty where nothing was measured."""
        return {} if self.joules is None else {"energy": {"joules": round(self.joules, 3), "source": SOURCE}}


def _counters(powercap: Path) -> dict[str, tuple[int, int]]:
    """Return microjoules and the value at which the counter starts again, by package."""
    found = {}
    try:
        for zone in sorted(powercap.iterdir()):
            if PACKAGE.match(zone.name):
                count, limit = (int((zone / name).read_text()) for name in ("energy_uj", "max_energy_range_uj"))
                found[zone.name] = (count, limit)
    except (OSError, ValueError):  # only root may read them on many machines
        return {}
    return found


def _passed(before: tuple[int, int], after: tuple[int, int]) -> int:
    return after[0] - before[0] if after[0] >= before[0] else after[0] - before[0] + after[1]
