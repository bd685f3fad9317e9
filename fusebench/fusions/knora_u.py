"""KNORA-U: every member votes as often as it is right around the row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusebench.fusions._dynamic import HitSelection, Region, all_where_none
from fusebench.fusions.base import Floats


@dataclass(kw_only=True)
class KnoraU(HitSelection):
    """Give each member one vote per neighbour that it is right on (KNORA-Union).

    Parameters
    ----------
    k, voting, tolerance, space, encode, dfp
        As in ``knora_e``.

    Notes
    -----
    Where no member is right on any neighbour, all have one vote. For regression the votes weigh the members' values.
    Classes on which all members agree are taken as they are. O(n_samples * n_rows * n_columns) for the search, at most.

    References
    ----------
    .. [1] A. H. R. Ko, R. Sabourin, A. S. Britto, From dynamic classifier selection to dynamic ensemble selection,
       Pattern Recognition 41(5), 2008.
    """

    def _competence(self, region: Region) -> Floats:
        return np.asarray(self._near_hits(region).sum(axis=1), dtype=np.float64)

    def _weights(self, competence: Floats, region: Region) -> Floats:
        return all_where_none(competence)
