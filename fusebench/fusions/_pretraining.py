"""Networks that start from what other rows or other targets taught: pretraining and fine-tuning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.fusions._training import Prepared, check_role, estimator_class, features_of, takes_in_fit
from fusebench.fusions.base import Context, Floats
from fusebench.learners._network_inputs import Inputs, Start
from fusebench.spec.model import LearnerSpec

if TYPE_CHECKING:
    import pandas as pd

COPIES = 3  # corrupted copies of each row that self-supervision sees


@dataclass(frozen=True)
class Lesson:
    """Encoded rows and one target of theirs.

    Parameters
    ----------
    name : str
    X : ndarray of shape (n_samples, n_columns)
    y : ndarray of shape (n_samples,)
        Class codes or values; none missing.
    target_type : str
    groups : ndarray of shape (n_samples,), optional
    """

    name: str
    X: NDArray[Any]
    y: NDArray[Any]
    target_type: str
    groups: NDArray[Any] | None = None


@dataclass
class School:
    """The lessons of one fit, in one space of inputs.

    Parameters
    ----------
    recipe : LearnerSpec
        A network.
    prepared : Prepared
        Its encoder, fitted on the training rows.
    own : Lesson
        The training rows with their own target.
    others : list of Lesson
        Other targets of these rows, and the targets of other datasets.
    rows : list of ndarray
        All rows once: those of training, and those of other datasets.
    inputs : Inputs
        Learned from them.
    """

    recipe: LearnerSpec
    prepared: Prepared
    own: Lesson
    others: list[Lesson]
    rows: list[NDArray[Any]]
    inputs: Inputs
    random_state: int

    @classmethod
    def of(cls, recipe: LearnerSpec, y: NDArray[Any], context: Context) -> School:
        """Encode the training rows, and the related rows as if they were such."""
        prepared, _ = Prepared.fit(recipe, y, context)
        own = Lesson("own", prepared.dense(context), y, context.target_type, context.groups)
        elsewhere = list(_from_sources(prepared, context))
        rows = [own.X, *{id(one.X): one.X for one in elsewhere}.values()]
        # A pretrained language model reads its texts as they are.
        raw = np.zeros((1, 0)) if is_pretrained(recipe, context.target_type) else np.vstack(rows)
        inputs = Inputs(raw, prepared.categorical)
        others = [*_siblings(own, context), *elsewhere]
        return cls(prepared.learner, prepared, own, others, rows, inputs, context.random_state)

    def network(self, target_type: str, **changed: Any) -> Any:
        """Return an unfitted network for a kind of target."""
        from fusebench import learners

        params = {**self.recipe.params, **changed}
        seeds = {name: params.get(name, self.random_state) for name in ("random_state", "init_random_state")}
        learner = self.recipe.model_copy(update={"params": {**params, **seeds}, "calibrate": None})
        return learners.build(learner, target_type, arguments=self.prepared.arguments)

    def fine_tune(self, lesson: Lesson, body: Any, *, frozen: bool = False, **changed: Any) -> Any:
        """Return a network trained on a lesson from given weights of its body; frozen, only its head learns."""
        start = Start(self.inputs, body, frozen)
        return self.network(lesson.target_type, **changed).fit(lesson.X, lesson.y, groups=lesson.groups, start=start)

    def self_supervised(self, epochs: int, swap: float) -> Any:
        """Return the body of a network that restores the columns of rows some of whose cells were swapped.

        References
        ----------
        .. [1] P. Vincent et al., Extracting and composing robust features with denoising autoencoders, ICML 2008.
        """
        from fusebench.learners._torch_multitask import TorchMultitask
        from fusebench.learners.base import parameter_names

        clean = np.vstack(self.rows * COPIES)
        taken = parameter_names(TorchMultitask) & self.recipe.params.keys()
        network = TorchMultitask(
            **{"hidden_layer_sizes": self.network("continuous").hidden_layer_sizes}
            | {name: self.recipe.params[name] for name in taken}
            | {"max_epochs": epochs, "random_state": self.random_state, **self.prepared.arguments}
        )
        corrupted = swapped(clean, swap, np.random.default_rng(self.random_state))
        columns = list(_columns_as_targets(clean, self.inputs))
        if not columns:
            raise FitError("self-supervision needs a column that is not constant")
        return network.fit_targets(corrupted, columns, start=Start(self.inputs)).body()


def swapped(X: NDArray[Any], share: float, generator: np.random.Generator) -> NDArray[Any]:
    """Return rows in which a share of the cells holds the value of another row, at random."""
    others = np.stack([generator.permutation(len(X)) for _ in range(X.shape[1])], axis=1)
    return np.where(generator.random(X.shape) < share, np.take_along_axis(X, others, axis=0), X)


def pretrained_body(school: School, supervised: bool, epochs: int, swap: float) -> Any:
    """Return the weights to fine-tune from: learned on other datasets in turn, or without labels.

    Those of a pretrained language model are its own, unless other datasets are to teach it more.
    """
    if not supervised and is_pretrained(school.recipe, school.own.target_type):
        return school.fine_tune(school.own, None, frozen=True).body()
    if not supervised:
        return school.self_supervised(epochs, swap)
    body = None
    for lesson in school.others:
        body = school.fine_tune(lesson, body, max_epochs=epochs).body()
    return body


def answers(model: Any, X: Any, context: Context) -> tuple[NDArray[Any], Floats | None]:
    """Return a network's class codes and probabilities of all classes, or its values and None."""
    if not context.is_classification:
        return np.asarray(model.predict(X)), None
    proba = np.zeros((len(X), context.n_classes))
    proba[:, model.classes_] = model.predict_proba(X)
    return proba.argmax(axis=1), proba


def is_pretrained(learner: LearnerSpec, target_type: str) -> bool:
    """Return whether a network brings weights of its own."""
    return bool(getattr(estimator_class(learner, target_type), "pretrained", False))


def check_network(learner: LearnerSpec, target_types: frozenset[str], strategy: str) -> list[str]:
    """Return whether a learner is no network of this kind."""
    found = check_role("estimator", learner, target_types)
    if found:
        return found
    kind = next(iter(sorted(target_types)), "binary")
    if not takes_in_fit(learner, kind, "start"):
        return [f"estimator: '{learner.type}' is no torch_mlp or transformer; {strategy} trains networks of it"]
    if is_pretrained(learner, kind) and learner.params.get("tune", "frozen") == "frozen":
        return [f"estimator: '{learner.type}' is frozen, so that {strategy} has nothing to train; set tune"]
    return []


def _siblings(own: Lesson, context: Context) -> Iterator[Lesson]:
    for sibling in context.siblings:
        known = np.flatnonzero(sibling.known)
        if len(known):
            groups = None if own.groups is None else own.groups[known]
            whole = len(known) == len(own.X)
            yield Lesson(sibling.name, own.X if whole else own.X[known], sibling.y[known], sibling.target_type, groups)


def _from_sources(prepared: Prepared, context: Context) -> Iterator[Lesson]:
    rows: dict[int, NDArray[Any]] = {}
    for source in context.sources:
        if source.X is None:
            continue
        if id(source.X) not in rows:
            frame = aligned(source.X, features_of(context), source.name)
            rows[id(source.X)] = prepared.dense(replace(context, X=frame))
        yield Lesson(source.name, rows[id(source.X)], source.y, source.target_type)


def aligned(frame: pd.DataFrame, like: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return rows of another dataset with the columns of this one; what it lacks is missing.

    Texts need no common name: where no text column has one, all texts of a row stand in the first text column here.

    Raises
    ------
    FitError
        If they share no column, by name and kind.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    n_shared = 0
    frame = _texts_renamed(frame, like)
    for label in like.columns:
        own, kind = frame.get(label), like[label].dtype
        if isinstance(kind, pd.CategoricalDtype):
            shared = own is not None and isinstance(own.dtype, pd.CategoricalDtype)
            values: Any = np.asarray(own, dtype=object) if shared else np.full(len(frame), None, dtype=object)
            known = pd.Series(values).isin(kind.categories).to_numpy()
            kept: Any = np.where(known, values, None)
            columns[label] = pd.Categorical(kept, categories=kind.categories)
        else:
            kinds = {"number" if one.kind in "iufb" else one.kind for one in (kind, getattr(own, "dtype", kind))}
            shared = own is not None and (kinds == {"number"} or kinds <= {"O", "T", "U"})
            absent = np.full(len(frame), np.nan) if kind.kind in "iufb" else np.full(len(frame), "", object)
            columns[label] = np.asarray(own) if shared else absent
        n_shared += shared
    if not n_shared:
        raise FitError(f"sources: '{name}' shares no feature column with this dataset")
    return pd.DataFrame(columns)


def _texts_renamed(frame: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Return rows whose texts have a name that `like` knows too."""
    own, wanted = _texts_of(frame), _texts_of(like)
    if not own or not wanted or set(own) & set(wanted):
        return frame
    joined = [" ".join(str(one) for one in row if one) for row in frame[own].to_numpy(dtype=object)]
    return frame.drop(columns=own).assign(**{wanted[0]: joined})


def _texts_of(frame: pd.DataFrame) -> list[str]:
    return [str(label) for label, kind in frame.dtypes.items() if kind.kind in "OTU" and kind.name != "category"]


def _columns_as_targets(X: NDArray[Any], inputs: Inputs) -> Iterator[Any]:
    from fusebench.learners._targets import Target

    for column in inputs.numeric:
        values = X[:, column].astype(np.float64)
        if np.nanstd(values) > 0:
            yield Target(name=f"number {column}", y=values, target_type="continuous")
    for column in inputs.categorical:
        codes = np.nan_to_num(X[:, column].astype(np.float64), nan=-1).astype(np.int64)
        if len(np.unique(codes[codes >= 0])) > 1:
            yield Target(name=f"code {column}", y=codes, target_type="multiclass", n_classes=int(codes.max()) + 1)
