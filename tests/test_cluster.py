"""The Dask engine against a real scheduler and workers started from the command line, one of them killed midway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from deadly import Deadly

import forecast as fc
from forecast.engine import CHUNK_ARTICLES
from forecast.errors import EngineError
from forecast.records import Article

pytest.importorskip("distributed")

WHEN = datetime(2025, 7, 19, tzinfo=UTC)
TEXTS = (
    "Ukraine proposed a new round of talks with Russia in Istanbul next week.",
    "The bakery sells bread.",
    "Russia rejected a ceasefire before the talks with Ukraine.",
    "The Kremlin said on Saturday that a third round of talks with Kyiv would be held in Istanbul on 23 July.",
)
CASE = fc.Case.bundled("russia-ukraine")
DASK = [sys.executable, "-W", "ignore", "-m", "dask"]


def some(n: int) -> list[Article]:
    return [Article(f"a{i}", "", TEXTS[i % 4], "", "Paper", "third", WHEN, WHEN, WHEN) for i in range(n)]


class Running:
    """A scheduler with worker processes, as an operator starts them."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self._file = folder / "scheduler.json"
        self._start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(self._file), "--host", "127.0.0.1")
        self.address = ""
        for _ in range(300):
            if self._file.exists() and self._file.stat().st_size:
                self.address = json.loads(self._file.read_text())["address"]
                break
            time.sleep(0.1)
        assert self.address, "the scheduler did not start"

    def worker(self, *options: str) -> subprocess.Popen[bytes]:
        """Another worker process."""
        return self._start(
            "worker", self.address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(self._folder), *options
        )

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([*DASK, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self._stack.callback(process.wait)
        self._stack.callback(_end, process)
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with ExitStack() as stack:
        yield Running(stack, tmp_path)


@pytest.fixture(scope="module")
def inline() -> Callable[[list[Article]], list[Any]]:
    coder = fc.Coder(CASE)
    return lambda found: [c for _, c in fc.code_many(found, coder=coder)]


def test_identical_to_inline_though_a_worker_is_killed_midway(running: Running, inline: Callable[..., Any]) -> None:
    first, _ = running.worker("--no-nanny"), running.worker("--no-nanny")
    given = some(12 * CHUNK_ARTICLES)
    coded = []
    for n, pair in enumerate(fc.code_many(iter(given), CASE, engine="dask", scheduler=running.address)):
        coded.append(pair)
        if n == CHUNK_ARTICLES:
            os.kill(first.pid, signal.SIGKILL)
    assert first.wait(10) == -signal.SIGKILL
    assert [a for a, _ in coded] == given
    assert [c for _, c in coded] == inline(given)


def test_a_deadly_article_is_set_aside_by_a_cluster_whose_workers_are_replaced(inline: Callable[..., Any]) -> None:
    given = some(40)
    given[17] = replace(given[17], text=Deadly("text"))
    coded = [c for _, c in fc.code_many(given, CASE, engine="dask", workers=1)]
    assert [n for n, c in enumerate(coded) if c.fault] == [17]
    assert "worker that coded it died" in coded[17].fault
    del given[17], coded[17]
    assert coded == inline(given)


def test_nobody_there_is_said(tmp_path: Path, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    from forecast import cluster

    monkeypatch.setattr(cluster, "WAIT", 1)
    with pytest.raises(EngineError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1 "):
        list(fc.code_many(some(1), CASE, engine="dask", scheduler="tcp://127.0.0.1:1"))
    with pytest.raises(EngineError, match=r"has no workers.*dask worker tcp://"):
        list(fc.code_many(some(1), CASE, engine="dask", scheduler=running.address))


def test_parquet_partitions_by_the_workers_one_of_them_killed(running: Running, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from forecast.file_coding import code_files

    (tmp_path / "in").mkdir()
    for p in range(6):
        given = [{"id": f"{p}-{a.article_id}", "published": "2025-07-19", "text": a.text} for a in some(150)]
        pq.write_table(pa.Table.from_pylist(given), tmp_path / "in" / f"{p}.parquet")
    first, _ = running.worker("--no-nanny"), running.worker("--no-nanny")
    told = []

    def killer(name: str, done: int, total: int) -> None:
        told.append(done)
        if len(told) == 1:
            os.kill(first.pid, signal.SIGKILL)

    tally = code_files(tmp_path / "in", tmp_path / "out", case=CASE, engine="dask", scheduler=running.address, progress=killer)
    assert (tally.articles, tally.partitions, tally.set_aside) == (900, 6, 0)
    assert told[-1] == 900
    code_files(tmp_path / "in", tmp_path / "inline", case=CASE)
    for p in range(6):
        assert (tmp_path / "out" / f"{p}.parquet").read_bytes() == (tmp_path / "inline" / f"{p}.parquet").read_bytes()
