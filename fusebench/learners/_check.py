"""What is wrong with a learner, found before anything is fitted."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.errors import MissingExtraError, Problem
from fusebench.learners._families import family_of, is_trusted, role_by_name, roles
from fusebench.learners.base import REGISTRY, Family, import_class

if TYPE_CHECKING:
    from fusebench.spec.model import LearnerSpec

TEMPERATURE_SINCE = (1, 8)
INSTEAD = {"logistic_regression": "ridge", "svc": "svr", "svr": "svc", "lasso": "logistic_regression"}


def check(spec: LearnerSpec, target_types: frozenset[str], *, allow_import: bool = False) -> list[Problem]:
    """Return everything that is wrong with a learner.

    Imports a library only where the spec names one of its estimator's parameters, and never a class outside the
    trusted packages.

    Parameters
    ----------
    spec : LearnerSpec
        The learner.
    target_types : frozenset of str
        Kinds of the targets that it will predict. Empty when they are not known yet: then a parameter is wrong only if
        it is for every kind that the learner can predict.
    allow_import : bool, default=False
        Whether a dotted path outside the trusted packages may be named.

    Returns
    -------
    list of Problem
        Each with a path relative to the learner.
    """
    problems = _check_type(spec.type, allow_import=allow_import)
    if problems:
        return problems
    problems = list(_check_calibration(spec, target_types))
    if REGISTRY.canonical(spec.type) is None and not is_trusted(spec.type):
        return problems
    problems += [*family_of(spec.type).mistakes(spec), *_check_roles(spec, target_types)]
    try:
        problems += _check_params(spec, target_types)
    except MissingExtraError as error:
        problems.append(Problem(message=str(error), path=("type",)))
    return problems


def _check_type(type_: str, *, allow_import: bool) -> list[Problem]:
    def problem(message: str, hint: str = "") -> list[Problem]:
        return [Problem(message=message, path=("type",), hint=hint)]

    if REGISTRY.canonical(type_) is not None:
        return _check_extra(type_)
    if "." not in type_:
        return problem(f"unknown learner '{type_}'", REGISTRY.suggest(type_))
    if not all(part.isidentifier() for part in type_.split(".")):
        return problem(f"'{type_}' is not the dotted path of a class")
    if not is_trusted(type_) and not allow_import:
        return problem(f"'{type_}' is outside scikit-learn, xgboost, lightgbm and fusebench", "--allow-import runs it")
    return _check_trusted_path(type_) if is_trusted(type_) else []


def _check_extra(name: str) -> list[Problem]:
    family = family_of(name)
    if family.extra is None or family.is_installed:
        return []
    return [Problem(message=str(MissingExtraError(f"learner '{name}'", family.extra)), path=("type",))]


def _check_trusted_path(path: str) -> list[Problem]:
    module, _, name = path.rpartition(".")
    declared = _declared_names(module)
    if declared and name not in declared:
        near = get_close_matches(name, declared, n=1)
        hint = f"did you mean '{module}.{near[0]}'?" if near else ""
        return [Problem(message=f"'{module}' has no '{name}'", path=("type",), hint=hint)]
    if declared and role_by_name(path):
        return []
    try:
        cls = import_class(path)
    except (ImportError, AttributeError) as error:
        return [Problem(message=f"cannot import '{path}': {error}", path=("type",))]
    if not is_trusted(cls.__module__) or not hasattr(cls, "fit") or not hasattr(cls, "predict"):
        return [Problem(message=f"'{path}' is not an estimator with fit and predict", path=("type",))]
    return []


@cache
def _declared_names(module: str) -> frozenset[str]:
    """Return the public names of a package, read from its ``__all__`` without importing it; empty if unknown."""
    top, *rest = module.split(".")
    found = find_spec(top)
    if found is None or found.origin is None:
        return frozenset()
    file = Path(found.origin).parent.joinpath(*rest, "__init__.py")
    if not file.is_file():
        return frozenset()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "__all__" for one in node.targets):
            try:
                return frozenset(ast.literal_eval(node.value))
            except ValueError:
                return frozenset()
    return frozenset()


def _check_roles(spec: LearnerSpec, target_types: frozenset[str]) -> Iterator[Problem]:
    able = roles(spec.type)
    instead = INSTEAD.get(REGISTRY.canonical(spec.type) or "")
    hint = f"use for example '{instead}'" if instead else "(fusebench list learners)"
    if "continuous" in target_types and "regressor" not in able:
        yield Problem(message=f"'{spec.type}' is a classifier, the target is continuous", path=("type",), hint=hint)
    if target_types - {"continuous"} and "classifier" not in able:
        yield Problem(message=f"'{spec.type}' is a regressor, the target holds classes", path=("type",), hint=hint)


def _check_calibration(spec: LearnerSpec, target_types: frozenset[str]) -> Iterator[Problem]:
    if spec.calibrate is None:
        return
    if target_types and not target_types - {"continuous"}:
        yield Problem(message="calibrate is for classes, the target is continuous", path=("calibrate",))
    installed = version("scikit-learn")
    if spec.calibrate == "temperature" and tuple(map(int, installed.split(".")[:2])) < TEMPERATURE_SINCE:
        message = f"calibrate: temperature needs scikit-learn >= 1.8, installed is {installed}"
        yield Problem(message=message, path=("calibrate",), hint="use sigmoid or isotonic, or upgrade scikit-learn")


def _check_params(spec: LearnerSpec, target_types: frozenset[str]) -> list[Problem]:
    family = family_of(spec.type)
    values: list[tuple[tuple[str | int, ...], str, Any]]
    values = [((name,), name, value) for name, value in spec.params.items()]
    values += [(("grid", name, i), name, v) for name, options in spec.grid.items() for i, v in enumerate(options)]
    values = [one for one in values if one[1] not in family.dropped]
    problems: dict[tuple[Any, ...], Problem] = {
        (name,): Problem(message=message, path=(name,)) for name, message in family.check(spec.params)
    }
    if not values:
        return list(problems.values())
    classes = _classes(family, target_types)
    for path, name, value in values:
        found = [_check_value(family, cls, name, value) for cls in classes]
        wrong = [one for one in found if one is not None]
        if wrong and (target_types or len(wrong) == len(classes)):
            where = path[:2] if wrong[0].on_key and path[0] == "grid" else path
            problems.setdefault(where, wrong[0].under(*where))
    return list(problems.values())


def _classes(family: Family, target_types: frozenset[str]) -> list[type]:
    """Return the classes that the targets need; those there are when the targets are not known."""
    wanted = {("continuous" if one == "continuous" else "binary") for one in target_types} or {"binary", "continuous"}
    able = [one for one in sorted(wanted) if family.path(one) is not None]
    return list(dict.fromkeys(family.estimator_class(one) for one in able))


def _check_value(family: Family, cls: type, name: str, value: Any) -> Problem | None:
    names = family.parameters(cls)
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"it takes {', '.join(sorted(names))}"
        return Problem(message=f"unknown parameter '{name}' of {cls.__name__}", hint=hint, on_key=True)
    constraints: Mapping[str, Any] = getattr(cls, "_parameter_constraints", {})
    message = _violation(constraints, cls, name, value) if name in constraints else family.violation(name, value)
    return Problem(message=message) if message else None


def _violation(constraints: Mapping[str, Any], cls: type, name: str, value: Any) -> str:
    """Return scikit-learn's own message for a value that it would refuse, empty for one that it takes."""
    from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

    try:
        validate_parameter_constraints({name: constraints[name]}, {name: value}, cls.__name__)
    except InvalidParameterError as error:
        return str(error)
    return ""
