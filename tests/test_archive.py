"""The archive: versions, copies, search, exports, migrations, and what disks and other programs do to it."""

from __future__ import annotations

import csv
import json
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from forecast import archive_schema as module
from forecast.addresses import canonical_url
from forecast.archive import Archive, FeedState
from forecast.archive_rescue import check_file, salvage
from forecast.archive_schema import SCHEMA_VERSION
from forecast.errors import ArchiveError
from forecast.near_copies import WordHashes, content_hash, sketches
from forecast.records import Article

DAY = datetime(2025, 7, 19, 12, tzinfo=UTC)
STORY = (
    "The delegations of both countries met in Istanbul on Saturday and agreed to exchange a thousand prisoners "
    "each, the mediator said, adding that a further meeting would be held within two weeks if the lists agree."
)


def article(n=1, *, text="", source="Wire", at=DAY, url=None, title="", **kw):
    text = text or f"Report number {n} says that the talks on subject {n} went on until {n} o'clock."
    url = f"https://x.example/{n}" if url is None else url
    return Article(f"id{n}", title or f"Title {n}", text, url, source, "third", at, at, at, **kw)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "archive.sqlite"


@pytest.fixture
def archive(path):
    with Archive(path) as a:
        yield a


# -- articles -----------------------------------------------------------------------------------


def test_the_same_again_changes_nothing(archive):
    items = [article(n) for n in range(5)]
    assert archive.add_articles(items) == (5, 0)
    assert archive.add_articles(items) == (0, 0)
    assert archive.add_articles([replace(items[0], text=items[0].text.upper() + " \n ")]) == (0, 0)


def test_versions_are_kept_and_the_past_does_not_see_the_edit(archive):
    first = article()
    later = replace(first, text="It was called off.", retrieved=DAY + timedelta(days=3))
    assert archive.add_articles([first]) == (1, 0) and archive.add_articles([later]) == (0, 1)
    assert archive.add_articles([first]) == (0, 0)  # an old edition seen again is no new edit
    assert [a.version for a in archive.versions("id1")] == [1, 2]
    assert archive.articles_as_of(date(2025, 7, 21))[0].text == first.text
    assert archive.articles_as_of()[0].text == "It was called off."


def test_same_text_at_the_same_address_under_another_id_is_the_same(archive):
    a = article()
    assert archive.add_articles([a, replace(a, article_id="other")]) == (1, 0)
    assert archive.add_articles([replace(a, article_id="third", url="https://x.example/b")]) == (1, 0)


def test_all_or_nothing(archive):
    def broken():
        yield article(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        archive.add_articles(broken())
    assert archive.count_articles() == 0
    with pytest.raises(ZeroDivisionError), archive.transaction():
        archive.add_articles([article(1)])
        archive.log_fetch("F", "u", DAY, "ok", 1, 1, "", None, None)
        raise ZeroDivisionError
    assert archive.count_articles() == 0 and archive.fetch_log() == []


def test_hostile_text_is_stored_as_it_is(archive):
    text = "<script>x()</script> =cmd() '; DROP TABLE articles; -- \u202e " + "long " * 100_000
    archive.add_articles([article(text=text, title='"quoted" OR NEAR(')])
    assert archive.articles_as_of()[0].text == text and archive.check() == []


# -- copies -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        (STORY, True),
        ("(Wire) " + STORY, True),
        (STORY.upper().replace(",", " -"), True),
        (STORY.split(", the mediator")[0] + ".", True),
        (
            STORY
            + " Our correspondent adds that the hotel was guarded by several hundred policemen all day.",
            True,
        ),
        (
            "Both sides came together in Turkey at the weekend; there will be a swap of captives, it was announced.",
            False,
        ),
        ("Short news.", False),
    ],
)
def test_wire_copies_are_linked_to_their_origin(archive, text, linked):
    archive.add_articles([article(1, text=STORY), *(article(n) for n in range(3, 30))])
    archive.add_articles([article(2, text=text, source="Daily", at=DAY + timedelta(hours=5))])
    assert archive.versions("id2")[0].copy_of == ("id1" if linked else None)
    assert archive.versions("id1")[0].copy_of is None


def test_the_earliest_is_the_origin_even_if_it_comes_last(archive):
    for n, hours in ((1, 6), (2, 8), (3, 0)):
        archive.add_articles([article(n, text=STORY, source=f"S{n}", at=DAY + timedelta(hours=hours))])
    assert {a.article_id: a.copy_of for a in archive.articles_as_of()} == {
        "id1": "id3",
        "id2": "id3",
        "id3": None,
    }


def test_the_same_words_much_later_are_no_copy(archive):
    archive.add_articles([article(1, text=STORY)])
    archive.add_articles([article(2, text=STORY, source="Daily", at=DAY + timedelta(days=9))])
    assert all(a.copy_of is None for a in archive.articles_as_of())


def test_a_formula_that_many_share_links_nothing_and_costs_little(archive):
    tail = " Subscribe to our letter to get all the news of the day at seven in the morning."
    items = [
        article(n, text=f"Item {n} of {n * 7} about {n * 13}." + tail, source=f"S{n % 9}") for n in range(300)
    ]
    archive.add_articles(items)
    assert archive.count_articles() == 300


def test_copies_do_not_depend_on_how_articles_arrive(tmp_path):
    items = [
        article(n, text=STORY if n % 3 else "", source=f"S{n}", at=DAY + timedelta(hours=n))
        for n in range(12)
    ]
    links = []
    for size in (1, 5, 12):
        with Archive(tmp_path / f"{size}.sqlite") as a:
            for i in range(0, 12, size):
                a.add_articles(items[i : i + size])
            links.append([(x.article_id, x.copy_of) for x in a.articles_as_of()])
    assert links[0] == links[1] == links[2] and sum(c is not None for _, c in links[0]) == 7


def test_sketches_are_the_same_everywhere():
    assert sketches([STORY, "too short"], [7, 8], WordHashes())[0] == (52713282090, 7)
    assert {n for _, n in sketches([STORY, "too short"], [7, 8], WordHashes())} == {7}


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("http://x.example/a", "https://www.x.example/a/"),
        ("https://x.example/a?utm_source=rss&utm_medium=1", "https://x.example/a#top"),
        ("https://m.news.example/a/amp", "https://news.example/a"),
        ("https://X.example:443/a?id=1", "https://x.example/a?id=1&fbclid=2"),
    ],
)
def test_addresses_that_are_one(a, b):
    assert canonical_url(a) == canonical_url(b)


@pytest.mark.parametrize(
    "url", ["https://x.example/?p=", "https://x.example/a?reference=1", "http://[bad", "", "x" * 5000]
)
def test_addresses_keep_what_matters(url):
    assert canonical_url(url) not in ("https://x.example", "https://x.example/a")


# -- search and export --------------------------------------------------------------------------


def test_search(archive):
    archive.add_articles(
        [article(1, text="A prisoner exchange was agreed."), article(2, text="The exchange rate fell.")]
    )
    archive.add_articles([article(3, text="Prisoner of war; an exchange later", at=DAY - timedelta(days=9))])
    found = [a.article_id for a in archive.search('"prisoner exchange"')]
    assert found == ["id1"]
    assert {a.article_id for a in archive.search("prisoner exchange")} == {"id1", "id3"}
    assert [a.article_id for a in archive.search("prison*", since=date(2025, 7, 18))] == ["id1"]
    for odd in ("cease-fire", "exchange:", 'broken "quote exchange', "exchange AND", "(exchange", "a^b OR *"):
        archive.search(odd)
    with pytest.raises(ArchiveError, match="nothing to search for"):
        archive.search("*** --")


def test_search_gives_each_article_once_and_survives_compacting(archive):
    a = article(1, text="An exchange was agreed.")
    archive.add_articles([a])
    archive.add_articles([replace(a, text="An exchange was refused.", retrieved=DAY + timedelta(1))])
    archive.compact()
    assert [x.version for x in archive.search("exchange")] == [2]
    assert archive.search("agreed")[0].version == 1


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_export(archive, tmp_path, ending):
    archive.add_articles([article(1, title="=cmd()|x", text='@sum, "quoted"\nsecond line'), article(2)])
    to = tmp_path / f"out.{ending}"
    assert archive.export(to, since=date(2025, 1, 1)) == 2 and not list(tmp_path.glob("*.part"))
    if ending == "jsonl":
        assert json.loads(to.read_text().splitlines()[0])["title"] == "=cmd()|x"
    if ending == "csv":
        assert next(csv.DictReader(to.read_text().splitlines(keepends=True)))["title"] == "'=cmd()|x"
    with pytest.raises(ArchiveError, match="unknown"):
        archive.export(tmp_path / "out.xlsx")
    with pytest.raises(ArchiveError, match="cannot be written"):
        archive.export(tmp_path / "no" / f"out.{ending}")


# -- migrations ---------------------------------------------------------------------------------


def old_file(path, version):
    """An archive as an earlier version of the package left it."""
    db = sqlite3.connect(path)
    for script, _ in module._MIGRATIONS[:version]:
        db.executescript(script)
    db.execute(f"PRAGMA user_version={version}")
    for n, source in ((1, "Wire"), (2, "Daily")):
        row = (
            f"id{n}",
            1,
            f"Title {n}",
            STORY,
            f"https://x.example/{n}",
            source,
            "third",
            None,
            DAY.isoformat(),
            DAY.isoformat(),
            "no_date",
            content_hash(f"Title {n}", STORY),
            "id1" if n == 2 else None,
        )
        names = "article_id, version, title, text, url, source, side, published, retrieved, effective, flags"
        marks = ",".join("?" * len(row))
        db.execute(f"INSERT INTO articles ({names}, content_hash, copy_of) VALUES ({marks})", row)
    if version >= 4:  # since then whoever adds articles indexes them, many at once
        db.execute("INSERT INTO articles_text (articles_text) VALUES ('rebuild')")
    db.execute("INSERT INTO fetches VALUES ('F','u',?,'ok',2,2,'','etag',NULL)", (DAY.isoformat(),))
    db.execute("INSERT INTO forecasts VALUES ('r','2025-07-19','m','e',?,'{}')", (DAY.isoformat(),))
    db.commit()
    db.close()


@pytest.mark.parametrize("version", [1, 2, 3, 4])
@pytest.mark.parametrize("readonly", [False, True])
def test_an_old_file_is_brought_up_to_date(path, version, readonly):
    old_file(path, version)
    with Archive(path, readonly=readonly) as a:
        assert a.count_articles() == 2 and a.versions("id2")[0].copy_of == "id1" and a.check() == []
        assert len(a.search("mediator")) == 2 and a.last_validators("F", "u") == ("etag", None)
    with Archive(path) as a:
        a.add_articles([article(3, text=STORY, source="Third", at=DAY + timedelta(hours=1))])
        if version < 3:  # such files are given fingerprints on the way
            assert a.versions("id3")[0].copy_of == "id1"
        assert a._db.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION


def test_two_processes_may_migrate_at_once(path):
    old_file(path, 1)
    code = f"from forecast.archive import Archive; from pathlib import Path; Archive(Path({str(path)!r})).close()"
    children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [c.wait(60) for c in children] == [0, 0, 0]
    assert check_file(path) == []


def test_a_failed_migration_leaves_the_old_file(path, monkeypatch):
    old_file(path, 1)

    def fail(db):
        raise sqlite3.OperationalError("stopped")

    monkeypatch.setattr(module, "_MIGRATIONS", [*module._MIGRATIONS[:2], (module._NUMBERED, fail)])
    with pytest.raises(ArchiveError):
        Archive(path)
    monkeypatch.undo()
    with Archive(path) as a:
        assert a.count_articles() == 2


def test_newer_and_foreign_files_are_refused(path, tmp_path):
    Archive(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(ArchiveError, match=r"newer version.*Upgrade"):
        Archive(path)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE bookmarks (x)")
    db.close()
    with pytest.raises(ArchiveError, match="another program"):
        Archive(other)
    (tmp_path / "text.sqlite").write_text("not a database at all, only words" * 100)
    with pytest.raises(ArchiveError, match="damaged"):
        Archive(tmp_path / "text.sqlite")


# -- disks and other programs -------------------------------------------------------------------


def test_a_notebook_reads_while_the_script_writes(archive, path):
    archive.add_articles([article(1)])
    with Archive(path, readonly=True) as reader:
        with archive.transaction():
            archive.add_articles([article(2)])
            assert reader.count_articles() == 1
        assert reader.count_articles() == 2
        with pytest.raises(ArchiveError, match="cannot be opened for writing"):
            reader.add_articles([article(3)])


def test_a_locked_file_is_said_to_be_in_use(archive, path):
    with Archive(path, timeout=0.1) as other, archive.transaction():
        archive.add_articles([article(1)])
        with pytest.raises(ArchiveError, match=r"in use by another program.*run again"):
            other.add_articles([article(2)])
    assert archive.count_articles() == 1


def test_missing_folder_and_file(tmp_path):
    with pytest.raises(ArchiveError, match="no folder"):
        Archive(tmp_path / "none" / "a.sqlite")
    with pytest.raises(ArchiveError, match="Collect first"):
        Archive(tmp_path / "a.sqlite", readonly=True)


def test_full_disk_loses_nothing_and_the_way_back_is_to_free_space(archive):
    archive.add_articles([article(1)])
    pages = archive._db.execute("PRAGMA page_count").fetchone()[0]
    archive._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(ArchiveError, match=r"full or failing.*Free some space"):
        archive.add_articles([article(n, text="word " * 5000) for n in range(2, 20)])
    assert archive.count_articles() == 1
    archive._db.execute("PRAGMA max_page_count=1000000")
    assert archive.add_articles([article(2)]) == (1, 0) and archive.check() == []


def test_file_size_limit_of_the_system(path):
    code = f"""
        import resource, signal
        from pathlib import Path
        from forecast.archive import Archive
        from forecast.errors import ArchiveError
        from forecast.records import Article
        from datetime import UTC, datetime
        t = datetime(2025, 7, 19, tzinfo=UTC)
        with Archive(Path({str(path)!r})) as a:
            a.add_articles([Article("one", "t", "text", "", "s", "third", t, t, t)])
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
            try:
                a.add_articles([Article(str(n), "t", "word " * 9000, "", "s", "third", t, t, t) for n in range(90)])
            except ArchiveError as e:
                print(e)
    """
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert "full or failing" in out.stdout
    with Archive(path) as a:
        assert a.count_articles() == 1 and a.check() == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs another user to be without rights")
def test_read_only_folder():
    folder = Path(tempfile.mkdtemp())
    try:
        with Archive(folder / "a.sqlite") as a:
            a.add_articles([article(1)])
        (folder / "a.sqlite").chmod(0o444)
        folder.chmod(0o555)
        code = f"""
            import os
            from pathlib import Path
            from forecast.archive import Archive
            from forecast.errors import ArchiveError
            if os.geteuid() == 0:
                os.setuid(65534)
            with Archive(Path({str(folder / "a.sqlite")!r}), readonly=True) as a:
                print(a.count_articles())
            for name in ("a.sqlite", "b.sqlite"):
                try:
                    Archive(Path({str(folder)!r}) / name)
                except ArchiveError as e:
                    print(e)
        """
        out = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
        lines = out.stdout.splitlines()
        assert (
            lines[0] == "1"
            and len(lines) == 3
            and all("cannot be opened for writing" in x for x in lines[1:])
        )
    finally:
        folder.chmod(stat.S_IRWXU)
        shutil.rmtree(folder)


def damage(path, share):
    """Overwrite a stretch in the middle of the file."""
    body = bytearray(path.read_bytes())
    at = int(len(body) * share) // 16384 * 16384
    body[at : at + 32768] = b"\xa5" * 32768
    path.write_bytes(body)


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])
def test_damage_is_named_and_what_can_be_read_is_rescued(path, tmp_path, share):
    with Archive(path) as a:
        a.add_articles(article(n, text=f"{n} " + f"word{n} " * 300) for n in range(400))
        a.log_forecasts(
            [{"round_id": "r", "reference_date": "2025-07-19", "model_id": "m", "evidence_hash": "e"}], DAY
        )
        a.compact()
    damage(path, share)
    assert check_file(path) != []
    saved = salvage(path, tmp_path / "rescued.sqlite")
    assert saved["articles"] > 350 and saved["forecasts"] == 1
    with Archive(tmp_path / "rescued.sqlite") as a:
        assert a.check() == [] and len(a.search("word399")) + len(a.search("word1")) >= 1
    with pytest.raises(ArchiveError, match="exists already"):
        salvage(path, tmp_path / "rescued.sqlite")


def test_a_search_index_that_is_off_is_noticed_and_mended(archive):
    archive.add_articles([article(n) for n in range(20)])
    archive._db.execute("INSERT INTO articles_text (rowid, title, text) VALUES (99, 'ghost', 'ghost')")
    assert "search index" in archive.check()[0]
    archive.compact()
    assert archive.check() == [] and len(archive.search("talks")) == 20


def test_a_file_cut_short_is_damaged(path):
    with Archive(path) as a:
        a.add_articles(article(n, text="word " * 500) for n in range(100))
        a.compact()
    path.write_bytes(path.read_bytes()[:50_000])
    assert (check_file(path) != [] and "damaged" in " ".join(check_file(path))) or check_file(path)


def test_backup_while_writing(archive, path, tmp_path):
    archive.add_articles([article(n) for n in range(50)])
    with Archive(path) as other:
        other.backup(tmp_path / "copy.sqlite")
        other.add_articles([article(99)])
        other.backup(tmp_path / "copy.sqlite")
    assert check_file(tmp_path / "copy.sqlite") == []
    with Archive(tmp_path / "copy.sqlite", readonly=True) as copy:
        assert copy.count_articles() == 51
    with pytest.raises(ArchiveError, match="archive itself"):
        archive.backup(path)
    with pytest.raises(ArchiveError, match="no folder"):
        archive.backup(tmp_path / "none" / "copy.sqlite")
    assert sorted(p.name for p in tmp_path.iterdir() if "copy" in p.name) == ["copy.sqlite"]


def test_issued_forecasts_are_never_rewritten(archive):
    record = {
        "round_id": "r",
        "reference_date": "2025-07-19",
        "model_id": "m",
        "evidence_hash": "e",
        "p": 0.4,
    }
    assert archive.log_forecasts([record, record], DAY) == 1
    assert archive.log_forecasts([{**record, "p": 0.9}], DAY) == 0
    for sql in ("UPDATE forecasts SET record='x'", "DELETE FROM forecasts"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            archive._db.execute(sql)
    assert archive.forecasts()[0]["p"] == 0.4


def test_decisions_and_feed_states(archive):
    archive.decide("r", 2, date(2025, 7, 19), "s", "first", DAY)
    archive.decide("r", 3, date(2025, 7, 19), "s", "second", DAY + timedelta(1))
    assert [d["level"] for d in archive.decisions()] == [3]
    state = FeedState("https://x.example/new", DAY, DAY, 3)
    archive.remember_feed("F", "https://me:pw@x.example/f", state)
    assert archive.feed_state("F", "https://x.example/f") == state
    archive.remember_feed("F", "https://x.example/f", FeedState())
    assert archive.feed_state("F", "https://x.example/f") == FeedState()


def test_speed_and_size(path):
    """A quick guard at a tenth of the size; `tests/benchmarks` measures the whole."""
    words = [f"w{n}" for n in range(5000)]
    items = [
        article(n, text=" ".join(words[(n * 7 + k * k) % 5000] for k in range(36))) for n in range(10_000)
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    with Archive(path) as a:
        a.add_articles(items)
        inserted = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        assert a.add_articles(items) == (0, 0)
    again = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    assert inserted - before < 4 and again - inserted < 1
