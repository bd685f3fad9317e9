"""From an estimator's parameters to the resolved models of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fusebench import spec as specs
from fusebench.engine import check
from fusebench.engine.blueprint import ORACLE, Blueprint
from fusebench.engine.expansion import blueprint_of
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.splits import Scheme
from fusebench.errors import Problem, SpecError, UsageError
from fusebench.spec.model import CV, Spec

DATASET, TARGET = "data", "y"  # what messages call rows that came without names
CHOSEN = "fusion"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Which model to fit, resolved.

    Parameters
    ----------
    spec : Spec
    model : str
        The id of the chosen model in it: a fusion, a learner or a reference.
    """

    spec: Spec
    model: str

    @cached_property
    def blueprint(self) -> Blueprint:
        """The models, members resolved."""
        fusions = {name: check.resolve_fusion(one) for name, one in self.spec.fusions.items()}
        return blueprint_of(self.spec.model_copy(update={"fusions": fusions}))

    def problem(
        self, target_type: str, classes: Sequence[Any], shape: tuple[int, int], n_threads: int
    ) -> PredictionProblem:
        """Return the prediction problem of some rows, checked against the models.

        Raises
        ------
        SpecError
            If a metric, a member or a parameter does not fit this kind of target.
        """
        problem = PredictionProblem(
            dataset=DATASET,
            target=TARGET,
            target_type=target_type,  # type: ignore[arg-type]  # one of the three
            classes=tuple(str(one) for one in classes),
            n_samples=shape[0],
            n_features=shape[1],
            data_key="",
            fingerprint="",
            scheme=Scheme.of(CV(), 0),
            metrics=specs.scoring_for(self.spec, target_type),
            numeric=False,
            n_threads=n_threads,
        )
        problems = [
            *check.check_roles(self.spec, [problem]),
            *check.check_against_data(self.spec, self.blueprint, problem),
        ]
        if problems:
            raise SpecError(problems)
        if not self.blueprint.fits_problem(self.model, problem):
            raise UsageError(f"'{self.model}' cannot predict a {target_type} target")
        return problem


def recipe(
    *,
    learners: Any,
    fusions: Mapping[str, Any] | None,
    fusion: Any,
    scoring: str | None,
    random_state: int,
    allow_import: bool,
    fitted: bool = False,
) -> Recipe:
    """Return the checked recipe of an estimator's parameters.

    Parameters
    ----------
    learners : list of str or mapping
        As in a spec.
    fusions : mapping, optional
        Other fusions, that `fusion` may name or have as members.
    fusion : str or mapping
        The id of a learner, of one of `fusions`, a reference, a type, or a definition.

    fitted : bool, default=False
        Whether the learners are fitted: then the files of a pretrained model, which a fitted one holds, may be gone.

    Raises
    ------
    SpecError
        With every problem at once.
    """
    named = dict(fusions or {})
    own = [one if isinstance(one, str) else "" for one in learners]
    chosen = str(fusion)
    known = {*named, *own, "best_single", "uniform_average"}
    # A colon, a bracket or a plus: `knn:tuned`, `knn[n_neighbors=3]`, `stack+int8`, which the others stand for.
    if not isinstance(fusion, str) or not (fusion in known or set(":[+") & set(fusion)):
        if fusion == ORACLE:
            raise UsageError("fusion: 'oracle' looks at the answers, it cannot be fitted; choose another")
        chosen = _free_name(own, named)
        named[chosen] = fusion
    data: dict[str, Any] = {
        "name": "fused",
        "datasets": [DATASET],
        "learners": dict(learners) if isinstance(learners, Mapping) else list(learners),
        "fusions": named,
        "random_state": random_state,
    }
    if scoring is not None:
        data["scoring"] = [scoring]
    source = specs.from_mapping(data)
    spec, problems = specs.parse(source)
    if spec is not None:
        problems = [*problems, *check.check_models(spec, allow_import=allow_import)]
    if fitted:
        problems = [one for one in problems if one.path[:1] != ("learners",) or one.path[-1] != "model"]
    if spec is None or problems:
        raise SpecError([_renamed(one, chosen) for one in problems])
    found = Recipe(spec=spec, model=chosen)
    if chosen not in found.blueprint.learners and chosen not in found.blueprint.fusions:
        models = [*found.blueprint.learners, *(one for one in found.blueprint.fusions if one != ORACLE)]
        raise UsageError(f"fusion: there is no '{chosen}'; there is {', '.join(models)}")
    return found


def _free_name(learners: Sequence[str], fusions: Mapping[str, Any]) -> str:
    name = CHOSEN
    while name in learners or name in fusions:
        name += "_"
    return name


def _renamed(problem: Problem, chosen: str) -> Problem:
    """Return a problem under the estimator's own parameter where the spec has another path."""
    if problem.path[:2] == ("fusions", chosen) and chosen.startswith(CHOSEN):
        return Problem(message=problem.message, path=("fusion", *problem.path[2:]), hint=problem.hint)
    return problem
