"""Build a learner's estimator and fit it on one part of a dataset."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench import compressions
from fusebench.errors import FitError
from fusebench.learners._binned import Binned
from fusebench.learners._early_stopping import validation_rows
from fusebench.learners._families import binning, family_of
from fusebench.learners._fitted import Constant, Fitted, Notes
from fusebench.learners.base import NOTHING, Family, Floats
from fusebench.spec.model import CompressSpec, LearnerSpec

OWN_LABELS_NOTE = "no predict_proba: probabilities by a sigmoid fitted on inner folds, labels are its own"


def build(
    spec: LearnerSpec,
    target_type: str,
    *,
    random_state: int | None = None,
    n_threads: int = 1,
    proba: bool = True,
    arguments: Mapping[str, Any] = NOTHING,
) -> Any:
    """Return the unfitted scikit-learn estimator that a learner is.

    For use outside a benchmark too: it takes encoded features, and with the same rows and seed it gives the very
    predictions of the learner. ``encoders.as_pipeline`` puts the encoder before it.

    Parameters
    ----------
    spec : LearnerSpec
        The learner.
    target_type : {"binary", "multiclass", "continuous"}
        What is predicted.
    random_state : int, optional
        Set where the estimator takes one and the spec names none.
    n_threads : int, default=1
        Set where the estimator takes threads and the spec names none.
    proba : bool, default=True
        Whether a classifier without ``predict_proba`` gets one.
    arguments : mapping, optional
        More arguments of the constructor, which yield to those of the spec.

    Raises
    ------
    FitError
        If no such estimator can be built.
    """
    family = family_of(spec.type)
    if family.given:
        raise FitError("predictions made elsewhere cannot be fitted on other rows")
    if family.path(target_type) is None:
        raise FitError(f"'{spec.type}' cannot predict a {target_type} target")
    cls = family.estimator_class(target_type)
    names = _names(family, cls)
    params = {name: value for name, value in family.defaults.items() if name in names}
    if "random_state" in names and random_state is not None:
        params["random_state"] = random_state
    if family.threads in names:
        params[str(family.threads)] = n_threads
    own = {name: _plain(value) for name, value in spec.params.items() if name not in family.dropped}
    try:
        estimator = cls(**{**params, **arguments, **own})
    except TypeError as error:
        raise FitError(f"{cls.__name__}: {error}") from error
    return estimator if target_type == "continuous" else _with_probabilities(estimator, spec.calibrate, proba=proba)


def fit(
    spec: LearnerSpec,
    X: Any,
    y: NDArray[Any],
    *,
    target_type: str,
    n_classes: int,
    random_state: int | None,
    n_threads: int = 1,
    sample_weight: Floats | None = None,
    groups: NDArray[Any] | None = None,
    categorical: Sequence[int] = (),
    proba: bool = True,
    class_labels: Sequence[Any] = (),
    binned: Binned | None = None,
) -> Fitted:
    """Fit a learner on encoded rows.

    Parameters
    ----------
    spec : LearnerSpec
        The learner.
    X : ndarray or CSR matrix of shape (n_samples, n_features), or DataFrame
        Encoded features; a data frame where the encoder leaves one.
    y : ndarray of shape (n_samples,)
        Class codes, or values.
    target_type : {"binary", "multiclass", "continuous"}
        What is predicted.
    n_classes : int
        Classes of the dataset; the rows may lack some of them.
    random_state : int or None
        The spec's seed.
    n_threads : int, default=1
        Threads of the fit.
    sample_weight : ndarray of shape (n_samples,), optional
        Weights; left out, with a note, for an estimator that takes none.
    groups : ndarray of shape (n_samples,), optional
        Kept whole by calibration and by early stopping.
    categorical : sequence of int, default=()
        Columns of codes that are categories, for estimators that take them natively.
    proba : bool, default=True
        Whether probabilities will be asked for; calibration that only serves them is left out otherwise.
    class_labels : sequence, default=()
        The dataset's labels in the order of their codes, for a ``class_weight`` that is a mapping.
    binned : Binned, optional
        What earlier fits left of these very rows, targets, weights, groups and seed; the answers have the same bits.

    Raises
    ------
    FitError
        If the learner cannot be built. What the estimator itself raises is passed on as it is.
    """
    family = family_of(spec.type)
    asked = spec
    notes = Notes()
    classes, codes = _contiguous(y, target_type)
    if classes is not None and len(classes) == 1:
        notes.add("the training part holds one class only: the answer is that class")
        return Fitted(Constant(int(classes[0])), classes, n_classes, _notes=notes)
    dense = not family.accepts_sparse
    if dense and hasattr(X, "toarray"):
        X = X.toarray()
    spec = _with_class_weight(spec, classes, class_labels)
    arguments, fit_arguments, note = family.categorical(X, categorical)
    notes.add(note)
    train: Any = slice(None)
    if family.early_stopping(spec.params):
        seed = spec.params.get("random_state", random_state)
        watched = validation_rows(codes, stratify=classes is not None, random_state=seed, groups=groups)
        if watched.any():
            fit_arguments |= family.validation(family.estimator_class(target_type), X[watched], codes[watched])
            train = ~watched
    with notes.collect():
        estimator = build(
            spec, target_type, random_state=random_state, n_threads=n_threads, proba=proba, arguments=arguments
        )
        if sample_weight is not None and _takes_weights(estimator, notes):
            fit_arguments["sample_weight"] = sample_weight[train]
        with _sharing(asked, estimator, binned):
            if groups is not None and hasattr(estimator, "fit_by_group"):
                estimator.fit_by_group(X[train], codes[train], groups[train], **fit_arguments)
            else:
                estimator.fit(X[train], codes[train], **fit_arguments)
    if getattr(estimator, "labels_are_its_own", False):
        notes.add(OWN_LABELS_NOTE)
    if family.predicts_with_one_thread:
        _use_one_thread(estimator, str(family.threads))
    follows = family.follows_proba(spec.params) and spec.calibrate is None
    fitted = Fitted(estimator, classes, n_classes, dense, follows, family.rows_are_independent, spec.type, notes)
    return fitted if spec.compress is None else compressed(fitted, spec.compress)


def compressed(fitted: Fitted, compress: CompressSpec) -> Fitted:
    """Return a fitted learner with its estimator compressed; one that knows a single class stays as it is.

    Raises
    ------
    FitError
        If it cannot be compressed.
    """
    if isinstance(fitted.estimator, Constant):
        return fitted
    return replace(fitted, estimator=compressions.compressed(compress, fitted.estimator))


def _sharing(spec: LearnerSpec, estimator: Any, binned: Binned | None) -> AbstractContextManager[None]:
    if binned is None:
        return nullcontext()
    binned.begin()
    own = binning(spec)
    return nullcontext() if own is None else family_of(spec.type).sharing(estimator, binned, own)


def _with_probabilities(estimator: Any, calibrate: str | None, *, proba: bool) -> Any:
    """Wrap a classifier for the probabilities that were asked for."""
    if calibrate is not None:
        from fusebench.learners._calibrated import Calibrated

        return Calibrated(estimator, method=calibrate)
    if not proba or hasattr(estimator, "predict_proba"):
        return estimator
    from fusebench.learners._calibrated import CalibratedWithOwnLabels

    return CalibratedWithOwnLabels(estimator, method="sigmoid", ensemble=False)


def _contiguous(y: NDArray[Any], target_type: str) -> tuple[NDArray[Any] | None, NDArray[Any]]:
    """Return the classes that a part holds, and the rows' classes numbered without gaps."""
    if target_type == "continuous":
        return None, y
    classes, codes = np.unique(y, return_inverse=True)
    return classes, codes


def _with_class_weight(spec: LearnerSpec, classes: NDArray[Any] | None, labels: Sequence[Any]) -> LearnerSpec:
    """Return the spec with a ``class_weight`` that names classes by what the estimator sees."""
    weights = spec.params.get("class_weight")
    if classes is None or not isinstance(weights, Mapping):
        return spec
    known = {str(label): code for code, label in enumerate(labels)} or {str(code): code for code in classes}
    unknown = [str(label) for label in weights if str(label) not in known]
    if unknown:
        raise FitError(f"class_weight names '{unknown[0]}', the classes are {', '.join(known)}")
    position = {int(code): index for index, code in enumerate(classes)}
    seen = {position[known[str(label)]]: w for label, w in weights.items() if known[str(label)] in position}
    return spec.model_copy(update={"params": {**spec.params, "class_weight": seen}})


def _takes_weights(estimator: Any, notes: Notes) -> bool:
    inner = getattr(estimator, "estimator", estimator)
    fit_method = getattr(inner, "fit", estimator.fit)
    if "sample_weight" in inspect.signature(fit_method).parameters:
        return True
    notes.add(f"{type(inner).__name__} takes no sample weights: fitted without them")
    return False


def _use_one_thread(estimator: Any, parameter: str) -> None:
    """Make a fitted forest, also inside a calibration, predict with one thread."""
    pairs = getattr(estimator, "calibrated_classifiers_", None)
    for fitted in [estimator] if pairs is None else [pair.estimator for pair in pairs]:
        fitted.set_params(**{parameter: 1})


@cache
def _names(family: Family, cls: type) -> frozenset[str]:
    return family.parameters(cls)


def _plain(value: Any) -> Any:
    """Return a mutable copy of a value from a frozen spec."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
