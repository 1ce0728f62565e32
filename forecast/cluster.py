"""The engine "dask": coders on the workers of a Dask cluster, one of its own on this machine or one that runs already."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from forecast.coding_identity import coder_version
from forecast.engine import Job, code_chunk, failed
from forecast.errors import EngineError
from forecast.records import Coding

KILLED = "every worker that coded it died"
WAIT = 15  # seconds for a scheduler to answer
_ONE_AT_A_TIME = threading.Lock()


class Ticket(NamedTuple):
    """A list of jobs handed to the cluster."""

    jobs: list[Job]
    future: Any


class Cluster:
    """Hands lists of jobs to a Dask scheduler.

    A list whose worker dies is given to another by the scheduler; one that has killed several of them is coded article
    by article, until the culprit is known.
    """

    def __init__(self, case: str | None, workers: int, scheduler: str | None = None) -> None:
        self._case = case
        self.client, self._own = connect(workers, scheduler)
        self.window = 3 * max(1, sum(self.client.nthreads().values()))

    def submit(self, jobs: list[Job]) -> Ticket:
        """Hand a list to the scheduler."""
        return Ticket(jobs, self.start(code_in_turn, self._case, jobs, coder_version()))

    def start(self, work: Callable[..., Any], *values: Any) -> Any:
        """Hand any work to the scheduler; returns Dask's future."""
        return self.client.submit(work, *values, pure=False)

    def result(self, ticket: Ticket) -> list[Coding]:
        """Wait for a list. Raises EngineError where the cluster is lost."""
        found = self.wait(ticket.future)
        return found if found is not None else [self._suspect(job) for job in ticket.jobs]

    def wait(self, future: Any) -> Any:
        """What came of some work; None where it killed its workers. Raises EngineError where the cluster is lost."""
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        try:
            return future.result()
        except KilledWorker:
            return None
        except (CancelledError, OSError) as e:
            raise EngineError(f"the Dask cluster was lost ({type(e).__name__})", "See to it, then run again with --resume") from None

    def close(self) -> None:
        """Drop what is under way; end a cluster of our own, leave another one running."""
        self.client.close()
        if self._own is not None:
            self._own.close()

    def _suspect(self, job: Job) -> Coding:
        found = self.wait(self.start(code_in_turn, self._case, [job], coder_version()))
        return found[0] if found is not None else failed(KILLED)


def connect(workers: int, scheduler: str | None) -> tuple[Any, Any]:
    """A client of the scheduler at that address, or of a new cluster on this machine; with that cluster, where it is new.

    Raises EngineError where Dask is not installed, nobody answers, or the scheduler has no worker.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise EngineError("the engine 'dask' needs Dask, which is not installed", 'Run `pip install "negotiation-outlook[cluster]"`') from None
    if scheduler is None:
        # Our own workers die only of what they read: one death is reason enough to look closer.
        with dask.config.set({"distributed.scheduler.allowed-failures": 1}):
            own = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50)
        return Client(own), own
    try:
        client = Client(scheduler, timeout=WAIT, set_as_default=False)
    except (OSError, ValueError) as e:
        raise EngineError(f"no Dask scheduler answers at {scheduler} ({type(e).__name__})", "Check the address, e.g. tcp://host:8786") from None
    try:
        client.wait_for_workers(1, timeout=WAIT)
    except TimeoutError:
        client.close()
        raise EngineError(f"the scheduler at {scheduler} has no workers", f"Start some: `dask worker {scheduler}`") from None
    return client, None


def code_in_turn(case: str | None, jobs: list[Job], version: str) -> list[Coding]:
    """`code_chunk` for workers with several threads, which share one coder and gain nothing from using it at once."""
    with _ONE_AT_A_TIME:
        return code_chunk(case, jobs, version)
