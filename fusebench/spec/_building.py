"""Plain data from the events of a YAML parser; what would grow without bounds is refused before it is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from fusebench.errors import SpecError
from fusebench.spec._document import UNSAFE, Document, Mark, Path_, refusal
from fusebench.spec._scalars import SPECIAL, scalar

MAX_DEPTH = 50
MAX_ALIASES = 100
MAX_NODES = 50_000  # after every alias is written out


@dataclass
class _Open:
    """A mapping or list that is being built."""

    value: Any
    path: Path_
    anchor: str | None
    key: Any = None
    has_key: bool = False
    nodes: int = 1


class Builder:
    """Builds plain data from events with a stack of its own, so that depth costs nothing."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.root: Any = None
        self.n_documents = 0
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._n_aliases = 0

    def take(self, event: Any) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self.n_documents += 1
                if self.n_documents > 1:
                    raise self._refuse(event, "a second document begins here; a spec is one document")
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.ScalarEvent():
                self._tag(event, "!")
                value = self._scalar(event)
                self._add(event, value, event.anchor, 1)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._tag(event, "!")
                self._open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close(event)

    def _refuse(self, event: Any, message: str, hint: str = "", path: Path_ = ()) -> SpecError:
        return refusal(self.document, self._mark(event), message, hint, path)

    def _mark(self, event: Any) -> Mark:
        start, end = event.start_mark, event.end_mark
        width = end.column - start.column if start.line == end.line else 1
        return Mark(start.line, start.column, max(width, 1))

    def _tag(self, event: Any, plain: str) -> None:
        if event.tag is not None and event.tag != plain:
            tag = UNSAFE.sub("?", event.tag.replace("tag:yaml.org,2002:", "!!"))
            raise self._refuse(event, f"the tag '{tag}' is not allowed: a spec holds plain data")

    def _path(self) -> Path_:
        """Return the path of the value that comes next."""
        if not self._stack:
            return ()
        top = self._stack[-1]
        return (*top.path, top.key if isinstance(top.value, dict) else len(top.value))

    def _expects_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and not self._stack[-1].has_key

    def _open(self, event: Any) -> None:
        if self._expects_key():
            raise self._refuse(event, "a key must be a single value")
        if len(self._stack) >= MAX_DEPTH:
            raise self._refuse(event, f"nested deeper than {MAX_DEPTH} levels")
        path = self._path()
        self.document.values[path] = self._mark_of_container(event)
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append(_Open(value, path, event.anchor))
        if event.anchor:
            self._anchors[event.anchor] = (None, 0)  # open: an alias to it would be recursive

    def _mark_of_container(self, event: Any) -> Mark:
        return Mark(event.start_mark.line, event.start_mark.column, 1)

    def _close(self, event: Any) -> None:
        done = self._stack.pop()
        if done.anchor:
            self._anchors[done.anchor] = (done.value, done.nodes)
        self._attach(event, done.value, done.nodes)

    def _alias(self, event: Any) -> None:
        self._n_aliases += 1
        if self._n_aliases > MAX_ALIASES:
            raise self._refuse(event, f"more than {MAX_ALIASES} aliases")
        if event.anchor not in self._anchors:
            raise self._refuse(event, f"the alias '*{event.anchor}' has no anchor before it")
        value, nodes = self._anchors[event.anchor]
        if nodes == 0:
            raise self._refuse(event, f"the alias '*{event.anchor}' stands inside what it names")
        self._add(event, value, None, nodes)

    def _add(self, event: Any, value: Any, anchor: str | None, nodes: int) -> None:
        if self._expects_key():
            self._add_key(event, value)
            return
        self.document.values[self._path()] = self._mark(event)
        if anchor:
            self._anchors[anchor] = (value, nodes)
        self._attach(event, value, nodes)

    def _add_key(self, event: Any, key: Any) -> None:
        top = self._stack[-1]
        if key == "<<" and not getattr(event, "style", None):
            raise self._refuse(event, "merge keys ('<<') are not allowed; write the values out")
        if isinstance(key, (dict, list)):
            raise self._refuse(event, "a key must be a single value")
        text = getattr(event, "value", str(key))
        key = text if isinstance(text, str) else str(key)
        path = (*top.path, key)
        if key in top.value:
            first = self.document.keys[path].line + 1
            raise self._refuse(
                event, f"duplicate key '{UNSAFE.sub('?', key)[:100]}', first on line {first}", path=top.path
            )
        self.document.keys[path] = self._mark(event)
        top.key, top.has_key = key, True

    def _attach(self, event: Any, value: Any, nodes: int) -> None:
        if not self._stack:
            self.root = value
            return
        top = self._stack[-1]
        top.nodes += nodes
        if top.nodes > MAX_NODES:
            raise self._refuse(event, f"more than {MAX_NODES:,} values once every alias is written out")
        if isinstance(top.value, dict):
            top.value[top.key] = value
            top.has_key = False
        else:
            top.value.append(value)

    def _scalar(self, event: Any) -> Any:
        if event.style or self._expects_key():
            return event.value
        value = scalar(event.value)
        if isinstance(value, float) and value in {float("inf"), float("-inf")} and not SPECIAL.fullmatch(event.value):
            raise self._refuse(event, f"{event.value} is too large for a number", path=self._path())
        return value
