"""Whether two runs can be paired, fold by fold."""

from __future__ import annotations

from collections.abc import Iterator

from fusebench.judge.baseline import ENVIRONMENT_KEYS, Baseline


def unpairable(before: Baseline, now: Baseline, *, complete: bool, exact: bool) -> tuple[list[str], list[str]]:
    """Return why a run cannot be paired with a baseline, and what else a reader should know.

    A changed encoder or learner is what a gate judges, so it does not unpair.

    Parameters
    ----------
    complete : bool
        Whether the run ended.
    exact : bool
        Whether the environment must be the same.
    """
    reasons = [] if complete else ["the run is not complete"]
    for (dataset, target), problem in before.problems.items():
        other = now.problems.get((dataset, target))
        if other is None:
            reasons.append(f"{dataset}: in the baseline, not in the run" + _target_hint(dataset, target, now))
            continue
        if other.fingerprint != problem.fingerprint:
            was, found = problem.fingerprint[:12], other.fingerprint[:12]
            reasons.append(f"{dataset}: other data (fingerprint {found}, was {was})")
        if other.preprocessing != problem.preprocessing:
            reasons.append(f"{dataset}: its rows are prepared in another way (drop, dedupe, na_values)")
        if other.folds.keys() != problem.folds.keys():
            reasons.append(f"{dataset}: {len(other.folds)} folds, the baseline has {len(problem.folds)} (or others)")
        elif changed := [key for key, fold in problem.folds.items() if other.folds[key].digest != fold.digest]:
            repeat, fold = changed[0]
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            reasons.append(f"{dataset}: other test rows in repeat {repeat}, fold {fold}{more}")
        if lost := set(before.metrics_of(dataset, target)) - set(now.metrics):
            reasons.append(f"{dataset}: not scored by {', '.join(sorted(lost))}")
    reasons += [f"{model}: in the baseline, not in the run" for model in before.models if model not in now.models]
    differences = list(environment_differences(before, now))
    said = [f"environment: {one}" for one in differences]
    if exact:
        reasons += said
        said = []
    new = [model for model in now.models if model not in before.models]
    new += [dataset for dataset, target in now.problems if (dataset, target) not in before.problems]
    return reasons, [*said, *(f"{one}: not in the baseline, so it is not judged" for one in new)]


def environment_differences(before: Baseline, now: Baseline) -> Iterator[str]:
    """Yield what differs between the places of two runs."""
    for key in ENVIRONMENT_KEYS:
        old, new = before.environment.get(key), now.environment.get(key)
        if key == "versions" and isinstance(old, dict) and isinstance(new, dict):
            for name in sorted(old.keys() | new.keys()):
                if old.get(name) != new.get(name):
                    yield f"{name} {new.get(name, 'absent')}, was {old.get(name, 'absent')}"
        elif old != new:
            yield f"{key} {new}, was {old}"


def _target_hint(dataset: str, target: str, now: Baseline) -> str:
    others = [other for name, other in now.problems if name == dataset]
    return f" (target {target}; the run has target {', '.join(others)})" if others else ""
