"""Learners, fusions and compressions, as a spec writes them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from fusebench.spec._sections import Sections, Where
from fusebench.spec._values import duration, shown
from fusebench.spec.model import CompressSpec, FusionSpec, LearnerSpec

LEARNER_KEYS = ("type", "encode", "calibrate", "grid", "timeout", "cost", "bytes", "compress")
FUSION_KEYS = ("type", "members", "timeout", "compress")


class ModelReader(Sections):
    """Reads `learners` and `fusions`."""

    def _models(self, value: Any, kind: str, read: Any) -> dict[str, Any]:
        if value is None:
            if kind == "learners":
                self.note("a spec needs `learners`: id: type, or a list of types", (kind,))
            return {}
        if isinstance(value, str):
            value = [value]
        if isinstance(value, list):
            named: dict[str, Any] = {}
            for position, one in enumerate(value):
                if not isinstance(one, str):
                    self.note(
                        f"got {shown(one)}, expected a type; write `id: {{type: ...}}` for parameters", (kind, position)
                    )
                elif one in named:
                    self.note(f"duplicate id '{one}'", (kind, position))
                else:
                    named[one] = one
            value = named
        if not isinstance(value, Mapping):
            self.note(f"got {shown(value)}, expected a mapping of id to type", (kind,))
            return {}
        if not value and kind == "learners":
            self.note("name at least one learner", (kind,))
        found = {name: read(one, (kind, name)) for name, one in value.items()}
        return {name: one for name, one in found.items() if one is not None}

    def learner(self, value: Any, where: Where) -> LearnerSpec | None:
        own = self._split(value, where, LEARNER_KEYS, "learner")
        if own is None:
            return None
        if own.get("timeout") is not None:
            own["timeout"] = self._converted(duration, own["timeout"], (*where, "timeout"))
        grid = own.get("grid")
        if isinstance(grid, Mapping):
            own["grid"] = {key: tuple(one) if isinstance(one, list) else one for key, one in grid.items()}
            for key, one in own["grid"].items():
                if not isinstance(one, tuple) or not one:
                    self.note(f"got {shown(one)}, expected a list of values", (*where, "grid", key))
        if own.get("compress") is not None:
            own["compress"] = self._compression(own["compress"], (*where, "compress"))
        found = self._section(LearnerSpec, own, where)
        return found if isinstance(found, LearnerSpec) else None

    def fusion(self, value: Any, where: Where) -> FusionSpec | None:
        own = self._split(value, where, FUSION_KEYS, "fusion")
        if own is None:
            return None
        if own.get("timeout") is not None:
            own["timeout"] = self._converted(duration, own["timeout"], (*where, "timeout"))
        members = own.get("members")
        if isinstance(members, str):
            own["members"] = (members,)
        elif isinstance(members, list):
            own["members"] = tuple(members)
            if not members:
                self.note("the list of members is empty", (*where, "members"))
        own["compress"] = self._compressions(own.get("compress"), (*where, "compress"))
        found = self._section(FusionSpec, own, where)
        return found if isinstance(found, FusionSpec) else None

    def _compressions(self, value: Any, where: Where) -> tuple[CompressSpec, ...]:
        if value is None:
            return ()
        if not isinstance(value, (list, tuple)):
            found = [self._compression(value, where)]
        else:
            found = [self._compression(one, (*where, position)) for position, one in enumerate(value)]
            if not value:
                self.note("the list is empty, name at least one compression", where)
        for position, one in enumerate(found):
            if one is not None and one in found[:position]:
                self.note(f"duplicate compression '{one.type}'", (*where, position))
        return tuple(one for one in found if one is not None)

    def _compression(self, value: Any, where: Where) -> CompressSpec | None:
        own = self._split(value, where, ("type",), "compression")
        return None if own is None else self._section(CompressSpec, own, where)

    def _split(self, value: Any, where: Where, reserved: tuple[str, ...], noun: str) -> dict[str, Any] | None:
        if isinstance(value, str):
            return {"type": value}
        if not isinstance(value, Mapping):
            self.note(f"got {shown(value)}, expected a {noun}'s type or a mapping with `type`", where)
            return None
        if "type" not in value:
            near = get_close_matches("type", [str(key) for key in value], n=1)
            hint = f"did you mean 'type' by '{near[0]}'?" if near else ""
            self.note(f"a {noun} needs a `type`", where, hint)
            return None
        own = {key: one for key, one in value.items() if key in reserved}
        own["params"] = {key: one for key, one in value.items() if key not in reserved}
        for path, one in _numbers(own["params"], where):
            if not math.isfinite(one):
                self.note(f"got {one}, expected a finite number", path)
        return own


def _numbers(value: Any, where: Where) -> Iterator[tuple[Where, float]]:
    if isinstance(value, float):
        yield where, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _numbers(one, (*where, key))
    elif isinstance(value, list):
        for position, one in enumerate(value):
            yield from _numbers(one, (*where, position))
