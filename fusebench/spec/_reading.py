"""Read YAML into plain data and remember where everything stood.

PyYAML tokenises; what its constructors would get wrong is done here: scalars follow the core schema of YAML 1.2; a
repeated key, a merge key, a tag and deep or multiplying structures are refused before anything is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from fusebench.errors import Problem, SpecError
from fusebench.io import require_file
from fusebench.spec._building import MAX_DEPTH, Builder
from fusebench.spec._document import UNSAFE, Document, Mark, refusal

MAX_BYTES = 1_000_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HAS_COLON = re.compile(r"#.*|'[^']*'|\"[^\"]*\"")  # what may hold a colon that separates nothing


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
        raise refusal(document, Mark(line, column, 1), "NUL bytes are not allowed in a spec")
    if (refused := _not_allowed(document, text)) is not None:
        raise refused
    builder = Builder(document)
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(document, error) from error
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise SpecError([Problem(message=f"{file}: {UNSAFE.sub('?', str(error))[:200]}")]) from error
    if builder.n_documents == 0 or builder.root is None:
        raise SpecError([Problem(message=f"{file}: is empty; `fusebench init` writes a first spec")])
    if not isinstance(builder.root, dict):
        kind = "a list" if isinstance(builder.root, list) else "a single value"
        raise refusal(document, document.values[()], f"a spec is a mapping of keys to values, got {kind}")
    document.data = builder.root
    return document


def _events(text: str) -> Iterator[Any]:
    loader = _LOADER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


def _syntax_error(document: Document, error: yaml.MarkedYAMLError) -> SpecError:
    mark = error.problem_mark or error.context_mark
    problem = UNSAFE.sub("?", " ".join(str(error.problem or error.context or "cannot be parsed").split()))
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
    return refusal(document, Mark(line, max(column, 0), 1), f"not valid YAML: {problem}", hint)


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
    return refusal(document, Mark(line, column, 1), message)
