"""What every learner family is: which estimator a short name means, and how that estimator is run here.

Adding a family is adding one file to this package. Its name is the ``type`` in YAML; the class inside names a
classifier, a regressor or both by dotted path, so that nothing is imported before it is needed.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fusebench.discovery import Registry
from fusebench.errors import MissingExtraError, Problem
from fusebench.learners._binned import Binned, binning_of

if TYPE_CHECKING:
    from fusebench.spec.model import LearnerSpec

Floats = NDArray[np.floating[Any]]

ALIASES = {
    "ada": "ada_boost",
    "cat": "catboost",
    "dt": "decision_tree",
    "enet": "elastic_net",
    "et": "extra_trees",
    "gb": "gradient_boosting",
    "gp": "gaussian_process",
    "hgb": "hist_gradient_boosting",
    "lgbm": "lightgbm",
    "linear": "linear_regression",
    "lr": "logistic_regression",
    "mf": "matrix_factorization",
    "nb": "gaussian_nb",
    "rf": "random_forest",
    "xgb": "xgboost",
}
REGISTRY = Registry(package="fusebench.learners", base="Family", noun="learner", aliases=ALIASES)
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Family:
    """A kind of learner: a classifier, a regressor or both, under one name.

    Estimators keep their library's defaults for every parameter that neither the spec nor `defaults` names.
    ``random_state`` is set wherever the estimator takes one.
    """

    classifier: ClassVar[str | None] = None
    """Dotted path of the classifier."""
    regressor: ClassVar[str | None] = None
    """Dotted path of the regressor."""
    encoder: ClassVar[str] = "linear"
    """The encoder that ``encode: auto`` means."""
    defaults: ClassVar[Mapping[str, Any]] = NOTHING
    """Parameters whose value here differs from the library's default."""
    threads: ClassVar[str | None] = None
    """The parameter that takes the number of threads."""
    predicts_with_one_thread: ClassVar[bool] = False
    """Whether predictions with several threads could differ in their last bits."""
    labels_follow_proba: ClassVar[bool] = False
    """Whether ``predict`` is, in the library's own code, the first most probable class of ``predict_proba``."""
    rows_are_independent: ClassVar[bool] = False
    """Whether a row's prediction has the same bits whatever rows are predicted with it."""
    free_of_binning: ClassVar[frozenset[str]] = frozenset()
    """Parameters of no matter to the bins that the library sorts values into: fits that differ in them alone share the
    binned rows. Empty for an estimator whose binned rows cannot be shared; a parameter left out only splits a share."""
    accepts_sparse: ClassVar[bool] = True
    """Whether the estimator takes a CSR matrix; a dense copy is made for one that does not."""
    dropped: ClassVar[frozenset[str]] = frozenset()
    """Parameters that are accepted in a spec and not passed on."""
    least: ClassVar[Mapping[str, float]] = NOTHING
    """Least values of parameters that the library does not check when it is built."""
    several_targets: ClassVar[bool] = False
    """Whether one fit serves all targets of a dataset; its estimator has ``fit_targets``, ``predict_targets``..."""
    given: ClassVar[bool] = False
    """Whether its predictions are given and looked up, so that nothing is fitted."""
    traits: ClassVar[Mapping[str, Any]] = NOTHING
    """What compressions ask of an estimator: ``trees`` (the parameter that counts them, and its default), ``weights``,
    ``units``."""
    extra: ClassVar[str | None] = None
    """The extra of this project that brings the library."""

    def path(self, target_type: str) -> str | None:
        """Return the dotted path of the estimator for a kind of target, None if there is none."""
        return self.regressor if target_type == "continuous" else self.classifier

    def estimator_class(self, target_type: str) -> type:
        """Import and return the estimator's class.

        Raises
        ------
        MissingExtraError
            If the library is not installed.
        LookupError
            If the family cannot predict this kind of target.
        """
        path = self.path(target_type)
        if path is None:
            raise LookupError(f"no estimator for a {target_type} target")
        if self.extra is not None and not self.is_installed:
            raise MissingExtraError(f"learner '{self.name}'", self.extra)
        return import_class(path)

    @property
    def name(self) -> str:
        """The name that users write."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def is_installed(self) -> bool:
        """Whether the library is there; importing nothing.

        A family whose class is this project's own needs the module that its extra is named after.
        """
        top = str(self.classifier or self.regressor).partition(".")[0]
        return self.extra is None or find_spec(self.extra if top == "fusebench" else top) is not None

    def parameters(self, cls: type) -> frozenset[str]:
        """Return the names of all parameters that the estimator's constructor takes."""
        return parameter_names(cls)

    def mistakes(self, spec: LearnerSpec) -> list[Problem]:
        """Return what is wrong with a learner of this family beside its parameters, one by one."""
        return []

    def violation(self, name: str, value: Any) -> str:
        """Return what is wrong with a value that the library itself declares no constraint for, empty if nothing.

        Numbers of trees, rounds, leaves and the like must be positive, in the libraries' own spellings.
        """
        least = self.least.get(name)
        if least is None:
            return ""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if is_number and value >= least and (isinstance(value, int) or not isinstance(least, int)):
            return ""
        kind = "an int" if isinstance(least, int) else "a number"
        return f"The {name!r} parameter must be {kind} of at least {least:g}. Got {value!r} instead."

    def check_targets(self, params: Mapping[str, Any], targets: Sequence[str]) -> str:
        """Return what is wrong with parameters for these targets of a dataset, empty if nothing.

        Called before anything is fitted, for families that learn several targets at once. The message starts with the
        parameter.
        """
        return ""

    def check(self, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield parameters that are wrong together, or for this machine, each with what is wrong.

        Called before anything is fitted, for what `violation` and the library's own constraints cannot say.
        """
        return iter(())

    def fingerprint(self, params: Mapping[str, Any]) -> str:
        """Return a digest of what the parameters name outside the spec (a file, a pretrained model), empty for nothing.

        Part of the keys of all fits.
        """
        return ""

    def categorical(self, X: Any, columns: Sequence[int]) -> tuple[dict[str, Any], dict[str, Any], str]:
        """Declare native categorical columns.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Encoded training rows; codes in the categorical columns.
        columns : sequence of int
            The categorical columns.

        Returns
        -------
        constructor, fit : dict
            Arguments for the constructor and for ``fit``.
        note : str
            What was done otherwise than asked, empty when nothing.
        """
        return {}, {}, ""

    def follows_proba(self, params: Mapping[str, Any]) -> bool:
        """Return whether `labels_follow_proba` holds with these parameters."""
        return self.labels_follow_proba

    def answer(self, estimator: Any, method: str, X: Any) -> Any:
        """Return what a method of the fitted estimator returns, by a shorter way where there is one with the same bits.

        Parameters
        ----------
        estimator : object
            The fitted estimator, or what a calibration or a compression has made of it.
        method : {"predict", "predict_proba"}
        X : ndarray or CSR matrix of shape (n_samples, n_features), or DataFrame
            Encoded rows.
        """
        return getattr(estimator, method)(X)

    def answers(self, estimator: Any, X: Any) -> tuple[Any, Any]:
        """Return what ``predict`` and what ``predict_proba`` return, by a shorter way where both need the same.

        Parameters
        ----------
        estimator : object
            As in `answer`.
        X : ndarray or CSR matrix of shape (n_samples, n_features), or DataFrame
            Encoded rows.
        """
        return self.answer(estimator, "predict", X), self.answer(estimator, "predict_proba", X)

    def early_stopping(self, params: Mapping[str, Any]) -> bool:
        """Return whether these parameters need validation rows passed to ``fit``."""
        return False

    def validation(self, cls: type, X: Any, y: NDArray[Any]) -> dict[str, Any]:
        """Return the arguments of ``fit`` that carry the validation rows."""
        return {}

    def binning(self, params: Mapping[str, Any]) -> str | None:
        """Return what decides how the library bins the rows of a part; None where they cannot be shared."""
        if not self.free_of_binning:
            return None
        path, early = str(self.classifier or self.regressor), self.early_stopping(params)
        return binning_of(path, params, self.free_of_binning, early_stopping=early)

    def sharing(self, estimator: Any, binned: Binned, binning: str) -> AbstractContextManager[None]:
        """Let the fit inside the block take the binned rows of earlier ones, or leave its own.

        A fit gives the same bits with it and without it; it shares nothing where the library is not as it was known.

        Parameters
        ----------
        estimator : object
            The unfitted estimator.
        binned : Binned
            What earlier fits on the same rows left.
        binning : str
            As `binning` says.
        """
        return nullcontext()

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess of the seconds of one fit on one thread.

        Used to start long fits first and to estimate the time left; it never decides a result. `n_classes` is 0 for
        regression.
        """
        return 1.5e-3 + 2e-8 * n_samples * n_features * max(n_classes, 1)


def import_class(path: str) -> type:
    """Import a class by its dotted path.

    Raises
    ------
    ModuleNotFoundError
        If its module does not exist.
    AttributeError
        If the module has no such class.
    """
    module, _, name = path.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    if not inspect.isclass(found):
        raise AttributeError(f"{path} is not a class")
    return found


@cache
def parameter_names(cls: type) -> frozenset[str]:
    """Return the names that a class's constructor takes, also through ``**kwargs`` of its bases."""
    names: set[str] = set()
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return frozenset(names - {"self"})


def number(params: Mapping[str, Any], name: str, default: float) -> float:
    """Return a parameter that is a number, or the default; for cost models only."""
    value = params.get(name, default)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default
