"""How an archive's file is laid out: its tables, the steps from older schemas, rows as records, faults in words."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from forecast.errors import ArchiveError
from forecast.near_copies import WordHashes, exact_hash, sketches
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
# What was read from the articles, by the exact hash of a text and by who read it: nothing is coded twice. `coding` is
# empty where an article is not relevant, so that most of an archive takes a line in an index.
_CODINGS = """
    ALTER TABLE articles ADD COLUMN text_key INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE coders (
        coder INTEGER PRIMARY KEY, version TEXT NOT NULL, case_hash TEXT NOT NULL, UNIQUE (version, case_hash)
    );
    CREATE TABLE codings (coder INTEGER NOT NULL, text_key INTEGER NOT NULL, conflict_id TEXT, coding BLOB);
    CREATE UNIQUE INDEX codings_key ON codings (coder, text_key);
    CREATE INDEX codings_conflict ON codings (coder, conflict_id, text_key);
"""
_APPLICATION_ID = 0x4E4F5554


def renumber_sketches(db: sqlite3.Connection) -> None:
    """Sketch every text of an archive, to find copies by."""
    words = WordHashes()
    rows = db.execute("SELECT number, text FROM articles ORDER BY number")
    while chunk := rows.fetchmany(4000):
        db.executemany("INSERT OR IGNORE INTO shingles VALUES (?,?)",
                       sketches([r[1] for r in chunk], [r[0] for r in chunk], words))  # fmt: skip


def key_texts(db: sqlite3.Connection) -> None:
    """Give every article of an archive the key its codings are found by."""
    db.execute("DROP INDEX IF EXISTS articles_current")
    last = 0
    # In steps: a long text is held only as long as it takes to hash it, and no row is changed under a reading cursor.
    while rows := db.execute(
        "SELECT number, title, text, effective FROM articles WHERE number>? ORDER BY number LIMIT 1000", (last,)
    ).fetchall():
        keys = [(exact_hash(r["title"], r["text"], r["effective"][:10]), r["number"]) for r in rows]
        db.executemany("UPDATE articles SET text_key=? WHERE number=?", keys)
        last = rows[-1]["number"]
    # Which version of each article is current on a day, and its key, without a look at the texts.
    db.execute("CREATE INDEX articles_current ON articles (article_id, version, effective, text_key)")


# Each step takes a file one schema version further; `PRAGMA user_version` says how many were taken.
_MIGRATIONS: list[tuple[str, Callable[[sqlite3.Connection], None] | None]] = [
    (_FIRST, None),
    (_SEARCH, None),
    (_NUMBERED, renumber_sketches),
    (_IN_BULK, None),
    (_CODINGS, key_texts),
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


def _connect(path: Path, mode: str, timeout: float) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?{mode}"
    db = sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None)
    db.row_factory = sqlite3.Row
    return db


def open_to_write(path: Path, timeout: float) -> sqlite3.Connection:
    """A connection to the file in WAL mode, made or brought up to the newest schema if need be."""
    db = _connect(path, "mode=rwc", timeout)
    try:
        version = _version(db, path)
        db.execute("PRAGMA page_size=16384")  # of a new file: wastes less on long texts
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA temp_store=MEMORY")
        db.execute("PRAGMA cache_size=-64000")
        if version < SCHEMA_VERSION:
            _migrate(db, path)
    except BaseException:
        db.close()
        raise
    return db


def open_to_read(path: Path, timeout: float) -> sqlite3.Connection:
    """A connection that cannot write; only an old schema is first brought up to date."""
    db = _connect(path, "mode=ro", timeout)
    try:
        try:
            version = _version(db, path)
        except sqlite3.OperationalError as e:
            if error_code(e) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            db.close()
            db = _connect(path, "mode=ro&immutable=1", timeout)  # a folder that cannot hold WAL's side files
            version = _version(db, path)
        if version < SCHEMA_VERSION:
            db.close()
            open_to_write(path, timeout).close()
            db = _connect(path, "mode=ro", timeout)
    except BaseException:
        db.close()
        raise
    return db


def iso(t: datetime | None) -> str | None:
    """A time as it stands in the file: UTC, ISO 8601."""
    if t is None:
        return None
    return (t if t.tzinfo is UTC else t.astimezone(UTC)).isoformat()


def read_time(text: str) -> datetime:
    """A time that stands in the file."""
    return datetime.fromisoformat(text)


def article_of(r: sqlite3.Row) -> Article:
    """The article in a row of `articles`."""
    return Article(
        article_id=r["article_id"], title=r["title"], text=r["text"], url=r["url"], source=r["source"],
        side=r["side"], published=read_time(r["published"]) if r["published"] else None,
        retrieved=read_time(r["retrieved"]), effective=read_time(r["effective"]),
        flags=tuple(f for f in r["flags"].split(",") if f), version=r["version"], copy_of=r["copy_of"],
    )  # fmt: skip


def error_code(e: sqlite3.Error) -> int:
    """SQLite's primary result code, 0 where there is none."""
    return getattr(e, "sqlite_errorcode", 0) & 0xFF


def explain(path: Path, e: sqlite3.Error) -> ArchiveError:
    """The same fault in words, with what to do."""
    code = error_code(e)
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
