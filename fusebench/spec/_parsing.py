"""From plain data, as YAML gave it, to the models: every structural mistake at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from fusebench.errors import Problem
from fusebench.spec._datasets import DatasetReader
from fusebench.spec._models import ModelReader
from fusebench.spec._sections import Where
from fusebench.spec._values import duration, shown, size
from fusebench.spec.model import CV, DatasetSpec, LearnerSpec, Resources, Spec

RESERVED_IDS = frozenset({"best_single", "uniform_average", "oracle"})
SINGULAR = {"dataset": "datasets", "learner": "learners", "fusion": "fusions", "metric": "scoring"}


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


class _Reader(DatasetReader, ModelReader):
    """Reads a whole spec."""

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
