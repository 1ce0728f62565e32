"""Coding many articles gives what coding each of them gives, in the order given, wherever it is done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
from deadly import Deadly

import forecast as fc
from forecast.engine import CHUNK_ARTICLES, CHUNK_LETTERS, chunks, job_of
from forecast.errors import EngineError
from forecast.records import Article

WHEN = datetime(2025, 7, 19, tzinfo=UTC)
TEXTS = (
    "Ukraine proposed a new round of talks with Russia in Istanbul next week.",
    "The bakery sells bread.",
    "Russia rejected a ceasefire before the talks with Ukraine.",
)
CASE = fc.Case.bundled("russia-ukraine")


def articles() -> Iterator[Article]:
    for n in count():
        yield Article(f"a{n}", "", TEXTS[n % 3], "", "Paper", "third", WHEN, WHEN, WHEN)


def some(n: int) -> list[Article]:
    return list(islice(articles(), n))


def unreadable(article: Article) -> Article:
    """The same article with a text on which every coder fails."""
    return replace(article, text=b"not text")  # type: ignore[arg-type]


def one_by_one(coder: Any, found: list[Article]) -> list[Any]:
    return [coder.code(*job_of(a)) for a in found]


# -- in this process ----------------------------------------------------------------------------


def test_same_as_one_by_one(coder: Any) -> None:
    given = some(7)
    coded = list(fc.code_many(given, coder=coder))
    assert [a for a, _ in coded] == given
    assert [c for _, c in coded] == one_by_one(coder, given)


def test_works_on_an_endless_stream(coder: Any) -> None:
    assert len(list(islice(fc.code_many(articles(), coder=coder), 5))) == 5


@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_nothing_in_nothing_out(engine: str) -> None:
    assert list(fc.code_many([], CASE, engine=engine)) == []


def test_what_cannot_be_coded_is_set_aside_with_its_reason(coder: Any) -> None:
    given = some(3)
    given[1] = unreadable(given[1])
    coded = [c for _, c in fc.code_many(given, coder=coder)]
    assert [bool(c.fault) for c in coded] == [False, True, False]
    assert coded[1].fault.startswith("TypeError: ")
    assert not coded[1].relevant


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"engine": "threads"}, "no engine 'threads'"),
        ({"engine": "processes", "scheduler": "tcp://x:1"}, "has no scheduler"),
        ({"engine": "processes", "workers": 0}, "0 workers"),
    ],
)
def test_wrong_calls_are_named(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(EngineError, match=says):
        fc.code_many([], CASE, **wrong)


def test_a_coder_made_here_is_not_sent(coder: Any) -> None:
    with pytest.raises(EngineError, match="cannot be sent"):
        fc.code_many([], coder=coder, engine="processes")


def test_chunks_are_bounded_by_number_and_length() -> None:
    assert [len(c) for c in chunks(some(2 * CHUNK_ARTICLES + 1))] == [CHUNK_ARTICLES, CHUNK_ARTICLES, 1]
    long = [replace(a, text="x" * (CHUNK_LETTERS // 2)) for a in some(5)]
    assert [len(c) for c in chunks(long)] == [2, 2, 1]


# -- in processes -------------------------------------------------------------------------------


def test_processes_give_the_same_and_survive_poison(coder: Any) -> None:
    given = some(5 * CHUNK_ARTICLES + 3)
    deadly, bad = 2 * CHUNK_ARTICLES + 5, 7
    given[deadly] = replace(given[deadly], text=Deadly("text"))
    given[bad] = unreadable(given[bad])
    coded = list(fc.code_many(iter(given), CASE, engine="processes", workers=2))
    assert [a.article_id for a, _ in coded] == [a.article_id for a in given]
    faults = {n: c.fault for n, (_, c) in enumerate(coded) if c.fault}
    assert set(faults) == {deadly, bad}
    assert "died, twice" in faults[deadly]
    sound = [n for n in range(len(given)) if n not in faults]
    assert [coded[n][1] for n in sound] == one_by_one(coder, [given[n] for n in sound])


def test_an_endless_stream_is_read_only_a_little_ahead() -> None:
    read = 0

    def counted() -> Iterator[Article]:
        nonlocal read
        for a in articles():
            read += 1
            yield a

    stream = fc.code_many(counted(), CASE, engine="processes", workers=1)
    assert len(list(islice(stream, 100))) == 100
    stream.close()  # type: ignore[attr-defined]
    assert read <= 6 * CHUNK_ARTICLES


def test_memory_stays_flat(coder: Any) -> None:
    tracemalloc.start()
    try:
        for n, _ in enumerate(fc.code_many(articles(), coder=coder)):
            if n == 200:
                early = tracemalloc.get_traced_memory()[0]
            if n == 700:
                break
        assert tracemalloc.get_traced_memory()[0] - early < 200_000
    finally:
        tracemalloc.stop()


ENDLESS = """
    import itertools, sys
    from datetime import UTC, datetime
    import forecast as fc
    from forecast.records import Article
    if __name__ == "__main__":
        t = datetime(2025, 7, 19, tzinfo=UTC)
        stream = (Article(str(n), "", "Russia rejected a ceasefire.", "", "s", "third", t, t, t) for n in itertools.count())
        for n, _ in enumerate(fc.code_many(stream, engine="processes", workers=2)):
            if n == 0:
                print("begun", flush=True)
"""


def children(of: int) -> list[int]:
    """Processes begun by a process, and theirs."""
    own = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        if parent == of:
            own.append(int(stat.parent.name))
    return [*own, *(c for o in own for c in children(o))]


def gone(pids: list[int], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        alive = [p for p in pids if Path(f"/proc/{p}").exists() and " Z " not in Path(f"/proc/{p}/stat").read_text()]
        if not alive:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_stopped_processes_leave_nobody_behind(tmp_path: Path, how: signal.Signals) -> None:
    script = tmp_path / "endless.py"
    script.write_text(textwrap.dedent(ENDLESS))
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as p:
        assert p.stdout is not None and p.stderr is not None
        assert p.stdout.readline() == "begun\n"
        workers = children(p.pid)
        assert len(workers) >= 2
        if how is signal.SIGINT:
            os.killpg(p.pid, how)  # as a terminal does
        else:
            os.kill(p.pid, how)
        p.wait(30)
        assert gone(workers, 20)
        said = p.stderr.read()
    if how is signal.SIGINT:
        assert said.rstrip().endswith("KeyboardInterrupt")
        assert said.count("Traceback") == 1, said  # the parent's own, none of a worker
