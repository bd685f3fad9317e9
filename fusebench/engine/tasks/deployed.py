"""Which members a fusion asks once it is fitted on all rows, as the one that is saved is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fusebench.engine.fusing import Predictions, fuse_context, make_fusion, stack_predictions
from fusebench.engine.held_out import HeldOut
from fusebench.engine.problem import PredictionProblem
from fusebench.errors import Interrupted

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
    held = HeldOut.of([data.splits.outer[split] for split in _first_repeat(problem)])
    pooled = _pooled(bench, problem, members, held)
    if pooled is None:
        return None
    P, labels = pooled
    with_features = fusion.reads_features(problem.target_type)
    context = fuse_context(
        bench.blueprint, problem, data, members, held.rows, labels, held.fold, with_features=with_features
    )
    try:
        fusion.fit(P, data.y[held.rows], context)
    except Interrupted:
        raise
    except Exception:  # noqa: BLE001 - a plug-in may raise anything, and what only a latency needs costs no score
        return None
    return [members[at] for at in fusion.used(len(members))]


def _pooled(bench: Workbench, problem: PredictionProblem, members: tuple[str, ...], held: HeldOut) -> Any:
    """Return the tensor and labels of the members' stored predictions of held-out rows; None where some are absent."""
    pooled = []
    for member in members:
        pieces = [bench.test_predictions(problem, member, split) for split in _first_repeat(problem)]
        known = [piece for piece in pieces if piece is not None]
        if len(known) < len(pieces):
            return None
        pooled.append(Predictions.assemble(list(zip(held.positions, known, strict=True)), len(held.rows)))
    return stack_predictions(pooled)


def _first_repeat(problem: PredictionProblem) -> list[tuple[int, int]]:
    return [split for split in problem.scheme.outer if split[0] == 0]
