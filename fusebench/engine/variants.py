"""Compressed fusions: further models of a benchmark, made of those that its spec names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fusebench import compressions, learners
from fusebench.engine.models import FusionModel
from fusebench.fusions.base import load_fusion
from fusebench.spec.model import CompressSpec, LearnerSpec


@dataclass
class Variants:
    """What the ``compress:`` of a benchmark's fusions adds to it.

    Parameters
    ----------
    learners : mapping of str to LearnerSpec
        The learners of the spec, grids expanded.
    fusions : mapping of str to FusionModel
        Its fusions, members first.
    expanding : bool, default=True
        Whether to add all that they ask for at once.

    Attributes
    ----------
    added_learners, added_fusions : dict
        The compressed ones, members first.
    of : dict of str to str
        The fusion in the spec behind each added fusion.
    """

    learners: Mapping[str, LearnerSpec]
    fusions: Mapping[str, FusionModel]
    expanding: bool = True
    added_learners: dict[str, LearnerSpec] = field(default_factory=dict)
    added_fusions: dict[str, FusionModel] = field(default_factory=dict)
    of: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, model in self.fusions.items() if self.expanding else ():
            for compress in model.spec.compress:
                found = self.compress(name, compress)
                if found != name:
                    self.of[found] = name

    def compress(self, name: str, compress: CompressSpec) -> str:
        """Add the compressed form of a fusion; return its id, or `name` where there is nothing to compress."""
        method = compressions.make(compress)
        if method.trait is not None:
            return self._with_members(name, compress, method.trait)
        model = self.fusions[name]
        if not method.applies(len(model.members), trains=load_fusion(model.spec.type).trains):
            return name
        spec, members = method.fused(name, model.spec, model.members)
        own = f"{name}+{compressions.label(compress.type, compress.params)}"
        self.added_fusions[own] = FusionModel(id=own, kind="fusion", spec=spec, members=members)
        return own

    def _with_members(self, name: str, compress: CompressSpec, trait: str) -> str:
        """Return the model whose members, or theirs, have a trait and are compressed; `name` where none has."""
        own = f"{name}+{compressions.label(compress.type, compress.params)}"
        if name in self.learners:
            has = learners.traits(self.learners[name])
            if trait not in has or self.learners[name].compress is not None:
                return name
            method = compressions.make(compress)
            self.added_learners[own] = method.learner(self.learners[name], has[trait], compress)
            return own
        model = self.fusions[name]
        if load_fusion(model.spec.type).trains:
            return name
        members = tuple(self._with_members(member, compress, trait) for member in model.members)
        if members == model.members:
            return name
        renamed = dict(zip(model.members, members, strict=True))
        params = {key: _renamed(value, renamed) for key, value in model.spec.params.items()}
        spec = model.spec.model_copy(update={"compress": (), "params": params})
        self.added_fusions[own] = replace(model, id=own, spec=spec, members=members)
        return own

    def refusal(self, name: str, compress: CompressSpec) -> str:
        """Return why a fusion cannot be compressed in some way, and which ways there are; empty where it can be."""
        if self.compress(name, compress) != name:
            return ""
        model, trait = self.fusions[name], compressions.make(compress).trait
        able = [
            one for one in compressions.REGISTRY.names() if self.compress(name, CompressSpec(type=one)) != name
        ]  # fmt: skip
        if load_fusion(model.spec.type).trains:
            why = f"'{model.spec.type}' trains models of its own, its members are not what answers"
        elif trait is None:
            why = f"it has {len(model.members)} member"
        else:
            why = f"none of its members ({', '.join(model.members)}) is one of {', '.join(compressible(trait))}"
        return f"{compress.type} does not apply to '{name}': {why}; what applies is {', '.join(able)}"


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return a parameter that names members with the names that they have now."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, tuple):
        return tuple(_renamed(one, names) for one in value)
    if isinstance(value, Mapping):
        return {names.get(key, key): _renamed(one, names) for key, one in value.items()}
    return value


def compressible(trait: str) -> Iterator[str]:
    """Yield the types of learners that have a trait."""
    for name in learners.REGISTRY.names():
        if trait in learners.traits(LearnerSpec(type=name)):
            yield name
