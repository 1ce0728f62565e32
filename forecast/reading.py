"""Reading a case: what is new in its archive is coded and kept, what the outlook needs is loaded, and the rest left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import date

from forecast.archive import Archive
from forecast.archive_codings import Reader
from forecast.case import Case
from forecast.coding_identity import case_hash, coder_version
from forecast.errors import ArchiveError
from forecast.records import Article, Coding

KEPT_AT_ONCE = 256  # codings a transaction: what a kill can lose


@dataclass
class Read:
    """What was read for a case, and how much of it had been read before."""

    coded: list[tuple[Article, Coding]]  # about the case's conflict, relevant or not, oldest first
    new: int = 0  # articles coded now
    known: int = 0  # articles whose coding was kept from before
    faults: list[tuple[str, str]] = field(default_factory=list)  # article_id and reason of what could not be coded


def reader_of(case: Case) -> Reader:
    """Under which name the codings made for a case are kept."""
    return Reader(coder_version(), case_hash(case))


def read_case(
    case: Case, reference_date: date | None = None, *, engine: str = "inline", workers: int | None = None,
    scheduler: str | None = None, progress: Callable[[str, int, int], None] | None = None,
) -> Read:  # fmt: skip
    """Every article of a case's archive as of a day, coded; only those about its conflict are given back.

    Codings are kept in the archive in steps of `KEPT_AT_ONCE`, so that a run cut short goes on where it was. In an
    archive that cannot be written they serve this once.

    Parameters
    ----------
    engine, workers, scheduler : where to code, see `code_many`.
    progress : called with what is done, how many, of how many.

    Raises ArchiveError where there is no archive yet, or it cannot be read.
    """
    reader = reader_of(case)
    with ExitStack() as stack:
        archive = stack.enter_context(Archive(case.archive_path, readonly=True))
        waiting, known = archive.uncoded(reader, reference_date)
        read = Read([], known=known)
        unkept: list[tuple[Article, Coding]] = []
        if waiting:
            from forecast.engine import code_many

            try:
                keeper: Archive | None = stack.enter_context(Archive(case.archive_path))
            except ArchiveError:
                keeper = None
            texts = archive.numbered(waiting)
            stream = stack.enter_context(closing(code_many(texts, case, engine=engine, workers=workers, scheduler=scheduler)))
            for pairs in _in_steps(_told(stream, len(waiting), progress)):
                read.new += sum(not c.fault for _, c in pairs)
                read.faults += [(a.article_id, c.fault) for a, c in pairs if c.fault]
                if keeper is not None:
                    keeper.store_codings(reader, pairs)
                else:
                    unkept += [(a, c) for a, c in pairs if c.conflict_id == case.id and not c.fault]
        read.coded = archive.coded(reader, case.id, reference_date)
    if unkept:
        read.coded = sorted([*read.coded, *unkept], key=lambda p: (p[0].effective, p[0].article_id))
    return read


def _told(
    stream: Iterator[tuple[Article, Coding]], total: int, progress: Callable[[str, int, int], None] | None
) -> Iterator[tuple[Article, Coding]]:
    for n, pair in enumerate(stream):
        if progress and n % 50 == 0:
            progress("coding", n, total)
        yield pair


def _in_steps(stream: Iterator[tuple[Article, Coding]]) -> Iterator[list[tuple[Article, Coding]]]:
    """The pairs in lists; where the stream is cut short, what had arrived is given out before the cut is."""
    step: list[tuple[Article, Coding]] = []
    try:
        for pair in stream:
            step.append(pair)
            if len(step) >= KEPT_AT_ONCE:
                yield step
                step = []
    except (KeyboardInterrupt, Exception):
        if step:
            yield step
        raise
    if step:
        yield step
