"""The registry: what the name of a dataset stands for, and the suites."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.datasets.base import REGISTRY, Source
from fusebench.errors import DataError, Problem, SpecError

if TYPE_CHECKING:
    from fusebench.spec.model import DatasetSpec

ENTRIES = "datasets.yaml"
SUITE, OPENML, OPENML_SUITE = "suite:", "openml:", "openml-suite:"
FACTS = "facts"
"""The field of an entry that says what loading it gives: rows, features, classes, missing cells."""


@cache
def _own_entries() -> Mapping[str, Mapping[str, Any]]:
    """Return the entries that ship with the package, or lie at the top of a checkout."""
    here = Path(__file__).parent
    path = next((one for one in (here / ENTRIES, here.parents[1] / ENTRIES) if one.is_file()), None)
    return {} if path is None else _own_entries_of(path)


def _own_entries_of(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return the project's own entries; they are known to be sound, and places in them are not asked for."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: Mapping[str, Mapping[str, Any]] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506
    return found


@cache
def _entries_of(path: Path) -> Mapping[str, Mapping[str, Any]]:
    from fusebench import spec as specs

    found = specs.read(path).data
    wrong = [name for name, entry in found.items() if not isinstance(entry, dict)]
    if wrong:
        raise DataError(f"{path}: entry '{wrong[0]}' is not a mapping")
    return found


def _entries(base: Path | None) -> dict[str, Mapping[str, Any]]:
    own = dict(_own_entries())
    beside = None if base is None else base / ENTRIES
    if beside is not None and os.path.lexists(beside):  # also a folder, a pipe or a dead link: that is a mistake
        own.update(_entries_of(beside.resolve() if beside.is_file() else beside))
    return own


def names() -> list[str]:
    """Return the names in the registry; reads no dataset."""
    return sorted(_own_entries())


def entries() -> dict[str, Mapping[str, Any]]:
    """Return the registry: what each name stands for, as it is written in ``datasets.yaml``."""
    return dict(_own_entries())


def table() -> list[tuple[str, ...]]:
    """Return name, rows, features, classes, missing cells, licence, package and tags of every entry; loads none."""
    return [
        (
            name,
            *(str(entry[FACTS].get(key, "")) for key in ("rows", "features", "classes", "missing")),
            str(entry["licence"]),
            str(entry.get("package", "scikit-learn")),
            " ".join(entry["tags"]),
        )
        for name, entry in _own_entries().items()
    ]


def known(name: str) -> bool:
    """Return whether a name is in the registry."""
    return name in _own_entries()


def resolve(spec: DatasetSpec, base: Path) -> DatasetSpec | list[DatasetSpec] | Problem:
    """Return what a name stands for; a dataset that is defined in place as it is.

    Parameters
    ----------
    spec : DatasetSpec
        A name (``iris``, ``openml:31``, ``suite:small``) where its `source` is None.
    base : Path
        The folder of the spec; a ``datasets.yaml`` in it adds to the registry and wins.
    """
    if spec.source is not None:
        return _checked(spec)
    among = _entries(base)
    if spec.name.startswith(SUITE):
        return _suite(spec.name.removeprefix(SUITE), among)
    if spec.name in among:
        return _checked(_from_entry(spec.name, among[spec.name], spec))
    if spec.name.startswith(OPENML):
        return _of_openml(spec.name.removeprefix(OPENML), spec)
    if spec.name.startswith(OPENML_SUITE):
        return _openml_suite(spec.name.removeprefix(OPENML_SUITE))
    near = get_close_matches(spec.name, list(among), n=1)
    meant = f"did you mean '{near[0]}'?   " if near else ""
    return Problem(message=f"unknown dataset '{spec.name}'", hint=f"{meant}(fusebench list datasets)")


def _checked(spec: DatasetSpec) -> DatasetSpec | Problem:
    """Return a definition, or what is wrong with its source, its source's fields, or what is installed."""
    source = str(spec.source)
    if REGISTRY.canonical(source) is None:
        near = get_close_matches(source, REGISTRY.names(), n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there is {', '.join(REGISTRY.names())}"
        return Problem(message=f"unknown source '{source}'", path=("source",), hint=hint)
    known = source_of(spec).options
    for field in spec.options:
        if field not in known:
            near = get_close_matches(field, [*known, *type(spec).model_fields], n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"source '{source}' has {', '.join(known)}"
            return Problem(message=f"unknown key '{field}'", path=(field,), hint=hint, on_key=True)
    if spec.sha256 is not None and not source_of(spec).takes_sha256:
        return Problem(message=f"source '{source}' takes no sha256", path=("sha256",), on_key=True)
    absent = source_of(spec).missing(spec)
    if absent is not None:
        return Problem(message=f"dataset '{spec.name}' needs the package '{absent[0]}': {absent[1]}")
    return spec


def _suite(tag: str, among: Mapping[str, Mapping[str, Any]]) -> list[DatasetSpec] | Problem:
    found = suites(among)
    if tag not in found:
        near = get_close_matches(tag, found, n=1)
        meant = f"did you mean 'suite:{near[0]}'? " if near else ""
        return Problem(message=f"unknown suite '{tag}'", hint=f"{meant}there is {', '.join(found)}")
    specs = [_from_entry(name, among[name]) for name in found[tag]]
    absent = {needed: None for spec in specs if (needed := source_of(spec).missing(spec)) is not None}
    if absent:
        packages = ", ".join(sorted({package for package, _ in absent}))
        commands = "; ".join(sorted({command for _, command in absent}))
        return Problem(message=f"suite '{tag}' needs packages that are not installed ({packages}): {commands}")
    return specs


def _of_openml(wanted: str, given: DatasetSpec) -> DatasetSpec:
    return given.model_copy(update={"source": "openml", "options": {"data_id": wanted}})


def _openml_suite(wanted: str) -> list[DatasetSpec] | Problem:
    from fusebench import spec as specs
    from fusebench.datasets import openml

    try:
        numbers = openml.suite(wanted)
    except DataError as error:
        return Problem(message=str(error))
    return [_of_openml(str(one), specs.dataset({"name": f"{OPENML}{one}"})) for one in numbers]


def suites(among: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, list[str]]:
    """Return the names in each suite: one suite per tag, and ``all``.

    Parameters
    ----------
    among : mapping of str to mapping, optional
        Entries; the registry's by default.
    """
    among = _own_entries() if among is None else among
    tags = sorted({one for entry in among.values() for one in entry.get("tags", ())})
    found = {tag: [name for name, entry in among.items() if tag in entry.get("tags", ())] for tag in tags}
    return {**found, "all": list(among)}


def _from_entry(name: str, entry: Mapping[str, Any], given: DatasetSpec | None = None) -> DatasetSpec:
    from fusebench import spec as specs

    full = specs.dataset({"name": name, **{key: one for key, one in entry.items() if key != FACTS}})
    if given is None:
        return full
    changed = {field: getattr(given, field) for field in given.model_fields_set - {"name", "options"}}
    return full.model_copy(update=changed)


def source_of(spec: DatasetSpec) -> Source:
    """Return the source that a resolved dataset is read from."""
    source: Source = REGISTRY.load(str(spec.source))()
    return source


def looks_like_data(name: str) -> bool:
    """Return whether a name that is in no registry means a file or a dataset of OpenML."""
    from fusebench import spec as specs

    try:
        return name.startswith((OPENML, SUITE, OPENML_SUITE)) or specs.dataset(name).source is not None
    except SpecError:  # no name that a dataset could have
        return False
