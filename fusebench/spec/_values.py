"""Values as a spec writes them: times, sizes, and how any value is shown."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

MOST = 2**63  # seconds or bytes
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s)?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)(i?)B?")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


def duration(value: object) -> float:
    """Return seconds from a number, or from text such as ``90s``, ``10m``, ``1h30m``.

    Raises
    ------
    ValueError
        If it is neither, or not above 0.
    """
    seconds = math.nan
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value) if abs(value) < MOST else math.inf
    elif isinstance(value, str) and value and (match := _DURATION.fullmatch(value.strip())):
        hours, minutes, rest = (float(part or 0) for part in match.groups())
        seconds = 3600 * hours + 60 * minutes + rest
    elif isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value.strip()):
        seconds = float(value)
    if not math.isfinite(seconds) or seconds <= 0:
        raise ValueError(f"got {shown(value)}, expected a time above 0 such as 90s, 10m or 1h30m")
    return seconds


def size(value: object) -> int:
    """Return bytes from a number, or from text such as ``512MB``, ``4GB``, ``2GiB``.

    Raises
    ------
    ValueError
        If it is neither, or not above 0.
    """
    found: float = 0
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    elif isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
        base = 1024 if match[3] else 1000
        found = float(match[1]) * base ** _POWERS[match[2]]
    if not 1 <= found < MOST:
        raise ValueError(f"got {shown(value)}, expected a size above 0 such as 512MB or 4GB")
    return int(found)


def shown(value: object) -> str:
    """Return a value as it may be shown: short, and harmless in a terminal."""
    if value is None:
        return "nothing"
    if isinstance(value, (Mapping, list)):
        return "a mapping" if isinstance(value, Mapping) else "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    text = "".join(one if one.isprintable() else "\ufffd" for one in text)
    return text if len(text) <= 80 else f"{text[:77]}..."
