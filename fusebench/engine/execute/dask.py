"""Run a plan on a Dask cluster: the same plan, the same keys, the same bytes on the same kind of CPU.

Workers need the package and nothing of the store: a dataset travels to a worker once, the few kilobytes of predictions
that a fusion reads travel with it, and results come back to the process that owns the run, which alone writes.
"""

from __future__ import annotations

import logging
import pickle
import queue
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from fusebench.engine.defaults import worker_imports
from fusebench.engine.execute import local
from fusebench.engine.execute._dask_worker import Files, run_batch
from fusebench.engine.execute._fork_server import without_main_module
from fusebench.engine.execute._run import Outcomes, Progress, Run, signals_as_interrupts
from fusebench.engine.execute._worker import Raised
from fusebench.engine.plan import Plan, Task
from fusebench.engine.schedule import Schedule
from fusebench.engine.store import Entry, Store
from fusebench.engine.tasks.items import EncodeItem, ExplainItem, FitItem, FuseItem, Item, ScoreItem
from fusebench.engine.tasks.workbench import Workbench
from fusebench.errors import Interrupted, MissingExtraError, StorageError, UsageError

BATCH_SECONDS = 0.15  # of small tasks: a round trip through a scheduler costs some milliseconds
BATCHES_AHEAD = 2  # per worker thread, so that none waits for a round trip
AHEAD_SECONDS = 0.5  # no work waits behind more than this, where another worker could begin it
CONNECT_SECONDS = 10
POLL_SECONDS = 0.2
IDLE_SECONDS = 0.005
LOOK_SECONDS = 1.0  # between two looks at which workers there are
SENT_TIMES = 5  # a batch, before its loss is taken for its own doing
OWN_CLUSTER = {  # settings of a cluster that runs nothing else
    "distributed.worker.profile.enabled": False,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,  # it drops the copies of data that others have
    "distributed.admin.system-monitor.interval": "5s",
}
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
            If results cannot be written, or the scheduler is gone.
        """
        with self._client(plan) as client, local.own_scratch(store) as scratch:
            schedule = Schedule(
                plan,
                missing,
                scratch.resolve(),
                balanced=self.time_limit is not None,
                share_encodings=self.scheduler is None,  # whose workers have this disk
            )
            run = Run(plan, schedule, store, workbench, progress, self.n_jobs, self.time_limit)
            self._run(client, run, workbench)
        return run.outcomes

    @staticmethod
    def _run(client: Any, run: Run, workbench: Workbench) -> None:
        try:
            n_threads = max(sum(client.nthreads().values()), 1)
            run.progress.begin(len(run.schedule.tasks), run.schedule.seconds_left / n_threads)
            with signals_as_interrupts():
                _Cluster(client, run, workbench).drain()
        except Interrupted as interrupted:
            run.outcomes.interrupted = interrupted
        except OSError as error:
            stored = "what was fitted is stored, and the same command goes on from there"
            raise StorageError(f"the Dask scheduler is gone ({error}); {stored}") from error
        finally:
            run.close()

    @contextmanager
    def _client(self, plan: Plan) -> Iterator[Any]:
        """Connect to the scheduler, or to a cluster of processes that live as long as the block."""
        try:
            import dask
            from distributed import Client, LocalCluster
        except ModuleNotFoundError as error:
            raise MissingExtraError("--executor dask", "dask") from error
        if self.scheduler is not None:
            try:
                client = Client(self.scheduler, timeout=CONNECT_SECONDS)
            except (OSError, TimeoutError, ValueError) as error:
                raise UsageError(f"--scheduler {self.scheduler}: no Dask scheduler answers there ({error})") from error
            logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what it has to say is raised as well
            with client:
                yield client
            return
        local.warm_up(plan.blueprint.learners.values(), worker_imports("dask", None) or ())
        # A nanny starts its worker, and another one should that die, as these settings say at that moment.
        method = "forkserver" if sys.platform == "linux" else "spawn"
        own = {"distributed.worker.multiprocessing-method": method, **OWN_CLUSTER}
        with (
            dask.config.set(own),
            without_main_module(),
            LocalCluster(
                n_workers=self.n_jobs, threads_per_worker=1, dashboard_address=None, silence_logs=50
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client


class _Cluster:
    """What is in flight on a cluster."""

    def __init__(self, client: Any, run: Run, workbench: Workbench) -> None:
        self._client = client
        self._run = run
        self._workbench = workbench
        self._in_flight: dict[Any, _Sent] = {}
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._sending = 0  # how often what all batches need was sent anew
        self._datasets: dict[str, Any] = {}
        self._threads: Mapping[str, int] = {}
        self._looked = -LOOK_SECONDS
        self._send_blueprint()

    def _send_blueprint(self) -> None:
        self._blueprint = self._client.scatter(self._workbench.blueprint, broadcast=True, hash=False)
        self._datasets.clear()

    def drain(self) -> None:
        """Run until nothing is left."""
        run = self._run
        while run.schedule.unfinished and not run.out_of_time():
            self._fill()
            run.writer.hurry(len(self._in_flight) < sum(self._threads.values()))
            for future in self._wait():
                self._take_in(future)
            run.finish_written()
            run.progress.running([item for sent in self._in_flight.values() for _, item in sent.batch[:1]])
        run.outcomes.complete = not run.schedule.unfinished
        self._client.cancel(list(self._in_flight))

    def _wait(self) -> Iterator[Any]:
        """Yield the batches that have ended, waiting for the first where nothing else can be done meanwhile."""
        timeout = IDLE_SECONDS if self._run.writer.pending or not self._in_flight else POLL_SECONDS
        with suppress(queue.Empty):
            yield self._ended.get(timeout=timeout)
            while True:
                yield self._ended.get_nowait()

    def _fill(self) -> None:
        """Give each worker something to do, and what it may begin without a round trip."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._threads, self._looked = self._client.nthreads(), time.monotonic()
        sent: dict[str, list[_Sent]] = {worker: [] for worker in self._threads}
        for one in self._in_flight.values():
            sent.setdefault(one.worker, []).append(one)
        for turn in range(BATCHES_AHEAD):  # the workers that have nothing come first
            for worker, n_threads in self._threads.items():
                while len(sent[worker]) < (turn + 1) * n_threads and not _is_busy(sent[worker], n_threads):
                    batch = self._run.schedule.take(BATCH_SECONDS, worker=worker)
                    if not batch:
                        return
                    sent[worker].append(self._submit(batch, worker))

    def _submit(self, batch: Batch, worker: str | None = None, times: int = 1) -> _Sent:
        """Send a batch, to a worker if that is still there."""
        future = self._client.submit(
            run_batch,
            self._blueprint,
            {key: self._dataset(key) for key in self._data_keys(batch)},
            pickle.dumps((batch, self._entries(batch)), protocol=5),
            pure=False,
            **({} if worker is None else {"workers": [worker], "allow_other_workers": True}),
        )
        seconds = sum(self._run.schedule.tasks[key].expected for key, _ in batch)
        sent = self._in_flight[future] = _Sent(batch, worker or "", seconds, self._sending, times)
        future.add_done_callback(self._ended.put)
        return sent

    def _data_keys(self, batch: Batch) -> set[str]:
        return {self._workbench.blueprint.problems[item.problem].data_key for _, item in batch}

    def _dataset(self, data_key: str) -> Any:
        if data_key not in self._datasets:
            folder = self._workbench.data_folder(data_key)
            files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
            self._datasets[data_key] = self._client.scatter(Files(data_key, files), broadcast=True, hash=False)
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
        sent = self._in_flight.pop(future)
        if future.status == "error":
            self._died(sent.batch, future.exception())
            return
        try:
            packed = future.result()
        except CancelledError as error:
            self._lost(sent, error)
            return
        for outcome in pickle.loads(packed):  # noqa: S301 - from a worker of this run
            self._run.take_in(outcome)

    def _died(self, batch: Batch, error: BaseException) -> None:
        """Run a batch that kills workers one by one, since which item of it is to blame is not known."""
        if len(batch) > 1:
            for pair in batch:
                self._submit([pair])
        else:
            self._run.take_in(Raised(batch[0][0], "died", f"{type(error).__name__}: {error}"[:500]))

    def _lost(self, sent: _Sent, error: BaseException) -> None:
        """Send a batch again, and what all batches need, where the only worker that had that is gone."""
        if sent.times >= SENT_TIMES:
            self._died(sent.batch, error)
            return
        if sent.sending == self._sending:
            self._sending += 1
            self._send_blueprint()
        self._submit(sent.batch, times=sent.times + 1)


@dataclass(frozen=True)
class _Sent:
    """A batch on its way: to which worker, its expected seconds, with which sending of the data, for which time."""

    batch: Batch
    worker: str
    seconds: float
    sending: int
    times: int


def _is_busy(sent: list[_Sent], n_threads: int) -> bool:
    """Whether a worker has so much to do that more should not wait behind it."""
    return len(sent) >= n_threads and sum(one.seconds for one in sent) > AHEAD_SECONDS * n_threads


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
