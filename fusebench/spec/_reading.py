"""Read YAML into plain data and remember where everything stood.

PyYAML tokenises; what its constructors would get wrong is done here: scalars follow the core schema of YAML 1.2; a
repeated key, a merge key, a tag and deep or multiplying structures are refused before anything is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fusebench.errors import Location, Problem, SpecError
from fusebench.io import require_file

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_ALIASES = 100
MAX_NODES = 50_000  # after every alias is written out
SNIPPET = 110
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL, _HEX = re.compile(r"0o[0-7]+"), re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_HAS_COLON = re.compile(r"#.*|'[^']*'|\"[^\"]*\"")  # what may hold a colon that separates nothing
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

Path_ = tuple["str | int", ...]


@dataclass(frozen=True)
class Mark:
    """Where something stands: 0-based line and column, and how many characters of that line it takes."""

    line: int
    column: int
    width: int


@dataclass
class Document:
    """Plain data and its places.

    Parameters
    ----------
    file : str
        As the user named it.
    lines : list of str
    data : dict
    keys, values : dict of path to Mark
    """

    file: str
    lines: list[str]
    data: dict[str, Any] = field(default_factory=dict)
    keys: dict[Path_, Mark] = field(default_factory=dict)
    values: dict[Path_, Mark] = field(default_factory=dict)

    def location(self, mark: Mark) -> Location:
        """Return a place with its line, cut and cleaned for a terminal."""
        text = self.lines[mark.line] if mark.line < len(self.lines) else ""
        start = max(0, mark.column - SNIPPET // 2) if len(text) > SNIPPET else 0
        shown = _UNSAFE.sub("\ufffd", text.replace("\t", " "))[start : start + SNIPPET]
        column = mark.column - start
        width = max(1, min(mark.width, len(shown) - column))
        return Location(
            file=self.file, line=mark.line + 1, column=mark.column + 1, width=width, text=shown, shift=start
        )

    def locate(self, problem: Problem) -> Problem:
        """Return a problem with the place of its path, or of the nearest one around it."""
        if problem.location is not None:
            return problem
        path = problem.path
        mark = self.keys.get(path) if problem.on_key else None
        while mark is None:
            mark = self._place(path)
            if not path:
                break
            path = path[:-1]
        if mark is None:
            return problem
        return Problem(message=problem.message, path=problem.path, hint=problem.hint, location=self.location(mark))

    def _place(self, path: Path_) -> Mark | None:
        """Return where a value stands; the key of what begins on a later line than its key."""
        value, key = self.values.get(path), self.keys.get(path)
        return key if value is not None and key is not None and key.line < value.line else value


def read_document(path: Path) -> Document:
    """Read a file.

    Raises
    ------
    SpecError
        If it is no file that can be read, or not the YAML that is understood here.
    """
    return parse_document(_read_text(path), str(path))


def _read_text(path: Path) -> str:
    def refuse(message: str) -> SpecError:
        return SpecError([Problem(message=f"{path}: {message}")])

    if path.is_dir():
        raise refuse("is a folder, expected a YAML file")
    try:
        require_file(path)
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise refuse("there is no such file; `fusebench init` writes a first one") from error
    except (OSError, ValueError) as error:
        raise refuse(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(raw) > MAX_BYTES:
        raise refuse(f"is larger than {MAX_BYTES:,} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise refuse(f"line {line} is not UTF-8 (byte {error.start}); save the file as UTF-8") from error


def parse_document(text: str, file: str) -> Document:
    """Parse YAML text; see `read_document`."""
    document = Document(file, text.splitlines())
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00"))
        column = text.index("\x00") - (text.rfind("\n", 0, text.index("\x00")) + 1)
        raise _refusal(document, Mark(line, column, 1), "NUL bytes are not allowed in a spec")
    if (refused := _not_allowed(document, text)) is not None:
        raise refused
    builder = _Builder(document)
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(document, error) from error
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise SpecError([Problem(message=f"{file}: {_UNSAFE.sub('?', str(error))[:200]}")]) from error
    if builder.n_documents == 0 or builder.root is None:
        raise SpecError([Problem(message=f"{file}: is empty; `fusebench init` writes a first spec")])
    if not isinstance(builder.root, dict):
        kind = "a list" if isinstance(builder.root, list) else "a single value"
        raise _refusal(document, document.values[()], f"a spec is a mapping of keys to values, got {kind}")
    document.data = builder.root
    return document


def _events(text: str) -> Iterator[Any]:
    loader = _LOADER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


def _refusal(document: Document, mark: Mark, message: str, hint: str = "", path: Path_ = ()) -> SpecError:
    return SpecError([Problem(message=message, path=path, hint=hint, location=document.location(mark))])


def _syntax_error(document: Document, error: yaml.MarkedYAMLError) -> SpecError:
    mark = error.problem_mark or error.context_mark
    problem = _UNSAFE.sub("?", " ".join(str(error.problem or error.context or "cannot be parsed").split()))
    if mark is None:
        return SpecError([Problem(message=f"{document.file}: not valid YAML: {problem}")])
    line, column = mark.line, mark.column
    if line >= len(document.lines):
        line, column = max(len(document.lines) - 1, 0), 0
    text = document.lines[line] if document.lines else ""
    hint = ""
    if "\t" in text[: len(text) - len(text.lstrip())] or "'\\t'" in problem:
        problem, hint = "a tab indents this line", "YAML is indented with spaces"
        column = text.find("\t")
    else:
        line, column, problem, hint = _cause(document, error, problem, line, column)
    return _refusal(document, Mark(line, max(column, 0), 1), f"not valid YAML: {problem}", hint)


def _cause(
    document: Document, error: yaml.MarkedYAMLError, problem: str, line: int, column: int
) -> tuple[int, int, str, str]:
    """Return line, column, message and hint of the mistake itself, which YAML notices only further down."""
    if "nesting depth" in problem:  # newer versions of libyaml have a limit of their own
        return line, column, f"nested deeper than {MAX_DEPTH} levels", ""
    said = f"{error.context} {problem}"
    opened = error.context_mark
    earlier = opened is not None and opened.line < line
    if "quoted scalar" in said and opened is not None:
        return opened.line, opened.column, "a quote is opened and never closed", ""
    if "flow" in said and opened is not None and earlier:
        return opened.line, opened.column, "a bracket is opened and never closed", ""
    if "simple key" in said and opened is not None:
        return opened.line, opened.column, "this line has no ':' after its key", "write `key: value`"
    if problem.startswith("mapping values") and ":" not in document.lines[line][:column]:
        above = next((n for n in range(line - 1, -1, -1) if document.lines[n].strip()), line)
        if above < line and ":" not in _HAS_COLON.sub("", document.lines[above]):
            indent = len(document.lines[above]) - len(document.lines[above].lstrip())
            return above, indent, "this line has no ':' after its key", "write `key: value`"
    return line, column, problem, ""


def _not_allowed(document: Document, text: str) -> SpecError | None:
    """Return the error of the first character that YAML does not allow."""
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if found is None:
        return None
    line = text.count("\n", 0, found.start())
    column = found.start() - (text.rfind("\n", 0, found.start()) + 1)
    message = f"the character U+{ord(found.group()):04X} is not allowed in a spec"
    return _refusal(document, Mark(line, column, 1), message)


@dataclass
class _Open:
    """A mapping or list that is being built."""

    value: Any
    path: Path_
    anchor: str | None
    key: Any = None
    has_key: bool = False
    nodes: int = 1


class _Builder:
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
        return _refusal(self.document, self._mark(event), message, hint, path)

    def _mark(self, event: Any) -> Mark:
        start, end = event.start_mark, event.end_mark
        width = end.column - start.column if start.line == end.line else 1
        return Mark(start.line, start.column, max(width, 1))

    def _tag(self, event: Any, plain: str) -> None:
        if event.tag is not None and event.tag != plain:
            tag = _UNSAFE.sub("?", event.tag.replace("tag:yaml.org,2002:", "!!"))
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
                event, f"duplicate key '{_UNSAFE.sub('?', key)[:100]}', first on line {first}", path=top.path
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
        if isinstance(value, float) and value in {float("inf"), float("-inf")} and not _SPECIAL.fullmatch(event.value):
            raise self._refuse(event, f"{event.value} is too large for a number", path=self._path())
        return value


def scalar(text: str) -> Any:
    """Return the value of a plain scalar in the core schema of YAML 1.2."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text) if len(text) < 400 else text
    if _OCTAL.fullmatch(text):
        return int(text, 0)
    if _HEX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.lower().replace(".", "", 1))
    return text
