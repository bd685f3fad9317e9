"""Tables inside installed distributions; none of them is imported."""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib.metadata import Distribution, PackageNotFoundError, distribution, requires
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fusebench.datasets._table_source import _TableSource
from fusebench.datasets._tables import TABLE_OPTIONS
from fusebench.errors import DataError

if TYPE_CHECKING:
    from fusebench.spec.model import DatasetSpec


class FileOfPackage(_TableSource):
    """A file that an installed package ships, read where it lies."""

    options: ClassVar = {
        "package": "the distribution's name, as pip knows it",
        "version": "the version that the checksum was taken from",
        "deps": "false where the package is to be installed without what it depends on",
        "path": "the file inside the package, or a list of files one below the other",
        "labels": "a file with one target a line, where the table holds none",
        **TABLE_OPTIONS,
    }

    def missing(self, spec: DatasetSpec) -> tuple[str, str] | None:
        """Return the package that is not installed, and the command that installs it."""
        package = self._package(spec)
        try:
            distribution(package)
        except PackageNotFoundError:
            return package, self._command(spec, extra=True)
        return None

    def _locate(self, spec: DatasetSpec, base: Path, path: str) -> Path:
        if (absent := self.missing(spec)) is not None:
            raise DataError(f"{spec.name}: needs the package '{absent[0]}', which is not installed: {absent[1]}")
        found = distribution(self._package(spec))
        where = Path(str(found.locate_file(path)))
        # Only a look at the list of files tells a file of this package from a path that leads elsewhere.
        if Path(path).is_absolute() or ".." in Path(path).parts or not where.is_file():
            raise DataError(self._absent(spec, found, path))
        return where

    def _absent(self, spec: DatasetSpec, found: Distribution, path: str) -> str:
        shipped = [str(one) for one in found.files or ()]
        near = get_close_matches(path, shipped, n=1)
        meant = f"; did you mean '{near[0]}'?" if near else ""
        return f"{spec.name}: {found.name} {found.version} has no file '{path}'{self._expected(spec, found)}{meant}"

    def _mismatch(self, spec: DatasetSpec, path: Path, found: str) -> str:
        installed = distribution(self._package(spec))
        return (
            f"{spec.name}: {path.name} of {installed.name} {installed.version} has the SHA-256 {found}, "
            f"expected {spec.sha256}{self._expected(spec, installed)}"
        )

    def _expected(self, spec: DatasetSpec, found: Distribution) -> str:
        version = spec.options.get("version")
        if version is None or str(version) == found.version:
            return ""
        return f"; expected version {version}, found {found.version}: {self._command(spec)}"

    def _command(self, spec: DatasetSpec, *, extra: bool = False) -> str:
        package, version = self._package(spec), spec.options.get("version")
        if extra and _canonical(package) in _of_extra("datasets"):
            return "pip install 'fusebench[datasets]'"
        flag = "--no-deps " if spec.options.get("deps") is False else ""
        return f"pip install {flag}'{package}{'' if version is None else f'=={version}'}'"

    @staticmethod
    def _package(spec: DatasetSpec) -> str:
        package = spec.options.get("package")
        if not isinstance(package, str) or not package:
            raise DataError(f"{spec.name}: source 'package' needs a `package`: the distribution's name")
        return package


def _of_extra(extra: str) -> set[str]:
    """Return the packages that an extra of this project brings."""
    listed = [one for one in requires("fusebench") or () if re.search(rf"extra\s*==\s*['\"]{extra}['\"]", one)]
    return {_canonical(re.split(r"[^A-Za-z0-9._-]", one)[0]) for one in listed}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
