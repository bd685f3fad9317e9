"""Find components by their file name; importing none until one is asked for.

A component (a fusion, a learner family, an encoder, a metric, a data source, a report format) is one file in
its package. The file name is the name users write, and the class inside is the one that subclasses the package's base.
Third parties add components through entry points of the same group name.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, cached_property
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

SHARED_FILES = frozenset({"__init__", "base"})


@dataclass(frozen=True)
class Registry:
    """The components of one package.

    Parameters
    ----------
    package : str
        Dotted name of the package that holds one component a file. Also the entry point group.
    base : str
        Name of the base class, defined in ``<package>.base``.
    noun : str
        What one component is called in messages, for example ``"fusion"``.
    aliases : mapping of str to str
        Short names that users may write instead.
    """

    package: str
    base: str
    noun: str
    aliases: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _files(self) -> dict[str, Path]:
        spec = find_spec(self.package)
        locations = list(spec.submodule_search_locations or ()) if spec else []
        files = (path for folder in locations for path in Path(folder).glob("*.py"))
        return {
            path.stem: path for path in sorted(files) if not path.stem.startswith("_") and path.stem not in SHARED_FILES
        }

    @cached_property
    def _shared_files(self) -> list[Path]:
        folders = {path.parent for path in self._files.values()}
        return [path for folder in folders for path in folder.glob("*.py") if _is_shared(path)]

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.package)}

    def names(self) -> list[str]:
        """Return the sorted names of all components; imports none of them."""
        return sorted({*self._files, *self._plugins})

    def canonical(self, name: str) -> str | None:
        """Return the component's own name for a name or alias, or None if there is none."""
        name = self.aliases.get(name, name)
        return name if name in self._files or name in self._plugins else None

    def load(self, name: str) -> type:
        """Import one component and return its class.

        Raises
        ------
        KeyError
            If no component has this name.
        """
        canonical = self.canonical(name)
        if canonical is None:
            raise KeyError(name)
        if canonical not in self._loaded:
            self._loaded[canonical] = self._load(canonical)
        return self._loaded[canonical]

    @cached_property
    def _loaded(self) -> dict[str, type]:
        return {}

    def _load(self, canonical: str) -> type:
        if canonical not in self._files:
            plugin = self._plugins[canonical].load()
            return _component_of(plugin, self.base_class) if inspect.ismodule(plugin) else plugin
        module = importlib.import_module(f"{self.package}.{canonical}")
        return _component_of(module, self.base_class)

    @property
    def base_class(self) -> type:
        """The base class of the package's components."""
        base: type = getattr(importlib.import_module(f"{self.package}.base"), self.base)
        return base

    def suggest(self, name: str) -> str:
        """Return a hint for an unknown name: the nearest one, and where to see all."""
        near = get_close_matches(name, [*self.names(), *self.aliases], n=1)
        meant = f"did you mean '{near[0]}'?   " if near else ""
        return f"{meant}(fusebench list {self.noun}s)"

    def code_digest(self, name: str) -> str:
        """Return a digest of the code that a component runs.

        The component's own file and the files that its package shares; for a plug-in, every
        file of its top-level package when that is not an installed release.
        """
        canonical = self.canonical(name)
        if canonical is None:
            raise KeyError(name)
        if canonical in self._files:
            own = self._files[canonical]
            return _own_digest((own, *self._shared_files))
        return class_digest(self.load(canonical))


def class_digest(cls: type) -> str:
    """Return a digest of the top-level package of a class, empty for an installed release."""
    top = cls.__module__.partition(".")[0]
    module = sys.modules.get(top) or importlib.import_module(top)
    origin = getattr(module, "__file__", None)
    if origin is None or "site-packages" in Path(origin).parts:
        return ""
    path = Path(origin)
    files = sorted(path.parent.rglob("*.py")) if path.stem == "__init__" else [path]
    return _digest_files(files, Path.read_bytes)


def _is_shared(path: Path) -> bool:
    return path.stem.startswith("_") or path.stem in SHARED_FILES


def _digest_files(files: Iterable[Path], content: Callable[[Path], bytes]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode())
        digest.update(content(path))
    return digest.hexdigest()


@cache
def _own_digest(files: tuple[Path, ...]) -> str:
    """Return the digest of files of this project, which do not change while it runs."""
    return _digest_files(files, _own_content)


@cache
def _own_content(path: Path) -> bytes:
    return path.read_bytes()


def _component_of(module: object, base: type) -> type:
    own = [
        member
        for member in vars(module).values()
        if inspect.isclass(member)
        and issubclass(member, base)
        and member is not base
        and member.__module__ == getattr(module, "__name__", None)
        and not member.__name__.startswith("_")
    ]
    if len(own) != 1:
        name = getattr(module, "__name__", module)
        raise TypeError(f"{name} must define exactly one {base.__name__}, it defines {len(own)}")
    return own[0]
