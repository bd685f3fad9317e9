"""`run`: a benchmark from a file, from plain data or from data in memory; `read_run`: one that was run before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench import api, judge
from fusebench.results import Cost, Failure, Results, Score

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.engine.execute._run import Progress
    from fusebench.estimators import FusedClassifier, FusedRegressor


@dataclass(frozen=True, repr=False)
class Run:
    """What a benchmark found, as frames.

    Parameters
    ----------
    results : Results
        Everything, as rows.
    loaded, place
        What `fit` needs of a benchmark that was run here; None for one that was read from a folder.
    """

    results: Results
    loaded: api.LoadedSpec | None = field(default=None, compare=False)
    place: api.Settings | None = field(default=None, compare=False)

    @property
    def scores(self) -> pd.DataFrame:
        """One row per dataset, model, repeat, fold and metric; higher is better for every metric."""
        return _frame(Score._fields, self.results.scores)

    @property
    def costs(self) -> pd.DataFrame:
        """What each model cost on each outer split: fits, seconds, bytes; of a fusion, its own work alone."""
        return _frame(Cost._fields, self.results.costs)

    @property
    def failures(self) -> pd.DataFrame:
        """What failed, where and why; empty when nothing did."""
        return _frame(Failure._fields, self.results.failures)

    @property
    def leaderboard(self) -> pd.DataFrame:
        """One row per model and metric, best first: mean, 95% interval, verdict against ``best_single``, costs."""
        return _frame(judge.LeaderboardRow._fields, self.verdicts.leaderboard)

    @property
    def comparisons(self) -> pd.DataFrame:
        """One row per pair of models, dataset and metric: difference, interval, p-values and the verdict."""
        return _frame(judge.Comparison._fields, self.verdicts.comparisons)

    @property
    def findings(self) -> tuple[str, ...]:
        """What the numbers say, in sentences, most important first."""
        return tuple(self.verdicts.sentences)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know: of the data and the fits, and what limits the verdicts."""
        return (*self.results.notes, *self.verdicts.warnings)

    @property
    def complete(self) -> bool:
        """Whether every planned fit ended."""
        return self.results.complete

    @cached_property
    def verdicts(self) -> judge.Verdicts:
        """The comparisons behind the frames."""
        return api.compare(self.results)

    def render(self, format_name: str = "table") -> str:
        """Return the results in one of the report formats, such as ``markdown``, ``latex`` or ``json``.

        Raises
        ------
        UsageError
            If there is no such format.
        """
        api.check_format(format_name)
        return api.render(self.results, self.verdicts, format_name)

    def save(self, folder: str | Path) -> None:
        """Write a run folder: the tables as CSV, the spec, the environment.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        api.check_output(Path(folder))
        api.write_run(self.results, self.verdicts, Path(folder), None if self.loaded is None else self.loaded.base)

    def fit(
        self, model: str, dataset: str | None = None, target: str | None = None
    ) -> FusedClassifier | FusedRegressor:
        """Return a model of this benchmark fitted on all rows of a dataset.

        Parameters
        ----------
        model : str
            The id of a fusion, a learner or a reference.
        dataset, target : str, optional
            Needed where there are several.

        Raises
        ------
        UsageError
            If there is no such model or dataset, or the benchmark was read from a folder.
        """
        from fusebench import deploy
        from fusebench.errors import UsageError

        if self.loaded is None or self.place is None:
            raise UsageError("a run that was read from a folder has no data at hand; run its spec.yaml, then fit")
        fitted: FusedClassifier | FusedRegressor = deploy.fit(
            self.loaded, self.place, model=model, dataset=dataset, target=target, form=None
        ).model
        return fitted

    def importance(
        self, model: str, dataset: str | None = None, target: str | None = None, *, n_repeats: int = 5
    ) -> pd.DataFrame:
        """Return how much worse a model scores on held-out rows when one feature is shuffled among them.

        Parameters
        ----------
        model : str
            The id of a fusion, a learner or a reference.
        dataset, target : str, optional
            Needed where there are several.
        n_repeats : int, default=5
            Shuffles of each feature per split.

        Returns
        -------
        DataFrame of shape (n_features, 4)
            ``feature``, ``importance``, ``sd`` and ``metric``, the most important feature first.

        Raises
        ------
        UsageError
            If there is no such model or dataset, or the benchmark was read from a folder.

        Notes
        -----
        Fits the model anew per outer split of repeat 0: each member once, five times more where the fusion learns.
        """
        from fusebench import deploy
        from fusebench.errors import UsageError

        if self.loaded is None or self.place is None:
            raise UsageError(
                "a run that was read from a folder has no data at hand; run its spec.yaml, then importance"
            )
        return deploy.importance(
            self.loaded, self.place, model=model, dataset=dataset, target=target, n_repeats=n_repeats
        )

    def __repr__(self) -> str:
        """Return the name, the size and the first finding."""
        of = f"{len(self.results.datasets)} datasets, {len(self.results.models)} models"
        first = self.findings[0] if self.findings else "nothing to compare"
        return f"<Run {self.results.name}: {of}. {first}>"

    def _repr_html_(self) -> str:
        """Return the findings and the leaderboard for a notebook; names are escaped."""
        from fusebench.python._page import as_html

        return as_html(self)


def run(
    spec: str | Path | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    store: str | Path | None = None,
    n_jobs: int | None = None,
    progress: bool | Progress | None = None,
    time_limit: float | None = None,
    fresh: bool = False,
    allow_import: bool = False,
) -> Run:
    """Run a benchmark and return what it found.

    Parameters
    ----------
    spec : path or mapping
        A YAML file, or what it would hold. In a mapping a dataset may be ``{"name": ..., "X": frame or array,
        "y": column}``, ``{"name": ..., "frame": frame, "target": column name}``, or under its name a pair ``(X, y)``;
        frames of pandas, polars, Arrow and whatever else narwhals knows. ``group``, ``time``, ``fold`` and
        ``weights`` of such a dataset are columns or names of columns.
    out : path, optional
        Folder to write the tables to; nothing is written by default.
    store : path, optional
        Where fits are kept; ``.fusebench`` by default. Run again, a benchmark answers from it.
    n_jobs : int, optional
        Worker processes; all cores by default.
    progress : bool or Progress, optional
        By default a line that moves in a notebook, and nothing elsewhere; True shows it elsewhere too.
    time_limit : float, optional
        Seconds after which no fit begins; what was finished is returned.
    fresh : bool, default=False
        Whether to fit again what is stored.
    allow_import : bool, default=False
        Whether learners may be classes outside the trusted packages.

    Returns
    -------
    Run
        With `scores`, `leaderboard`, `comparisons`, `costs` and `failures` as pandas frames. Failed fits are in
        `failures`, not raised.

    Raises
    ------
    SpecError, DataError
        If the spec or the data cannot be used; nothing is fitted then.
    Interrupted
        If a signal stopped it; what was finished is in the store.

    Examples
    --------
    >>> import fusebench as fb
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> found = fb.run({"datasets": {"mine": (X, y)}, "learners": ["nb", "knn"], "fusions": {"vote": "voting"}},
    ...                store=getfixture("tmp_path"), n_jobs=1)
    >>> sorted(found.leaderboard["model"])
    ['best_single', 'knn', 'nb', 'oracle', 'uniform_average', 'vote']
    >>> found.scores.columns.tolist()
    ['dataset', 'target', 'model', 'kind', 'repeat', 'fold', 'metric', 'score']
    """
    from fusebench.python._progress import progress_for
    from fusebench.python._tables import with_tables

    place = api.settings(
        store=None if store is None else Path(store), n_jobs=n_jobs, time_limit=time_limit, fresh=fresh
    )
    if isinstance(spec, Mapping):
        loaded = api.spec_from(with_tables(spec, place.store), allow_import=allow_import)
    else:
        loaded = api.load_spec(Path(spec), allow_import=allow_import)
    if out is not None:
        api.check_output(Path(out))
    planned = api.make_plan(loaded, place)
    outcomes = api.execute(planned, place, progress_for(progress))
    found = Run(api.collect(planned, outcomes, place), loaded, place)
    if out is not None:
        found.save(out)
    if outcomes.interrupted is not None:
        raise outcomes.interrupted
    return found


def read_run(folder: str | Path) -> Run:
    """Return the benchmark of a run folder; fits nothing.

    Raises
    ------
    StorageError, UsageError
        If it cannot be read, or is no run folder.
    """
    return Run(api.read_run(Path(folder)))


def _frame(columns: tuple[str, ...], rows: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame.from_records(list(rows), columns=list(columns))
