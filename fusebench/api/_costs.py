"""What earlier runs took, kept in the store as hints for the next plan, and the processors that they ran on."""

from __future__ import annotations

import json
from collections.abc import Mapping

from fusebench import io
from fusebench.engine.environment import environment
from fusebench.engine.store import Store

PROCESSOR = "processor: "  # what such a key begins with
MAX_SECONDS = 1e9  # of a recorded cost that is believed


def recorded_costs(store: Store) -> dict[str, float]:
    """Return the seconds that earlier runs took; only hints, so a file that holds none is not needed."""
    path = store.root / "costs.json"
    try:
        recorded = json.loads(io.read_bytes(path))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    except OSError as error:
        raise io.storage_error(path, error) from error
    if not isinstance(recorded, dict):
        return {}
    return {
        key: float(seconds)
        for key, seconds in recorded.items()
        if isinstance(seconds, (int, float)) and 0 <= seconds < MAX_SECONDS
    }


def other_processors(store: Store) -> list[str]:
    """Return the kinds of processor, other than this one, that made results of a store.

    They are no part of a key: equal libraries give equal numbers on most of them, and where not, in the last digits.
    """
    found = [key.removeprefix(PROCESSOR) for key in recorded_costs(store) if key.startswith(PROCESSOR)]
    return sorted(one for one in found if one != environment()["cpu"])


def record_costs(store: Store, costs: Mapping[str, list[float]]) -> None:
    if not costs:
        return
    known = recorded_costs(store)
    known[PROCESSOR + str(environment()["cpu"])] = 0.0
    known.update({key: sum(seconds) / len(seconds) for key, seconds in costs.items()})
    text = json.dumps(known, sort_keys=True, indent=0)
    io.write_durably(store.root / "costs.json", [text.encode()], store.scratch)
