"""What the two estimators share: recipes to models, frames to rows in form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_is_fitted,
    validate_data,
)

from fusebench import datasets
from fusebench.engine.answering import Answering
from fusebench.engine.columns import describe
from fusebench.engine.fusing import Predictions
from fusebench.estimators._frames import as_pandas, as_series, is_frame
from fusebench.estimators._inputs import check_frame, check_names, weights_of
from fusebench.estimators._model import FittedModel, Fitter, OutOfFold, RowsToFit
from fusebench.estimators._recipe import Recipe, recipe

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.engine.blueprint import Blueprint
    from fusebench.engine.problem import PredictionProblem


MAX_SEED = 2**31 - 1
ROW_PARAMETERS = ("sample_weight", "groups")
MADE_ANEW = frozenset({"_resolved", "_ready"})


class Fused(BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """What the classifier and the regressor share."""

    _default_learners: tuple[str, ...]

    def __init__(
        self,
        learners: Sequence[str] | Mapping[str, Any] | None = None,
        fusion: str | Mapping[str, Any] = "stacking",
        *,
        fusions: Mapping[str, Any] | None = None,
        cv: Any = None,
        scoring: str | None = None,
        refit: bool = True,
        text: Sequence[str] = (),
        random_state: Any = 0,
        n_jobs: int | None = None,
        threads_per_fit: int = 1,
        allow_import: bool = False,
    ) -> None:
        self.learners = learners
        self.fusion = fusion
        self.fusions = fusions
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.text = text
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.threads_per_fit = threads_per_fit
        self.allow_import = allow_import

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        # What follows from the parameters is resolved again where the model is loaded.
        return {name: value for name, value in super().__getstate__().items() if name not in MADE_ANEW}

    def _fit(self, X: Any, target: tuple[NDArray[Any], str, NDArray[Any]], rows: dict[str, Any]) -> None:
        """Fit on rows; `target` holds codes or values, its kind and the classes."""
        y, target_type, classes = target
        unknown = [name for name in rows if name not in ROW_PARAMETERS]
        if unknown:
            raise TypeError(f"fit got {unknown[0]!r}, it takes {' and '.join(ROW_PARAMETERS)}")
        frame = self._training_frame(X)
        if len(frame) != len(y):
            raise ValueError(f"X has {len(frame)} rows, y has {len(y)}: inconsistent numbers of samples")
        frame, text = datasets.features(frame, [str(one) for one in self.text])
        self.columns_ = describe(frame, text)
        groups = None if rows.get("groups") is None else np.asarray(as_series(rows["groups"]))
        self._fit_rows(RowsToFit(frame, y, groups, weights_of(rows.get("sample_weight"), len(y)), text),
                       target_type, classes)  # fmt: skip

    def _fit_rows(
        self, data: RowsToFit, target_type: str, classes: NDArray[Any], stored: OutOfFold | None = None
    ) -> None:
        """Fit on features that are in the form of a benchmark's dataset."""
        for name in MADE_ANEW:
            self.__dict__.pop(name, None)
        self.random_state_ = self._seed()
        found = self._recipe()
        self.target_type_ = target_type
        self.labels_ = [str(one) for one in classes]
        problem = self._problem(found, data.X.shape)
        cv = check_cv(self.cv, data.y, classifier=target_type != "continuous")
        folds = [(np.asarray(train), np.asarray(held)) for train, held in cv.split(data.X, data.y, data.groups)]
        fitter = Fitter(found.blueprint, problem, data, folds, self.refit, self.n_jobs)
        self.model_: FittedModel = fitter.fit(found.model, stored)
        self._resolved = found.blueprint, self._problem(found, (0, len(self.columns_)))
        self._answering()

    def _seed(self) -> int:
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(MAX_SEED))

    def _recipe(self, *, fitted: bool = False) -> Recipe:
        return recipe(
            learners=self._default_learners if self.learners is None else self.learners,
            fusions=self.fusions,
            fusion=self.fusion,
            scoring=self.scoring,
            random_state=self.random_state_,
            allow_import=self.allow_import,
            fitted=fitted,
        )

    def _problem(self, found: Recipe, shape: tuple[int, ...]) -> PredictionProblem:
        return found.problem(self.target_type_, self.labels_, (shape[0], shape[1]), self.threads_per_fit)

    def _training_frame(self, X: Any) -> pd.DataFrame:
        import pandas as pd

        if is_frame(X):
            frame = as_pandas(X)
            _check_feature_names(self, frame, reset=True)
            _check_n_features(self, frame, reset=True)
            check_frame(frame)
            return frame.reset_index(drop=True).rename(columns=str)
        values = validate_data(self, X, ensure_all_finite="allow-nan", reset=True)
        return pd.DataFrame(np.array(values), columns=[f"x{n}" for n in range(values.shape[1])])

    def _frame(self, X: Any) -> pd.DataFrame:
        """Return rows in the form of the training rows."""
        import pandas as pd

        form = self._answering().form
        if isinstance(X, pd.DataFrame) and hasattr(self, "feature_names_in_") and form.has_names(X):
            frame = X  # what scikit-learn would check holds
        elif is_frame(X):
            frame = as_pandas(X)
            check_names(frame)
            _check_feature_names(self, frame, reset=False)
            _check_n_features(self, frame, reset=False)
            frame = frame.set_axis(form.names, axis=1)
        else:
            values = validate_data(self, X, ensure_all_finite="allow-nan", reset=False)
            frame = pd.DataFrame(np.array(values), columns=form.names)
        return form.conform(frame, "X")[0]

    def resolved(self) -> tuple[Blueprint, PredictionProblem]:
        """Return the models behind the parameters, and the problem that they were fitted on."""
        if "_resolved" not in self.__dict__:
            found = self._recipe(fitted=True)
            self._resolved = found.blueprint, self._problem(found, (0, len(self.columns_)))
        return self._resolved

    def _answering(self) -> Answering:
        """Return the model ready to answer, made once."""
        if "_ready" not in self.__dict__:
            self._ready = self.model_.answering(*self.resolved(), self.columns_)
        return self._ready

    def _answer(self, X: Any) -> Predictions:
        if "model_" not in self.__dict__:  # scikit-learn's own check alone takes 0.1 ms
            check_is_fitted(self)
        return self._answer_rows(self._frame(X))

    def _answer_rows(self, frame: pd.DataFrame) -> Predictions:
        """Return the predictions of rows that are in the form of the training rows."""
        return self._answering().answer(frame)
