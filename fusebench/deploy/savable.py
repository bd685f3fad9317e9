"""Whether a model can be saved or exported, said before anything is fitted."""

from __future__ import annotations

from collections.abc import Sequence

from fusebench import learners
from fusebench.engine.blueprint import Blueprint
from fusebench.errors import ModelError
from fusebench.spec.model import LearnerSpec

SAFE_LIBRARIES = frozenset({"sklearn", "xgboost", "lightgbm", "catboost", "torch", "transformers", "fusebench"})


def check_savable(blueprint: Blueprint, answering: Sequence[str], trusted: Sequence[str]) -> None:
    """Say before the first fit that a member could not be saved."""
    recipes = {name: blueprint.learners[name] for name in answering if name in blueprint.learners}
    for name in answering:
        params = {} if name in recipes else blueprint.fusions[name].spec.params
        for value in params.values():
            nested = value if isinstance(value, tuple) else (value,)
            recipes |= {f"{name}.{one.type}": one for one in nested if isinstance(one, LearnerSpec)}
        if name not in recipes and blueprint.fusion_class(blueprint.fusions[name].spec.type).uses_members == "never":
            members = blueprint.fusions[name].members
            recipes |= {f"{name}.{one}": blueprint.learners[one] for one in members if one in blueprint.learners}
    for name, recipe in recipes.items():
        library = learners.library(recipe)
        if library not in SAFE_LIBRARIES and not any(one.startswith(f"{library}.") for one in trusted):
            raise ModelError(
                f"'{name}' is a model of {library}, which cannot be saved without pickle; choose a fusion without it"
            )


def check_exportable(blueprint: Blueprint, answering: Sequence[str], _: Sequence[str]) -> None:
    """Say before the first fit that a member or the fusion has no ONNX form, as far as types tell."""
    from fusebench import export

    export.require()
    for name in answering:
        if name in blueprint.learners:
            recipe = blueprint.learners[name]
            able = learners.library(recipe) in export.LIBRARIES
            why = "" if able else f"the learner '{recipe.type}' has no ONNX form; {export.ABLE}"
        else:
            why = export.unable(blueprint.fusion_class(blueprint.fusions[name].spec.type))
        if why:
            raise ModelError(f"'{name}': {why}")
