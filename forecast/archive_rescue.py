"""Damaged archives: say what is wrong with a file, and save what can still be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from forecast.archive import Archive
from forecast.archive_schema import key_texts, renumber_sketches
from forecast.errors import ArchiveError


def check_file(path: Path) -> list[str]:
    """Faults of an archive file in words, also of one too damaged to be opened; empty means sound."""
    try:
        with Archive(path, readonly=True) as archive:
            return archive.check()
    except ArchiveError as e:
        return [str(e)]


def salvage(damaged: Path, to: Path) -> dict[str, int]:
    """Copy every row that can still be read from a damaged archive to a new one; returns rows saved by table.

    The damaged file is not touched. Raises ArchiveError where `to` exists or nothing can be read.
    """
    damaged, to = Path(damaged), Path(to)
    if to.exists():
        raise ArchiveError(f"{to} exists already", "Give the rescued archive another name")
    saved: dict[str, int] = {}
    uri = f"{damaged.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as source, Archive(to) as target:
        source.execute("PRAGMA cell_size_check=ON")
        for table in ("articles", "fetches", "forecasts", "decisions", "sightings", "feed_states", "pages"):
            with target.transaction():
                saved[table] = sum(_rescue(target._db, table, row) for row in _readable_rows(source, table))
        with target.transaction():
            renumber_sketches(target._db)
            key_texts(target._db)
            target._db.execute("INSERT INTO articles_text (articles_text) VALUES ('rebuild')")
    if not any(saved.values()):
        to.unlink()
        raise ArchiveError(
            f"nothing in {damaged} can be read", "Put back a copy from `forecast archive backup`"
        )
    return saved


def _readable_rows(db: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    """All rows that can be read, stepping over those that cannot."""
    keyed = table in ("sightings", "feed_states")  # no row numbers: read up to the first fault
    last = 0
    try:
        cursor = db.execute(f"SELECT {'0' if keyed else 'rowid'} AS at, * FROM {table} ORDER BY 1")
        names = [c[0] for c in cursor.description][1:]
        for r in cursor:
            last = r[0]
            yield dict(zip(names, r[1:], strict=True))
        return
    except sqlite3.Error:
        if keyed:
            return
    try:
        end = db.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0
    except sqlite3.Error:
        end = last + 10_000
    for number in range(last + 1, end + 1):
        try:
            cursor = db.execute(f"SELECT * FROM {table} WHERE rowid=?", (number,))
            names = [c[0] for c in cursor.description]
            for r in cursor:
                yield dict(zip(names, r, strict=True))
        except sqlite3.Error:
            continue


def _rescue(db: sqlite3.Connection, table: str, row: dict[str, Any]) -> int:
    known = {r[1] for r in db.execute(f"PRAGMA table_info({table})")}
    row = {k: v for k, v in row.items() if k in known}
    marks = ",".join("?" * len(row))
    try:
        sql = f"INSERT OR IGNORE INTO {table} ({','.join(row)}) VALUES ({marks})"
        return db.execute(sql, tuple(row.values())).rowcount
    except sqlite3.IntegrityError:  # a value that the damage has emptied
        return 0
