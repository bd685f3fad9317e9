"""Which model of which dataset and target is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from fusebench import api
from fusebench import spec as specs
from fusebench.engine.blueprint import ORACLE, Blueprint
from fusebench.engine.problem import PredictionProblem
from fusebench.errors import UsageError


def on_dataset(loaded: api.LoadedSpec, dataset: str | None) -> api.LoadedSpec:
    """Return the spec with one of its datasets."""
    names = [one.name for one in loaded.spec.datasets]
    if dataset is None and len(names) > 1:
        raise UsageError(f"--dataset: the spec has {len(names)} datasets, name one of {', '.join(names)}")
    if dataset is not None and dataset not in names:
        near = get_close_matches(dataset, names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"the spec has {', '.join(names)}"
        raise UsageError(f"--dataset: the spec has no '{dataset}'; {hint}")
    kept = tuple(one for one in loaded.spec.datasets if dataset in {None, one.name})
    return replace(loaded, spec=loaded.spec.model_copy(update={"datasets": kept}))


def problem_of(problems: Sequence[PredictionProblem], target: str | None) -> PredictionProblem:
    """Return the problem of a target; of the only one where none is named."""
    names = [one.target for one in problems]
    if target is None and len(problems) > 1:
        raise UsageError(f"--target: {problems[0].dataset} has {len(names)} targets, name one of {', '.join(names)}")
    found = [one for one in problems if target in {None, one.target}]
    if not found:
        raise UsageError(f"--target: {problems[0].dataset} has no target '{target}'; it has {', '.join(names)}")
    return found[0]


def check_model(blueprint: Blueprint, problem: PredictionProblem, model: str) -> None:
    """Raise UsageError where there is no such model, or it cannot predict the target."""
    known = [*blueprint.learners, *blueprint.fusions]
    if model == ORACLE:
        raise UsageError("--fusion: 'oracle' looks at the answers, it cannot be fitted; choose another")
    if model not in known:
        near = get_close_matches(model, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(one for one in known if one != ORACLE)}"
        raise UsageError(f"--fusion: the spec has no '{model}'; {hint}")
    if not blueprint.fits_problem(model, problem):
        raise UsageError(f"--fusion: '{model}' cannot predict the {problem.target_type} target of {problem.dataset}")


def estimator_of(
    loaded: api.LoadedSpec, problem: PredictionProblem, model: str, cv: Any, text: Sequence[str], n_jobs: int
) -> Any:
    """Return the unfitted estimator of a spec's model."""
    from fusebench.estimators import FusedClassifier, FusedRegressor

    plain = specs.to_mapping(loaded.spec)
    return (FusedClassifier if problem.is_classification else FusedRegressor)(
        plain["learners"],
        model,
        fusions=plain["fusions"],
        cv=cv,
        scoring=problem.metrics[0],
        refit=loaded.spec.cv.refit,
        text=list(text),
        random_state=loaded.spec.random_state,
        n_jobs=n_jobs,
        threads_per_fit=problem.n_threads,
        allow_import=loaded.allow_import,
    )
