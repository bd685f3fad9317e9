"""A table of predictions as a benchmark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fusebench.engine.elsewhere._labels import is_whole
from fusebench.engine.elsewhere.table import Elsewhere
from fusebench.errors import UsageError
from fusebench.fusions.base import REGISTRY, load_fusion

WITHOUT_ANSWERS = ("voting", "averaging")
FUSIONS_OF_VALUES = ("averaging", "weighted", "ensemble_selection", "stacking", "adaptive")
FUSIONS_OF_CLASSES = ("voting", "weighted", "ensemble_selection", "stacking", "adaptive")


def spec_of(
    found: Elsewhere,
    *,
    fusions: Sequence[str] = (),
    scoring: Sequence[str] = (),
    n_folds: int | None = None,
    n_repeats: int | None = None,
    random_state: int = 0,
) -> dict[str, Any]:
    """Return the benchmark of a table as plain data: ids and answers are the dataset, the models are its learners.

    Raises
    ------
    UsageError
        If folds are asked for and the table has its own.
    """
    table = found.table
    if table.has_folds and (n_folds is not None or n_repeats is not None):
        raise UsageError(f"--folds and --repeats: the table has its own folds in column {table.fold!r}")
    dataset: dict[str, Any] = {
        "name": found.name.removeprefix("fuse-"),
        "source": "predictions",
        "path": str(found.path),
        "target": table.y_true,
        "id": table.id,
        "target_type": "continuous" if not found.classes else None,
    }
    cv: dict[str, Any] = {"n_splits": n_folds or 5, "n_repeats": n_repeats or 1}
    if found.classes:
        dataset["classes"] = [int(one) if all(map(is_whole, found.classes)) else one for one in found.classes]
    if found.features:
        dataset["features"] = list(found.features)
    if table.has_folds:
        dataset["fold"] = table.fold
        cv = {"type": "predefined"}
    elif found.classes and table.has_targets and max(Counter(table.frame[table.y_true]).values()) < cv["n_splits"]:
        # Open answers: no label is frequent enough to be spread over the folds.
        dataset |= {"fold": "fold", "make_folds": cv["n_splits"], "folds_random_state": random_state}
        cv = {"type": "predefined"}
    params = {} if table.id == "id" else {"id": table.id}
    return {
        "name": found.name,
        "datasets": [dataset],
        "learners": {
            one: {"type": "predictions", "path": str(found.path), "model": model, **params}
            for one, model in found.models.items()
        },
        "fusions": {_free(one, found.models): _fusion(one, found) for one in fusions or _default_fusions(found)},
        "cv": cv,
        "random_state": random_state,
        **({"scoring": list(scoring)} if scoring else {}),
    }


def _free(name: str, taken: Mapping[str, str]) -> str:
    return f"{name}-fusion" if name in taken else name


def _default_fusions(found: Elsewhere) -> Sequence[str]:
    if not found.has_targets:
        return WITHOUT_ANSWERS if found.gives_shares else WITHOUT_ANSWERS[:1] if found.classes else WITHOUT_ANSWERS[1:]
    return FUSIONS_OF_CLASSES if found.classes else FUSIONS_OF_VALUES


def _fusion(name: str, found: Elsewhere) -> Any:
    """Return a fusion's entry, with what the table lacks made up for by parameters."""
    if name == "voting" and found.classes:
        return {"type": name, "voting": "soft" if found.gives_shares and found.has_targets else "hard"}
    if name == "weighted" and found.classes and not found.gives_shares:
        return {"type": name, "weights": "accuracy"}
    if not found.features and REGISTRY.canonical(name) and hasattr(load_fusion(name), "space"):
        # Neighbours are sought among the answers where nothing else is known of a row.
        return {"type": name, "space": "predictions"}
    return name
