"""Reading a spec, narrowed to what was asked for, and checking it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fusebench import datasets, learners
from fusebench import spec as specs
from fusebench.api.places import Settings, open_store
from fusebench.engine import check
from fusebench.engine.checked import CheckedModels, Place
from fusebench.engine.execute import local
from fusebench.engine.execute._fork_server import Aside
from fusebench.errors import Problem, SpecError, UsageError
from fusebench.spec import Source
from fusebench.spec.model import Spec


@dataclass(frozen=True, kw_only=True)
class LoadedSpec:
    """A checked spec and where it came from.

    Parameters
    ----------
    spec : Spec
        As written, defaults filled in.
    source : Source
        Locates problems that only the data show.
    base : Path
        What paths in it are relative to.
    allow_import : bool
        Whether classes outside the trusted packages may be imported.
    checking : Aside, optional
        The check of the models where another process is still at it.
    """

    spec: Spec
    source: Source
    base: Path
    allow_import: bool = False
    checking: Aside[list[Problem]] | None = None

    def settle(self) -> None:
        """Wait for the check of the models, where it goes on.

        Raises
        ------
        SpecError
            With every problem at once.
        """
        if self.checking is not None and (problems := self.checking.result):
            raise SpecError(self.source.arrange(problems))


def load_spec(
    path: Path,
    *,
    overrides: Sequence[tuple[str, str]] = (),
    only: Mapping[str, Sequence[str]] | None = None,
    allow_import: bool = False,
    place: Settings | None = None,
    warm_up: Sequence[str] | None = None,
) -> LoadedSpec:
    """Read and check a spec file; needs no data and fits nothing.

    Parameters
    ----------
    path : Path
    overrides : sequence of (dotted path, value as text)
        As in ``--set cv.n_repeats=3``.
    only : mapping of {"datasets", "learners", "fusions"} to names, optional
        Keep only these.
    allow_import : bool, default=False
        Whether classes outside the trusted packages may be imported.
    place : Settings, optional
        Whose store remembers models that were found fine, so that a finished benchmark imports no estimator.
    warm_up : sequence of str, optional
        Given where workers of this machine will run it: then their libraries and these further modules are imported at
        once, and a process that has them checks the models; `LoadedSpec.settle` says what it found.

    Raises
    ------
    SpecError
        With every problem at once.
    """
    source = specs.read(path)
    for dotted, value in overrides:
        source = source.override(dotted, value)
    return _checked(source, path.parent, only or {}, allow_import=allow_import, place=place, warm_up=warm_up)


def spec_from(
    data: Mapping[str, Any],
    *,
    base: Path | None = None,
    overrides: Sequence[tuple[str, str]] = (),
    allow_import: bool = False,
    place: Settings | None = None,
    warm_up: Sequence[str] | None = None,
) -> LoadedSpec:
    """Check a spec given as plain data, written as in YAML."""
    source = specs.from_mapping(data)
    for dotted, value in overrides:
        source = source.override(dotted, value)
    return _checked(source, base or Path(), {}, allow_import=allow_import, place=place, warm_up=warm_up)


def unreleased_learners(loaded: LoadedSpec) -> list[str]:
    """Return the learners whose class lies outside an installed release: their code may differ from what was stored."""
    return [name for name, one in loaded.spec.learners.items() if "." in one.type and not learners.is_released(one)]


def _checked(
    source: Source,
    base: Path,
    only: Mapping[str, Sequence[str]],
    *,
    allow_import: bool,
    place: Settings | None,
    warm_up: Sequence[str] | None,
) -> LoadedSpec:
    spec, problems = specs.parse(source)
    if spec is not None:
        spec = _keep_only(spec, only)
        spec, unknown = _resolve_datasets(spec, base, only.get("datasets") or ())
        problems = [*problems, *unknown]
        known = frozenset[Place]()
        server = None
        if place is not None:
            known = CheckedModels(spec, open_store(place), allow_import=allow_import).known()
            if warm_up is not None and any(("learners", name) not in known for name in spec.learners):
                server = local.warm_up(spec.learners.values(), warm_up)
        check_models = partial(check.check_models, spec, allow_import=allow_import, known=known)
        if server is not None and not problems and not allow_import:
            checking = Aside(server, check_models)
            return LoadedSpec(spec=spec, source=source, base=base, checking=checking)
        problems += check_models()
    if problems or spec is None:
        raise SpecError(source.arrange(problems))
    return LoadedSpec(spec=spec, source=source, base=base, allow_import=allow_import)


def _keep_only(spec: Spec, only: Mapping[str, Sequence[str]]) -> Spec:
    changes: dict[str, Any] = {}
    for kind in ("learners", "fusions"):
        if wanted := only.get(kind):
            have: Mapping[str, Any] = getattr(spec, kind)
            _require(f"--{kind}", wanted, list(have))
            changes[kind] = {name: one for name, one in have.items() if name in wanted}
    if "learners" in changes or "fusions" in changes:
        changes["fusions"] = _with_all_members(spec, changes)
    return spec.model_copy(update=changes)


def _with_all_members(spec: Spec, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Drop fusions that lost a member, unless they were asked for by name."""
    kept_learners = changes.get("learners", spec.learners)
    wanted = changes.get("fusions", spec.fusions)
    kept: dict[str, Any] = {}
    for name, fusion in wanted.items():
        lost = [one for one in fusion.members or () if one not in kept_learners and one not in wanted]
        if lost and "fusions" in changes:
            raise UsageError(
                f"--fusions {name}: its member '{lost[0]}' is not kept; name it in --learners or --fusions"
            )
        if not lost:
            kept[name] = fusion
    return kept


def _require(flag: str, wanted: Iterable[str], known: Sequence[str]) -> None:
    from difflib import get_close_matches

    for name in wanted:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"the spec has {', '.join(known)}"
            raise UsageError(f"{flag}: the spec has no '{name}'; {hint}")


def _resolve_datasets(spec: Spec, base: Path, wanted: Sequence[str]) -> tuple[Spec, list[Problem]]:
    """Return a spec whose names and suites are datasets, those alone that are wanted: by name, or by their suite's."""
    resolved: list[Any] = []
    problems: list[Problem] = []
    for position, declared in enumerate(spec.datasets):
        found = datasets.resolve(declared, base)
        if isinstance(found, Problem):
            if not wanted or declared.name in wanted:
                problems.append(found.under("datasets", position))
        else:
            several = found if isinstance(found, (list, tuple)) else [found]
            resolved.extend((declared.name, one) for one in several)
    names = [*(one.name for one in spec.datasets), *(one.name for _, one in resolved)]
    _require("--datasets", wanted, list(dict.fromkeys(names)))
    unique = {one.name: one for suite, one in resolved if not wanted or {suite, one.name}.intersection(wanted)}
    return spec.model_copy(update={"datasets": tuple(unique.values())}), problems
