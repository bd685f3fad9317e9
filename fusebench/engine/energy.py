"""Energy of a run: counted by the processor (RAPL, by Linux's powercap), else estimated by codecarbon (an extra)."""

from __future__ import annotations

import logging
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

POWERCAP = Path("/sys/class/powercap")
PACKAGE = re.compile(r"intel-rapl:\d+$")  # whole packages; what is inside them is in their counts
SOURCE = "measured (RAPL): all processor packages of the machine while the run lasted, other programs included"

ESTIMATE = "estimated (codecarbon {version}): processors and memory of the machine while the run lasted"
JOULES_PER_KWH = 3.6e6


class Energy:
    """Counts the joules of a block.

    Where no counter can be read and the extra ``energy`` is installed, codecarbon estimates them from what it knows of
    the processor; it asks no other host. Else nothing is said.

    Attributes
    ----------
    joules : float or None
        None where no counter can be read, or one was lost on the way.
    source : str
        Whether they were measured or estimated, by what.
    """

    joules: float | None = None
    source: str = SOURCE

    def __init__(self, powercap: Path = POWERCAP) -> None:
        self._powercap = powercap

    def __enter__(self) -> Self:
        self._before = _counters(self._powercap)
        self._tracker = None if self._before else _tracker()
        return self

    def __exit__(self, *error: object) -> None:
        after = _counters(self._powercap)
        if self._before and self._before.keys() == after.keys():
            self.joules = 1e-6 * sum(_passed(self._before[zone], after[zone]) for zone in after)
        if self._tracker is not None:
            self._tracker.stop()
            told = self._tracker.final_emissions_data
            self.joules = JOULES_PER_KWH * float(told.energy_consumed)
            self.source = ESTIMATE.format(version=told.codecarbon_version)

    def told(self) -> dict[str, Any]:
        """Return plain data for ``environment.json``; empty where nothing was measured."""
        return {} if self.joules is None else {"energy": {"joules": round(self.joules, 3), "source": self.source}}


def _tracker() -> Any:
    """Return a started tracker, None without the extra or where it knows no way on this machine."""
    if find_spec("codecarbon") is None:
        return None
    from codecarbon import OfflineEmissionsTracker

    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # it speaks before it reads its log level
    try:
        # The country would only matter for emissions, which are not told.
        tracker = OfflineEmissionsTracker(
            country_iso_code="USA", save_to_file=False, log_level="critical", allow_multiple_runs=True
        )
        tracker.start()
    except (OSError, RuntimeError, ValueError):
        return None
    finally:
        logging.disable(before)
    return tracker


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
