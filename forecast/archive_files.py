"""What is written from an archive to other files, and whether its own file is sound."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from forecast.archive_schema import error_code, explain
from forecast.errors import ArchiveError
from forecast.near_copies import content_hash, exact_hash


def faults_of(db: sqlite3.Connection, path: Path) -> list[str]:
    """Faults of an archive file in words; an empty list means it is sound."""
    try:
        rows = [r[0] for r in db.execute("PRAGMA integrity_check")]
        faults = [] if rows == ["ok"] else rows
        wrong = sum(
            content_hash(r[0], r[1]) != r[2] or exact_hash(r[0], r[1], r[3][:10]) != r[4]
            for r in db.execute("SELECT title, text, content_hash, effective, text_key FROM articles")
        )
        lost = db.execute(
            "SELECT count(*) FROM articles WHERE copy_of IS NOT NULL"
            " AND copy_of NOT IN (SELECT article_id FROM articles)"
        ).fetchone()[0]
    except sqlite3.Error as e:
        return [str(explain(path, e))]
    if not _search_is_sound(db):
        faults.append("the search index does not match the articles; `forecast archive compact` mends it")
    if wrong:
        faults.append(f"{wrong} articles do not match their stored fingerprint")
    if lost:
        faults.append(f"{lost} copies point to an article that is not there")
    return faults


def _search_is_sound(db: sqlite3.Connection) -> bool:
    """Whether the index agrees with the texts; taken for granted in a file opened for reading only."""
    try:
        db.execute("INSERT INTO articles_text (articles_text, rank) VALUES ('integrity-check', 1)")
    except sqlite3.Error as e:
        return error_code(e) not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
    return True


def back_up(db: sqlite3.Connection, path: Path, to: Path) -> None:
    """A consistent, checked copy, also while another process writes; put in place only when complete."""
    if to.exists() and to.samefile(path):
        raise ArchiveError(f"{to} is the archive itself", "Give the copy another name")
    if not to.parent.is_dir():
        raise ArchiveError(f"there is no folder {to.parent}", "Make it, or give another place")
    part = to.with_name(to.name + ".part")
    try:
        part.unlink(missing_ok=True)
        with closing(sqlite3.connect(part)) as target:
            db.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
            if target.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise ArchiveError(f"the copy {to} is not sound", "Run `forecast archive check`")
        part.replace(to)
    except sqlite3.Error as e:
        raise explain(to, e) from None
    except OSError as e:
        raise ArchiveError(f"{to} cannot be written: {e.strerror}", "Give another place") from None
    finally:
        part.unlink(missing_ok=True)


# -- export -------------------------------------------------------------------------------------


_EXPORTED = (
    "article_id", "version", "title", "text", "url", "source", "side", "published", "retrieved", "effective",
    "flags", "copy_of",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


Writer = Callable[[Path, list[dict[str, Any]]], None]


def writer_for(to: Path) -> Writer:
    """What writes such a file, by its ending. Raises ArchiveError for an ending that is unknown."""
    writers: dict[str, Writer] = {".jsonl": _write_jsonl, ".csv": _write_csv, ".parquet": _write_parquet}
    if to.suffix not in writers:
        raise ArchiveError(f"{to.name}: the ending is unknown", f"Use {', '.join(writers)}")
    return writers[to.suffix]


def write_rows(found: list[sqlite3.Row], to: Path, write: Writer) -> int:
    """Write rows of `articles`; the file is put in place only when complete. Returns their number."""
    rows = [{k: r[k] for k in _EXPORTED} for r in found]
    part = to.with_name(to.name + ".part")
    try:
        write(part, rows)
        part.replace(to)
    except OSError as e:
        raise ArchiveError(f"{to} cannot be written: {e.strerror}", "Check folder and free space") from None
    finally:
        part.unlink(missing_ok=True)
    return len(rows)


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
