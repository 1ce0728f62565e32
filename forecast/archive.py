"""The durable store of a case, one SQLite file: articles, fetch log, issued forecasts, analysts' decisions.

WAL mode lets a notebook read while the script writes. Articles are kept in versions and never overwritten;
issued forecasts are append-only. `articles_as_of` is the one place where the past is cut off from the future.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from forecast import archive_codings
from forecast.addresses import without_credentials
from forecast.archive_codings import Reader
from forecast.archive_files import back_up, faults_of, write_rows, writer_for
from forecast.archive_schema import article_of, explain, iso, open_to_read, open_to_write, read_time
from forecast.errors import ArchiveError
from forecast.near_copies import WordHashes, content_hash, exact_hash, link_copies
from forecast.records import Article, Coding


class Archive:
    """Opens (and, if need be, makes or migrates) the archive of a case.

    Parameters
    ----------
    path : the file, usually `Case.archive_path`.
    readonly : open for reading only; never makes a file.
    timeout : seconds to wait for another program that is writing.

    Raises ArchiveError for a locked, unwritable, foreign or corrupted file, saying what to do.
    """

    def __init__(self, path: Path, *, readonly: bool = False, timeout: float = 30.0) -> None:
        self.path = Path(path)
        self._words = WordHashes()
        if readonly and not self.path.exists():
            raise ArchiveError(f"{self.path} does not exist", "Collect first: `forecast collect CASE_DIR`")
        if not self.path.parent.is_dir():
            raise ArchiveError(f"there is no folder {self.path.parent}", "Make it, or check the path")
        try:
            self._db = (open_to_read if readonly else open_to_write)(self.path, timeout)
        except sqlite3.Error as e:
            raise explain(self.path, e) from None

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another transaction, a part of it.

        Raises ArchiveError where the disk is full, the file locked or read-only.
        """
        if self._db.in_transaction:
            yield
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as e:
            raise explain(self.path, e) from None

    @contextmanager
    def unhurried_disk(self) -> Iterator[None]:
        """Many transactions of which the last may be lost if the machine loses power, none of them in part.

        The disk is waited for once, at the end, and not after each of them: for what can be asked for again.
        """
        self._db.execute("PRAGMA synchronous=NORMAL")
        try:
            yield
        finally:
            self._db.execute("PRAGMA synchronous=FULL")
            with suppress(sqlite3.Error):  # locked, or a full disk: what is stored stays in the write-ahead log
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as e:
            raise explain(self.path, e) from None

    # -- articles -------------------------------------------------------------------------------

    def add_articles(self, articles: Iterable[Article]) -> tuple[int, int]:
        """Store what is new in one transaction; returns the number of new and of changed articles.

        The same content again is passed over; changed content under a known id becomes a new version,
        effective from the moment it was retrieved. What another outlet shows under a known address is kept
        as a sighting, not counted again. A near-copy of an earlier text is linked to the earliest.
        """
        new = changed = 0
        with self.transaction():
            waiting = iter(articles)
            while chunk := list(islice(waiting, 4000)):
                added = [(number, a) for a in chunk if (number := self._place(a)) is not None]
                if added:
                    self._index_text(min(abs(number) for number, _ in added))
                new += sum(number > 0 for number, _ in added)
                changed += sum(number < 0 for number, _ in added)
                link_copies(self._db, [(abs(number), a) for number, a in added], self._words)
        return new, changed

    def _place(self, a: Article) -> int | None:
        """Store one article if it is new (returns its number) or changed (minus its number)."""
        digest = content_hash(a.title, a.text)
        known = self._db.execute(
            "SELECT version, content_hash, effective, source, copy_of FROM articles WHERE article_id=?"
            " ORDER BY version DESC LIMIT 1",
            (a.article_id,),
        ).fetchone()
        if known is None:
            if self._same_entry(a, digest):
                return None
            return self._insert(a, 1, digest, a.effective, None)
        if known["content_hash"] == digest or self._seen_version(a.article_id, digest):
            if known["source"] != a.source:
                self._sight(a, digest, text=False)
            return None
        if known["source"] != a.source:
            self._sight(a, digest, text=True)
            return None
        effective = max(a.effective, read_time(known["effective"]))
        if effective == read_time(known["effective"]):
            effective = max(effective, a.retrieved)
        return -self._insert(a, known["version"] + 1, digest, effective, known["copy_of"])

    def _same_entry(self, a: Article, digest: str) -> bool:
        """Whether this outlet gave the same text at the same address under another id."""
        if not a.url:
            return False
        row = self._db.execute(
            "SELECT 1 FROM articles WHERE content_hash=? AND source=? AND url=?", (digest, a.source, a.url)
        ).fetchone()
        return row is not None

    def _seen_version(self, article_id: str, digest: str) -> bool:
        row = self._db.execute(
            "SELECT 1 FROM articles WHERE article_id=? AND content_hash=?", (article_id, digest)
        ).fetchone()
        return row is not None

    def _sight(self, a: Article, digest: str, *, text: bool) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO sightings VALUES (?,?,?,?,?,?)",
            (a.article_id, a.source, digest, iso(a.retrieved), a.title * text, a.text * text),
        )

    def _insert(self, a: Article, version: int, digest: str, effective: datetime, copy_of: str | None) -> int:
        cursor = self._db.execute(
            "INSERT INTO articles VALUES (NULL,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (a.article_id, version, a.title, a.text, a.url, a.source, a.side, iso(a.published),
             iso(a.retrieved), iso(effective), ",".join(a.flags), digest, copy_of,
             exact_hash(a.title, a.text, f"{effective.astimezone(UTC):%Y-%m-%d}")),
        )  # fmt: skip
        return int(cursor.lastrowid or 0)

    def _index_text(self, first: int) -> None:
        """Make the articles from this number on findable; many at once is far quicker than one by one."""
        self._db.execute(
            "INSERT INTO articles_text (rowid, title, text) SELECT number, title, text FROM articles"
            " WHERE number>=?",
            (first,),
        )

    def articles_as_of(self, reference_date: date | None = None) -> list[Article]:
        """What had been published by the end of that day (UTC), in the version current, oldest first."""
        limit = _end_of(reference_date)
        with self._reading():
            rows = self._db.execute(
                """SELECT a.* FROM articles a JOIN (
                       SELECT article_id, max(version) AS version FROM articles
                       WHERE effective<=? GROUP BY article_id
                   ) b USING (article_id, version) ORDER BY a.effective, a.article_id""",
                (limit,),
            ).fetchall()
        return [article_of(r) for r in rows]

    def versions(self, article_id: str) -> list[Article]:
        """All versions of one article, oldest first; empty where the id is unknown."""
        with self._reading():
            rows = self._db.execute(
                "SELECT * FROM articles WHERE article_id=? ORDER BY version", (article_id,)
            ).fetchall()
        return [article_of(r) for r in rows]

    def sightings(self) -> list[dict[str, Any]]:
        """Where else known articles were seen; title and text are given where they differ."""
        with self._reading():
            rows = self._db.execute("SELECT * FROM sightings ORDER BY seen_at, article_id, source").fetchall()
        return [dict(r) for r in rows]

    def count_articles(self) -> int:
        """Number of articles, versions not counted."""
        with self._reading():
            return int(self._db.execute("SELECT count(DISTINCT article_id) FROM articles").fetchone()[0])

    def article_times(self) -> list[tuple[str, datetime, datetime | None, datetime, tuple[str, ...]]]:
        """Source, effective, published, retrieved and flags of each article's first version, oldest first."""
        with self._reading():
            rows = self._db.execute(
                "SELECT source, effective, published, retrieved, flags FROM articles WHERE version=1"
                " ORDER BY effective, number"
            ).fetchall()
        out = []
        for source, effective, published, retrieved, flags in rows:
            claimed = read_time(published) if published else None
            out.append(
                (source, read_time(effective), claimed, read_time(retrieved), tuple(filter(None, flags.split(","))))
            )
        return out

    def search(self, query: str, since: date | None = None, limit: int = 20) -> list[Article]:
        """Full-text search, best first, one version of each article.

        `query` may use SQLite's FTS5 syntax (AND, OR, NOT, NEAR, prefix*, "a phrase"); anything that is not
        valid in it is searched for as plain words. Raises ArchiveError where nothing is left to search for.
        """
        plain = " ".join(f'"{w}"' for w in re.findall(r"\w+", query))
        if not plain or limit < 1:
            raise ArchiveError(f"there is nothing to search for in '{query}'", 'Give a word or a "phrase"')
        try:
            rows = self._matches(query, since, limit)
        except sqlite3.OperationalError:
            with self._reading():
                rows = self._matches(plain, since, limit)
        except sqlite3.Error as e:
            raise explain(self.path, e) from None
        best: dict[str, Article] = {}
        for r in rows:
            best.setdefault(r["article_id"], article_of(r))
        return list(best.values())[:limit]

    def _matches(self, query: str, since: date | None, limit: int) -> list[sqlite3.Row]:
        return self._db.execute(
            """SELECT a.* FROM articles_text t JOIN articles a ON a.number=t.rowid
               WHERE articles_text MATCH ? AND a.effective>=? ORDER BY rank, a.version DESC LIMIT ?""",
            (query, since.isoformat() if since else "", limit * 4),
        ).fetchall()

    # -- codings --------------------------------------------------------------------------------

    def uncoded(self, reader: Reader, reference_date: date | None = None) -> tuple[list[int], int]:
        """Numbers of the articles current at the end of a day that this reader has not coded, and how many it has."""
        with self._reading():
            return archive_codings.uncoded(self._db, reader, _end_of(reference_date))

    def numbered(self, numbers: list[int]) -> Iterator[Article]:
        """The articles of these numbers, in their order; only few are in memory at a time."""
        with self._reading():
            yield from archive_codings.numbered(self._db, numbers)

    def store_codings(self, reader: Reader, pairs: Iterable[tuple[Article, Coding]]) -> None:
        """Keep what a reader made of articles, in one transaction; codings that failed are left out."""
        with self.transaction():
            archive_codings.store(self._db, reader, pairs)

    def coded(self, reader: Reader, conflict_id: str, reference_date: date | None = None) -> list[tuple[Article, Coding]]:
        """Articles current at the end of a day that a reader found to be about a conflict, with its codings, oldest first."""
        with self._reading():
            return archive_codings.coded(self._db, reader, _end_of(reference_date), conflict_id)

    # -- full text of pages ---------------------------------------------------------------------

    def add_full_text(self, a: Article, text: str, at: datetime) -> bool:
        """Keep a page's text as a new version of its article, effective when it was fetched.

        Returns False where that text is known already.
        """
        digest = content_hash(a.title, text)
        with self.transaction():
            latest = self._db.execute(
                "SELECT * FROM articles WHERE article_id=? ORDER BY version DESC LIMIT 1", (a.article_id,)
            ).fetchone()
            if latest is None or self._seen_version(a.article_id, digest):
                return False
            b = article_of(latest)
            flags = tuple(dict.fromkeys((*b.flags, "full_text")))
            full = Article(b.article_id, b.title, text, b.url, b.source, b.side, b.published, at, at, flags)
            effective = max(at, b.effective)
            number = self._insert(full, b.version + 1, digest, effective, b.copy_of)
            self._index_text(number)
            if b.copy_of is None:
                link_copies(self._db, [(number, full)], self._words)
        return True

    def log_page(self, article_id: str, at: datetime, used: str, detail: str) -> None:
        """Note which text of an article is used, "full_text" or "summary", and why."""
        with self.transaction():
            self._db.execute("INSERT INTO pages VALUES (?,?,?,?)", (article_id, iso(at), used, detail))

    def page_log(self) -> list[dict[str, Any]]:
        """Which pages were asked for and which text was used, oldest first."""
        with self._reading():
            return [dict(r) for r in self._db.execute("SELECT * FROM pages ORDER BY at, rowid")]

    # -- fetch log ------------------------------------------------------------------------------

    def log_fetch(
        self, feed: str, url: str, at: datetime, status: str, items: int, new: int, detail: str,
        etag: str | None, modified: str | None,
    ) -> None:  # fmt: skip
        """Add one line to the fetch log; credentials in the address are left out."""
        with self.transaction():
            self._db.execute(
                "INSERT INTO fetches VALUES (?,?,?,?,?,?,?,?,?)",
                (feed, without_credentials(url), iso(at), status, items, new, detail, etag, modified),
            )

    def last_validators(self, feed: str, url: str) -> tuple[str | None, str | None]:
        """ETag and Last-Modified of the last good answer of a feed."""
        with self._reading():
            row = self._db.execute(
                "SELECT etag, modified FROM fetches WHERE feed=? AND url=? AND status IN ('ok','unchanged')"
                " ORDER BY at DESC, rowid DESC LIMIT 1",
                (feed, without_credentials(url)),
            ).fetchone()
        return (row["etag"], row["modified"]) if row else (None, None)

    def fetch_log(self) -> list[dict[str, Any]]:
        """The fetch log, oldest first."""
        with self._reading():
            return [dict(r) for r in self._db.execute("SELECT * FROM fetches ORDER BY at, rowid")]

    def feed_state(self, feed: str, url: str) -> FeedState:
        """What a feed told us to remember: a new address, that it is gone, or when to come back."""
        with self._reading():
            row = self._db.execute(
                "SELECT moved_to, gone_at, retry_at, strikes FROM feed_states WHERE feed=? AND url=?",
                (feed, without_credentials(url)),
            ).fetchone()
        if row is None:
            return FeedState()
        gone, retry = (read_time(row[k]) if row[k] else None for k in ("gone_at", "retry_at"))
        return FeedState(row["moved_to"], gone, retry, row["strikes"])

    def remember_feed(self, feed: str, url: str, state: FeedState) -> None:
        """Store what a feed told us to remember; an empty state forgets all."""
        key = (feed, without_credentials(url))
        if state == self.feed_state(feed, url):
            return
        with self.transaction():
            self._db.execute("DELETE FROM feed_states WHERE feed=? AND url=?", key)
            if state != FeedState():
                self._db.execute(
                    "INSERT INTO feed_states VALUES (?,?,?,?,?,?)",
                    (*key, state.moved_to, iso(state.gone_at), iso(state.retry_at), state.strikes),
                )

    def forget_feed(self, feed: str) -> None:
        """Ask this feed again at the address in the case, whatever it said before (also after a 410)."""
        with self.transaction():
            self._db.execute("DELETE FROM feed_states WHERE feed=?", (feed,))

    # -- forecasts and decisions ----------------------------------------------------------------

    def log_forecasts(self, records: Iterable[dict[str, Any]], issued_at: datetime) -> int:
        """Append issued forecasts; returns the number added.

        The same evidence, model and reference date again adds nothing.
        """
        added = 0
        with self.transaction():
            for r in records:
                cursor = self._db.execute(
                    "INSERT OR IGNORE INTO forecasts VALUES (?,?,?,?,?,?)",
                    (r["round_id"], r["reference_date"], r["model_id"], r["evidence_hash"], iso(issued_at),
                     json.dumps(r, sort_keys=True)),
                )  # fmt: skip
                added += cursor.rowcount
        return added

    def forecasts(self) -> list[dict[str, Any]]:
        """All issued forecasts, oldest first."""
        with self._reading():
            rows = self._db.execute(
                "SELECT record, issued_at FROM forecasts ORDER BY reference_date, issued_at, round_id"
            ).fetchall()
        return [{**json.loads(r["record"]), "issued_at": r["issued_at"]} for r in rows]

    def decide(self, round_id: str, level: int, on: date, source: str, note: str, at: datetime) -> None:
        """Record an analyst's finding of a round's outcome; a later one for the same round replaces it."""
        with self.transaction():
            self._db.execute(
                "INSERT INTO decisions VALUES (?,?,?,?,?,?)",
                (round_id, level, on.isoformat(), source, note, iso(at)),
            )

    def decisions(self) -> list[dict[str, Any]]:
        """The last decision on each round."""
        with self._reading():
            rows = self._db.execute("SELECT * FROM decisions ORDER BY decided_at, rowid").fetchall()
        return list({r["round_id"]: dict(r) for r in rows}.values())

    # -- upkeep ---------------------------------------------------------------------------------

    def check(self) -> list[str]:
        """Faults of the file in words; an empty list means it is sound."""
        return faults_of(self._db, self.path)

    def backup(self, to: Path) -> None:
        """A consistent, checked copy, also while another process writes; put in place only when complete."""
        back_up(self._db, self.path, Path(to))

    def compact(self, keep: Reader | None = None) -> int:
        """Build the search index anew and give unused space back to the disk.

        `keep` names the reader whose codings are still of use; those of all others are removed first. Returns how many
        were. For a while this needs as much free space as the file is long.
        """
        gone = 0
        if keep is not None:
            with self.transaction():
                gone = archive_codings.drop_stale(self._db, keep)
        with self._reading():
            self._db.execute("INSERT INTO articles_text (articles_text) VALUES ('rebuild')")
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    def export(self, to: Path, *, since: date | None = None) -> int:
        """Write all article versions to `.jsonl`, `.csv` or `.parquet` (by ending); returns their number.

        In CSV, a cell that a spreadsheet would take for a formula gets an apostrophe in front; JSONL and
        Parquet hold the exact text. Raises ArchiveError for another ending or a place that cannot be written.
        """
        to = Path(to)
        write = writer_for(to)
        with self._reading():
            rows = self._db.execute(
                "SELECT * FROM articles WHERE effective>=? ORDER BY number",
                (since.isoformat() if since else "",),
            ).fetchall()
        return write_rows(rows, to, write)


def _end_of(day: date | None) -> str:
    """The last moment of a day (UTC) as it stands in the file; None is the end of all days."""
    return str(iso(datetime.combine(day or date.max, time.max, UTC)))


class FeedState(NamedTuple):
    """What a feed told us to remember between runs."""

    moved_to: str | None = None  # new address after a permanent redirect
    gone_at: datetime | None = None  # when it answered 410; it is not asked again
    retry_at: datetime | None = None  # not to be asked before
    strikes: int = 0  # times in a row that it asked us to come back later
