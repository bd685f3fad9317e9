"""What the readers of all parts of a spec share: noting mistakes, sections with fixed keys, ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from fusebench.errors import Problem
from fusebench.spec._values import shown

Where = tuple["str | int", ...]
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


class Sections:
    """Reads and collects problems instead of raising."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def note(self, message: str, where: Where, hint: str = "", *, on_key: bool = False) -> None:
        self.problems.append(Problem(message=message, path=where, hint=hint, on_key=on_key))

    def _converted(self, convert: Any, value: Any, where: Where) -> Any:
        try:
            return convert(value)
        except ValueError as error:
            self.note(str(error), where)
            return None

    def _section(self, model: Any, value: Any, where: Where) -> Any:
        if not isinstance(value, Mapping):
            self.note(f"got {shown(value)}, expected a mapping", where)
            return None
        if where:
            self._unknown_keys(value, list(model.model_fields), where)
        known = {key: one for key, one in value.items() if key in model.model_fields}
        try:
            return model(**known)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                self._pydantic(one, where)
            return None

    def _pydantic(self, one: Any, where: Where) -> None:
        inside: Where = tuple(part for part in one["loc"] if part not in {"options", "params"} and not _is_branch(part))
        path = (*where, *inside)
        if any(problem.path == path for problem in self.problems):
            return
        self.note(f"got {shown(one['input'])}, {_expected(one)}", path)

    def _unknown_keys(self, value: Mapping[str, Any], known: list[str], where: Where) -> None:
        for key in value:
            if key not in known:
                near = get_close_matches(str(key), known, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"allowed: {', '.join(known)}"
                self.note(f"unknown key {shown(key)}", (*where, key), hint, on_key=True)

    def _id(self, value: Any, where: Where, noun: str, *, on_key: bool = False, extra: str = "") -> bool:
        if not isinstance(value, str):
            self.note(f"got {shown(value)}, expected a {noun} (text)", where, on_key=on_key)
        elif len(value) > 100:
            self.note(
                f"{noun} {shown(value)} has {len(value)} characters, at most 100 are allowed", where, on_key=on_key
            )
        elif not _ID.fullmatch(value.replace(extra, "_") if extra else value):
            allowed = "letters, digits and _ . + -, and must not begin with . + -"
            self.note(f"{noun} {shown(value)} is not allowed: it may hold {allowed}", where, on_key=on_key)
        else:
            return True
        return False


def _is_branch(part: Any) -> bool:
    """Whether a part of pydantic's location names a branch of a union and no place in the spec."""
    return isinstance(part, str) and bool(
        re.search(r"[\[\]()]|^(str|int|float|tuple|dict|literal|constrained-\w+)$", part)
    )


def _expected(one: Any) -> str:
    context = one.get("ctx") or {}
    match one["type"]:
        case "missing":
            return "this key is required"
        case "int_type" | "int_parsing" | "int_from_float":
            return "expected a whole number"
        case "float_type":
            return "expected a number"
        case "bool_type":
            return "expected true or false"
        case "string_type":
            return "expected text"
        case "tuple_type" | "list_type":
            return "expected a list"
        case "mapping_type" | "dict_type" | "is_instance_of":
            return "expected a mapping"
        case "literal_error":
            return f"expected {context.get('expected')}"
        case "greater_than":
            return f"expected more than {context.get('gt')}"
        case "greater_than_equal":
            return f"expected at least {context.get('ge')}"
        case "less_than":
            return f"expected less than {context.get('lt')}"
        case _:
            return str(one["msg"][:1].lower() + one["msg"][1:])
