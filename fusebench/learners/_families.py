"""From the ``type`` of a learner to its family, also for a class named by its dotted path."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from fusebench.learners.base import REGISTRY, Family, import_class
from fusebench.spec.model import LearnerSpec

TRUSTED = frozenset({"sklearn", "xgboost", "lightgbm", "fusebench"})
BOTH = frozenset({"classifier", "regressor"})


@cache
def family_of(type_: str) -> Family:
    """Return the family that a ``type`` names.

    Raises
    ------
    KeyError
        If it is neither a name, an alias nor a dotted path.
    """
    if REGISTRY.canonical(type_) is not None:
        family: Family = REGISTRY.load(type_)()
        return family
    if "." not in type_:
        raise KeyError(type_)
    return _dotted(type_)


def binning(spec: LearnerSpec) -> str | None:
    """Return what decides how a learner's library bins the rows of a part, None where they cannot be shared.

    Learners that agree in it, fitted on one encoding of the same rows with one seed and number of threads, make the
    same of them. A calibrated one fits on parts of the rows.
    """
    return None if spec.calibrate is not None else family_of(spec.type).binning(spec.params)


def is_trusted(path: str) -> bool:
    """Return whether a dotted path lies in a package that is loaded without being asked."""
    return path.partition(".")[0] in TRUSTED


@cache
def roles(type_: str) -> frozenset[str]:
    """Return what a type can be, among classifier and regressor; both where the class does not say.

    A dotted path is imported only when it is trusted and its name does not tell.
    """
    family = family_of(type_)
    if family.name != type_ or "." not in type_:
        return frozenset(role for role in BOTH if getattr(family, role) is not None)
    told = role_by_name(type_)
    if told or not is_trusted(type_):
        return told or BOTH
    return _roles_of_class(import_class(type_))


def role_by_name(path: str) -> frozenset[str]:
    """Return what a class is where its name says so, nothing otherwise."""
    name = path.rpartition(".")[2]
    if re.search(r"(Classifier|ClassifierCV|SVC|NB)$", name):
        return frozenset({"classifier"})
    return frozenset({"regressor"}) if re.search(r"(Regressor|RegressorCV|SVR)$", name) else frozenset()


def _roles_of_class(cls: type) -> frozenset[str]:
    from sklearn.base import ClassifierMixin, RegressorMixin

    mixins = {"classifier": ClassifierMixin, "regressor": RegressorMixin}
    declared = {role for role, mixin in mixins.items() if issubclass(cls, mixin)}
    return frozenset(declared) or BOTH & {getattr(cls, "_estimator_type", None)} or BOTH


def _dotted(path: str) -> Family:
    """Return a family for one class, run like the family that names this class, where there is one."""
    for name in REGISTRY.names():
        family: type[Family] = REGISTRY.load(name)
        role = {family.classifier: "classifier", family.regressor: "regressor"}.get(path)
        if role is not None and name != "svm":
            other = "regressor" if role == "classifier" else "classifier"
            return _named(type(family.__name__, (family,), {other: None}), path)
    encoder = "ordinal_imputed" if path.startswith(("sklearn.tree.", "sklearn.ensemble.")) else "linear"
    body: dict[str, Any] = {"classifier": path, "regressor": path, "encoder": encoder, "threads": "n_jobs"}
    if path.startswith("sklearn.svm."):
        body["dropped"] = frozenset({"probability"})
    return _named(type("Dotted", (Family,), body), path)


def _named(family: type[Family], path: str) -> Family:
    family.name = property(lambda _: path)  # type: ignore[assignment, method-assign]  # a class made on the spot
    instance: Family = family()
    return instance
