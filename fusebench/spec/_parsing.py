"""From plain data, as YAML gave it, to the models: every structural mistake at once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from fusebench.errors import Problem
from fusebench.spec.model import CV, CompressSpec, DatasetSpec, FusionSpec, LearnerSpec, Resources, Spec

RESERVED_IDS = frozenset({"best_single", "uniform_average", "oracle"})
SINGULAR = {"dataset": "datasets", "learner": "learners", "fusion": "fusions", "metric": "scoring"}
DATA_SUFFIXES = frozenset(
    {"csv", "tsv", "parquet", "feather", "arff", "gz", "bz2", "xz", "zst", "zip", "libsvm", "txt"}
)
LEARNER_KEYS = ("type", "encode", "calibrate", "grid", "timeout", "cost", "bytes", "compress")
FUSION_KEYS = ("type", "members", "timeout", "compress")
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s)?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)(i?)B?")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")

Where = tuple["str | int", ...]
MOST = 2**63  # seconds or bytes


def duration(value: object) -> float:
    """Return seconds from a number, or from text such as ``90s``, ``10m``, ``1h30m``.

    Raises
    ------
    ValueError
        If it is neither, or not above 0.
    """
    seconds = math.nan
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value) if abs(value) < MOST else math.inf
    elif isinstance(value, str) and value and (match := _DURATION.fullmatch(value.strip())):
        hours, minutes, rest = (float(part or 0) for part in match.groups())
        seconds = 3600 * hours + 60 * minutes + rest
    elif isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value.strip()):
        seconds = float(value)
    if not math.isfinite(seconds) or seconds <= 0:
        raise ValueError(f"got {shown(value)}, expected a time above 0 such as 90s, 10m or 1h30m")
    return seconds


def size(value: object) -> int:
    """Return bytes from a number, or from text such as ``512MB``, ``4GB``, ``2GiB``.

    Raises
    ------
    ValueError
        If it is neither, or not above 0.
    """
    found: float = 0
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    elif isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
        base = 1024 if match[3] else 1000
        found = float(match[1]) * base ** _POWERS[match[2]]
    if not 1 <= found < MOST:
        raise ValueError(f"got {shown(value)}, expected a size above 0 such as 512MB or 4GB")
    return int(found)


def shown(value: object) -> str:
    """Return a value as it may be shown: short, and harmless in a terminal."""
    if value is None:
        return "nothing"
    if isinstance(value, (Mapping, list)):
        return "a mapping" if isinstance(value, Mapping) else "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    text = "".join(one if one.isprintable() else "\ufffd" for one in text)
    return text if len(text) <= 80 else f"{text[:77]}..."


def parse(data: Mapping[str, Any]) -> tuple[Spec | None, list[Problem]]:
    """Return the spec of plain data, or every structural problem."""
    reader = _Reader()
    spec = reader.spec(dict(data))
    return (None if reader.problems else spec), reader.problems


def learner(value: Any) -> tuple[LearnerSpec | None, list[Problem]]:
    """Return a nested learner, written like any learner, or its problems with paths relative to it."""
    reader = _Reader()
    found = reader.learner(value, ())
    return (None if reader.problems else found), reader.problems


def dataset(value: Any) -> tuple[DatasetSpec | None, list[Problem]]:
    """Return one dataset's definition, or its problems with paths relative to it."""
    reader = _Reader()
    found = reader.dataset(value, ())
    return (None if reader.problems else found), reader.problems


class _Reader:
    """Reads and collects problems instead of raising."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def note(self, message: str, where: Where, hint: str = "", *, on_key: bool = False) -> None:
        self.problems.append(Problem(message=message, path=where, hint=hint, on_key=on_key))

    # -- the whole --------------------------------------------------------------------------------

    def spec(self, data: dict[str, Any]) -> Spec | None:
        for one, many in SINGULAR.items():
            if one in data and many not in data:
                data = {many if key == one else key: value for key, value in data.items()}
        self._unknown_keys(data, list(Spec.model_fields), ())
        learners = self._models(data.get("learners"), "learners", self.learner)
        fusions = self._models(data.get("fusions"), "fusions", self.fusion)
        values: dict[str, Any] = {
            "name": self._name(data.get("name"), "name" in data),
            "datasets": self._datasets(data.get("datasets")),
            "learners": learners,
            "fusions": fusions,
            "cv": self._protocol(data.get("cv", {})),
            "scoring": self._scoring(data.get("scoring")),
            "random_state": data.get("random_state", 0),
            "resources": self._section(Resources, self._resources(data.get("resources", {})), ("resources",)),
        }
        self._ids(learners, fusions)
        self._members(learners, fusions)
        self._seed(values["random_state"])
        if self.problems:
            return None
        found = self._section(Spec, values, ())
        return found if isinstance(found, Spec) else None

    def _seed(self, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**32:
            self.note(f"got {shown(value)}, expected a whole number from 0 to 4294967295", ("random_state",))

    def _name(self, value: Any, given: bool) -> Any:
        if not given:
            return "benchmark"
        self._id(value, ("name",), "name")
        return value

    def _scoring(self, value: Any) -> Any:
        if value is None or value == []:
            return ()
        if isinstance(value, Mapping):
            self._unknown_keys(value, ["classification", "regression"], ("scoring",))
            return {kind: self._metrics(names, ("scoring", kind)) for kind, names in value.items()}
        return self._metrics(value, ("scoring",))

    def _metrics(self, value: Any, where: Where) -> tuple[str, ...]:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names:
            self.note(f"got {shown(value)}, expected a metric or a list of metrics", where)
            return ()
        for position, one in enumerate(names):
            if not isinstance(one, str):
                self.note(f"got {shown(one)}, expected the name of a metric", (*where, position))
            elif one in names[:position]:
                self.note(f"duplicate metric '{one}'", (*where, position))
        return tuple(one for one in names if isinstance(one, str))

    def _protocol(self, value: Any) -> Any:
        cv = self._section(CV, {"type": value} if isinstance(value, str) else value, ("cv",))
        # How many predefined folds there are, only the data tell.
        if isinstance(cv, CV) and cv.type != "predefined" and (mistake := cv.mistake(cv.n_splits)):
            field, message = mistake
            self.note(message, ("cv", field))
        return cv

    def _resources(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        read = dict(value)
        for key, convert in (("timeout", duration), ("memory", size)):
            if read.get(key) is not None:
                read[key] = self._converted(convert, read[key], ("resources", key))
        return read

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

    # -- datasets ---------------------------------------------------------------------------------

    def _datasets(self, value: Any) -> tuple[DatasetSpec, ...]:
        if value is None:
            self.note("a spec needs `datasets`: a name or a list of names and definitions", ("datasets",))
            return ()
        items = value if isinstance(value, list) else [value]
        if not items:
            self.note("the list is empty, name at least one dataset", ("datasets",))
        at = [("datasets", n) if isinstance(value, list) else ("datasets",) for n in range(len(items))]
        found: list[DatasetSpec] = []
        for item, where in zip(items, at, strict=True):
            one = self.dataset(item, where)
            if one is None:
                continue
            if one.name in {other.name for other in found}:
                self.note(f"duplicate dataset '{one.name}'", where)
            found.append(one)
        return tuple(found)

    def dataset(self, item: Any, where: Where) -> DatasetSpec | None:
        if isinstance(item, str):
            item = _named_dataset(item)
        if not isinstance(item, Mapping):
            self.note(f"got {shown(item)}, expected a dataset's name or its definition", where)
            return None
        fields = [name for name in DatasetSpec.model_fields if name != "options"]
        own = {key: _tuples(one) for key, one in item.items() if key in fields}
        own["options"] = {key: one for key, one in item.items() if key not in fields}
        for key in ("drop", "na_values", "text", "categorical", "tags", "classes"):
            if isinstance(own.get(key), str):
                own[key] = (own[key],)
        if isinstance(own.get("exclude"), Mapping):
            own["exclude"] = {
                key: tuple(one) if isinstance(one, list) else (one,) for key, one in own["exclude"].items()
            }
        if "na_values" in own and isinstance(own["na_values"], tuple):
            own["na_values"] = tuple(str(one) for one in own["na_values"])
        if "name" not in own:
            self.note("a dataset defined in place needs a `name`", where)
            return None
        if not self._id(own["name"], (*where, "name") if "name" in item else where, "dataset name", extra=":"):
            return None
        if own["options"] and "source" not in own:
            near = {key: get_close_matches(key, [*fields, "path"], n=1) for key in own["options"]}
            if "path" in own["options"]:
                own["source"] = "file"
            else:
                for key, close in near.items():
                    self.note(
                        f"unknown key {shown(key)}",
                        (*where, key),
                        f"did you mean '{close[0]}'?" if close else "name the `source` of this dataset",
                        on_key=True,
                    )
                return None
        found = self._section(DatasetSpec, own, where)
        return found if isinstance(found, DatasetSpec) else None

    # -- learners and fusions ---------------------------------------------------------------------

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

    # -- names ------------------------------------------------------------------------------------

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

    def _ids(self, learners: Mapping[str, Any], fusions: Mapping[str, Any]) -> None:
        for kind, models in (("learners", learners), ("fusions", fusions)):
            for name in models:
                where = (kind, name)
                if not self._id(name, where, "id", on_key=True):
                    continue
                if name in RESERVED_IDS:
                    self.note(f"the id '{name}' is reserved for a reference", where, on_key=True)
                elif kind == "fusions" and name in learners:
                    self.note(f"duplicate id '{name}': a learner has it too", where, on_key=True)

    def _members(self, learners: Mapping[str, Any], fusions: Mapping[str, Any]) -> None:
        for name, fusion in fusions.items():
            for position, member in enumerate(fusion.members or ()):
                where = ("fusions", name, "members", position)
                if member not in learners and member not in fusions:
                    near = get_close_matches(member, [*learners, *fusions], n=1)
                    hint = f"did you mean '{near[0]}'?" if near else f"there is {', '.join([*learners, *fusions][:10])}"
                    self.note(f"no learner or fusion is called {shown(member)}", where, hint)
                elif member in fusion.members[:position]:
                    self.note(f"duplicate member '{member}'", where)
        for cycle in _cycles({name: [m for m in f.members or () if m in fusions] for name, f in fusions.items()}):
            self.note(f"a fusion cannot be its own member: {' -> '.join(cycle)}", ("fusions", cycle[0], "members"))


def _cycles(members: Mapping[str, list[str]]) -> Iterator[list[str]]:
    finished: set[str] = set()
    for start in members:
        stack: list[tuple[str, Iterator[str]]] = [(start, iter(members[start]))] if start not in finished else []
        path = [start]
        while stack:
            _, rest = stack[-1]
            after = next(rest, None)
            if after is None:
                finished.add(stack.pop()[0])
                path.pop()
            elif after in path:
                yield [*path[path.index(after) :], after]
            elif after not in finished:
                stack.append((after, iter(members[after])))
                path.append(after)


def _named_dataset(text: str) -> dict[str, Any]:
    """Return what a dataset's name stands for: a file when it looks like one."""
    suffix = text.rsplit(".", 1)[-1].lower()
    on_web = text.lower().startswith(("http://", "https://"))
    if on_web or ("://" not in text and ("/" in text or "\\" in text or ("." in text and suffix in DATA_SUFFIXES))):
        last = re.split(r"[/\\]", text.split("?", maxsplit=1)[0])[-1].split(".")[0]
        name = re.sub(r"[^A-Za-z0-9_+-]+", "-", last).strip("-+") or "data"
        return {"name": name, "source": "file", "path": text}
    return {"name": text}


def _numbers(value: Any, where: Where) -> Iterator[tuple[Where, float]]:
    if isinstance(value, float):
        yield where, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _numbers(one, (*where, key))
    elif isinstance(value, list):
        for position, one in enumerate(value):
            yield from _numbers(one, (*where, position))


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


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
