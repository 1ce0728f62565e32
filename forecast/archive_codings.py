"""Codings kept in an archive: by the exact text, title and day they were read from, and by the coder that read them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from forecast.archive_schema import article_of
from forecast.coding_format import from_bytes, to_bytes
from forecast.near_copies import exact_hash
from forecast.records import Article, Coding

# The version of each article that was current at a moment; SQLite takes the other columns from the row of the maximum.
_CURRENT = "SELECT article_id, max(version), number, text_key FROM articles WHERE effective<=? GROUP BY article_id"
_AT_ONCE = 500  # rows whose texts are held at a time


class Reader(NamedTuple):
    """Who read: codings of the same text by the same reader are the same."""

    coder_version: str
    case_hash: str


def coder_number(db: sqlite3.Connection, reader: Reader) -> int | None:
    """The number a reader has in this file; None where it has read nothing yet."""
    row = db.execute("SELECT coder FROM coders WHERE version=? AND case_hash=?", reader).fetchone()
    return int(row[0]) if row else None


def uncoded(db: sqlite3.Connection, reader: Reader, until: str) -> tuple[list[int], int]:
    """Numbers of the articles current at a moment (ISO) that this reader has not read, and how many it has."""
    rows = db.execute(
        f"""SELECT b.number, c.rowid IS NOT NULL FROM ({_CURRENT}) b
            LEFT JOIN codings c ON c.coder=? AND c.text_key=b.text_key""",
        (until, coder_number(db, reader)),
    )
    waiting, known = [], 0
    for number, is_known in rows:
        if is_known:
            known += 1
        else:
            waiting.append(number)
    return sorted(waiting), known


def numbered(db: sqlite3.Connection, numbers: list[int]) -> Iterator[Article]:
    """The articles of these numbers, in their order; few are held at a time."""
    for i in range(0, len(numbers), _AT_ONCE):
        part = numbers[i : i + _AT_ONCE]
        marks = ",".join("?" * len(part))
        rows = {r["number"]: r for r in db.execute(f"SELECT * FROM articles WHERE number IN ({marks})", part)}
        for number in part:
            yield article_of(rows[number])


def store(db: sqlite3.Connection, reader: Reader, pairs: Iterable[tuple[Article, Coding]]) -> None:
    """Keep codings; inside a transaction. A coding that failed is not kept, so that it is tried again."""
    db.execute("INSERT OR IGNORE INTO coders (version, case_hash) VALUES (?,?)", reader)
    coder = coder_number(db, reader)
    rows = []
    for a, c in pairs:
        if not c.fault:
            empty = c == Coding(False, c.conflict_id, None)
            key = exact_hash(a.title, a.text, a.effective.date().isoformat())
            rows.append((coder, key, c.conflict_id, None if empty else to_bytes(c)))
    # A text that two articles share is kept once.
    db.executemany("INSERT OR IGNORE INTO codings (coder, text_key, conflict_id, coding) VALUES (?,?,?,?)", rows)


def coded(db: sqlite3.Connection, reader: Reader, until: str, conflict_id: str) -> list[tuple[Article, Coding]]:
    """The articles current at a moment that were read as being about a conflict, relevant or not, oldest first."""
    rows = db.execute(
        f"""SELECT a.*, c.coding FROM ({_CURRENT}) b JOIN codings c ON c.coder=? AND c.text_key=b.text_key AND c.conflict_id=?
            JOIN articles a ON a.number=b.number""",
        (until, coder_number(db, reader), conflict_id),
    )
    found = [
        (article_of(r), from_bytes(r["coding"]) if r["coding"] is not None else Coding(False, conflict_id, None)) for r in rows
    ]
    return sorted(found, key=lambda p: (p[0].effective, p[0].article_id))


def drop_stale(db: sqlite3.Connection, keep: Reader) -> int:
    """Forget the codings of all other readers, and of texts that are gone; returns how many. Inside a transaction."""
    db.execute("DELETE FROM coders WHERE version!=? OR case_hash!=?", keep)
    gone = db.execute(
        "DELETE FROM codings WHERE coder NOT IN (SELECT coder FROM coders) OR text_key NOT IN (SELECT text_key FROM articles)"
    )
    return gone.rowcount
