"""Binned data that several fits on the same rows share.

Gradient boosting on histograms sorts the values of each feature into bins before the first tree. What that gives
depends on the rows and on a few parameters, not on the number of trees, the learning rate or the size of the trees:
fits that differ in nothing else can train on one and the same.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MOST = 2  # binnings of one part: one for each of two libraries


class _Kept(NamedTuple):
    data: Any
    cpu: float
    wall: float


@dataclass
class Binned:
    """What libraries have made of one part's rows, for the next fit that would make the same of them.

    It belongs to one encoded matrix with its targets, weights and groups: whoever makes it drops it with them.

    Attributes
    ----------
    spared_cpu, spared_wall : float
        Seconds that the last fit would have taken longer by itself.
    """

    spared_cpu: float = 0.0
    spared_wall: float = 0.0
    _kept: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)

    def get_or_make(self, binning: str, make: Callable[[], Any], kind: type = object) -> Any:
        """Return the binned rows of an earlier fit, or make them, keep them and note what that took.

        Parameters
        ----------
        binning : str
            What decides how the rows are binned, see `binning_of`.
        make : callable
            Bins them.
        kind : type, default=object
            What is kept; anything else that is made is for this fit alone.
        """
        found = self._kept.get(binning)
        if found is not None:
            self.spared_cpu += found.cpu
            self.spared_wall += found.wall
            return found.data
        cpu, wall = time.process_time(), time.perf_counter()
        made = make()
        if isinstance(made, kind):
            self._kept[binning] = _Kept(made, time.process_time() - cpu, time.perf_counter() - wall)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return made

    def begin(self) -> None:
        """Forget what the last fit was spared."""
        self.spared_cpu = self.spared_wall = 0.0


def binning_of(path: str, params: Mapping[str, Any], free: Collection[str], *, early_stopping: bool) -> str:
    """Return what of a learner's parameters may decide how its rows are binned: all but those known not to.

    Parameters
    ----------
    path : str
        Of the estimator's class.
    params : mapping
        Of the spec.
    free : collection of str
        Parameters that are of no matter to the bins.
    early_stopping : bool
        Whether some rows are held out.
    """
    rest = {name: value for name, value in params.items() if name not in free}
    return json.dumps([path, early_stopping, rest], sort_keys=True, default=repr)
