"""Which models of a spec a store has seen to be fine: they are not checked, nor their libraries imported, again."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from fusebench.engine.environment import environment
from fusebench.engine.expansion import expand
from fusebench.engine.keys import digest
from fusebench.engine.store import Entry, Store
from fusebench.spec.model import FusionSpec, Spec

Place = tuple[str, str]  # "learners" or "fusions", and the id


class CheckedModels:
    """What a store remembers of a spec's learners and fusions.

    Parameters
    ----------
    spec : Spec
    store : Store
    allow_import : bool
        Whether classes outside the trusted packages may be imported; another answer is another check.
    """

    def __init__(self, spec: Spec, store: Store, *, allow_import: bool) -> None:
        self._spec = spec
        self._store = store
        self._allow_import = allow_import

    @cached_property
    def keys(self) -> dict[Place, str]:
        """The key of every model's check; it covers the model's own lines and what is installed."""
        around = (environment()["versions"], self._allow_import)
        learners = {
            ("learners", name): digest("checked", one.model_dump(mode="json"), *around)
            for name, one in self._spec.learners.items()
        }
        fusions = {
            ("fusions", name): digest("checked", one.model_dump(mode="json"), member_count(self._spec, one), *around)
            for name, one in self._spec.fusions.items()
        }
        return {**learners, **fusions}

    def known(self) -> frozenset[Place]:
        """Return the models that were found fine before."""
        return frozenset(place for place, key in self.keys.items() if self._store.has(key))

    def remember(self) -> None:
        """Note that all of them are fine."""
        new: Iterable[str] = dict.fromkeys(key for key in self.keys.values() if not self._store.has(key))
        self._store.put_many({key: Entry("checked", {}) for key in new})


def member_count(spec: Spec, fusion: FusionSpec) -> int:
    """Return how many members a fusion has once grids are expanded."""
    expanded, grids = expand(spec)
    if fusion.members is None:
        return len(expanded)
    return sum(len(grids.get(member, (member,))) for member in fusion.members)
