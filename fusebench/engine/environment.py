"""Where a run took place: everything that can change its numbers."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

from fusebench.engine.keys import CORE_LIBRARIES, library_version

REPORTED = (*CORE_LIBRARIES, "xgboost", "lightgbm", "catboost", "torch", "pyarrow", "fusebench")


def environment(n_jobs: int | None = None) -> dict[str, Any]:
    """Return versions, platform and cores as plain data; host and user names stay out."""
    versions = {name: library_version(name) for name in REPORTED}
    return {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "n_jobs": n_jobs,
        "versions": {name: version for name, version in sorted(versions.items()) if version},
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
