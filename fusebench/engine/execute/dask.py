"""Run a plan on a Dask cluster: the same plan, the same keys, the same bytes on the same kind of CPU.

Workers need the package and nothing of the store: a dataset travels to a worker once, the few kilobytes of predictions
that a fusion reads travel with it, and results come back to the process that owns the run, which alone writes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from fusebench.engine.execute._run import Outcomes, Progress, Run, signals_as_interrupts
from fusebench.engine.execute._worker import Done, Lost, Outcome, Raised, attempt
from fusebench.engine.plan import Plan, Task
from fusebench.engine.schedule import Schedule
from fusebench.engine.store import Entry, Store
from fusebench.engine.tasks.items import EncodeItem, ExplainItem, FitItem, FuseItem, Item, ScoreItem
from fusebench.engine.tasks.workbench import Workbench
from fusebench.errors import Interrupted, MissingExtraError, UsageError

BATCHES_AHEAD = 2  # per worker thread, so that none waits for a round trip
CONNECT_SECONDS = 10
POLL_SECONDS = 0.2
Batch = list[tuple[str, Item]]


@dataclass(frozen=True, kw_only=True)
class DaskExecutor:
    """Runs the missing tasks of a plan on a cluster.

    Dask restarts what a dead worker was at. Limits of time and memory per fit are those of the cluster's workers.

    Parameters
    ----------
    scheduler : str, optional
        Address of a running scheduler; a cluster of local processes by default.
    n_jobs : int
        Processes of the local cluster.
    time_limit : float, optional
        Seconds after which no task is started.
    """

    enforces_limits: ClassVar[bool] = False
    scheduler: str | None = None
    n_jobs: int = 1
    time_limit: float | None = None

    def run(
        self, plan: Plan, missing: Mapping[str, Task], store: Store, workbench: Workbench, progress: Progress
    ) -> Outcomes:
        """Run what is missing.

        Raises
        ------
        MissingExtraError
            If Dask is not installed.
        UsageError
            If there is no scheduler at the address.
        StorageError
            If results cannot be written.
        """
        schedule = Schedule(plan, missing, store.scratch, balanced=self.time_limit is not None, share_encodings=False)
        run = Run(plan, schedule, store, workbench, progress, self.n_jobs, self.time_limit)
        with self._client() as client:
            progress.begin(len(schedule.tasks), schedule.seconds_left / max(_threads(client), 1))
            try:
                with signals_as_interrupts():
                    _Cluster(client, run, workbench).drain()
            except Interrupted as interrupted:
                run.outcomes.interrupted = interrupted
            finally:
                run.close()
        return run.outcomes

    def _client(self) -> Any:
        try:
            from distributed import Client, LocalCluster
        except ModuleNotFoundError as error:
            raise MissingExtraError("--executor dask", "dask") from error
        if self.scheduler is None:
            cluster = LocalCluster(n_workers=self.n_jobs, threads_per_worker=1, dashboard_address=None, silence_logs=50)
            return _Owned(Client(cluster), cluster)
        try:
            return Client(self.scheduler, timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            raise UsageError(f"--scheduler {self.scheduler}: no Dask scheduler answers there ({error})") from error


class _Owned:
    """A client together with the cluster that it alone uses."""

    def __init__(self, client: Any, cluster: Any) -> None:
        self._client, self._cluster = client, cluster

    def __enter__(self) -> Any:
        return self._client

    def __exit__(self, *error: object) -> None:
        self._client.close()
        self._cluster.close()


class _Cluster:
    """What is in flight on a cluster."""

    def __init__(self, client: Any, run: Run, workbench: Workbench) -> None:
        self._client = client
        self._run = run
        self._workbench = workbench
        self._in_flight: dict[Any, Batch] = {}
        self._blueprint = client.scatter(workbench.blueprint, broadcast=True, hash=False)
        self._datasets: dict[str, Any] = {}

    def drain(self) -> None:
        """Run until nothing is left."""
        from distributed import wait

        run = self._run
        while run.schedule.unfinished and not run.out_of_time():
            self._fill()
            if self._in_flight:
                try:
                    finished = wait(list(self._in_flight), timeout=POLL_SECONDS, return_when="FIRST_COMPLETED").done
                except TimeoutError:
                    finished = set()
                for future in finished:
                    self._take_in(future)
            else:
                time.sleep(0.005)
            run.finish_written()
            run.progress.running([item for batch in self._in_flight.values() for _, item in batch[:1]])
        run.outcomes.complete = not run.schedule.unfinished
        self._client.cancel(list(self._in_flight))

    def _fill(self) -> None:
        room = BATCHES_AHEAD * max(_threads(self._client), 1) - len(self._in_flight)
        for _ in range(room):
            batch = self._run.schedule.take()
            if not batch:
                return
            future = self._client.submit(
                run_batch,
                self._blueprint,
                {key: self._dataset(key) for key in self._data_keys(batch)},
                batch,
                self._entries(batch),
                pure=False,
            )
            self._in_flight[future] = batch

    def _data_keys(self, batch: Batch) -> set[str]:
        return {self._workbench.blueprint.problems[item.problem].data_key for _, item in batch}

    def _dataset(self, data_key: str) -> Any:
        if data_key not in self._datasets:
            folder = self._workbench.data_folder(data_key)
            files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
            self._datasets[data_key] = self._client.scatter(_Files(data_key, files), broadcast=True, hash=False)
        return self._datasets[data_key]

    def _entries(self, batch: Batch) -> dict[str, Entry]:
        """Return the stored results that a batch reads."""
        found: dict[str, Entry] = {}
        for key, item in batch:
            for need in _stored_needs(self._run, key, item):
                if need not in found and (entry := self._run.store.get(need)) is not None:
                    found[need] = entry
        return found

    def _take_in(self, future: Any) -> None:
        batch = self._in_flight.pop(future)
        if future.status == "finished":
            for outcome in future.result():
                self._run.take_in(outcome)
            return
        error = future.exception() if future.status == "error" else None
        if len(batch) > 1:
            # Which item of the batch is to blame is not known: run them one by one.
            for pair in batch:
                self._resubmit([pair])
            return
        detail = f"{type(error).__name__}: {error}" if error is not None else "cancelled by the cluster"
        self._run.take_in(Raised(batch[0][0], "died", detail[:500]))

    def _resubmit(self, batch: Batch) -> None:
        future = self._client.submit(
            run_batch,
            self._blueprint,
            {key: self._dataset(key) for key in self._data_keys(batch)},
            batch,
            self._entries(batch),
            pure=False,
        )
        self._in_flight[future] = batch


@dataclass(frozen=True)
class _Files:
    """A saved dataset on its way to a worker."""

    data_key: str
    files: Mapping[str, bytes]


class _Given:
    """The stored results that came with a batch."""

    def __init__(self) -> None:
        self.entries: Mapping[str, Entry] = {}

    def get(self, key: str, *_kinds: str) -> Entry | None:
        return self.entries.get(key)


class _Unpacked:
    """Maps a dataset's key to a folder on this worker, written once."""

    def __init__(self) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="fusebench-"))
        self._owner = os.getpid()

    def add(self, files: _Files) -> None:
        folder = self(files.data_key)
        if folder.exists():
            return
        aside = folder.with_name(f"{folder.name}.{os.getpid()}.{time.time_ns()}")
        aside.mkdir()
        for name, content in files.files.items():
            (aside / name).write_bytes(content)
        try:
            aside.rename(folder)
        except OSError:  # another thread of this worker was quicker
            shutil.rmtree(aside)

    def __call__(self, data_key: str) -> Path:
        return self._root / data_key


_benches: dict[int, tuple[Any, Workbench, _Given, _Unpacked]] = {}


def run_batch(blueprint: Any, data: Mapping[str, Any], batch: Batch, entries: Mapping[str, Entry]) -> list[Outcome]:
    """Run a batch on a Dask worker; one thread per fit, as locally."""
    import threading
    import warnings

    from threadpoolctl import threadpool_limits

    slot = threading.get_ident()
    if slot not in _benches or _benches[slot][0] is not blueprint:
        given, unpacked = _Given(), _Unpacked()
        _benches[slot] = (blueprint, Workbench(blueprint, given, unpacked), given, unpacked)
    _, workbench, given, unpacked = _benches[slot]
    for files in data.values():
        unpacked.add(files)
    given.entries = entries
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [attempt(workbench, key, item) for key, item in batch]


def _stored_needs(run: Run, key: str, item: Item) -> list[str]:
    """Return the store keys that an item reads, milestones resolved."""
    match item:
        case ScoreItem():
            return [*(one for _, _, keys in item.splits for one in keys), *item.all_fits]
        case FuseItem():
            lost = set(item.without)
            needs: list[str] = []
            for need in run.schedule.tasks[key].needs:
                task = run.plan.tasks[need]
                if task.item is not None:
                    needs.append(need)
                elif not any(f" {one} " in need for one in lost):
                    needs.extend(task.needs)
            return needs
        case FitItem():
            problem = run.plan.blueprint.problems[item.problem]
            given = run.plan.blueprint.given.get((item.learner, problem.dataset, problem.target))
            return [] if given is None else [given]
        case EncodeItem() | ExplainItem():  # explanations are made where the store is
            return []


def _threads(client: Any) -> int:
    return sum(client.nthreads().values())


__all__ = ["DaskExecutor", "Done", "Lost", "run_batch"]
