"""What a spec can name, and what each name means."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, get_type_hints

from fusebench import compressions, datasets, encoders, learners, metrics
from fusebench import spec as specs
from fusebench.discovery import Registry
from fusebench.errors import UsageError
from fusebench.fusions import base as fusions
from fusebench.spec.model import LearnerSpec

TABLE = ("name", "rows", "features", "classes", "missing", "licence", "package", "tags")


def registries() -> dict[str, Registry]:
    """Return the component registries by what `fusebench list` calls them."""
    return {
        "learners": learners.REGISTRY,
        "fusions": fusions.REGISTRY,
        "encoders": encoders.REGISTRY,
        "compressions": compressions.REGISTRY,
    }


def names(kind: str) -> list[str]:
    """Return one line per name of a kind; imports no component."""
    if kind == "datasets":
        return _aligned([TABLE, *datasets.table()])
    if kind == "metrics":
        return metrics.names()
    registry = registries()[kind]
    short: dict[str, list[str]] = {}
    for alias, name in registry.aliases.items():
        short.setdefault(name, []).append(alias)
    return [name + (f" ({', '.join(sorted(short[name]))})" if name in short else "") for name in registry.names()]


def markdown(kind: str) -> list[str]:
    """Return the names of a kind as Markdown: a table of datasets, a list of anything else."""
    if kind != "datasets":
        return [f"* {one}" for one in names(kind)]
    rows = [TABLE, tuple("---" for _ in TABLE), *datasets.table()]
    return [f"| {' | '.join(row)} |" for row in rows]


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(TABLE))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def show(name: str, *, target: str | None = None) -> str:
    """Return what a name means: a component's documentation, or a dataset's description.

    Parameters
    ----------
    target : str, optional
        The target column, where the name is that of a file.

    Raises
    ------
    UsageError
        If nothing has this name.
    """
    for kind, registry in registries().items():
        if (canonical := registry.canonical(name)) is not None:
            cls = registry.load(name)
            head = f"{canonical} ({kind.removesuffix('s')})"
            return f"{head}\n\n{inspect.cleandoc(cls.__doc__ or '')}\n"
    if name in metrics.names():
        return metrics.describe(name)
    if datasets.known(name) or datasets.looks_like_data(name):
        return datasets.show(name, target=target)
    everything = [*(one for registry in registries().values() for one in registry.names()), *datasets.names()]
    from difflib import get_close_matches

    near = get_close_matches(name, everything, n=1)
    hint = (
        f"; did you mean '{near[0]}'?"
        if near
        else "; see fusebench list learners|fusions|datasets|metrics|encoders|compressions"
    )
    raise UsageError(f"nothing is called '{name}'{hint}")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a spec, with every component's parameters."""
    return specs.json_schema(
        learners={name: {} for name in [*learners.REGISTRY.names(), *learners.REGISTRY.aliases]},
        fusions={name: _schema_of(fusions.REGISTRY.load(name)) for name in fusions.REGISTRY.names()},
        compressions={name: _schema_of(compressions.REGISTRY.load(name)) for name in compressions.REGISTRY.names()},
        datasets=datasets.names(),
    )


def _schema_of(kind: Any) -> dict[str, Any]:
    from pydantic import TypeAdapter

    properties: dict[str, Any] = {}
    # Each in the module of the class that declares it, where learners are a name for the type checker only.
    hints = get_type_hints(kind, localns={"LearnerSpec": LearnerSpec}, include_extras=True)
    for field in dataclasses.fields(kind):
        if "LearnerSpec" in str(field.type):
            properties[field.name] = {}
            continue
        properties[field.name] = TypeAdapter(hints[field.name]).json_schema()
    return properties
