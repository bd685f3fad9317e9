"""Importing the numerical libraries in a sixth less time, where nobody reads their documentation.

SciPy takes apart the docstrings of hundreds of its functions while it is imported, to add a table to each: that is a
third of what scikit-learn's import takes. Whoever copies all names of NumPy, as both do, also imports its compiler of
Fortran. Here the tables are left out and the compiler waits until somebody asks for it; nothing else differs.

It is for processes of the command line and of its workers, not for Python where somebody imports this package.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # its import takes longer than it spares a command that needs no library
    from importlib.abc import Loader

DOCSTRINGS = "scipy._lib._docscrape"
ON_DEMAND = frozenset({"numpy.f2py"})


def import_quickly() -> None:
    """Import from now on without what only readers of documentation and compilers of Fortran need."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds the few modules that are imported in another way."""

    def find_spec(self, name: str, path: Sequence[str] | None, _: ModuleType | None = None) -> ModuleSpec | None:
        """Return where a module comes from, None for all that others find."""
        if name != DOCSTRINGS and name not in ON_DEMAND:
            return None
        found = PathFinder.find_spec(name, path)
        if found is not None and found.loader is not None:
            own: Any = LazyLoader(found.loader) if name in ON_DEMAND else _WithoutParsing(found.loader)
            found.loader = own
        return found


class _WithoutParsing:
    """Loads the module with which SciPy edits docstrings, and makes it leave them as they are."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module as its own loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, then replace what takes a function's docstring apart."""
        self._loader.exec_module(module)
        names = vars(module)
        if "FunctionDoc" in names:
            names["FunctionDoc"] = _unparsed(names["FunctionDoc"])


def _unparsed(parsing: Any) -> type:
    class Unparsed(parsing):  # type: ignore[misc]  # of a class that is known only once it is loaded
        """A docstring of which no section is known: what is added to one is not kept."""

        def __init__(self, function: Any, *_: Any, **__: Any) -> None:
            self._parsed_data: dict[str, list[Any]] = defaultdict(list)
            self._text = getattr(function, "__doc__", None) or ""

        def __str__(self) -> str:
            return f"\n{self._text}"  # callers cut off the first line, the signature

    return Unparsed
