"""Coding many articles: iterators in, iterators out, in order, in this process, in several, or on a Dask cluster.

Every engine gives the same codings in the same order and holds a bounded number of articles. An article that cannot be
coded comes back with a coding that says why (`Coding.fault`) and stops nothing.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from forecast.case import Case, CaseData
from forecast.coding import Coder
from forecast.coding_identity import coder_version
from forecast.errors import EngineError
from forecast.records import Article, Coding

ENGINES = ("inline", "processes", "dask")
CHUNK_ARTICLES = 64  # articles that travel together, at most
CHUNK_LETTERS = 400_000  # and letters, so that long texts travel in smaller company


class Job(NamedTuple):
    """What a coder looks at: all that is sent to a worker of an article."""

    text: str
    published: date
    title: str


class Engine(Protocol):
    """Codes lists of jobs somewhere; `submit` is answered by `result` with one coding a job, in order."""

    window: int  # lists under way at a time

    def submit(self, jobs: list[Job]) -> Any:
        """Start on a list; returns what to give to `result`."""

    def result(self, ticket: Any) -> list[Coding]:
        """Wait for a list."""

    def close(self) -> None:
        """Drop what is under way and let go of the workers."""


def code_many(
    articles: Iterable[Article], case: Case | None = None, *, engine: str = "inline", workers: int | None = None,
    scheduler: str | None = None, coder: Coder | None = None,
) -> Generator[tuple[Article, Coding], None, None]:  # fmt: skip
    """Each article with its coding, in the order given; memory does not grow with the number of articles.

    Parameters
    ----------
    articles : any iterable; it is read only a little ahead of what is taken out.
    case : whose eyes to read with; None reads any conflict.
    engine : "inline" in this process; "processes" in several on this machine; "dask" on a cluster (extra `cluster`).
        A script that uses the last two on Windows or macOS needs the usual `if __name__ == "__main__":`.
    workers : processes to start; default one a core.
    scheduler : address of a running Dask scheduler ("tcp://host:8786"); default a cluster of its own on this machine.
    coder : a coder made before, for "inline" only.

    Raises EngineError where the workers cannot be started or reached. An article whose coding fails, or kills its worker
    process twice, comes with `Coding.fault` set.
    """
    if engine not in ENGINES:
        raise EngineError(f"there is no engine '{engine}'", f"Use {', '.join(ENGINES)}")
    if coder is not None and engine != "inline":
        raise EngineError(f"a coder made here cannot be sent to the engine '{engine}'", "Give the case instead")
    if scheduler is not None and engine != "dask":
        raise EngineError(f"the engine '{engine}' has no scheduler", "Use the engine 'dask'")
    if workers is not None and workers < 1:
        raise EngineError(f"{workers} workers cannot code", "Give 1 or more")
    if engine == "inline":
        return _inline(articles, coder or Coder(case))
    return _elsewhere(articles, engine, case, workers, scheduler)


def job_of(article: Article) -> Job:
    """What of an article is coded: text, title, and the day from which forecasts see it."""
    return Job(article.text, article.effective.date(), article.title)


def code_one(coder: Coder, job: Job) -> Coding:
    """The coding of one text; where the coder fails, one that says so."""
    try:
        return coder.code(job.text, job.published, job.title)
    except Exception as e:  # noqa: BLE001  a text no one foresaw must not stop the others
        return failed(f"{type(e).__name__}: {e}")


def failed(why: str) -> Coding:
    """The coding of an article that could not be coded."""
    return Coding(False, None, None, fault=" ".join(why.split())[:300])


def _inline(articles: Iterable[Article], coder: Coder) -> Generator[tuple[Article, Coding], None, None]:
    for article in articles:
        yield article, code_one(coder, job_of(article))


def _elsewhere(
    articles: Iterable[Article], engine: str, case: Case | None, workers: int | None, scheduler: str | None
) -> Generator[tuple[Article, Coding], None, None]:
    """Chunks handed out ahead of the one waited for, never more than the engine's window."""
    with closing(start_engine(engine, case, workers, scheduler)) as running:
        under_way: deque[tuple[list[Article], Any]] = deque()
        for chunk in chunks(articles):
            under_way.append((chunk, running.submit([job_of(a) for a in chunk])))
            if len(under_way) >= running.window:
                first, ticket = under_way.popleft()
                yield from zip(first, running.result(ticket), strict=True)
        while under_way:
            first, ticket = under_way.popleft()
            yield from zip(first, running.result(ticket), strict=True)


def start_engine(engine: str, case: Case | None, workers: int | None = None, scheduler: str | None = None) -> Engine:
    """Workers of the kind "processes" or "dask", ready to code for a case."""
    if engine == "processes":
        from forecast.processes import Processes

        return Processes(case_text(case), workers or cores())
    from forecast.cluster import Cluster

    return Cluster(case_text(case), workers or cores(), scheduler)


def chunks(articles: Iterable[Article]) -> Iterator[list[Article]]:
    """The articles in lists that are worth a message and small enough to be held many at a time."""
    chunk: list[Article] = []
    letters = 0
    for article in articles:
        chunk.append(article)
        letters += len(article.text)
        if len(chunk) >= CHUNK_ARTICLES or letters >= CHUNK_LETTERS:
            yield chunk
            chunk, letters = [], 0
    if chunk:
        yield chunk


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# -- in a worker --------------------------------------------------------------------------------


def case_text(case: Case | None) -> str | None:
    """A case as text, to be sent to a worker."""
    return case.data.model_dump_json() if case is not None else None


@lru_cache(maxsize=2)
def coder_for(case: str | None) -> Coder:
    """The coder of a case that came as text; made once in a process and kept."""
    return Coder(Case(CaseData.model_validate_json(case)) if case is not None else None)


def code_chunk(
    case: str | None, jobs: Sequence[Job], version: str, stopped: Callable[[], bool] = lambda: False
) -> list[Coding]:  # fmt: skip
    """Code a list of jobs in a worker; what is left of it is dropped once `stopped` says that nobody waits for it.

    Raises EngineError where the worker's coder is not the one asked for.
    """
    if coder_version() != version:
        raise EngineError(
            f"a worker codes with version {coder_version()}, this program with {version}",
            "Install the same version of negotiation-outlook on all machines, and start again where it was changed meanwhile",
        )
    coder = coder_for(case)
    out = []
    for job in jobs:
        if stopped():
            break
        out.append(code_one(coder, job))
    return out
