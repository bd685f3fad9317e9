"""Predictions that were made elsewhere: by a language model, a colleague, a commercial API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fusebench.errors import Problem
from fusebench.learners.base import Family

if TYPE_CHECKING:
    from fusebench.spec.model import LearnerSpec


class Predictions(Family):
    """A table of predictions, joined on the dataset's `id` column; nothing is fitted.

    ``path`` (relative to the spec) has a column ``id`` (``id:`` names another) and per model one column ``<model>`` of
    labels or values, or one column ``<model>:<class>`` of probabilities per class. ``model`` says which model; by
    default the one that is called like the learner, or the only one. ``{dataset}`` and ``{target}`` in the path stand
    for names. An empty label is an abstention: no vote, an even chance for every class, and a wrong answer when scored;
    so is a label that is no class of the dataset (declare such classes as the dataset's ``classes``).

    That these predictions did not see the answers that they predict cannot be checked here. A column ``fold`` says that
    each row was predicted by a model that was not trained on the rows of its fold: then the folds must be those of the
    benchmark.
    """

    classifier = "fusebench.learners._given.GivenPredictions"
    regressor = "fusebench.learners._given.GivenPredictions"
    encoder = "none"
    given = True

    def mistakes(self, spec: LearnerSpec) -> list[Problem]:
        """Return what is wrong beside the parameters' types."""
        found = []
        if "path" not in {*spec.params, *spec.grid}:
            found.append(Problem(message="a learner of type predictions needs a `path`", path=("type",)))
        if spec.encode != "auto":
            found.append(Problem(message="predictions made elsewhere have no features to encode", path=("encode",)))
        if spec.calibrate is not None:
            hint = "fuse with `type: calibrated`, whose member it is"
            found.append(Problem(message="predictions made elsewhere are not fitted", path=("calibrate",), hint=hint))
        return found

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return what a look-up takes."""
        return 1e-3 + 1e-8 * n_samples * max(n_classes, 1)
