"""What answers cost, measured on the way that a saved model goes: check the rows, ask the members, fuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fusebench import learners
from fusebench.engine import latency
from fusebench.engine.answering import Answering
from fusebench.engine.columns import Form, describe
from fusebench.engine.execute._shortcuts import without_shortcuts
from fusebench.engine.fusing import EncodedLearner, Predictions, Tensor
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.splits import Part, Rows

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.engine.tasks.workbench import Workbench


MOST_APART = 200  # columns: taking more apart would cost more than measuring


@dataclass(frozen=True)
class Latencies:
    """Seconds by batch size.

    Parameters
    ----------
    answers, among : mapping of str to float
        Of a learner's answer to rows in the form of the training rows, encoding included: in a loop of such answers,
        and between other work.
    checks : mapping of str to float
        Of bringing rows that a user gives into that form; the same for all models of a problem.
    """

    answers: Mapping[str, float]
    among: Mapping[str, float]
    checks: Mapping[str, float]


def of_learner(
    bench: Workbench,
    problem: PredictionProblem,
    learner: str,
    part: Part,
    encoder_of: Callable[[float], Any],
    fitted: Any,
    seconds: float,
    predict_seconds: float,
) -> Latencies:
    """Measure a fitted learner; nothing where its encoder would cost too much."""
    data = bench.data(problem)
    budget = latency.budget_of(seconds * len(problem.scheme.parts()), _mean_fit_seconds(bench, problem))
    encoder = encoder_of(budget.seconds)
    if encoder is None:
        return Latencies({}, {}, {})
    test = data.splits.predicted_rows(part)[0]
    # Rows that differ: a tree answers the same few over and over in half the time.
    rows = np.concatenate([test, data.splits.training_rows(part)])
    model = Answering(learner, {learner: [EncodedLearner(encoder, fitted)]}, {}, {}, bench.blueprint, problem)
    answers = _measured(
        model.answer,
        lambda size: bench.samples.get_or_make((problem.digest, size), lambda: _some(data.X, rows, size)),
        n_known=len(test),
        known_seconds=predict_seconds,
        budget=budget,
    )
    return Latencies(*answers, _checks(bench, problem, data.X, test, data.text, data.classes, budget))


def of_all_targets(
    bench: Workbench,
    problem: PredictionProblem,
    encoder: Any,
    fitted: Any,
    test: Rows,
    fit_seconds: float,
    predict_seconds: float,
) -> Latencies:
    """Measure a learner that answers all targets of a dataset at once."""
    data = bench.data(problem)
    budget = latency.budget_of(fit_seconds * len(problem.scheme.parts()), _mean_fit_seconds(bench, problem))
    answers = _measured(
        lambda X: fitted.predict(encoder.transform(X)),
        lambda size: _some(data.dataset_X, test, size),
        n_known=len(test),
        known_seconds=predict_seconds,
        budget=budget,
    )
    return Latencies(*answers, _checks(bench, problem, data.dataset_X, test, data.text, data.classes, budget))


def of_fusion(
    bench: Workbench,
    problem: PredictionProblem,
    name: str,
    members: tuple[str, ...],
    fusion: Any,
    tensor: Tensor,
    X: Any,
    seconds: float,
    predict_seconds: float,
) -> latency.Taken:
    """Measure a fitted fusion without its members, whose answers are at hand; within a share of its own work."""
    n_rows = len(tensor.test)
    at_hand = {one: [_AtHand(tensor, at)] for at, one in enumerate(members)}
    dtypes = {name: tensor.oof.dtype.str}
    model = Answering(name, at_hand, {name: fusion}, dtypes, bench.blueprint, problem, members={name: members})

    def rows_of(size: int) -> Any:
        return _Unread(range(size)) if X is None else _some(X, np.arange(n_rows), size)

    all_seconds = len(problem.scheme.outer) * seconds
    return _measured(
        model.answer,
        rows_of,
        n_known=n_rows,
        known_seconds=predict_seconds,
        budget=latency.budget_of(all_seconds, all_seconds),
        most_rounds=1,  # its members' answers are nearly all that a fusion takes
    )


def _measured(*asked: Any, **more: Any) -> latency.Taken:
    """Measure as a user's process would: a worker's shortcuts through the libraries are not there."""
    with without_shortcuts():
        return latency.latencies(*asked, **more)


class _Unread:
    """Rows whose features nobody looks at: a finished run that gets one more fusion needs no pandas."""

    def __init__(self, index: Any) -> None:
        self.index = index

    @property
    def iloc(self) -> _Unread:
        """Where rows are taken from by their numbers, as in pandas."""
        return self

    def __getitem__(self, rows: Rows) -> _Unread:
        return _Unread(np.asarray(self.index)[rows])

    def __len__(self) -> int:
        return len(self.index)


class _AtHand:
    """A member whose answers are known: of the test rows, over and over."""

    def __init__(self, tensor: Tensor, member: int) -> None:
        self._labels, self._n_rows = tensor.test_labels[:, member], len(tensor.test)
        self._proba = tensor.test[:, member] if tensor.test.ndim == 3 else None
        self._known: dict[int, Predictions] = {}

    def answer(self, X: Any) -> Predictions:
        """Return the answers to rows that are numbered on from the first test row."""
        if not hasattr(X.index, "start"):  # some of the rows
            return self._of(np.asarray(X.index))
        if len(X) not in self._known:
            self._known[len(X)] = self._of(np.arange(len(X)))
        return self._known[len(X)]

    def _of(self, rows: Rows) -> Predictions:
        rows = rows % self._n_rows
        return Predictions(self._labels[rows], None if self._proba is None else self._proba[rows])


def _some(X: pd.DataFrame, rows: Rows, size: int) -> pd.DataFrame:
    """Return so many rows, over and over from the first, as a table that somebody has just read."""
    import pandas as pd

    taken = X.iloc[np.resize(rows, size)].reset_index(drop=True)
    if X.shape[1] > MOST_APART:
        return taken
    # Readers leave each column in memory of its own, and every answer gathers them.
    return pd.DataFrame(dict(taken.items()), copy=False)


def _checks(
    bench: Workbench, problem: PredictionProblem, X: Any, test: Rows, text: Any, classes: Any, budget: latency.Budget
) -> Mapping[str, float]:
    """Measure once a process what a saved model does with the rows that it is given, and with its labels."""

    def measure() -> Mapping[str, float]:
        form = Form(describe(_some(X, test, len(test)), text))

        def check(rows: pd.DataFrame) -> Any:
            form.has_names(rows)
            checked, _ = form.conform(rows, "X")
            return classes[np.zeros(len(rows), dtype=np.intp)] if len(classes) else checked

        return _measured(
            check, lambda size: _as_read(_some(X, test, size)), n_known=1, known_seconds=0.0, budget=budget
        ).alone

    return bench.checks.get_or_make(problem.digest, measure)


def _as_read(X: pd.DataFrame) -> pd.DataFrame:
    """Return rows whose categories are plain values, of the kind that this pandas reads from files."""
    import pandas as pd

    names = [name for name, kind in X.dtypes.items() if isinstance(kind, pd.CategoricalDtype)]
    plain = {str(name): pd.Series(X[name].to_numpy(dtype=object), index=X.index) for name in names}
    return X.assign(**plain) if names else X


def _mean_fit_seconds(bench: Workbench, problem: PredictionProblem) -> float:
    """Return what all fits of a learner on a problem should take, on average over the learners."""
    able = [one for name, one in bench.blueprint.learners.items() if bench.blueprint.fits_problem(name, problem)]
    size = (problem.n_samples, problem.n_features, problem.target_type, problem.n_classes)
    once = sum(learners.expected_seconds(one, *size) for one in able) / max(1, len(able))
    return once * len(problem.scheme.parts())
