"""What a benchmark is made of, resolved: the few kilobytes that a worker needs to run any task of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fusebench import compressions, encoders, learners
from fusebench.engine.keys import digest, versions
from fusebench.engine.models import FusionModel
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.splits import Part
from fusebench.fusions import base as fusions
from fusebench.fusions.base import Fusion, load_fusion
from fusebench.spec.model import FusionSpec, LearnerSpec

BEST_SINGLE, UNIFORM_AVERAGE, ORACLE = "best_single", "uniform_average", "oracle"


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
