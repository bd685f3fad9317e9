"""What can begin before a spec is understood: importing the libraries that take longer than all else before a fit."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from fusebench import learners
from fusebench.engine.defaults import store_location, worker_imports
from fusebench.engine.execute._fork_server import start_fork_server

LONGEST_LOOKED_AT = 1 << 20  # characters
COMMENT = re.compile(r"(^|\s)#.*")
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
ALWAYS = (
    "fusebench.engine.tasks.workbench",
    "fusebench.engine.check",
    "sklearn.metrics",
    "sklearn.model_selection",
)


def begin_for_spec(spec: Path, store: str | None, executor: str | None, scheduler: str | None = None) -> None:
    """Begin with what the words of a spec, not checked yet, seem to need; see `begin_imports`."""
    with suppress(OSError, UnicodeDecodeError), spec.open(encoding="utf-8") as file:
        lines = file.read(LONGEST_LOOKED_AT).splitlines()
        begin_imports(
            {word for line in lines for word in WORD.findall(COMMENT.sub("", line))}, store, executor, scheduler
        )


def begin_imports(
    types: Collection[str], store: str | None, executor: str | None, scheduler: str | None = None
) -> None:
    """Start the fork server with what learners need, where a run on this machine begins with an empty store.

    Parameters
    ----------
    types : collection of str
        What may be types of learners. One too many costs its import, one too few is imported by the workers.
    store, executor, scheduler : str or None
        As the flags say.
    """
    more = worker_imports(executor, scheduler)
    if more is None or Path(store_location(store)).exists():
        return  # what is stored may be all the answers
    if named := [one for one in sorted(types) if learners.REGISTRY.canonical(one) is not None]:
        start_fork_server([*worker_modules(named), *more])


def worker_modules(types: Iterable[str]) -> list[str]:
    """Return the modules that workers of these learners need, for the fork server to import once."""
    known = [one for one in types if learners.REGISTRY.canonical(one) is not None]
    return [*ALWAYS, *dict.fromkeys(module for one in known for module in learners.modules(one))]
