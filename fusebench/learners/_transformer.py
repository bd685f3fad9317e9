"""The estimators of `transformer`, with scikit-learn's interface. Importing this file does not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin

from fusebench.learners._network import AnswersClasses, AnswersValues
from fusebench.learners._transformer_base import BaseTransformer
from fusebench.learners.base import Floats

if TYPE_CHECKING:
    from fusebench.learners._network_inputs import Start
    from fusebench.learners._torch_net import State


class TransformerClassifier(ClassifierMixin, AnswersClasses, BaseTransformer):  # type: ignore[misc]  # scikit-learn has no types
    __doc__ = (BaseTransformer.__doc__ or "").replace(
        "What the classifier and the regressor share.", "A pretrained encoder of text that minimises log loss.", 1
    )

    def fit(
        self,
        X: Any,
        y: NDArray[Any],
        sample_weight: Floats | None = None,
        *,
        groups: NDArray[Any] | None = None,
        validation: NDArray[Any] | None = None,
        initial_state: State | None = None,
        start: Start | None = None,
    ) -> Self:
        """Fit on texts and their classes.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_samples, n_text_columns)
            Texts.
        y : ndarray of shape (n_samples,)
            Classes.
        sample_weight : ndarray of shape (n_samples,), optional
        groups : ndarray of shape (n_samples,), optional
            Not used: nothing is held out unless `validation` says so.
        validation : ndarray of bool of shape (n_samples,), optional
            Rows that are not trained on; the weights of the epoch with their smallest loss are kept.
        initial_state : dict of str to ndarray, optional
            Weights to start from instead of the model's own and a head fitted to them.
        start : Start, optional
            Weights of the language model to start from, and whether the head alone is fitted.

        Raises
        ------
        FitError
            If the loss is not finite, or there is no GPU where one is asked for.
        UsageError
            If there is no such model.
        """
        self.classes_, codes = np.unique(y, return_inverse=True)
        self._fit(X, codes.astype(np.int64), len(self.classes_), sample_weight, validation, initial_state, start)
        return self

    def _probe(self, vectors: NDArray[Any], target: NDArray[Any], weight: Floats) -> tuple[NDArray[Any], NDArray[Any]]:
        from sklearn.linear_model import LogisticRegression

        present = np.unique(target)
        n_classes, width = len(self.classes_), vectors.shape[1]
        if len(present) == 1:  # the other classes are among the rows that are watched
            return np.zeros((n_classes, width)), np.where(np.arange(n_classes) == present[0], 1.0, -1.0)
        probe = LogisticRegression(C=self.C, max_iter=1000).fit(vectors, target, sample_weight=weight)
        weights, biases = np.zeros((n_classes, width)), np.full(n_classes, probe.intercept_.min() - 5.0)
        if len(present) == 2:  # one function, of the second class against the first
            weights[present] = np.vstack([-probe.coef_[0], probe.coef_[0]]) / 2
            biases[present] = np.array([-probe.intercept_[0], probe.intercept_[0]]) / 2
        else:
            weights[present], biases[present] = probe.coef_, probe.intercept_
        return weights, biases


class TransformerRegressor(RegressorMixin, AnswersValues, BaseTransformer):  # type: ignore[misc]  # scikit-learn has no types
    __doc__ = (BaseTransformer.__doc__ or "").replace(
        "What the classifier and the regressor share.", "A pretrained encoder of text that minimises squared error.", 1
    )

    def fit(
        self,
        X: Any,
        y: NDArray[Any],
        sample_weight: Floats | None = None,
        *,
        groups: NDArray[Any] | None = None,
        validation: NDArray[Any] | None = None,
        initial_state: State | None = None,
        start: Start | None = None,
    ) -> Self:
        """Fit on texts and their values; see `TransformerClassifier.fit`."""
        values = np.asarray(y, dtype=np.float64)
        fitted = values if validation is None else values[~np.asarray(validation, dtype=bool)]
        target = self._standardised(values, fitted)
        self._fit(X, target, 1, sample_weight, validation, initial_state, start)
        return self

    def _probe(self, vectors: NDArray[Any], target: NDArray[Any], weight: Floats) -> tuple[NDArray[Any], NDArray[Any]]:
        from sklearn.linear_model import Ridge

        probe = Ridge(alpha=1 / self.C).fit(vectors, target, sample_weight=weight)
        return np.asarray(probe.coef_).reshape(1, -1), np.array([probe.intercept_])
