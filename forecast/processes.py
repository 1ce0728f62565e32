"""The engine "processes": coders in worker processes of this machine, replaced where one dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

from forecast.coding_identity import coder_version
from forecast.engine import Job, code_chunk, failed
from forecast.records import Coding

DIED = "the process that coded it died, twice in a row"


class Ticket(NamedTuple):
    """A list of jobs handed to a pool."""

    jobs: list[Job]
    pool: Pool
    future: Future[list[Coding]]


class Processes:
    """A pool of `workers` processes, each with one coder.

    Where a worker dies, the pool is lost and with it all that was under way. Each of those lists is coded again by a
    process of its own; the list that kills that one, too, article by article, until the culprit is known.
    """

    def __init__(self, case: str | None, workers: int) -> None:
        self.window = 3 * workers
        self._case, self._workers = case, workers
        self._pool: Pool | None = None
        self._alone: Pool | None = None

    def submit(self, jobs: list[Job]) -> Ticket:
        """Hand a list to the pool; a pool that has broken meanwhile is replaced."""
        for _ in range(2):
            if self._pool is None:
                self._pool = Pool(self._workers)
            try:
                return Ticket(jobs, self._pool, self._pool.submit(self._case, jobs))
            except BrokenProcessPool:
                self._drop(self._pool)
        raise BrokenProcessPool("worker processes die as soon as they are started")

    def result(self, ticket: Ticket) -> list[Coding]:
        """Wait for a list."""
        try:
            return ticket.future.result()
        except BrokenProcessPool:
            self._drop(ticket.pool)
        try:
            return self._by_one(ticket.jobs)
        except BrokenProcessPool:
            return [self._suspect(job) for job in ticket.jobs]

    def close(self) -> None:
        """Drop what is under way, wait for the article each worker is at, and end the processes."""
        for pool in (self._pool, self._alone):
            if pool is not None:
                pool.end()
        self._pool = self._alone = None

    def _drop(self, pool: Pool) -> None:
        pool.end(wait=False)
        if pool is self._pool:
            self._pool = None

    def _by_one(self, jobs: list[Job]) -> list[Coding]:
        """Code a list in a process apart. Raises BrokenProcessPool where it dies."""
        if self._alone is None:
            self._alone = Pool(1)
        try:
            return self._alone.submit(self._case, jobs).result()
        except BrokenProcessPool:
            self._alone = None
            raise

    def _suspect(self, job: Job) -> Coding:
        """Code one text apart; a second death in a row is its own doing and no accident."""
        for _ in range(2):
            try:
                return self._by_one([job])[0]
            except BrokenProcessPool:
                continue
        return failed(DIED)


class Pool:
    """Processes that leave Ctrl-C to their parent, stop when it says so, and do not outlive it."""

    def __init__(self, workers: int) -> None:
        # A forked copy of a program with threads may hang; a fork server that has only read the coder cannot.
        kind = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() and sys.platform == "linux" else "spawn"
        context = multiprocessing.get_context(kind)
        if kind == "forkserver":
            context.set_forkserver_preload(["forecast.engine"])
        self._stop = context.RawValue("b", 0)  # without a lock, which a worker that is killed might hold
        self._executor = ProcessPoolExecutor(workers, mp_context=context, initializer=begin_worker, initargs=(self._stop,))

    def submit(self, case: str | None, jobs: list[Job]) -> Future[list[Coding]]:
        """Code a list of jobs. Raises BrokenProcessPool where a worker has died."""
        return self._executor.submit(code_until_stopped, case, jobs, coder_version())

    def end(self, *, wait: bool = True) -> None:
        """Let no worker begin another article, and end them; never by force, which could cut a result in two."""
        self._stop.value = 1
        self._executor.shutdown(wait=wait, cancel_futures=True)


# -- in a worker --------------------------------------------------------------------------------

_stop: list[Any] = []  # the flag of the pool this process belongs to


def begin_worker(stop: Any) -> None:
    """First thing in a worker."""
    _stop[:] = [stop]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def code_until_stopped(case: str | None, jobs: list[Job], version: str) -> list[Coding]:
    """`code_chunk` in a worker of a `Pool`."""
    return code_chunk(case, jobs, version, lambda: bool(_stop[0].value))


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
