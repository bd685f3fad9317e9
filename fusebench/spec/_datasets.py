"""Datasets, as a spec names or defines them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from fusebench.spec._sections import Sections, Where
from fusebench.spec._values import shown
from fusebench.spec.model import DatasetSpec

DATA_SUFFIXES = frozenset(
    {"csv", "tsv", "parquet", "feather", "arff", "gz", "bz2", "xz", "zst", "zip", "libsvm", "txt"}
)


class DatasetReader(Sections):
    """Reads `datasets`."""

    def _datasets(self, value: Any) -> tuple[DatasetSpec, ...]:
        if value is None:
            self.note("a spec needs `datasets`: a name or a list of names and definitions", ("datasets",))
            return ()
        items = value if isinstance(value, list) else [value]
        if not items:
            self.note("the list is empty, name at least one dataset", ("datasets",))
        at = [("datasets", n) if isinstance(value, list) else ("datasets",) for n in range(len(items))]
        found: list[DatasetSpec] = []
        for item, where in zip(items, at, strict=True):
            one = self.dataset(item, where)
            if one is None:
                continue
            if one.name in {other.name for other in found}:
                self.note(f"duplicate dataset '{one.name}'", where)
            found.append(one)
        return tuple(found)

    def dataset(self, item: Any, where: Where) -> DatasetSpec | None:
        if isinstance(item, str):
            item = _named_dataset(item)
        if not isinstance(item, Mapping):
            self.note(f"got {shown(item)}, expected a dataset's name or its definition", where)
            return None
        fields = [name for name in DatasetSpec.model_fields if name != "options"]
        own = {key: _tuples(one) for key, one in item.items() if key in fields}
        own["options"] = {key: one for key, one in item.items() if key not in fields}
        for key in ("drop", "na_values", "text", "categorical", "tags", "classes"):
            if isinstance(own.get(key), str):
                own[key] = (own[key],)
        if isinstance(own.get("exclude"), Mapping):
            own["exclude"] = {
                key: tuple(one) if isinstance(one, list) else (one,) for key, one in own["exclude"].items()
            }
        if "na_values" in own and isinstance(own["na_values"], tuple):
            own["na_values"] = tuple(str(one) for one in own["na_values"])
        if "name" not in own:
            self.note("a dataset defined in place needs a `name`", where)
            return None
        if not self._id(own["name"], (*where, "name") if "name" in item else where, "dataset name", extra=":"):
            return None
        if own["options"] and "source" not in own:
            near = {key: get_close_matches(key, [*fields, "path"], n=1) for key in own["options"]}
            if "path" in own["options"]:
                own["source"] = "file"
            else:
                for key, close in near.items():
                    self.note(
                        f"unknown key {shown(key)}",
                        (*where, key),
                        f"did you mean '{close[0]}'?" if close else "name the `source` of this dataset",
                        on_key=True,
                    )
                return None
        found = self._section(DatasetSpec, own, where)
        return found if isinstance(found, DatasetSpec) else None


def _named_dataset(text: str) -> dict[str, Any]:
    """Return what a dataset's name stands for: a file when it looks like one."""
    suffix = text.rsplit(".", 1)[-1].lower()
    on_web = text.lower().startswith(("http://", "https://"))
    if on_web or ("://" not in text and ("/" in text or "\\" in text or ("." in text and suffix in DATA_SUFFIXES))):
        last = re.split(r"[/\\]", text.split("?", maxsplit=1)[0])[-1].split(".")[0]
        name = re.sub(r"[^A-Za-z0-9_+-]+", "-", last).strip("-+") or "data"
        return {"name": name, "source": "file", "path": text}
    return {"name": text}


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
