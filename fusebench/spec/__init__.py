"""The YAML spec: reading it with positions, and its validated form."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fusebench.errors import Problem, SpecError
from fusebench.spec._document import Document
from fusebench.spec._parsing import dataset as _dataset
from fusebench.spec._parsing import learner
from fusebench.spec._parsing import parse as _parse
from fusebench.spec._reading import read_document
from fusebench.spec._scalars import scalar
from fusebench.spec._values import duration, size
from fusebench.spec.model import DatasetSpec, Spec
from fusebench.spec.schema import json_schema

__all__ = [
    "Source",
    "dataset",
    "dump",
    "duration",
    "from_mapping",
    "json_schema",
    "learner",
    "parse",
    "read",
    "scoring_for",
    "size",
    "to_mapping",
]

DEFAULT_SCORING = {"classification": ("accuracy",), "regression": ("r2",)}


@dataclass(frozen=True)
class Source:
    """Where a spec came from.

    Parameters
    ----------
    data : mapping
        What the YAML holds, as plain data.
    document : Document, optional
        The text and its places; None for a spec that was given as data.
    overridden : frozenset of str
        Dotted paths that ``--set`` gave.
    """

    data: Mapping[str, Any]
    document: Document | None = None
    overridden: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    def locate(self, problem: Problem) -> Problem:
        """Return a problem with its place in the file, where it has one."""
        for path, flag in self.overridden.items():
            if problem.path[: len(path)] == path:
                return Problem(message=f"({flag}) {problem.message}", path=problem.path, hint=problem.hint)
        return problem if self.document is None else self.document.locate(problem)

    def arrange(self, problems: Sequence[Problem]) -> list[Problem]:
        """Return problems located, each once, in the order of the file."""
        located = list(dict.fromkeys(self.locate(problem) for problem in problems))
        return sorted(located, key=lambda one: (one.location.line, one.location.column) if one.location else (0, 0))

    def override(self, dotted: str, text: str) -> Source:
        """Return the source with one value replaced, as ``--set cv.n_repeats=3`` says.

        Raises
        ------
        SpecError
            If the path runs through something that is no mapping, or the value is not YAML.
        """
        from fusebench.spec._reading import parse_document

        flag = f"--set {dotted}={text}"
        parts = tuple(dotted.split("."))
        try:
            value = parse_document(f"value: {text}", flag).data.get("value") if text.strip() else scalar(text)
        except SpecError as error:
            quoted = json.dumps(text)
            message = f"{flag}: the value is not YAML; as a text: --set '{dotted}={quoted}'"
            raise SpecError([Problem(message=message)]) from error
        data = copy.deepcopy(dict(self.data))
        inside: Any = data
        for n, part in enumerate(parts[:-1]):
            if isinstance(inside, list) and part.isdecimal() and int(part) < len(inside):
                inside = inside[int(part)]
                continue
            if isinstance(inside, dict) and isinstance(inside.get(part), str) and parts[0] in {"learners", "fusions"}:
                inside[part] = {"type": inside[part]}
            if isinstance(inside, dict):
                inside = inside.setdefault(part, {})
            if not isinstance(inside, (dict, list)):
                raise SpecError([Problem(message=f"{flag}: '{'.'.join(parts[: n + 1])}' is not a mapping")])
        if isinstance(inside, list):
            if not parts[-1].isdecimal() or int(parts[-1]) >= len(inside):
                raise SpecError([Problem(message=f"{flag}: '{parts[-1]}' is no position of that list")])
            inside[int(parts[-1])] = value
        else:
            inside[parts[-1]] = value
        return Source(data, self.document, {**self.overridden, parts: flag})


def read(path: Path) -> Source:
    """Read a spec file.

    Raises
    ------
    SpecError
        If it is no file that can be read, or not YAML as understood here.
    """
    document = read_document(path)
    return Source(document.data, document)


def from_mapping(data: Mapping[str, Any]) -> Source:
    """Return the source of a spec given as plain data."""
    return Source(dict(data))


def parse(source: Source) -> tuple[Spec | None, list[Problem]]:
    """Return the validated spec, or None with every structural problem."""
    return _parse(source.data)


def scoring_for(spec: Spec, target_type: str) -> tuple[str, ...]:
    """Return the metrics for a kind of target; accuracy or r2 where the spec names none."""
    kind = "regression" if target_type == "continuous" else "classification"
    if isinstance(spec.scoring, Mapping):
        return spec.scoring.get(kind, ()) or DEFAULT_SCORING[kind]  # type: ignore[call-overload]  # a literal key
    return spec.scoring or DEFAULT_SCORING[kind]


def to_mapping(spec: Spec) -> dict[str, Any]:
    """Return a spec as plain data in the form of YAML, with every default filled in."""
    full: dict[str, Any] = spec.model_dump(mode="json")
    full["datasets"] = [_flat(one, "options") for one in full["datasets"]]
    for kind in ("learners", "fusions"):
        full[kind] = {name: _flat(one, "params") for name, one in full[kind].items()}
    for one in full["learners"].values():
        if (own := one.pop("compress")) is not None:
            one["compress"] = _flat(own, "params")
    for fusion in full["fusions"].values():
        if fusion["members"] is None:
            del fusion["members"]
        if several := fusion.pop("compress"):
            fusion["compress"] = [_flat(own, "params") for own in several]
    return full


def _flat(value: dict[str, Any], inner: str) -> dict[str, Any]:
    return {**{key: one for key, one in value.items() if key != inner}, **value[inner]}


def dump(spec: Spec) -> str:
    """Return the resolved spec as YAML that reads back to an equal spec."""
    import yaml

    return str(yaml.safe_dump(to_mapping(spec), sort_keys=False, allow_unicode=True))


def dataset(data: Mapping[str, Any] | str) -> DatasetSpec:
    """Return the definition of one dataset given as plain data, as in ``datasets.yaml``, or by its name.

    Raises
    ------
    SpecError
        If it is not one.
    """
    found, problems = _dataset(data)
    if found is None:
        raise SpecError(problems)
    return found
