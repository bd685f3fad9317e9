"""What `transfer` and `merge` share: one network that is pretrained, then fine-tuned, and answers alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.errors import FitError
from fusebench.fusions._pretraining import School, answers, check_network, pretrained_body
from fusebench.fusions._training import Prepared
from fusebench.fusions.base import Context, Floats, Fusion
from fusebench.spec.model import LearnerSpec

NETWORK = LearnerSpec(type="torch_mlp")


@dataclass(kw_only=True)
class FineTuned(Fusion):
    """A strategy whose `fit` leaves a network in `model_` and the encoder of its rows in `prepared_`."""

    needs_features: ClassVar[bool] = True
    needs_proba: ClassVar[bool] = False
    trains: ClassVar[bool] = True
    uses_members: ClassVar[Literal["always", "fit", "never"]] = "never"
    default_estimator: ClassVar[LearnerSpec | None] = NETWORK
    strategy: ClassVar[str]
    """What messages call it."""

    estimator: LearnerSpec | None = None
    sources: tuple[str, ...] = ()
    pretraining_epochs: Annotated[int, Field(ge=1)] = 30
    swap: Annotated[float, Field(gt=0, lt=1)] = 0.15

    def check_recipes(
        self, members: tuple[str, ...], recipes: Mapping[str, LearnerSpec], target_types: frozenset[str]
    ) -> list[str]:
        """Return an estimator that is no network."""
        return check_network(self.estimator or NETWORK, target_types, self.strategy)

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return the network's probabilities, shape (n_samples, n_classes)."""
        proba = answers(self.model_, self.prepared_.dense(context), context)[1]
        if proba is None:
            raise TypeError("a network of values has no probabilities")
        return proba

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return class codes or values, shape (n_samples,)."""
        return np.asarray(answers(self.model_, self.prepared_.dense(context), context)[0])

    def _pretrained(self, y: NDArray[Any], context: Context, *, supervised: bool) -> tuple[School, Any]:
        """Return the lessons of a fit and the weights that fine-tuning starts from.

        Raises
        ------
        FitError
            If the estimator is no network, a source shares no column, or the loss is not finite.
        """
        for message in self.check_recipes(context.members, context.recipes, frozenset({context.target_type})):
            raise FitError(message)
        school = School.of(self.estimator or NETWORK, y, context)
        self.prepared_: Prepared = school.prepared
        self.model_: Any = None  # until the strategy has trained it
        return school, pretrained_body(school, supervised, self.pretraining_epochs, self.swap)
