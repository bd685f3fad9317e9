"""The validated spec: frozen models, strict, no unknown keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$", max_length=100)]
DatasetName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:+-]*$", max_length=100)]
PositiveInt = Annotated[int, Field(gt=0)]


class Model(BaseModel):
    """Base of all spec models."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DatasetSpec(Model):
    """A dataset: a name in a registry, or a definition in place.

    Parameters
    ----------
    source : str, optional
        One of the data sources (``sklearn``, ``file``, ``package``, ``openml``); None for a name in a registry.
    exclude : mapping of column to values
        Rows to leave out: those that hold one of the values, None where the cell is missing.
    sample : int, optional
        How many of the rows to keep, drawn at random and always the same ones; after `exclude` and `dedupe`.
    options : mapping
        The fields that only this source knows (``path``, ``loader``, ``data_id``, ...).
    id : str, optional
        A column that names each row, for joining predictions that were made elsewhere; no feature.
    classes : tuple of str or int
        Every label that there is, where the rows may lack some; those of the rows by default.
    """

    name: DatasetName
    source: str | None = None
    target: str | int | tuple[str | int, ...] | None = None
    target_type: Literal["binary", "multiclass", "continuous"] | Mapping[str, Any] | None = None
    drop: tuple[str | int, ...] = ()
    group: str | None = None
    time: str | None = None
    fold: str | None = None
    id: str | None = None
    weights: str | None = None
    text: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    classes: tuple[str | int, ...] = ()
    dedupe: bool = False
    exclude: Mapping[str, tuple[str | int | float | bool | None, ...]] = Field(default_factory=dict)
    sample: PositiveInt | None = None
    na_values: tuple[str, ...] = ()
    inf: Literal["error", "nan"] = "error"
    sha256: str | None = None
    licence: str = ""
    citation: str = ""
    tags: tuple[str, ...] = ()
    options: Mapping[str, Any] = Field(default_factory=dict)


class CompressSpec(Model):
    """A compression: its type and its parameters."""

    type: str
    params: Mapping[str, Any] = Field(default_factory=dict)


class LearnerSpec(Model):
    """A learner: its type and parameters, and how it is prepared.

    Parameters
    ----------
    type : str
        A family, an alias of one, or a dotted path to a class.
    params : mapping
        The estimator's own parameters.
    encode : str or mapping, default="auto"
        The encoder, by name or as ``{type: name, ...parameters}``.
    calibrate : {"sigmoid", "isotonic", "temperature"}, optional
        How probabilities are calibrated inside the training part.
    grid : mapping of str to list
        Parameter values whose product expands the learner into several members.
    timeout : float, optional
        Seconds per fit.
    cost : float, optional
        A declared cost of predicting a row, in any unit, at least 0, for strategies that choose by cost.
    bytes : int, optional
        A declared size of the fitted model, for strategies that choose by size.
    compress : CompressSpec, optional
        How the fitted estimator is made smaller, inside the same fit.
    """

    type: str
    params: Mapping[str, Any] = Field(default_factory=dict)
    encode: str | Mapping[str, Any] = "auto"
    calibrate: Literal["sigmoid", "isotonic", "temperature"] | None = None
    grid: Mapping[str, tuple[Any, ...]] = Field(default_factory=dict)
    timeout: float | None = None
    cost: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    bytes: Annotated[int, Field(ge=0)] | None = None
    compress: CompressSpec | None = None


class FusionSpec(Model):
    """A fusion: its type, its members (None: all learners in spec order), its parameters, and its compressions."""

    type: str
    members: tuple[str, ...] | None = None
    timeout: float | None = None
    params: Mapping[str, Any] = Field(default_factory=dict)
    compress: tuple[CompressSpec, ...] = ()


PARTITIONS = frozenset({"kfold", "group", "stratified_group", "predefined"})
DEFAULT_INNER = 5
LEAST_PAIRED = 3


class CV(Model):
    """The outer and inner splits.

    Parameters
    ----------
    inner : "paired", int or None
        None: ``paired`` where it is valid and ``n_splits >= 5``, else 5.
    """

    type: Literal["kfold", "holdout", "group", "stratified_group", "time_series", "predefined"] = "kfold"
    n_splits: Annotated[int, Field(ge=2)] = 5
    n_repeats: PositiveInt = 1
    inner: Literal["paired"] | Annotated[int, Field(ge=2)] | None = None
    refit: bool = True
    test_size: Annotated[float, Field(gt=0, lt=1)] | PositiveInt | None = None
    stratify: bool = False
    gap: Annotated[int, Field(ge=0)] = 0

    def is_paired(self, n_folds: int) -> bool:
        """Return whether inner models are shared between the outer splits, which are `n_folds` in a repeat."""
        if self.inner is not None:
            return self.inner == "paired"
        return self.type in PARTITIONS and n_folds >= DEFAULT_INNER

    def mistake(self, n_folds: int) -> tuple[str, str] | None:
        """Return the field that does not go with the others, and why; None where all is well."""
        if self.inner == "paired" and self.type not in PARTITIONS:
            return (
                "inner",
                f"'paired' needs test folds that partition the rows, and '{self.type}' has none: name a number",
            )
        if self.inner == "paired" and n_folds < LEAST_PAIRED:
            return "inner", f"'paired' needs at least {LEAST_PAIRED} folds, got {n_folds}"
        if not self.refit and not self.is_paired(n_folds):
            instead = "write inner: paired" if self.type in PARTITIONS else "leave it out"
            return "refit", f"false needs paired inner folds, whose models predict the test rows; {instead}"
        return None


class Resources(Model):
    """What one fit may use (seconds, bytes, threads), and what a busy core draws (watts), for estimates of energy."""

    timeout: float | None = None
    memory: int | None = None
    threads_per_fit: PositiveInt | None = None
    watts: Annotated[float | int, Field(gt=0, lt=1e6)] | None = None


class Spec(Model):
    """A whole benchmark."""

    name: Name
    datasets: tuple[DatasetSpec, ...]
    learners: Mapping[Name, LearnerSpec]
    fusions: Mapping[Name, FusionSpec] = Field(default_factory=dict)
    cv: CV = CV()
    scoring: tuple[str, ...] | Mapping[Literal["classification", "regression"], tuple[str, ...]] = ()
    random_state: Annotated[int, Field(ge=0, lt=2**32)] = 0
    resources: Resources = Resources()
