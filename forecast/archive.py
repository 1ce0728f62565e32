"""The durable store of a case: articles, fetch log, issued forecasts and analysts' decisions in one SQLite file.

WAL mode lets a notebook read while the script writes. Articles are kept in versions and never overwritten;
issued forecasts are append-only. `articles_as_of` is the one place where the past is cut off from the future.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from forecast.errors import ArchiveError
from forecast.records import Article

# Each step takes a file one schema version further; `PRAGMA user_version` says how many were taken.
_MIGRATIONS = [
    """
    CREATE TABLE articles (
        article_id TEXT NOT NULL, version INTEGER NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL,
        url TEXT NOT NULL, source TEXT NOT NULL, side TEXT NOT NULL, published TEXT, retrieved TEXT NOT NULL,
        effective TEXT NOT NULL, flags TEXT NOT NULL, content_hash TEXT NOT NULL, copy_of TEXT,
        PRIMARY KEY (article_id, version)
    );
    CREATE INDEX articles_effective ON articles (effective);
    CREATE INDEX articles_hash ON articles (content_hash);
    CREATE TABLE shingles (hash INTEGER NOT NULL, article_id TEXT NOT NULL, PRIMARY KEY (hash, article_id)) WITHOUT ROWID;
    CREATE TABLE fetches (
        feed TEXT NOT NULL, url TEXT NOT NULL, at TEXT NOT NULL, status TEXT NOT NULL, items INTEGER NOT NULL,
        new INTEGER NOT NULL, detail TEXT NOT NULL, etag TEXT, modified TEXT
    );
    CREATE INDEX fetches_feed ON fetches (feed, at);
    CREATE TABLE forecasts (
        round_id TEXT NOT NULL, reference_date TEXT NOT NULL, model_id TEXT NOT NULL, evidence_hash TEXT NOT NULL,
        issued_at TEXT NOT NULL, record TEXT NOT NULL,
        PRIMARY KEY (round_id, reference_date, model_id, evidence_hash)
    );
    CREATE TRIGGER forecasts_kept BEFORE UPDATE ON forecasts BEGIN SELECT RAISE(ABORT, 'an issued forecast is never rewritten'); END;
    CREATE TRIGGER forecasts_not_deleted BEFORE DELETE ON forecasts BEGIN SELECT RAISE(ABORT, 'an issued forecast is never deleted'); END;
    CREATE TABLE decisions (
        round_id TEXT NOT NULL, level INTEGER NOT NULL, on_date TEXT NOT NULL, source TEXT NOT NULL, note TEXT NOT NULL,
        decided_at TEXT NOT NULL
    );
    """,
    """
    CREATE VIRTUAL TABLE articles_text USING fts5 (title, text, content='articles', content_rowid='rowid');
    INSERT INTO articles_text (rowid, title, text) SELECT rowid, title, text FROM articles;
    CREATE TRIGGER articles_added AFTER INSERT ON articles BEGIN
        INSERT INTO articles_text (rowid, title, text) VALUES (new.rowid, new.title, new.text);
    END;
    """,
]
SCHEMA_VERSION = len(_MIGRATIONS)
_TRACKING = ("utm_", "fbclid", "gclid", "at_", "ref", "source", "cmp", "ns_")


def canonical_url(url: str) -> str:
    """An address without fragment, tracking parameters, default port, `www.` or trailing slash.

    >>> canonical_url("HTTP://www.Example.org:80/a/?utm_source=rss&id=3#top")
    'http://example.org/a?id=3'
    """
    parts = urlsplit(url.strip())
    host = (parts.hostname or "").removeprefix("www.")
    try:
        port = f":{parts.port}" if parts.port and parts.port not in (80, 443) else ""
    except ValueError:
        port = ""
    query = urlencode([(k, v) for k, v in parse_qsl(parts.query) if not k.lower().startswith(_TRACKING)])
    return urlunsplit((parts.scheme.lower(), host + port, parts.path.rstrip("/"), query, ""))


def content_hash(title: str, text: str) -> str:
    """Hash of what a reader sees, blind to white space and case."""
    return hashlib.sha256(" ".join(f"{title} {text}".lower().split()).encode("utf-8", "replace")).hexdigest()[:16]


def shingle_sample(text: str) -> frozenset[int]:
    """Sampled fingerprints of word 5-grams (every fourth by value): equal stretches of text share them."""
    words = "".join(c if c.isalnum() else " " for c in text.lower()).split()
    out = set()
    for i in range(len(words) - 4):
        h = int.from_bytes(hashlib.blake2b(" ".join(words[i : i + 5]).encode("utf-8", "replace"), digest_size=7).digest(), "big")
        if h % 4 == 0:
            out.add(h)
    return frozenset(sorted(out)[:128])


class Archive:
    """Opens (and, if need be, makes or migrates) the archive of a case.

    Raises ArchiveError for a locked, unwritable, foreign or corrupted file, saying what to do.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = Path(path)
        try:
            if readonly and not self.path.exists():
                raise ArchiveError(f"{self.path} does not exist", "Collect first: `forecast collect CASE_DIR`")
            uri = f"{self.path.resolve().as_uri()}?mode={'ro' if readonly else 'rwc'}"
            self._db = sqlite3.connect(uri, uri=True, timeout=30, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            if not readonly:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._migrate()
            else:
                self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as e:
            raise _explain(self.path, e) from None

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._db.close()

    def _migrate(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise ArchiveError(
                f"{self.path} was written by a newer version (schema {version}, this one knows {SCHEMA_VERSION})",
                "Upgrade negotiation-outlook",
            )
        for step in range(version, SCHEMA_VERSION):
            self._db.executescript(f"BEGIN IMMEDIATE; {_MIGRATIONS[step]} PRAGMA user_version={step + 1}; COMMIT;")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Raises ArchiveError where the disk is full, the file locked or read-only."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as e:
            raise _explain(self.path, e) from None

    # -- articles -------------------------------------------------------------------------------

    def add_articles(self, articles: Iterable[Article]) -> tuple[int, int]:
        """Store what is new in one transaction; returns the number of new and of changed articles.

        The same content again is passed over; changed content under a known id becomes a new version,
        effective from the moment it was retrieved. A near-copy of an earlier text is linked to it.
        """
        new = changed = 0
        with self.transaction():
            for a in articles:
                digest = content_hash(a.title, a.text)
                known = self._db.execute(
                    "SELECT version, content_hash, effective FROM articles WHERE article_id=? ORDER BY version DESC LIMIT 1",
                    (a.article_id,),
                ).fetchone()
                if known is None:
                    self._insert(a, 1, digest, self._find_copy(a), a.effective)
                    new += 1
                elif known["content_hash"] != digest and not self._seen_version(a.article_id, digest):
                    effective = max(a.effective, _parse(known["effective"]))
                    if effective == _parse(known["effective"]):
                        effective = max(effective, a.retrieved)
                    self._insert(a, known["version"] + 1, digest, self._find_copy(a), effective)
                    changed += 1
        return new, changed

    def _seen_version(self, article_id: str, digest: str) -> bool:
        return self._db.execute("SELECT 1 FROM articles WHERE article_id=? AND content_hash=?", (article_id, digest)).fetchone() is not None

    def _insert(self, a: Article, version: int, digest: str, copy_of: str | None, effective: datetime) -> None:
        self._db.execute(
            "INSERT INTO articles VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (a.article_id, version, a.title, a.text, a.url, a.source, a.side, _iso(a.published), _iso(a.retrieved),
             _iso(effective), ",".join(a.flags), digest, copy_of),
        )  # fmt: skip

    def _find_copy(self, a: Article) -> str | None:
        """The earlier text from another outlet that this one repeats, by shared stretches of words."""
        sample = shingle_sample(a.text)
        found: str | None = None
        if len(sample) >= 4:
            marks = ",".join("?" * len(sample))
            rows = self._db.execute(
                f"SELECT s.article_id, count(*) AS n FROM shingles s WHERE s.hash IN ({marks}) GROUP BY s.article_id ORDER BY n DESC LIMIT 8",
                tuple(sample),
            ).fetchall()
            for row in rows:
                other = self._db.execute(
                    "SELECT article_id, text, source, effective, copy_of FROM articles WHERE article_id=? ORDER BY version DESC LIMIT 1",
                    (row["article_id"],),
                ).fetchone()
                if other is None or other["article_id"] == a.article_id or other["source"] == a.source:
                    continue
                theirs = len(shingle_sample(other["text"]))
                near = abs(_parse(other["effective"]) - a.effective) <= timedelta(days=4)
                if near and row["n"] >= 0.6 * min(theirs, len(sample)):
                    found = other["copy_of"] or other["article_id"]
                    break
        self._db.executemany("INSERT OR IGNORE INTO shingles VALUES (?,?)", [(h, a.article_id) for h in sample])
        return found

    def articles_as_of(self, reference_date: date | None = None) -> list[Article]:
        """What had been published by the end of that day (UTC), the version then current of each, oldest first."""
        limit = _iso(datetime.combine(reference_date or date.max, time.max, UTC))
        rows = self._db.execute(
            """SELECT a.* FROM articles a JOIN (
                   SELECT article_id, max(version) AS version FROM articles WHERE effective<=? GROUP BY article_id
               ) b USING (article_id, version) ORDER BY a.effective, a.article_id""",
            (limit,),
        ).fetchall()
        return [_article(r) for r in rows]

    def count_articles(self) -> int:
        """Number of articles, versions not counted."""
        return int(self._db.execute("SELECT count(DISTINCT article_id) FROM articles").fetchone()[0])

    def search(self, query: str, since: date | None = None, limit: int = 20) -> list[Article]:
        """Full-text search, best first. `query` in SQLite FTS5 syntax; plain words and "phrases" work."""
        try:
            rows = self._db.execute(
                """SELECT a.* FROM articles_text t JOIN articles a ON a.rowid=t.rowid
                   WHERE articles_text MATCH ? AND a.effective>=? ORDER BY rank LIMIT ?""",
                (query, since.isoformat() if since else "", limit),
            ).fetchall()
        except sqlite3.OperationalError as e:
            raise ArchiveError(f"the search '{query}' cannot be read: {e}", 'Put phrases in double quotes: "prisoner exchange"') from None
        return [_article(r) for r in rows]

    # -- fetch log ------------------------------------------------------------------------------

    def log_fetch(
        self, feed: str, url: str, at: datetime, status: str, items: int, new: int, detail: str,
        etag: str | None, modified: str | None,
    ) -> None:  # fmt: skip
        """Add one line to the fetch log."""
        with self.transaction():
            self._db.execute(
                "INSERT INTO fetches VALUES (?,?,?,?,?,?,?,?,?)",
                (feed, url, _iso(at), status, items, new, detail, etag, modified),
            )

    def last_validators(self, feed: str, url: str) -> tuple[str | None, str | None]:
        """ETag and Last-Modified of the last good answer of a feed."""
        row = self._db.execute(
            "SELECT etag, modified FROM fetches WHERE feed=? AND url=? AND status IN ('ok','unchanged') ORDER BY at DESC, rowid DESC LIMIT 1",
            (feed, url),
        ).fetchone()
        return (row["etag"], row["modified"]) if row else (None, None)

    def fetch_log(self) -> list[dict[str, Any]]:
        """The fetch log, oldest first."""
        return [dict(r) for r in self._db.execute("SELECT * FROM fetches ORDER BY at, rowid")]

    # -- forecasts and decisions ----------------------------------------------------------------

    def log_forecasts(self, records: Iterable[dict[str, Any]], issued_at: datetime) -> int:
        """Append issued forecasts; the same evidence, model and date again adds nothing. Returns the number added."""
        added = 0
        with self.transaction():
            for r in records:
                cursor = self._db.execute(
                    "INSERT OR IGNORE INTO forecasts VALUES (?,?,?,?,?,?)",
                    (r["round_id"], r["reference_date"], r["model_id"], r["evidence_hash"], _iso(issued_at), json.dumps(r, sort_keys=True)),
                )  # fmt: skip
                added += cursor.rowcount
        return added

    def forecasts(self) -> list[dict[str, Any]]:
        """All issued forecasts, oldest first."""
        rows = self._db.execute("SELECT record, issued_at FROM forecasts ORDER BY reference_date, issued_at, round_id")
        return [{**json.loads(r["record"]), "issued_at": r["issued_at"]} for r in rows]

    def decide(self, round_id: str, level: int, on: date, source: str, note: str, at: datetime) -> None:
        """Record an analyst's finding of a round's outcome; a later one for the same round takes its place."""
        with self.transaction():
            self._db.execute(
                "INSERT INTO decisions VALUES (?,?,?,?,?,?)", (round_id, level, on.isoformat(), source, note, _iso(at))
            )

    def decisions(self) -> list[dict[str, Any]]:
        """The last decision on each round."""
        rows = self._db.execute("SELECT * FROM decisions ORDER BY decided_at, rowid")
        return list({r["round_id"]: dict(r) for r in rows}.values())

    # -- upkeep ---------------------------------------------------------------------------------

    def check(self) -> list[str]:
        """Faults of the file; an empty list means it is sound."""
        try:
            rows = [r[0] for r in self._db.execute("PRAGMA integrity_check")]
        except sqlite3.Error as e:
            return [str(e)]
        return [] if rows == ["ok"] else rows

    def backup(self, to: Path) -> None:
        """A consistent copy, also while another process writes."""
        try:
            with sqlite3.connect(to) as target:
                self._db.backup(target)
            target.close()
        except sqlite3.Error as e:
            raise _explain(to, e) from None

    def compact(self) -> None:
        """Give unused space back to the disk."""
        try:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.execute("VACUUM")
        except sqlite3.Error as e:
            raise _explain(self.path, e) from None


def _iso(t: datetime | None) -> str | None:
    return t.astimezone(UTC).isoformat(timespec="microseconds") if t else None


def _parse(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _article(r: sqlite3.Row) -> Article:
    return Article(
        article_id=r["article_id"], title=r["title"], text=r["text"], url=r["url"], source=r["source"], side=r["side"],
        published=_parse(r["published"]) if r["published"] else None, retrieved=_parse(r["retrieved"]),
        effective=_parse(r["effective"]), flags=tuple(f for f in r["flags"].split(",") if f),
        version=r["version"], copy_of=r["copy_of"],
    )  # fmt: skip


def _explain(path: Path, e: sqlite3.Error) -> ArchiveError:
    text = str(e)
    if "locked" in text or "busy" in text:
        return ArchiveError(f"{path} is in use by another program", "Wait for it to finish, then run again; nothing was lost")
    if "readonly" in text or "unable to open" in text:
        return ArchiveError(f"{path} cannot be written", "Check the folder's permissions and that it exists")
    if "full" in text or "disk I/O" in text:
        return ArchiveError(f"the disk holding {path} is full or failing", "Free some space and run again; what was stored before is safe")
    if "malformed" in text or "not a database" in text:
        return ArchiveError(
            f"{path} is damaged ({text})",
            "Put back a copy made with `forecast archive backup`, or move the file away and collect again",
        )
    return ArchiveError(f"{path}: {text}")
