"""A spec made from names of datasets and learners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fusebench import io
from fusebench.errors import UsageError


def comparison_spec(
    names: Sequence[str],
    *,
    target: str | None = None,
    learners: Sequence[str],
    fusions: Sequence[str] = (),
    scoring: Sequence[str] = (),
) -> dict[str, Any]:
    """Return a spec, as plain data, that compares learners and fusions on datasets with good defaults.

    Parameters
    ----------
    names : sequence of str
        Registry names, files, ``openml:ID`` or ``suite:TAG``.
    target : str, optional
        Target column of the files.
    fusions : sequence of str, optional
        Soft voting and stacking by default.

    Raises
    ------
    UsageError
        If a target is named and no dataset takes it.
    """
    found = [_comparison_dataset(name, target) for name in names]
    if target is not None and not any(isinstance(one, Mapping) and "target" in one for one in found):
        raise UsageError(
            f"--target {target}: leave it out; no dataset here is a file or openml:ID, others have targets of their own"
        )
    chosen: dict[str, Any] = {name: _comparison_fusion(name) for name in fusions or ("voting", "stacking")}
    data: dict[str, Any] = {
        "name": "compare",
        "datasets": found,
        "learners": {name: name for name in learners},
        "fusions": chosen,
    }
    if scoring:
        data["scoring"] = list(scoring)
    return data


def _comparison_fusion(name: str) -> Any:
    return {"type": "voting", "voting": "soft"} if name == "voting" else name


def _comparison_dataset(name: str, target: str | None) -> Any:
    """Return a name as it is, or a file as a definition in place."""
    if name.startswith("openml:") and target is not None:
        return {"name": name, "target": target}
    if name.startswith(("openml:", "openml-suite:", "suite:")) or not ("/" in name or "\\" in name or "." in name):
        return name
    stem = Path(name.split("?", maxsplit=1)[0]).name.split(".")[0]
    own = "".join(one if one.isalnum() or one in "_-" else "-" for one in stem).strip("-") or "data"
    if Path(name).is_dir():
        return {"name": own, "source": "images", "path": name}
    found: dict[str, Any] = {"name": own, "source": "file", "path": name}
    return found if target is None else {**found, "target": target}


def save_spec(data: Mapping[str, Any], path: Path) -> None:
    """Write a spec given as plain data as YAML."""
    import yaml

    text = yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True)
    with io.storage_errors(path):
        io.write_durably(path, [text.encode()])
