"""What can be checked before anything is read or fitted: names, parameters, members, metrics."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from fusebench import compressions, encoders, learners, metrics
from fusebench import spec as specs
from fusebench.engine.blueprint import Blueprint
from fusebench.engine.checked import Place, member_count
from fusebench.engine.expansion import configured, expand
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.variants import Variants, compressible
from fusebench.errors import Problem
from fusebench.fusions import base as fusions
from fusebench.fusions.base import Fusion, load_fusion
from fusebench.spec.model import CompressSpec, FusionSpec, LearnerSpec, Spec

ANY_TARGET: frozenset[str] = frozenset()  # no kind of target is known yet
RESERVED_FUSION_KEYS = frozenset({"type", "members", "timeout"})


def check_models(spec: Spec, *, allow_import: bool, known: Container[Place] = ()) -> list[Problem]:
    """Return what is wrong with a spec's learners, fusions and metrics; needs no data.

    Parameters
    ----------
    spec : Spec
    allow_import : bool
        Whether classes outside the trusted packages may be imported.
    known : container of (str, str), optional
        Models that are known to be fine.
    """
    found = [
        problem.under("learners", name)
        for name, learner in spec.learners.items()
        if ("learners", name) not in known
        for problem in (
            *learners.check(learner, ANY_TARGET, allow_import=allow_import),
            *(problem.under("encode") for problem in encoders.check(learner.encode)),
            *_check_several_targets(learner),
            *_check_compressed(learner),
        )
    ]
    found.extend(_unknown_metrics(spec))
    for name, fusion in spec.fusions.items():
        if ("fusions", name) in known:
            continue
        own = _check_fusion(fusion, member_count(spec, fusion), allow_import=allow_import)
        found.extend(problem.under("fusions", name) for problem in own)
        for position, compress in enumerate(fusion.compress):
            own = _check_compression(compress, allow_import=allow_import)
            found.extend(problem.under("fusions", name, "compress", position) for problem in own)
    return found or list(_check_variants(spec))


def _check_compression(compress: CompressSpec, *, allow_import: bool = False) -> Iterator[Problem]:
    registry = compressions.REGISTRY
    if registry.canonical(compress.type) is None:
        message = f"unknown compression '{compress.type}'"
        yield Problem(message=message, path=("type",), hint=registry.suggest(compress.type))
        return
    kind = registry.load(compress.type)
    params, problems = _read_params(kind, compress.params)
    yield from problems
    if problems:
        return
    for path, learner in _nested_learners(params):
        for problem in learners.check(learner, ANY_TARGET, allow_import=allow_import):
            yield problem.under(*path)
    yield from _check_params(kind, params)


def _check_compressed(learner: LearnerSpec) -> Iterator[Problem]:
    """Yield what is wrong with the compression of a learner by itself."""
    if learner.compress is None:
        return
    found = [problem.under("compress") for problem in _check_compression(learner.compress)]
    yield from found
    if found or learners.REGISTRY.canonical(learner.type) is None:
        return
    trait = compressions.REGISTRY.load(learner.compress.type).trait  # type: ignore[attr-defined]  # a Compression
    name = learner.compress.type
    if trait is None:
        message = f"{name} is a compression of fusions; write it under the fusion's `compress`"
        yield Problem(message=message, path=("compress",))
    elif trait not in learners.traits(learner):
        how = f"a calibrated '{learner.type}'" if learner.calibrate else f"'{learner.type}'"
        message = f"{name} does not apply to {how}, only to {', '.join(compressible(trait))}"
        yield Problem(message=message, path=("compress",))


def _check_variants(spec: Spec) -> Iterator[Problem]:
    """Yield compressions that do not apply to their fusion, and ids that they would share with other models."""
    if not any(fusion.compress for fusion in spec.fusions.values()):
        return
    resolved = spec.model_copy(update={"fusions": {name: resolve_fusion(one) for name, one in spec.fusions.items()}})
    expanded, grids = expand(resolved)
    fusions_ = configured(resolved, expanded, grids)
    for name, fusion in resolved.fusions.items():
        for position, compress in enumerate(fusion.compress):
            variants = Variants(expanded, fusions_, expanding=False)
            message = variants.refusal(name, compress)
            taken = {*expanded, *fusions_} & {*variants.added_learners, *variants.added_fusions}
            if not message and taken:
                message = f"{compress.type}: the id '{min(taken)}' of what it adds is taken by another model"
            if message:
                yield Problem(message=message, path=("fusions", name, "compress", position))


def _check_several_targets(learner: LearnerSpec) -> Iterator[Problem]:
    """Yield what cannot be asked of a learner that learns all targets of a dataset at once."""
    if learners.REGISTRY.canonical(learner.type) is None or not learners.several_targets(learner):
        return
    name = learner.encode if isinstance(learner.encode, str) else learner.encode.get("type")
    if name == "target":
        message = f"'{learner.type}' learns several targets at once, an encoder that looks at one cannot serve it"
        yield Problem(message=message, path=("encode",), hint="use native or linear")
    if learner.calibrate is not None:
        message = f"'{learner.type}' learns several targets at once and cannot be calibrated inside its training part"
        yield Problem(message=message, path=("calibrate",), hint="the fusion `calibrated` calibrates it out of fold")


def _unknown_metrics(spec: Spec) -> Iterator[Problem]:
    """Yield the metrics that fit no kind of target that they could be meant for."""
    kinds = [("continuous",), ("binary", "multiclass")]
    for target_types in kinds if isinstance(spec.scoring, Mapping) else [("binary", "multiclass", "continuous")]:
        found = [{problem.path: problem for problem in check_scoring(spec, one)} for one in target_types]
        yield from (problem for path, problem in found[0].items() if all(path in one for one in found))


def check_scoring(spec: Spec, target_type: str) -> list[Problem]:
    """Return what is wrong with the metrics that a kind of target is scored by."""
    kind = "regression" if target_type == "continuous" else "classification"
    found = []
    for position, metric in enumerate(specs.scoring_for(spec, target_type)):
        message = metrics.check(metric, target_type)
        if message is not None:
            inside: tuple[str | int, ...] = (kind, position) if isinstance(spec.scoring, Mapping) else (position,)
            found.append(Problem(message=message, path=("scoring", *inside)))
    return found


def check_roles(spec: Spec, problems: Sequence[PredictionProblem]) -> list[Problem]:
    """Return the learners that can predict none of the targets of a benchmark."""
    kinds = frozenset(problem.target_type for problem in problems)
    return [
        problem.under("learners", name)
        for name, learner in spec.learners.items()
        if not any(learners.predicts(learner, kind) for kind in kinds)
        for problem in learners.check(learner, kinds, allow_import=True)
    ]


def check_against_data(spec: Spec, blueprint: Blueprint, problem: PredictionProblem) -> list[Problem]:
    """Return what is wrong with a spec for one prediction problem."""
    found = check_scoring(spec, problem.target_type)
    names = [target.name for target in problem.targets]
    for name, learner in blueprint.learners.items():
        if name.partition("[")[0] not in spec.learners:
            continue  # a compressed one, whose problems are those of the learner in the spec
        if message := learners.check_targets(learner, names):
            found.append(_parameter_problem(message).under("learners", name.partition("[")[0]))
        if problem.numeric and blueprint.fits_problem(name, problem) and _reads_text(blueprint, name, problem):
            message = f"'{learner.type}' reads text, and '{problem.dataset}' has no text column"
            found.append(Problem(message=message, path=("learners", name.partition("[")[0], "type")))
    for name, model in blueprint.fusions.items():
        if model.kind == "reference":
            continue
        kind = blueprint.fusion_class(model.spec.type)
        if not blueprint.fits_problem(name, problem):
            continue
        members = blueprint.members_on(name, problem)
        fusion = kind(**model.spec.params)
        target_types = frozenset({problem.target_type})
        messages = [
            *fusion.check(members, target_types),
            *fusion.check_recipes(members, blueprint.recipes(members), target_types),
        ]
        if problem.n_features == 0 and (fusion.reads_features(problem.target_type) or fusion.trains):
            instead = "; use space: predictions" if hasattr(fusion, "space") else ""
            messages.append(f"{model.spec.type} needs features, '{problem.dataset}' has none{instead}")
        messages += _check_related(fusion, blueprint, name, problem)
        place = (name,) if name in spec.fusions else (blueprint.variant_of.get(name, name), "compress")
        found.extend(_parameter_problem(message).under("fusions", *place) for message in messages)
    return found


def _check_related(fusion: Fusion, blueprint: Blueprint, name: str, problem: PredictionProblem) -> list[str]:
    """Return what is wrong with the other targets and datasets that a fusion learns from."""
    there = list(dict.fromkeys(one.dataset for one in blueprint.problems))
    sources = blueprint.sources_of(name)
    absent = [source for source in sources if source not in there]
    if absent:
        return [f"sources: '{absent[0]}' is no dataset of this benchmark; there is {', '.join(there)}"]
    if problem.dataset in sources:
        return []
    siblings = [one.name for one in problem.targets if one.name != problem.target] if fusion.needs_siblings else []
    learned = [one.dataset for one in blueprint.problems if one.dataset in sources]
    return fusion.check_related((*siblings, *learned))


def _reads_text(blueprint: Blueprint, learner: str, problem: PredictionProblem) -> bool:
    return encoders.needs_text(blueprint.encoder_of(learner, problem))


def resolve_fusions(spec: Spec) -> Spec:
    """Return a checked spec with every fusion resolved; see `resolve_fusion`."""
    return spec.model_copy(update={"fusions": {name: resolve_fusion(one) for name, one in spec.fusions.items()}})


def resolve_fusion(fusion: FusionSpec) -> FusionSpec:
    """Return a fusion's spec with nested learners read and lists made tuples; it must have been checked."""
    params, _ = _read_params(load_fusion(fusion.type), fusion.params)
    canonical = fusions.REGISTRY.canonical(fusion.type) or fusion.type
    read = tuple(
        one.model_copy(update={"params": _read_params(compressions.REGISTRY.load(one.type), one.params)[0]})
        for one in fusion.compress
    )
    return fusion.model_copy(update={"type": canonical, "params": params, "compress": read})


def _check_fusion(fusion: FusionSpec, n_members: int, *, allow_import: bool) -> Iterator[Problem]:
    registry = fusions.REGISTRY
    if registry.canonical(fusion.type) is None:
        yield Problem(message=f"unknown fusion '{fusion.type}'", path=("type",), hint=registry.suggest(fusion.type))
        return
    kind = load_fusion(fusion.type)
    params, problems = _read_params(kind, fusion.params)
    yield from problems
    if problems:
        return
    for path, learner in _nested_learners(params):
        for problem in learners.check(learner, ANY_TARGET, allow_import=allow_import):
            yield problem.under(*path)
        for problem in encoders.check(learner.encode):
            yield problem.under(*path, "encode")
        if learners.REGISTRY.canonical(learner.type) is not None and learners.is_given(learner):
            yield Problem(message="predictions made elsewhere cannot be fitted", path=(*path, "type"))
    problems = list(_check_params(kind, params))
    yield from problems
    if n_members < kind.min_members:
        yield Problem(
            message=f"{fusion.type} needs at least {kind.min_members} members, got {n_members}", path=("members",)
        )


def _read_params(kind: type, params: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Turn what YAML gave into what the fields hold: learners read, lists made tuples."""
    read: dict[str, Any] = {}
    problems: list[Problem] = []
    annotations = {name: str(field.type) for name, field in kind.__dataclass_fields__.items()}  # type: ignore[attr-defined]
    for name, value in params.items():
        if "LearnerSpec" not in annotations.get(name, ""):
            read[name] = _as_tuples(value)
        elif isinstance(value, list) and "tuple" in annotations[name]:
            parts = [_read_learner(one, (name, position)) for position, one in enumerate(value)]
            read[name] = tuple(learner for learner, _ in parts)
            problems.extend(problem for _, found in parts for problem in found)
        else:
            read[name], found = _read_learner(value, (name,))
            problems.extend(found)
    return read, problems


def _read_learner(value: Any, path: tuple[str | int, ...]) -> tuple[Any, list[Problem]]:
    if value is None or isinstance(value, LearnerSpec):
        return value, []
    learner, problems = specs.learner(value)
    return learner, [problem.under(*path) for problem in problems]


def _nested_learners(params: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], LearnerSpec]]:
    for name, value in params.items():
        if isinstance(value, LearnerSpec):
            yield (name,), value
        elif isinstance(value, tuple):
            yield from (((name, n), one) for n, one in enumerate(value) if isinstance(one, LearnerSpec))


def _check_params(kind: type, params: Mapping[str, Any]) -> Iterator[Problem]:
    from difflib import get_close_matches

    from pydantic import ConfigDict, ValidationError
    from pydantic.dataclasses import dataclass as checked

    known = [one.name for one in fields(kind) if one.init]
    unknown = [name for name in params if name not in known]
    for name in unknown:
        near = get_close_matches(name, [*known, "members"], n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"allowed: {', '.join(known) or 'none'}"
        yield Problem(message=f"unknown parameter '{name}'", path=(name,), hint=hint, on_key=True)
    named = {name: value for name, value in params.items() if name in known}
    config = ConfigDict(strict=True, arbitrary_types_allowed=True)
    try:
        checked(kind, config=config)(**named)
    except ValidationError as error:
        expected: dict[tuple[Any, ...], list[str]] = {}
        for one in error.errors(include_url=False):
            path = tuple(part for part in one["loc"] if part in known or isinstance(part, int))
            text = one["msg"].removeprefix("Input should be ").replace("tuple", "list").replace("dictionary", "mapping")
            expected.setdefault((path, repr(one["input"])), []).append(text)
        # A value that fits none of several types has one error for each of them.
        for (path, got), texts in expected.items():
            yield Problem(message=f"got {got}, expected {' or '.join(texts)}", path=path)


def _parameter_problem(message: str) -> Problem:
    """Return the problem of a message that starts with its parameter."""
    name, separator, rest = message.partition(": ")
    is_name = bool(separator) and name.isidentifier()
    return Problem(message=rest, path=(name,)) if is_name else Problem(message=message, path=())


def _as_tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_as_tuples(one) for one in value)
    return value
