"""What the strategies that train models of their own share: recipes, features and what an estimator takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.fusions.base import Context
from fusebench.spec.model import LearnerSpec

if TYPE_CHECKING:
    import pandas as pd

Estimator = LearnerSpec | tuple[LearnerSpec, ...] | None
"""What a strategy trains: one learner, several in turn, or (None) its members."""


def named_recipes(
    estimator: Estimator, members: Iterable[str], recipes: Mapping[str, LearnerSpec]
) -> dict[str, LearnerSpec]:
    """Return the learners to train, in order, by a name for messages; members that are no learners are left out."""
    if estimator is None:
        return {member: recipes[member] for member in members if member in recipes}
    several = estimator if isinstance(estimator, tuple) else (estimator,)
    return {one.type if len(several) == 1 else f"{position}:{one.type}": one for position, one in enumerate(several)}


def check_recipes(
    estimator: Estimator,
    members: tuple[str, ...],
    recipes: Mapping[str, LearnerSpec],
    target_types: frozenset[str],
    strategy: str,
) -> list[str]:
    """Return what is wrong with what a strategy is to train."""
    if estimator is not None:
        several = estimator if isinstance(estimator, tuple) else (estimator,)
        if not several:
            return ["estimator: got an empty list, expected at least one learner"]
        return [message for one in several for message in check_role("estimator", one, target_types)]
    others = [member for member in members if member not in recipes]
    if not others:
        return []
    return [
        f"members: '{others[0]}' is no learner; {strategy} trains its members anew: name learners, or set estimator"
    ]


def check_role(parameter: str, learner: LearnerSpec, target_types: frozenset[str]) -> list[str]:
    """Return whether a learner cannot predict one of the kinds of targets."""
    from fusebench import learners

    lacking = [one for one in sorted(target_types) if not learners.predicts(learner, one)]
    return [f"{parameter}: '{learner.type}' cannot predict a {lacking[0]} target"] if lacking else []


def recipes_to_train(estimator: Estimator, context: Context, strategy: str) -> dict[str, LearnerSpec]:
    """Return the learners to train, in order.

    Raises
    ------
    FitError
        If a member is no learner.
    """
    for message in check_recipes(
        estimator, context.members, context.recipes, frozenset({context.target_type}), strategy
    ):
        raise FitError(message)
    return named_recipes(estimator, context.members, context.recipes)


def features_of(context: Context) -> pd.DataFrame:
    """Return the features of the context's rows, DataFrame of shape (n_samples, n_features)."""
    if context.X is None:
        raise RuntimeError("features are asked for, the context has none")
    return context.X


def estimator_class(learner: LearnerSpec, target_type: str) -> type:
    """Import and return the class that a learner builds.

    Raises
    ------
    LookupError
        If the learner cannot predict this kind of target.
    MissingExtraError
        If its library is not installed.
    """
    from fusebench.learners._families import family_of

    return family_of(learner.type).estimator_class(target_type)


def takes_sample_weight(learner: LearnerSpec, target_type: str) -> bool:
    """Return whether the estimator's own ``fit`` takes ``sample_weight``."""
    return takes_in_fit(learner, target_type, "sample_weight")


def takes_in_fit(learner: LearnerSpec, target_type: str, argument: str) -> bool:
    """Return whether the estimator's own ``fit`` takes an argument."""
    from sklearn.utils.validation import has_fit_parameter

    return bool(has_fit_parameter(estimator_class(learner, target_type), argument))


def takes_random_state(learner: LearnerSpec, target_type: str) -> bool:
    """Return whether the estimator takes ``random_state``."""
    from fusebench.learners.base import parameter_names

    return "random_state" in parameter_names(estimator_class(learner, target_type))


def reseeded(learner: LearnerSpec) -> LearnerSpec:
    """Return the learner without a ``random_state`` of its own, so that each copy gets another one."""
    if "random_state" not in learner.params:
        return learner
    params = {name: value for name, value in learner.params.items() if name != "random_state"}
    return learner.model_copy(update={"params": params})


@dataclass
class Prepared:
    """The encoder of a learner, fitted once on rows that the learner sees repeated, resampled or relabelled.

    Parameters
    ----------
    learner : LearnerSpec
        How `rows` are to be learned from: its ``encode`` leaves them as they are.
    encoder : Encoder
        Fitted.
    """

    learner: LearnerSpec
    encoder: Any

    @classmethod
    def fit(cls, learner: LearnerSpec, y: NDArray[Any], context: Context) -> tuple[Prepared, Any]:
        """Fit the learner's encoder; return it with the encoded training rows.

        Parameters
        ----------
        learner : LearnerSpec
        y : ndarray of shape (n_samples,)
            The rows' own class codes or values, for encoders that look at them.
        context : Context
            The training rows.
        """
        from fusebench import encoders, learners

        target_type = context.target_type
        encode = learners.auto_encoder(learner, target_type) if learner.encode == "auto" else learner.encode
        encoder = encoders.make(encode, random_state=context.random_state, text=context.text)
        rows = encoder.fit_transform(features_of(context), y, target_type=target_type)
        again = encode if encoder.takes_frames else "native" if encoder.categorical_ else "none"
        prepared = cls(learner.model_copy(update={"encode": again}), encoder)
        return prepared, prepared._as_learned(rows)

    @property
    def categorical(self) -> tuple[int, ...]:
        """The encoded columns that hold category codes."""
        return tuple(self.encoder.categorical_)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments that tell a network which columns hold codes; nothing where none does."""
        return {"categorical_features": self.categorical} if self.categorical else {}

    def rows(self, context: Context) -> Any:
        """Return the context's rows, encoded; a data frame where a fitted learner is to find its categories in it."""
        return self._as_learned(self.encoder.transform(features_of(context)))

    def dense(self, context: Context) -> NDArray[Any]:
        """Return the context's rows as a dense matrix, shape (n_samples, n_columns), for networks."""
        rows = self.encoder.transform(features_of(context))
        return np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)

    def _as_learned(self, rows: Any) -> Any:
        if not self.categorical:
            return rows
        import pandas as pd

        # Codes of categories, whose `native` encoding is themselves.
        frame = pd.DataFrame(rows, columns=[f"c{column}" for column in range(rows.shape[1])])
        return frame.astype({f"c{column}": "category" for column in self.categorical})


def repeat_rows(X: Any, rows: NDArray[Any]) -> Any:
    """Return the named rows of an encoded matrix or data frame."""
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]
