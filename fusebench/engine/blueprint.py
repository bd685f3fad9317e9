"""What a benchmark is made of, resolved: the few kilobytes that a worker needs to run any task of it."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

from fusebench import compressions, encoders, learners
from fusebench.engine.keys import digest, versions
from fusebench.engine.models import FusionModel
from fusebench.engine.splits import Part, Scheme
from fusebench.engine.variants import Variants
from fusebench.fusions import base as fusions
from fusebench.fusions.base import Fusion, load_fusion
from fusebench.spec.model import FusionSpec, LearnerSpec, Spec

BEST_SINGLE, UNIFORM_AVERAGE, ORACLE = "best_single", "uniform_average", "oracle"
LARGE_DATA = 50_000_000  # cells above which a fit gets two threads unless the spec says otherwise


class TargetFacts(NamedTuple):
    """What is known of one target of a dataset without its values; `n_classes` is 0 for regression."""

    name: str
    target_type: str
    n_classes: int


@dataclass(frozen=True, kw_only=True)
class PredictionProblem:
    """One target of one dataset, split.

    Parameters
    ----------
    dataset, target : str
        Names.
    target_type : str
        binary, multiclass or continuous.
    classes : tuple of str
        The labels as text, sorted as the dataset sorts them; empty for regression.
    n_samples, n_features : int
        Size, without the rows whose target is missing.
    data_key : str
        The dataset's key in the store's data folder.
    fingerprint : str
        Digest of the dataset's content.
    scheme : Scheme
        How it is split.
    metrics : tuple of str
        The first one ranks.
    numeric : bool
        Whether every feature is a number.
    n_threads : int
        Threads per fit.
    targets : tuple of TargetFacts
        All targets of the dataset, this one among them; empty stands for this one alone. They share their folds, which
        are stratified by the first.
    """

    dataset: str
    target: str
    target_type: Literal["binary", "multiclass", "continuous"]
    classes: tuple[str, ...]
    n_samples: int
    n_features: int
    data_key: str
    fingerprint: str
    scheme: Scheme
    metrics: tuple[str, ...]
    numeric: bool
    n_threads: int = 1
    targets: tuple[TargetFacts, ...] = ()

    @property
    def n_classes(self) -> int:
        """Number of classes, 0 for regression."""
        return len(self.classes)

    @property
    def is_classification(self) -> bool:
        """Whether classes are predicted."""
        return self.target_type != "continuous"

    @cached_property
    def digest(self) -> str:
        """Digest of the data and how it is split."""
        return digest(
            "problem",
            self.fingerprint,
            self.target,
            self.scheme.cv.model_dump(mode="json", exclude={"inner"}),
            self.scheme.inner,
            self.scheme.random_state,
            self.n_threads,
            versions(),
            *([self.targets[0].name] if len(self.targets) > 1 else []),
        )

    @cached_property
    def shared_digest(self) -> str:
        """Digest of what all targets of the dataset have in common; that of a model that learns them all at once."""
        return digest("targets", replace(self, target="", targets=self.targets or (self.facts,)).digest)

    @property
    def facts(self) -> TargetFacts:
        """What is known of the target."""
        return TargetFacts(self.target, self.target_type, self.n_classes)

    @property
    def position(self) -> int:
        """Which of the dataset's targets this is."""
        return self.targets.index(self.facts) if self.targets else 0

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__}


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """A spec after expansion.

    Parameters
    ----------
    learners : mapping of str to LearnerSpec
        With every grid expanded into members such as ``knn[n_neighbors=3]``.
    fusions : mapping of str to FusionModel
        Configured fusions in an order in which members come first, then the references.
    problems : tuple of PredictionProblem
    random_state : int
    given : mapping of (learner, dataset, target) to str
        Store keys of the predictions that were made elsewhere, which follow from their content.
    oof_of : frozenset of str
        Fusions that are members, whose own out-of-fold predictions are needed.
    variant_of : mapping of str to str
        The fusion in the spec behind each compressed one.
    """

    learners: Mapping[str, LearnerSpec]
    fusions: Mapping[str, FusionModel]
    problems: tuple[PredictionProblem, ...] = ()
    random_state: int = 0
    oof_of: frozenset[str] = frozenset()
    given: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    variant_of: Mapping[str, str] = field(default_factory=dict)
    _digests: dict[tuple[str, str], str] = field(default_factory=dict, compare=False, repr=False)

    def fits_problem(self, model: str, problem: PredictionProblem) -> bool:
        """Whether a model can predict this kind of target."""
        if model in self.learners:
            return learners.predicts(self.learners[model], problem.target_type)
        fusion = self.fusions[model]
        if fusion.kind != "reference" and problem.target_type not in self.fusion_class(fusion.spec.type).target_types:
            return False
        if problem.dataset in self.sources_of(model):
            return False
        fitting = [self.fits_problem(member, problem) for member in fusion.members]
        # Members that nobody named are those that can predict this target; named ones must all be able to.
        return any(fitting) if fusion.tolerant or fusion.spec.members is None else all(fitting)

    def sources_of(self, fusion: str) -> tuple[str, ...]:
        """Return the other datasets that a fusion learns from, on which it does not apply."""
        return tuple(self.fusions[fusion].spec.params.get("sources", ()))

    @staticmethod
    def fusion_class(name: str) -> type[Fusion]:
        """Return a fusion's class."""
        from fusebench.fusions import _references
        from fusebench.fusions._pruned_then import PrunedThen

        if name in _references.REFERENCES:
            return _references.REFERENCES[name]
        return PrunedThen if name == "pruned_then" else load_fusion(name)

    def members_on(self, model: str, problem: PredictionProblem) -> tuple[str, ...]:
        """Return a fusion's members that can predict this kind of target."""
        return tuple(member for member in self.fusions[model].members if self.fits_problem(member, problem))

    def models_on(self, problem: PredictionProblem) -> list[str]:
        """Return the models that can predict this kind of target, learners first."""
        fusions = [one for one in self.fusions if self.fits_problem(one, problem) and self.members_on(one, problem)]
        return [*(one for one in self.learners if self.fits_problem(one, problem)), *fusions]

    def recipes(self, members: tuple[str, ...]) -> dict[str, LearnerSpec]:
        """Return the specs of those members that can be trained anew: learners whose predictions are not given."""
        known = {one: self.learners[one] for one in members if one in self.learners}
        return {one: spec for one, spec in known.items() if not learners.is_given(spec)}

    def model_digest(self, model: str, problem: PredictionProblem) -> str:
        """Return the digest of everything about a model that can change its predictions."""
        where = (model, f"{problem.dataset} {problem.digest}")  # given predictions may differ for equal data
        known = self._digests.get(where)
        if known is None:
            make = self._learner_digest if model in self.learners else self._fusion_digest
            known = self._digests[where] = make(model, problem)
        return known

    def _learner_digest(self, model: str, problem: PredictionProblem) -> str:
        own = learner_digest(self.learners[model], self.random_state)
        given = self.given.get((model, problem.dataset, problem.target))
        return own if given is None else digest("given", own, given)

    def _fusion_digest(self, model: str, problem: PredictionProblem) -> str:
        fusion = self.fusions[model]
        members = self.members_on(model, problem)
        # Fusions among the members have the declarations of their own members in their digests.
        declared = {one: (self.learners[one].cost, self.learners[one].bytes) for one in members if one in self.learners}
        params = {name: _with_digests(value, self.random_state) for name, value in fusion.spec.params.items()}
        code = "reference" if fusion.kind == "reference" else _fusion_code(fusion.spec)
        return digest(
            "fusion",
            fusion.spec.type,
            params,
            code,
            [[one, self.model_digest(one, problem)] for one in members],
            declared,
            problem.metrics[0],
            self.random_state,
            versions(),
            *([one.fingerprint, one.target] for one in self.problems if one.dataset in self.sources_of(model)),
            *self._default_digest(fusion),
        )

    def _default_digest(self, fusion: FusionModel) -> list[str]:
        """Return the digest of the learner that a fusion trains when the spec names none."""
        default = None if fusion.kind == "reference" else self.fusion_class(fusion.spec.type).default_estimator
        named = fusion.spec.params.get("estimator") is not None
        return [] if default is None or named else [learner_digest(default, self.random_state)]

    def plain_digest(self, learner: str) -> str | None:
        """Return the digest of a learner before it is compressed; None where no other learner shares that fit."""
        return self._plain_digests.get(learner)

    @cached_property
    def _plain_digests(self) -> dict[str, str]:
        sharing = {name for name, spec in self.learners.items() if spec.compress is not None}
        if not sharing:
            return {}
        plain = {
            name: learner_digest(spec.model_copy(update={"compress": None}), self.random_state)
            for name, spec in self.learners.items()
        }
        shared = {plain[name] for name in sharing}
        return {name: own for name, own in plain.items() if own in shared}

    def fit_key(self, problem: PredictionProblem, learner: str, part: Part) -> str:
        """Return the key of a learner's predictions from one part."""
        rows, model = self.identity(problem, learner)
        text = f"fit {rows} {model} {tuple(part)}"
        return hashlib.sha256(text.encode()).hexdigest()

    def is_given(self, learner: str) -> bool:
        """Whether a learner's predictions were made elsewhere and are looked up."""
        return learners.is_given(self.learners[learner])

    def learns_all(self, learner: str) -> bool:
        """Whether one fit of a learner serves all targets of a dataset, and so is one task of several problems."""
        return learners.several_targets(self.learners[learner])

    def stored_at(self, problem: PredictionProblem, learner: str, part: Part, *, predicting: int) -> int:
        """Return under which number the result of a fit holds the predictions of a fold."""
        scheme = problem.scheme
        first = problem.position * len(scheme.predicted_folds(part)) if self.learns_all(learner) else 0
        return first + scheme.where(part, predicting=predicting)

    def identity(self, problem: PredictionProblem, model: str) -> tuple[str, str]:
        """Return the rows and the model that predictions belong to, equal for two names of one thing.

        The targets of a dataset are one for a learner whose fit serves all of them.
        """
        shared = model in self.learners and self.learns_all(model)
        return problem.shared_digest if shared else problem.digest, self.model_digest(model, problem)

    def fuse_key(
        self, problem: PredictionProblem, fusion: str, repeat: int, fold: int, stage: str, without: tuple[str, ...] = ()
    ) -> str:
        """Return the key of a fusion's predictions on one outer split."""
        text = f"fuse {problem.digest} {self.model_digest(fusion, problem)} {repeat} {fold} {stage} {without}"
        return hashlib.sha256(text.encode()).hexdigest()

    def score_key(self, problem: PredictionProblem, model: str) -> str:
        """Return the key of a model's scores on all outer splits."""
        text = f"score {problem.digest} {self.model_digest(model, problem)} {problem.metrics} {problem.classes}"
        return hashlib.sha256(text.encode()).hexdigest()

    def encoder_of(self, learner: str, problem: PredictionProblem) -> str | Mapping[str, Any]:
        """Return the encoder that a learner uses on a problem, ``auto`` resolved."""
        spec = self.learners[learner]
        return learners.auto_encoder(spec, problem.target_type) if spec.encode == "auto" else spec.encode


def _fusion_code(spec: FusionSpec) -> str:
    """Return the digest of a fusion's code, and of the encoder that it uses where it takes one."""
    if spec.type == "pruned_then":
        return " ".join(_fusion_code(spec.params[name]) for name in ("prune", "then"))
    encode = spec.params.get("encode", getattr(load_fusion(spec.type), "encode", None))
    code = fusions.REGISTRY.code_digest(spec.type)
    return code if encode is None else f"{code} {encoders.code_digest(encode)}"


def _with_digests(value: Any, random_state: int) -> Any:
    if isinstance(value, LearnerSpec):
        return learner_digest(value, random_state)
    if isinstance(value, FusionSpec):
        return {"type": value.type, **{key: _with_digests(one, random_state) for key, one in value.params.items()}}
    return [_with_digests(one, random_state) for one in value] if isinstance(value, tuple) else value


def learner_digest(spec: LearnerSpec, random_state: int) -> str:
    """Return the digest of everything about a learner that can change its predictions."""
    return digest(
        "learner",
        spec.model_dump(mode="json", include={"type", "params", "encode", "calibrate", "compress"}),
        learners.code_digest(spec),
        learners.fingerprint(spec),
        "" if spec.compress is None else compressions.REGISTRY.code_digest(spec.compress.type),
        encoders.code_digest(spec.encode),
        random_state,
        versions(learners.library(spec)),
    )


def expand(spec: Spec) -> tuple[dict[str, LearnerSpec], dict[str, tuple[str, ...]]]:
    """Expand every grid; return the learners, and the members of each grid by the learner's id."""
    expanded: dict[str, LearnerSpec] = {}
    grids: dict[str, tuple[str, ...]] = {}
    for name, learner in spec.learners.items():
        if not learner.grid:
            expanded[name] = learner
            continue
        members = {
            f"{name}[{','.join(f'{key}={value}' for key, value in zip(learner.grid, values, strict=True))}]": values
            for values in itertools.product(*learner.grid.values())
        }
        grids[name] = tuple(members)
        for member, values in members.items():
            params = {**learner.params, **dict(zip(learner.grid, values, strict=True))}
            expanded[member] = learner.model_copy(update={"params": params, "grid": {}})
    return expanded, grids


def _compressed(learner: LearnerSpec) -> LearnerSpec:
    """Return the learner that is fitted where its spec asks for a compression."""
    if learner.compress is None:
        return learner
    method = compressions.make(learner.compress)
    return method.learner(learner, learners.traits(learner)[str(method.trait)], learner.compress)


def blueprint_of(spec: Spec) -> Blueprint:
    """Resolve a spec's models: grids, members and references; the problems come from the data."""
    expanded, grids = expand(spec)
    expanded = {name: _compressed(learner) for name, learner in expanded.items()}
    ordered = configured(spec, expanded, grids)
    variants = Variants(expanded, ordered)
    fused = {**ordered, **variants.added_fusions}
    used_as_member = {member for fusion in fused.values() for member in fusion.members if member in fused}
    return Blueprint(
        learners={**expanded, **variants.added_learners},
        # The references know the learners of the spec alone: what is compressed does not change them.
        fusions={**fused, **_references(tuple(expanded), grids)},
        random_state=spec.random_state,
        oof_of=frozenset(used_as_member),
        variant_of=variants.of,
    )


def configured(
    spec: Spec, expanded: Mapping[str, LearnerSpec], grids: Mapping[str, tuple[str, ...]]
) -> dict[str, FusionModel]:
    """Return the fusions that a spec names, with their members; those that are members come first."""
    found = {name: _resolve(name, spec, expanded, grids) for name in spec.fusions}
    return {name: found[name] for name in _members_first(found)}


def _resolve(
    name: str, spec: Spec, expanded: Mapping[str, LearnerSpec], grids: Mapping[str, tuple[str, ...]]
) -> FusionModel:
    fusion = spec.fusions[name]
    if fusion.members is not None:
        named = itertools.chain.from_iterable(grids.get(member, (member,)) for member in fusion.members)
        return FusionModel(id=name, kind="fusion", spec=fusion, members=tuple(named))
    members = tuple(expanded)
    if load_fusion(fusion.type).default_members == "everything":
        members += tuple(
            other for other, one in spec.fusions.items() if other != name and not _is_shy(load_fusion(one.type))
        )
    return FusionModel(id=name, kind="fusion", spec=fusion, members=members)


def _is_shy(kind: type[Fusion]) -> bool:
    """Whether a fusion is a member of others only where it is named: one of everything, or one that trains."""
    return kind.default_members == "everything" or kind.trains


def _members_first(configured: Mapping[str, FusionModel]) -> list[str]:
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        for member in configured[name].members:
            if member in configured and member not in ordered:
                visit(member)
        ordered[name] = None

    for name in configured:
        visit(name)
    return list(ordered)


def _references(all_learners: tuple[str, ...], grids: Mapping[str, tuple[str, ...]]) -> dict[str, FusionModel]:
    members_of = {
        **{f"{name}:tuned": ("best_single", members) for name, members in grids.items()},
        BEST_SINGLE: ("best_single", all_learners),
        UNIFORM_AVERAGE: ("uniform_average", all_learners),
        ORACLE: ("oracle", all_learners),
    }
    return {
        name: FusionModel(id=name, kind="reference", spec=FusionSpec(type=kind), members=members, tolerant=True)
        for name, (kind, members) in members_of.items()
    }
