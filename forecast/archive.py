"""The durable store of a case, one SQLite file: articles, fetch log, issued forecasts, analysts' decisions.

WAL mode lets a notebook read while the script writes. Articles are kept in versions and never overwritten;
issued forecasts are append-only. `articles_as_of` is the one place where the past is cut off from the future.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from forecast.errors import ArchiveError
from forecast.records import Article

_FIRST = """
    CREATE TABLE articles (
        article_id TEXT NOT NULL, version INTEGER NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL,
        url TEXT NOT NULL, source TEXT NOT NULL, side TEXT NOT NULL, published TEXT, retrieved TEXT NOT NULL,
        effective TEXT NOT NULL, flags TEXT NOT NULL, content_hash TEXT NOT NULL, copy_of TEXT,
        PRIMARY KEY (article_id, version)
    );
    CREATE INDEX articles_effective ON articles (effective);
    CREATE INDEX articles_hash ON articles (content_hash);
    CREATE TABLE shingles (
        hash INTEGER NOT NULL, article_id TEXT NOT NULL, PRIMARY KEY (hash, article_id)
    ) WITHOUT ROWID;
    CREATE TABLE fetches (
        feed TEXT NOT NULL, url TEXT NOT NULL, at TEXT NOT NULL, status TEXT NOT NULL, items INTEGER NOT NULL,
        new INTEGER NOT NULL, detail TEXT NOT NULL, etag TEXT, modified TEXT
    );
    CREATE INDEX fetches_feed ON fetches (feed, at);
    CREATE TABLE forecasts (
        round_id TEXT NOT NULL, reference_date TEXT NOT NULL, model_id TEXT NOT NULL,
        evidence_hash TEXT NOT NULL, issued_at TEXT NOT NULL, record TEXT NOT NULL,
        PRIMARY KEY (round_id, reference_date, model_id, evidence_hash)
    );
    CREATE TRIGGER forecasts_kept BEFORE UPDATE ON forecasts
        BEGIN SELECT RAISE(ABORT, 'an issued forecast is never rewritten'); END;
    CREATE TRIGGER forecasts_not_deleted BEFORE DELETE ON forecasts
        BEGIN SELECT RAISE(ABORT, 'an issued forecast is never deleted'); END;
    CREATE TABLE decisions (
        round_id TEXT NOT NULL, level INTEGER NOT NULL, on_date TEXT NOT NULL, source TEXT NOT NULL,
        note TEXT NOT NULL, decided_at TEXT NOT NULL
    );
"""
_SEARCH = """
    CREATE VIRTUAL TABLE articles_text USING fts5 (title, text, content='articles', content_rowid='rowid');
    INSERT INTO articles_text (rowid, title, text) SELECT rowid, title, text FROM articles;
    CREATE TRIGGER articles_added AFTER INSERT ON articles BEGIN
        INSERT INTO articles_text (rowid, title, text) VALUES (new.rowid, new.title, new.text);
    END;
"""
# A number that VACUUM keeps (an implicit rowid it may change), fingerprints by number, what feeds told us
# to remember, who else carried an article, and which pages were asked for.
_NUMBERED = """
    CREATE TABLE articles_numbered (
        number INTEGER PRIMARY KEY, article_id TEXT NOT NULL, version INTEGER NOT NULL, title TEXT NOT NULL,
        text TEXT NOT NULL, url TEXT NOT NULL, source TEXT NOT NULL, side TEXT NOT NULL, published TEXT,
        retrieved TEXT NOT NULL, effective TEXT NOT NULL, flags TEXT NOT NULL, content_hash TEXT NOT NULL,
        copy_of TEXT, UNIQUE (article_id, version)
    );
    INSERT INTO articles_numbered SELECT rowid, article_id, version, title, text, url, source, side,
        published, retrieved, effective, flags, content_hash, copy_of FROM articles ORDER BY rowid;
    DROP TRIGGER articles_added;
    DROP TABLE articles_text;
    DROP TABLE articles;
    ALTER TABLE articles_numbered RENAME TO articles;
    CREATE INDEX articles_hash ON articles (content_hash);
    CREATE INDEX articles_copies ON articles (copy_of) WHERE copy_of IS NOT NULL;
    CREATE VIRTUAL TABLE articles_text USING fts5 (title, text, content='articles', content_rowid='number');
    INSERT INTO articles_text (articles_text) VALUES ('rebuild');
    CREATE TRIGGER articles_added AFTER INSERT ON articles BEGIN
        INSERT INTO articles_text (rowid, title, text) VALUES (new.number, new.title, new.text);
    END;
    INSERT INTO articles_text (articles_text, rank) VALUES ('hashsize', 16000000);
    DROP TABLE shingles;
    CREATE TABLE shingles (
        hash INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (hash, number)
    ) WITHOUT ROWID;
    CREATE TABLE sightings (
        article_id TEXT NOT NULL, source TEXT NOT NULL, content_hash TEXT NOT NULL, seen_at TEXT NOT NULL,
        title TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (article_id, source, content_hash)
    ) WITHOUT ROWID;
    CREATE TABLE feed_states (
        feed TEXT NOT NULL, url TEXT NOT NULL, moved_to TEXT, gone_at TEXT, retry_at TEXT,
        strikes INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (feed, url)
    ) WITHOUT ROWID;
    CREATE TABLE pages (article_id TEXT NOT NULL, at TEXT NOT NULL, used TEXT NOT NULL, detail TEXT NOT NULL);
    CREATE INDEX pages_article ON pages (article_id, at);
"""
# Texts are indexed many at once, in the transaction that stores them.
_IN_BULK = "DROP TRIGGER articles_added;"
_APPLICATION_ID = 0x4E4F5554
_TRACKING = ("utm_", "fbclid", "gclid", "at_", "cmp", "ns_")
_TRACKING_EXACT = {"ref", "source", "rss", "ocid", "traffic_source", "outputtype"}
_SECRETS = re.compile(
    r"(?<=[?&;])((?:[a-z_-]*(?:token|secret|password|passwd|api_?key)|key|pwd|pass|auth|sig|signature)"
    r"=)"
    r"[^&#;]+",
    re.I,
)  # fmt: skip


def canonical_url(url: str) -> str:
    """An address as identity: no fragment, tracking, default port, `www.`, mobile or AMP form; always https.

    An address that cannot be taken apart is returned as it is.

    >>> canonical_url("HTTP://www.Example.org:80/a/?utm_source=rss&id=3#top")
    'https://example.org/a?id=3'
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
        query = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return url.strip()
    for prefix in ("www.", "m.", "mobile.", "amp."):
        if host.count(".") > 1:
            host = host.removeprefix(prefix)
    host = f"[{host}]" if ":" in host else host
    where = host + (f":{port}" if port and port not in (80, 443) else "")
    kept = [(k, v) for k, v in query if not (k.lower().startswith(_TRACKING) or k.lower() in _TRACKING_EXACT)]
    scheme = "https" if parts.scheme.lower() == "http" else parts.scheme.lower()
    path = parts.path.rstrip("/").removesuffix("/amp")
    return urlunsplit((scheme, where, path, urlencode(kept, errors="replace"), ""))


def without_credentials(url: str) -> str:
    """The address without user name and password and with secret parameters masked, for logs and exports.

    >>> without_credentials("https://me:secret@example.org/feed?api_key=17&page=2")
    'https://example.org/feed?api_key=***&page=2'
    """
    return _SECRETS.sub(r"\1***", re.sub(r"(?<=//)[^/?#]*@", "", url))


def content_hash(title: str, text: str) -> str:
    """Hash of what a reader sees, blind to white space and case."""
    seen = " ".join(f"{title} {text}".lower().split())
    return hashlib.sha256(seen.encode("utf-8", "replace")).hexdigest()[:16]


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
        self._timeout = timeout
        self._words = WordHashes()
        if readonly and not self.path.exists():
            raise ArchiveError(f"{self.path} does not exist", "Collect first: `forecast collect CASE_DIR`")
        if not self.path.parent.is_dir():
            raise ArchiveError(f"there is no folder {self.path.parent}", "Make it, or check the path")
        try:
            self._db = self._open_to_read() if readonly else self._open_to_write()
        except sqlite3.Error as e:
            raise _explain(self.path, e) from None

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"{self.path.resolve().as_uri()}?{mode}"
        db = sqlite3.connect(uri, uri=True, timeout=self._timeout, isolation_level=None)
        db.row_factory = sqlite3.Row
        return db

    def _open_to_write(self) -> sqlite3.Connection:
        db = self._connect("mode=rwc")
        try:
            version = _version(db, self.path)
            db.execute("PRAGMA page_size=16384")  # of a new file: wastes less on long texts
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA temp_store=MEMORY")
            db.execute("PRAGMA cache_size=-64000")
            if version < SCHEMA_VERSION:
                _migrate(db, self.path)
        except BaseException:
            db.close()
            raise
        return db

    def _open_to_read(self) -> sqlite3.Connection:
        db = self._connect("mode=ro")
        try:
            try:
                version = _version(db, self.path)
            except sqlite3.OperationalError as e:
                if _code(e) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                    raise
                db.close()
                db = self._connect("mode=ro&immutable=1")  # a folder that cannot hold WAL's side files
                version = _version(db, self.path)
            if version < SCHEMA_VERSION:
                db.close()
                self._open_to_write().close()
                db = self._connect("mode=ro")
        except BaseException:
            db.close()
            raise
        return db

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
            raise _explain(self.path, e) from None

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as e:
            raise _explain(self.path, e) from None

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
                self._link_copies([(abs(number), a) for number, a in added])
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
        effective = max(a.effective, _parse(known["effective"]))
        if effective == _parse(known["effective"]):
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
            (a.article_id, a.source, digest, _iso(a.retrieved), a.title * text, a.text * text),
        )

    def _insert(self, a: Article, version: int, digest: str, effective: datetime, copy_of: str | None) -> int:
        cursor = self._db.execute(
            "INSERT INTO articles VALUES (NULL,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (a.article_id, version, a.title, a.text, a.url, a.source, a.side, _iso(a.published),
             _iso(a.retrieved), _iso(effective), ",".join(a.flags), digest, copy_of),
        )  # fmt: skip
        return int(cursor.lastrowid or 0)

    def _index_text(self, first: int) -> None:
        """Make the articles from this number on findable; many at once is far quicker than one by one."""
        self._db.execute(
            "INSERT INTO articles_text (rowid, title, text) SELECT number, title, text FROM articles"
            " WHERE number>=?",
            (first,),
        )

    def _link_copies(self, added: list[tuple[int, Article]]) -> None:
        """Link each of these articles to the earliest text it repeats, by shared stretches of words."""
        if not added:
            return
        numbers = [n for n, _ in added]
        rows = sorted(sketches([a.text for _, a in added], numbers, self._words))
        if not rows:
            return
        shared = self._shared_stretches(rows)
        self._db.executemany("INSERT OR IGNORE INTO shingles VALUES (?,?)", rows)
        if shared:
            self._link_pairs(dict(added), shared)

    def _shared_stretches(self, rows: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
        """Of these sketches (sorted by hash): number, earlier number and how many hashes they share.

        A stretch that more than 64 texts have is a formula and says nothing.
        """
        holders: dict[int, list[int]] = {}
        for h, number in rows:
            holders.setdefault(h, []).append(number)
        if self._db.execute("SELECT 1 FROM shingles LIMIT 1").fetchone():
            self._db.execute("CREATE TEMP TABLE IF NOT EXISTS looked_up (hash INTEGER)")
            self._db.execute("DELETE FROM looked_up")
            self._db.executemany("INSERT INTO looked_up VALUES (?)", ((h,) for h in holders))
            known = "SELECT s.hash, s.number FROM looked_up p JOIN shingles s ON s.hash=p.hash"
            for h, number in self._db.execute(known):
                holders[h].append(number)
        fresh = {number for _, number in rows}
        shared: Counter[tuple[int, int]] = Counter()
        for numbers in holders.values():
            if 1 < len(numbers) <= 64:
                shared.update((n, m) for n in numbers if n in fresh for m in numbers if m < n)
        pairs = ((n, m, count) for (n, m), count in shared.items())
        return sorted(pairs, key=lambda p: (p[0], -p[2], p[1]))

    def _link_pairs(self, added: dict[int, Article], pairs: list[tuple[int, int, int]]) -> None:
        grams: dict[int, frozenset[tuple[str, ...]]] = {}
        tried: dict[int, int] = {}
        linked: set[int] = set()
        for number, other_number, _ in pairs:
            if number in linked or tried.get(number, 0) >= 8:
                continue
            tried[number] = tried.get(number, 0) + 1
            a = added[number]
            other = self._db.execute("SELECT * FROM articles WHERE number=?", (other_number,)).fetchone()
            if other["article_id"] == a.article_id or abs(_parse(other["effective"]) - a.effective) > _NEAR:
                continue
            if number not in grams:
                grams = {number: _grams(a.text)}
            alike = _containment(grams[number], _grams(other["text"]))
            if alike >= (0.9 if other["source"] == a.source else 0.6):
                self._link(number, a, other)
                linked.add(number)

    def _link(self, number: int, a: Article, other: sqlite3.Row) -> None:
        root = other["copy_of"] or other["article_id"]
        if root == a.article_id:
            return
        first = self._db.execute("SELECT min(effective) FROM articles WHERE article_id=?", (root,)).fetchone()
        if first[0] and a.effective < _parse(first[0]):
            self._db.execute("UPDATE articles SET copy_of=? WHERE copy_of=?", (a.article_id, root))
            self._db.execute("UPDATE articles SET copy_of=? WHERE article_id=?", (a.article_id, root))
        else:
            self._db.execute("UPDATE articles SET copy_of=? WHERE number=?", (root, number))

    def articles_as_of(self, reference_date: date | None = None) -> list[Article]:
        """What had been published by the end of that day (UTC), in the version current, oldest first."""
        limit = _iso(datetime.combine(reference_date or date.max, time.max, UTC))
        with self._reading():
            rows = self._db.execute(
                """SELECT a.* FROM articles a JOIN (
                       SELECT article_id, max(version) AS version FROM articles
                       WHERE effective<=? GROUP BY article_id
                   ) b USING (article_id, version) ORDER BY a.effective, a.article_id""",
                (limit,),
            ).fetchall()
        return [_article(r) for r in rows]

    def versions(self, article_id: str) -> list[Article]:
        """All versions of one article, oldest first; empty where the id is unknown."""
        with self._reading():
            rows = self._db.execute(
                "SELECT * FROM articles WHERE article_id=? ORDER BY version", (article_id,)
            ).fetchall()
        return [_article(r) for r in rows]

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
            claimed = _parse(published) if published else None
            out.append(
                (source, _parse(effective), claimed, _parse(retrieved), tuple(filter(None, flags.split(","))))
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
            raise _explain(self.path, e) from None
        best: dict[str, Article] = {}
        for r in rows:
            best.setdefault(r["article_id"], _article(r))
        return list(best.values())[:limit]

    def _matches(self, query: str, since: date | None, limit: int) -> list[sqlite3.Row]:
        return self._db.execute(
            """SELECT a.* FROM articles_text t JOIN articles a ON a.number=t.rowid
               WHERE articles_text MATCH ? AND a.effective>=? ORDER BY rank, a.version DESC LIMIT ?""",
            (query, since.isoformat() if since else "", limit * 4),
        ).fetchall()

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
            b = _article(latest)
            flags = tuple(dict.fromkeys((*b.flags, "full_text")))
            full = Article(b.article_id, b.title, text, b.url, b.source, b.side, b.published, at, at, flags)
            effective = max(at, b.effective)
            number = self._insert(full, b.version + 1, digest, effective, b.copy_of)
            self._index_text(number)
            if b.copy_of is None:
                self._link_copies([(number, full)])
        return True

    def log_page(self, article_id: str, at: datetime, used: str, detail: str) -> None:
        """Note which text of an article is used, "full_text" or "summary", and why."""
        with self.transaction():
            self._db.execute("INSERT INTO pages VALUES (?,?,?,?)", (article_id, _iso(at), used, detail))

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
                (feed, without_credentials(url), _iso(at), status, items, new, detail, etag, modified),
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
        gone, retry = (_parse(row[k]) if row[k] else None for k in ("gone_at", "retry_at"))
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
                    (*key, state.moved_to, _iso(state.gone_at), _iso(state.retry_at), state.strikes),
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
                    (r["round_id"], r["reference_date"], r["model_id"], r["evidence_hash"], _iso(issued_at),
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
                (round_id, level, on.isoformat(), source, note, _iso(at)),
            )

    def decisions(self) -> list[dict[str, Any]]:
        """The last decision on each round."""
        with self._reading():
            rows = self._db.execute("SELECT * FROM decisions ORDER BY decided_at, rowid").fetchall()
        return list({r["round_id"]: dict(r) for r in rows}.values())

    # -- upkeep ---------------------------------------------------------------------------------

    def check(self) -> list[str]:
        """Faults of the file in words; an empty list means it is sound."""
        try:
            rows = [r[0] for r in self._db.execute("PRAGMA integrity_check")]
            faults = [] if rows == ["ok"] else rows
            wrong = sum(
                content_hash(r[0], r[1]) != r[2]
                for r in self._db.execute("SELECT title, text, content_hash FROM articles")
            )
            lost = self._db.execute(
                "SELECT count(*) FROM articles WHERE copy_of IS NOT NULL"
                " AND copy_of NOT IN (SELECT article_id FROM articles)"
            ).fetchone()[0]
        except sqlite3.Error as e:
            return [str(_explain(self.path, e))]
        if not self._search_is_sound():
            faults.append("the search index does not match the articles; `forecast archive compact` mends it")
        if wrong:
            faults.append(f"{wrong} articles do not match their stored fingerprint")
        if lost:
            faults.append(f"{lost} copies point to an article that is not there")
        return faults

    def _search_is_sound(self) -> bool:
        """Whether the index agrees with the texts; taken for granted in a file opened for reading only."""
        try:
            self._db.execute("INSERT INTO articles_text (articles_text, rank) VALUES ('integrity-check', 1)")
        except sqlite3.Error as e:
            return _code(e) not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
        return True

    def backup(self, to: Path) -> None:
        """A consistent, checked copy, also while another process writes; put in place only when complete."""
        to = Path(to)
        if to.exists() and to.samefile(self.path):
            raise ArchiveError(f"{to} is the archive itself", "Give the copy another name")
        if not to.parent.is_dir():
            raise ArchiveError(f"there is no folder {to.parent}", "Make it, or give another place")
        part = to.with_name(to.name + ".part")
        try:
            part.unlink(missing_ok=True)
            with closing(sqlite3.connect(part)) as target:
                self._db.backup(target)
                target.execute("PRAGMA journal_mode=DELETE")
                if target.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                    raise ArchiveError(f"the copy {to} is not sound", "Run `forecast archive check`")
            part.replace(to)
        except sqlite3.Error as e:
            raise _explain(to, e) from None
        except OSError as e:
            raise ArchiveError(f"{to} cannot be written: {e.strerror}", "Give another place") from None
        finally:
            part.unlink(missing_ok=True)

    def compact(self) -> None:
        """Build the search index anew and give unused space back to the disk.

        For a while it needs as much free space as the file is long.
        """
        with self._reading():
            self._db.execute("INSERT INTO articles_text (articles_text) VALUES ('rebuild')")
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def export(self, to: Path, *, since: date | None = None) -> int:
        """Write all article versions to `.jsonl`, `.csv` or `.parquet` (by ending); returns their number.

        In CSV, a cell that a spreadsheet would take for a formula gets an apostrophe in front; JSONL and
        Parquet hold the exact text. Raises ArchiveError for another ending or a place that cannot be written.
        """
        to = Path(to)
        writers: dict[str, Callable[[Path, list[dict[str, Any]]], None]] = {
            ".jsonl": _write_jsonl, ".csv": _write_csv, ".parquet": _write_parquet,
        }  # fmt: skip
        if to.suffix not in writers:
            raise ArchiveError(f"{to.name}: the ending is unknown", f"Use {', '.join(writers)}")
        with self._reading():
            found = self._db.execute(
                "SELECT * FROM articles WHERE effective>=? ORDER BY number",
                (since.isoformat() if since else "",),
            ).fetchall()
        rows = [{k: r[k] for k in _EXPORTED} for r in found]
        part = to.with_name(to.name + ".part")
        try:
            writers[to.suffix](part, rows)
            part.replace(to)
        except OSError as e:
            raise ArchiveError(
                f"{to} cannot be written: {e.strerror}", "Check folder and free space"
            ) from None
        finally:
            part.unlink(missing_ok=True)
        return len(rows)


class FeedState(NamedTuple):
    """What a feed told us to remember between runs."""

    moved_to: str | None = None  # new address after a permanent redirect
    gone_at: datetime | None = None  # when it answered 410; it is not asked again
    retry_at: datetime | None = None  # not to be asked before
    strikes: int = 0  # times in a row that it asked us to come back later


_NEAR = timedelta(days=4)  # between a text and its copy
_EXPORTED = (
    "article_id", "version", "title", "text", "url", "source", "side", "published", "retrieved", "effective",
    "flags", "copy_of",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula.

    >>> csv_cell("=cmd()")
    "'=cmd()"
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _write_jsonl(to: Path, rows: list[dict[str, Any]]) -> None:
    with to.open("w", encoding="utf-8") as f:
        f.writelines(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)


def _write_csv(to: Path, rows: list[dict[str, Any]]) -> None:
    with to.open("w", encoding="utf-8", newline="") as f:
        _fill_csv(f, rows)


def _fill_csv(f: IO[str], rows: list[dict[str, Any]]) -> None:
    writer = csv.writer(f)
    writer.writerow(_EXPORTED)
    writer.writerows([csv_cell(v) for v in r.values()] for r in rows)


def _write_parquet(to: Path, rows: list[dict[str, Any]]) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ArchiveError(
            "Parquet needs pyarrow, which is not installed",
            'Run `pip install "negotiation-outlook[parquet]"`',
        ) from None
    kinds = [(k, pa.int64() if k == "version" else pa.string()) for k in _EXPORTED]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(kinds)), to)


# -- near copies --------------------------------------------------------------------------------

_GRAM = 5  # words in a stretch
_SKETCH = 4  # smallest stretch hashes kept of each text, to find what may be a copy
_MIN_GRAMS = 8  # a text with fewer stretches is too short to be compared
_MAX_WORDS = 3000
_WORD = re.compile(r"\w+")


def sketches(texts: Sequence[str], numbers: Sequence[int], words: WordHashes) -> list[tuple[int, int]]:
    """Pairs (hash, number): of each text, the smallest hashes of its five-word stretches.

    Two texts that share most of their stretches share most of these. `words` is a cache of word hashes.
    """
    import numpy as np

    tokens, counts = _token_hashes(texts, words)
    if len(tokens) < _GRAM:
        return []
    w = np.array(tokens, dtype=np.uint64)
    owner = np.repeat(np.arange(len(texts)), counts)
    grams = w[: 1 - _GRAM].copy()
    for i in range(1, _GRAM):
        grams = grams * np.uint64(0x9E3779B97F4A7C15) + w[i : len(w) - _GRAM + 1 + i]
    grams = (grams ^ (grams >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD) >> np.uint64(24)
    inside = owner[: 1 - _GRAM] == owner[_GRAM - 1 :]
    grams, owner = grams[inside], owner[: 1 - _GRAM][inside]
    order = np.lexsort((grams, owner))
    grams, owner = grams[order], owner[order]
    once = np.ones(len(grams), dtype=bool)
    once[1:] = (grams[1:] != grams[:-1]) | (owner[1:] != owner[:-1])
    grams, owner = grams[once], owner[once]
    sizes = np.bincount(owner, minlength=len(texts))
    rank = np.arange(len(grams)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = (rank < _SKETCH) & (sizes[owner] >= _MIN_GRAMS)
    return list(zip(grams[kept].tolist(), np.asarray(numbers)[owner[kept]].tolist(), strict=True))


def _token_hashes(texts: Sequence[str], words: WordHashes) -> tuple[list[int], list[int]]:
    """A 64-bit hash of every word of all texts in a row, and how many words each text has."""
    if len(words) > 300_000:
        words.clear()
    tokens: list[int] = []
    counts = []
    for text in texts:
        found = _WORD.findall(text[: _MAX_WORDS * 12].lower())[:_MAX_WORDS]
        counts.append(len(found))
        tokens += map(words.__getitem__, found)
    return tokens, counts


class WordHashes(dict[str, int]):
    """A 64-bit hash of each word asked for, the same on every machine."""

    def __missing__(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest()
        self[word] = found = int.from_bytes(digest, "big")
        return found


def _grams(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(text[: _MAX_WORDS * 12].lower())[:_MAX_WORDS]
    return frozenset(zip(*(words[i:] for i in range(_GRAM)), strict=False))


def _containment(a: frozenset[tuple[str, ...]], b: frozenset[tuple[str, ...]]) -> float:
    """Share of the shorter text's stretches that the other has too, 0 to 1."""
    return len(a & b) / max(1, min(len(a), len(b)))


# -- the file -----------------------------------------------------------------------------------


def _renumber_sketches(db: sqlite3.Connection) -> None:
    words = WordHashes()
    rows = db.execute("SELECT number, text FROM articles ORDER BY number")
    while chunk := rows.fetchmany(4000):
        db.executemany("INSERT OR IGNORE INTO shingles VALUES (?,?)",
                       sketches([r[1] for r in chunk], [r[0] for r in chunk], words))  # fmt: skip


# Each step takes a file one schema version further; `PRAGMA user_version` says how many were taken.
_MIGRATIONS: list[tuple[str, Callable[[sqlite3.Connection], None] | None]] = [
    (_FIRST, None),
    (_SEARCH, None),
    (_NUMBERED, _renumber_sketches),
    (_IN_BULK, None),
]
SCHEMA_VERSION = len(_MIGRATIONS)


def _version(db: sqlite3.Connection, path: Path) -> int:
    """The file's schema version. Raises ArchiveError for a newer or a foreign file."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    tables = {r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    if tables and not ("articles" in tables and "fetches" in tables and version):
        raise ArchiveError(f"{path} is a database of another program", "Choose another file for the archive")
    if version > SCHEMA_VERSION:
        raise ArchiveError(
            f"{path} was written by a newer version (schema {version}, this one knows {SCHEMA_VERSION})",
            "Upgrade negotiation-outlook",
        )
    return version


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    """Take the file to the newest schema in one transaction; two processes may try at once."""
    db.execute("BEGIN IMMEDIATE")
    try:
        for step in range(_version(db, path), SCHEMA_VERSION):
            script, then = _MIGRATIONS[step]
            for statement in _statements(script):
                db.execute(statement)
            if then:
                then(db)
            db.execute(f"PRAGMA user_version={step + 1}")
        db.execute(f"PRAGMA application_id={_APPLICATION_ID}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for piece in script.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement) and statement.strip(" \n;"):
            yield statement
            statement = ""


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
            _renumber_sketches(target._db)
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


def _iso(t: datetime | None) -> str | None:
    if t is None:
        return None
    return (t if t.tzinfo is UTC else t.astimezone(UTC)).isoformat()


def _parse(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _article(r: sqlite3.Row) -> Article:
    return Article(
        article_id=r["article_id"], title=r["title"], text=r["text"], url=r["url"], source=r["source"],
        side=r["side"], published=_parse(r["published"]) if r["published"] else None,
        retrieved=_parse(r["retrieved"]), effective=_parse(r["effective"]),
        flags=tuple(f for f in r["flags"].split(",") if f), version=r["version"], copy_of=r["copy_of"],
    )  # fmt: skip


def _code(e: sqlite3.Error) -> int:
    return getattr(e, "sqlite_errorcode", 0) & 0xFF


def _explain(path: Path, e: sqlite3.Error) -> ArchiveError:
    """The same fault in words, with what to do."""
    code = _code(e)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ArchiveError(
            f"{path} is in use by another program", "Wait for it to finish, then run again; nothing was lost"
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return ArchiveError(
            f"{path} cannot be opened for writing", "Check the permissions of the file and its folder"
        )
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return ArchiveError(
            f"the disk holding {path} is full or failing",
            "Free some space and run again; what was stored before is safe",
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return ArchiveError(
            f"{path} is damaged ({e})",
            "Put back a copy made with `forecast archive backup`, or move the file away and collect again",
        )
    if code == sqlite3.SQLITE_TOOBIG:
        return ArchiveError(f"{path}: a text is too long to be stored ({e})", "Leave that text out")
    return ArchiveError(f"{path}: {e}", "Run `forecast archive check` on it")
