"""What a label looks like."""

from __future__ import annotations

import re


def is_whole(label: str) -> bool:
    """Whether a label is a whole number, written the shortest way."""
    return re.fullmatch(r"-?(0|[1-9]\d{0,17})", label) is not None
