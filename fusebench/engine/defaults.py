"""What the environment says where no flag does."""

from __future__ import annotations

import os

DEFAULT_STORE = ".fusebench"


def executor_name(flag: str | None) -> str:
    """Return which executor runs the fits: the flag's, ``FUSEBENCH_EXECUTOR``, or this machine's own."""
    return flag or os.environ.get("FUSEBENCH_EXECUTOR") or "local"


def store_location(flag: str | None) -> str:
    """Return where fits are kept, a folder or a URL: the flag's, ``FUSEBENCH_STORE``, or a folder beside the user."""
    return flag or os.environ.get("FUSEBENCH_STORE") or DEFAULT_STORE
