"""Which members a fusion asks once it is fitted on all rows, as the one that is saved is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fusebench.engine.fusing import Predictions, fuse_context, make_fusion, stack_predictions
from fusebench.engine.problem import PredictionProblem
from fusebench.errors import FitError

if TYPE_CHECKING:
    from fusebench.engine.tasks.workbench import Workbench

MOST_SECONDS = 0.2  # of a fit, of which this is one more


def choice(told: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the members that an explanation names as those that are asked; None where it names none."""
    used = told.get("members_used")
    if isinstance(used, list):
        return tuple(map(str, used))
    return (str(told["chosen"]),) if "chosen" in told else None


def members_asked(
    bench: Workbench, problem: PredictionProblem, name: str, explanations: Iterable[Mapping[str, Any]], seconds: float
) -> list[str] | None:
    """Return the members of a fusion fitted on the stored predictions of repeat 0's outer folds.

    Parameters
    ----------
    bench : Workbench
    problem : PredictionProblem
    name : str
        The fusion.
    explanations : iterable of mapping
        Of the same fusion, of each split.
    seconds : float
        What it took to fit at most.

    Returns
    -------
    list of str or None
        None where all splits chose the same, where a fit takes long, and where the fusion cannot be fitted so.
    """
    if len({choice(told) for told in explanations}) < 2 or seconds > MOST_SECONDS:
        return None
    spec = bench.blueprint.fusions[name].spec
    fusion = make_fusion(spec)
    if fusion.trains or fusion.needs_siblings or fusion.asks_members:
        return None
    data, members = bench.data(problem), bench.blueprint.members_on(name, problem)
    splits = [split for split in problem.scheme.outer if split[0] == 0]
    tests = [data.splits.outer[split].test for split in splits]
    order = np.argsort(np.concatenate(tests), kind="stable")
    ends = np.cumsum([len(test) for test in tests])
    rows, places = np.concatenate(tests)[order], np.split(np.argsort(order), ends[:-1])
    pooled = []
    for member in members:
        pieces = [bench.test_predictions(problem, member, split) for split in splits]
        known = [piece for piece in pieces if piece is not None]
        if len(known) < len(pieces):
            return None
        pooled.append(Predictions.assemble(list(zip(places, known, strict=True)), len(rows)))
    P, labels = stack_predictions(pooled)
    folds = np.repeat([fold for _, fold in splits], [len(test) for test in tests])[order]
    with_features = fusion.reads_features(problem.target_type)
    context = fuse_context(bench.blueprint, problem, data, members, rows, labels, folds, with_features=with_features)
    try:
        fusion.fit(P, data.y[rows], context)
    except (ValueError, FitError):  # what fails here fails where it is saved, and is said there
        return None
    return [members[at] for at in fusion.used(len(members))]
