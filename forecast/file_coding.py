"""Coding files of any number and size: partitions of articles in, partitions of codings out, one row an article.

A partition is written under another name and renamed when it is whole, so that a job cut short can be resumed: what is
whole is passed over, and of a JSONL file that is not, only the rest is coded.
"""

from __future__ import annotations

import json
import os
import socket
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from forecast.case import Case
from forecast.coded_rows import KINDS, Writer, rows_there, writer_for
from forecast.coding_format import to_record
from forecast.coding_identity import case_hash, coder_version
from forecast.engine import CHUNK_ARTICLES, case_text, code_many, coder_for, cores, failed
from forecast.errors import EngineError, ForecastError, ParseError
from forecast.feed_dates import read_date
from forecast.imports import named_values, records
from forecast.records import Article, Coding

SOURCES = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
_NOON = datetime(2000, 1, 1, 12, tzinfo=UTC)  # the hour is of no account
Progress = Callable[[str, int, int], None]


@dataclass
class Tally:
    """What came of coding files."""

    articles: int = 0
    relevant: int = 0
    statements: int = 0
    mentions: int = 0
    set_aside: int = 0  # articles that could not be coded
    faults: list[str] = field(default_factory=list)  # the first ten of them, with the reason
    partitions: int = 0  # written now
    passed_over: int = 0  # whole from before
    resumed: int = 0  # articles coded before, in partitions gone on with

    def count(self, name: str, coding: Coding) -> None:
        """Take in one article."""
        self.articles += 1
        self.relevant += coding.relevant
        self.statements += len(coding.statements)
        self.mentions += len(coding.mentions)
        if coding.fault:
            self.set_aside += 1
            if len(self.faults) < 10:
                self.faults.append(f"{name}: {coding.fault}")

    def add(self, other: Tally) -> None:
        """Take in what came of other files."""
        for name in ("articles", "relevant", "statements", "mentions", "set_aside", "partitions", "passed_over", "resumed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.faults = [*self.faults, *other.faults][:10]


class Partition(NamedTuple):
    """A file of articles and the file its codings go to."""

    source: Path
    target: Path

    @property
    def part(self) -> Path:
        """The name the target has until it is whole."""
        return self.target.with_name(f".part-{self.target.name}")


class _Entry(NamedTuple):
    """A record on its way: which partition it is of, what is known of it, and, if it is no article, why."""

    partition: int
    name: str
    day: date | None
    fault: str
    last: bool = False  # no record, but the end of the partition


def code_files(
    source: str | Path, out: str | Path, *, case: Case | None = None, engine: str = "inline", workers: int | None = None,
    scheduler: str | None = None, resume: bool = False, progress: Progress | None = None,
) -> Tally:  # fmt: skip
    """Code the articles of a file, or of all files in a folder, into JSONL or Parquet.

    Each article has an id, a day of publication and a text, under the names that `forecast collect --from` knows.
    Every record gives one row, in the same order: id, published, relevant, conflict_id, tone, statements, mentions,
    tones, cues, fault. Offsets refer to the text as it stands in the file.

    Parameters
    ----------
    source : .jsonl, .csv (both also .gz) or .parquet, or a folder of such files (partitions).
    out : a .jsonl or .parquet file for one source, a folder for many; files there are named after their sources.
    case : whose eyes to read with; None reads any conflict.
    engine, workers, scheduler : where to code, see `code_many`. With "dask", Parquet partitions are read and written by
        the workers themselves: the paths must lead to the same files on every machine.
    resume : go on with a job that was cut short; otherwise files that exist already are refused.
    progress : called with what is done, how many articles, and 0 or how many there will be.

    Raises ParseError for a source that cannot be read, ForecastError for a place that cannot be written or holds codings
    of another coder, case or source, EngineError as `code_many`.
    """
    found = partitions(Path(source), Path(out))
    tally = Tally()
    todo = []
    try:
        Path(found[0].target).parent.mkdir(parents=True, exist_ok=True)
        _check_job(found, case, resume)
        for p in found:
            if p.target.exists():
                tally.passed_over += 1
            else:
                todo.append(p)
        if engine == "dask" and todo and all(p.source.suffix == p.target.suffix == ".parquet" for p in todo):
            todo = _by_workers(todo, case, workers, scheduler, tally, progress)
        if todo:

            def code(articles: Iterator[Article]) -> Generator[tuple[Article, Coding], None, None]:
                return code_many(articles, case, engine=engine, workers=workers, scheduler=scheduler)

            _stream(todo, code, tally, progress)
    except OSError as e:
        raise ForecastError(f"{e.filename or out} cannot be written: {e.strerror}", "Choose another place with --out") from None
    return tally


def partitions(source: Path, out: Path) -> list[Partition]:
    """Which file goes where. Raises ParseError where there is nothing to code, or two files would go to one place."""
    if source.is_dir():
        files = sorted(p for p in source.iterdir() if p.is_file() and _kind(p) in SOURCES)
        if not files:
            raise ParseError(f"{source} holds no files of articles", f"Known are {', '.join(SOURCES)}")
    elif source.is_file():
        if _kind(source) not in SOURCES:
            raise ParseError(f"{source.name} is of an unknown kind", f"Known are {', '.join(SOURCES)}")
        files = [source]
    else:
        raise ParseError(f"there is no {source}", "Check the path")
    if out.suffix in KINDS:
        if source.is_dir():
            raise ParseError(f"{out} is one file, and {source} a folder of them", "Give a folder with --out")
        return [Partition(source, out)]
    ending = [".parquet" if _kind(f) == ".parquet" else ".jsonl" for f in files]
    stems = [f.name.removesuffix(".gz").removesuffix(_kind(f)) for f in files]
    targets = [out / (s + e) for s, e in zip(stems, ending, strict=True)]
    twice = sorted({t.name for t in targets if targets.count(t) > 1})
    if twice:
        raise ParseError(f"two files would be coded into {twice[0]}", "Give them different names")
    if out.resolve() == (source if source.is_dir() else source.parent).resolve():
        raise ParseError(f"{out} is where the articles are", "Choose another place with --out")
    return [Partition(f, t) for f, t in zip(files, targets, strict=True)]


def _kind(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _check_job(found: list[Partition], case: Case | None, resume: bool) -> None:
    """See that what lies there already comes from the same job; forget what was made of files that have changed.

    A note beside the codings says what they were made of.
    """
    first = found[0].target
    note = first.with_name(f".{first.name}.job" if len(found) == 1 else ".coding.job")
    mine: dict[str, Any] = {"coder": coder_version(), "case": case_hash(case), "sources": {p.source.name: p.source.stat().st_size for p in found}}
    there = [p for p in found if p.target.exists() or p.part.exists()]
    if there and not resume:
        whole = next((p.target for p in there if p.target.exists()), there[0].part)
        raise ForecastError(f"{whole} exists already", "Go on with --resume, or choose another place with --out")
    if there:
        try:
            old = json.loads(note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            old = {}
        if (old.get("coder"), old.get("case")) != (mine["coder"], mine["case"]):
            raise ForecastError(
                f"what lies at {first.parent} was coded with another version or case", "Choose another place with --out, so that all is coded alike"
            )
        for p in there:
            if old.get("sources", {}).get(p.source.name) != mine["sources"][p.source.name]:
                p.target.unlink(missing_ok=True)
                p.part.unlink(missing_ok=True)
    note.write_text(json.dumps(mine), encoding="utf-8")


# -- records ------------------------------------------------------------------------------------


def _entry(n: int, number: int, record: dict[str, Any] | str) -> tuple[_Entry, Article | None]:
    """A record as an article, or why it is none."""
    if isinstance(record, str):
        return _Entry(n, f"record {number}", None, record), None
    value = named_values(record)
    name = str(value["id"] or value["url"] or f"record {number}")
    text = str(value["text"] or value["title"])
    day = _day(value["published"])
    if day is None or not text:
        return _Entry(n, name, day, "no text" if day else "no readable date: write YYYY-MM-DD"), None
    at = _NOON.replace(day.year, day.month, day.day)
    return _Entry(n, name, day, ""), Article(name, str(value["title"]), text, "", "", "third", at, at, at)


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return (value.replace(tzinfo=value.tzinfo or UTC)).astimezone(UTC).date()
    if isinstance(value, date):
        return value
    text = str(value).strip()
    when = read_date(text)
    return when.date() if when is not None else None


def _row(entry: _Entry, coding: Coding) -> dict[str, Any]:
    return {"id": entry.name, "published": entry.day.isoformat() if entry.day else None, **to_record(coding)}


# -- one stream, whatever the engine ------------------------------------------------------------


def _stream(
    todo: list[Partition], code: Callable[[Iterator[Article]], Generator[tuple[Article, Coding], None, None]], tally: Tally,
    progress: Progress | None,
) -> None:  # fmt: skip
    """Partition after partition through one engine, so that its workers are started once."""
    entries: deque[_Entry] = deque()  # what is on its way through the engine, and between it what is no article
    current: Writer | None = None

    def articles() -> Iterator[Article]:
        for n, p in enumerate(todo):
            done = rows_there(p.part)
            for number, record in enumerate(islice(records(p.source), done, None), done + 1):
                entry, article = _entry(n, number, record)
                entries.append(entry)
                if article is not None:
                    yield article
            entries.append(_Entry(n, "", None, "", last=True))

    def emit(entry: _Entry, coding: Coding) -> None:
        nonlocal current
        if current is None:
            p = todo[entry.partition]
            tally.resumed += rows_there(p.part)
            current = writer_for(p.part)
        if entry.last:
            current.finish()
            todo[entry.partition].part.replace(todo[entry.partition].target)
            current = None
            tally.partitions += 1
            return
        current.write(_row(entry, coding))
        tally.count(entry.name, coding)
        if progress and tally.articles % CHUNK_ARTICLES == 0:
            progress(todo[entry.partition].source.name, tally.articles, 0)

    def emit_unread() -> None:
        while entries and (entries[0].fault or entries[0].last):
            entry = entries.popleft()
            emit(entry, failed(entry.fault))

    try:
        with closing(code(articles())) as coded:
            for _, coding in coded:
                emit_unread()
                emit(entries.popleft(), coding)
        emit_unread()
    finally:
        if current is not None:
            current.leave()


# -- partitions on a cluster --------------------------------------------------------------------


def _by_workers(
    todo: list[Partition], case: Case | None, workers: int | None, scheduler: str | None, tally: Tally, progress: Progress | None
) -> list[Partition]:
    """Let Dask's workers code whole partitions; returns those that killed them, to be looked at article by article."""
    from forecast.cluster import Cluster

    deadly: list[Partition] = []
    with closing(Cluster(case_text(case), workers or cores(), scheduler)) as cluster:
        under_way: deque[tuple[Partition, Any]] = deque()

        def settle() -> None:
            p, future = under_way.popleft()
            done: Tally | None = cluster.wait(future)
            if done is None:
                deadly.append(p)
                return
            tally.add(done)
            if progress:
                progress(p.source.name, tally.articles, 0)

        for p in todo:
            where = Partition(p.source.resolve(), p.target.resolve())
            under_way.append((p, cluster.start(code_partition, where, case_text(case), coder_version())))
            if len(under_way) >= cluster.window:
                settle()
        while under_way:
            settle()
    return deadly


def code_partition(p: Partition, case: str | None, version: str) -> Tally:
    """Code one partition where this is called, a worker. Raises EngineError where its coder is not the one asked for."""
    if coder_version() != version:
        raise EngineError(f"a worker codes with version {coder_version()}, this program with {version}", "Install the same version on all machines, and start again where it was changed meanwhile")
    # Two workers may be given the same partition where one was thought lost: each writes a file of its own.
    own = p._replace(target=p.target.with_name(f".{socket.gethostname()}-{os.getpid()}-{p.target.name}"))
    tally = Tally()
    _stream([own], lambda articles: code_many(articles, coder=coder_for(case)), tally, None)
    own.target.replace(p.target)
    return tally
