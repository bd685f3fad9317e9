"""Plain scalars of YAML, by the core schema of version 1.2."""

from __future__ import annotations

import math
import re
from typing import Any

LONGEST_NUMBER = 250  # characters; beyond, whole numbers are none that a fraction could hold
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL, _HEX = re.compile(r"0o[0-7]+"), re.compile(r"0x[0-9a-fA-F]+")
SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def scalar(text: str) -> Any:
    """Return the value of a plain scalar in the core schema of YAML 1.2."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    for digits, base in ((_INT, 10), (_OCTAL, 0), (_HEX, 0)):
        if digits.fullmatch(text):
            return int(text, base) if len(text) <= LONGEST_NUMBER else math.inf
    if _FLOAT.fullmatch(text):
        return float(text)
    if SPECIAL.fullmatch(text):
        return float(text.lower().replace(".", "", 1))
    return text
