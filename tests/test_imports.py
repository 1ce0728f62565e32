"""Back-fill from files, OPML, and discovery of feeds from a page."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from feed_server import Answer, FeedServer, item, rss

from forecast.archive import Archive
from forecast.errors import ParseError, RetrieveError
from forecast.feed_formats import article_id, parse
from forecast.imports import (
    FoundFeed,
    discover,
    feeds_as_opml,
    feeds_as_toml,
    feeds_in_page,
    import_articles,
    import_dated_news,
    parse_opml,
    read_opml,
)
from forecast.records import Feed

NOW = datetime(2025, 7, 20, 12, tzinfo=UTC)
ROWS = [
    {
        "title": "Talks",
        "text": "<p>Both sides met.</p>",
        "url": "https://x.example/1?utm_source=a",
        "published": "2025-07-19T14:30:00+03:00",
    },
    {
        "headline": "=cmd()",
        "body": "A second text.",
        "link": "https://x.example/2",
        "date": "19 Jul 2025 14:30 MSK",
        "source": "Daily",
    },
    {"title": "", "text": "Only text.", "id": 7},
]


def test_jsonl_with_faulty_lines(archive, tmp_path):
    path = tmp_path / "old.jsonl"
    lines = [json.dumps(r) for r in ROWS] + [
        "{broken",
        "[1]",
        "",
        json.dumps({"title": " "}),
        json.dumps(ROWS[0]),
    ]
    path.write_text("\ufeff" + "\n".join(lines))
    r = import_articles(path, archive, source="Old", now=NOW)
    assert (r.read, r.new, r.changed, r.known, r.skipped) == (7, 3, 0, 1, 3)
    assert r.faults == (
        "record 3: no readable date (write YYYY-MM-DD); it counts from now",
        "record 4: not valid JSON",
        "record 5: not a JSON object",
        "record 6: neither title nor text",
    )
    first = next(a for a in archive.articles_as_of() if a.title == "Talks")
    assert first.effective == datetime(2025, 7, 19, 11, 30, tzinfo=UTC) and first.source == "Old"
    assert first.text == "Both sides met." and first.retrieved == NOW
    assert import_articles(path, archive, source="Old", now=NOW).new == 0


def test_what_was_imported_and_then_comes_by_feed_counts_once(archive, tmp_path):
    (tmp_path / "old.jsonl").write_text(json.dumps({**ROWS[0], "text": "Delegations met."}))
    import_articles(tmp_path / "old.jsonl", archive, source="F", now=NOW)
    body = rss(item(title="Talks", text="Delegations met.", link="https://x.example/1"))
    assert archive.add_articles(parse(body, Feed("F", "u", "third"), NOW).articles) == (0, 0)


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("packed", [False, True])
def test_csv(archive, tmp_path, sign, packed):
    path = tmp_path / ("old.csv.gz" if packed else "old.csv")
    with gzip.open(path, "wt", newline="") if packed else path.open("w", newline="") as f:
        w = csv.writer(f, delimiter=sign)
        w.writerows(
            [
                ["Title", "Text", "URL", "Date"],
                ["'=cmd()", "One\nline, two; and\ta tab", "https://x.example/1", "2025-07-19"],
            ]
        )
        w.writerow(["a", "b", "c", "d", "e"])
    r = import_articles(path, archive, now=NOW)
    assert (r.new, r.skipped) == (1, 1)
    (a,) = archive.articles_as_of()
    assert a.title == "=cmd()" and a.source == "old" and a.effective == datetime(2025, 7, 19, tzinfo=UTC)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_what_was_exported_comes_back(archive, tmp_path, ending):
    (tmp_path / "old.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    import_articles(tmp_path / "old.jsonl", archive, now=NOW)
    archive.export(tmp_path / f"out.{ending}")
    with Archive(tmp_path / "second.sqlite") as second:
        assert import_articles(tmp_path / f"out.{ending}", second, now=NOW).new == 3
        key = [(a.title, a.text, a.url, a.source, a.effective) for a in archive.articles_as_of()]
        assert [(a.title, a.text, a.url, a.source, a.effective) for a in second.articles_as_of()] == key


def test_parquet_with_real_dates(archive, tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table(
        {
            "text": ["a text", None],
            "date": [datetime(2025, 7, 1, 5), None],
            "link": ["https://x.example/1", None],
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    r = import_articles(tmp_path / "x.parquet", archive, now=NOW)
    assert (r.new, r.skipped) == (1, 1) and archive.articles_as_of()[0].effective == datetime(
        2025, 7, 1, 5, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("x.xlsx", b"", "unknown kind"),
        ("none.jsonl", None, "cannot be read"),
        ("x.parquet", b"PAR1junk", "as Parquet"),
        ("x.csv.gz", b"\x1f\x8bjunk", "cannot be read"),
        ("none.parquet", None, "as Parquet"),
    ],
)
def test_files_that_cannot_be_read(archive, tmp_path, name, body, words):
    if body is not None:
        (tmp_path / name).write_bytes(body)
    with pytest.raises(ParseError, match=words):
        import_articles(tmp_path / name, archive, now=NOW)
    assert archive.count_articles() == 0


def test_future_and_unreadable_dates_are_flagged(archive, tmp_path):
    rows = [{"text": "a", "date": "2052-01-01"}, {"text": "b", "date": "soon"}, {"text": "c"}]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    import_articles(tmp_path / "x.jsonl", archive, now=NOW)
    found = {a.text: a for a in archive.articles_as_of()}
    assert [found[k].flags for k in "abc"] == [("future_date",), ("unreadable_date",), ("no_date",)]
    assert all(a.effective == NOW for a in found.values())


def test_dated_news(archive, tmp_path):
    with (tmp_path / "news.csv").open("w", newline="") as f:
        csv.writer(f).writerows(
            [
                ["key", "date", "category", "text"],
                ["k1", "2025-07-18", "", "Talks were held. " * 12],
                ["k2", "2025-07-19", "c", "Again."],
                ["k3", "someday", "", "x"],
            ]
        )
    r = import_dated_news(tmp_path / "news.csv", archive, now=NOW)
    assert (r.read, r.new, r.skipped) == (3, 2, 1)
    first = archive.articles_as_of(date(2025, 7, 18))
    assert len(first) == 1 and first[0].flags == ("date_only",) and first[0].title.endswith("…")
    assert first[0].article_id == article_id("Wikipedia current events|k1")
    with Archive(tmp_path / "b.sqlite") as b:
        assert (
            import_dated_news(
                tmp_path / "news.csv", b, now=NOW, since=date(2025, 7, 19), until=date(2025, 7, 19)
            ).new
            == 1
        )


def test_the_shared_news_archive(tmp_path):
    path = (
        Path(__file__).resolve().parents[2]
        / "shared"
        / "data"
        / "wikipedia_current_events_2002-07_2025-08.csv.gz"
    )
    if not path.exists():
        pytest.skip(f"{path.name} is not part of the package and is not here")
    with Archive(tmp_path / "a.sqlite") as a:
        r = import_dated_news(path, a, since=date(2025, 7, 1))
        assert r.new > 100 and r.skipped == 0


OPML = b"""<?xml version="1.0"?><opml version="1.0"><head/><body><outline text="Wires">
 <outline type="rss" text="A &amp; B" xmlUrl="https://x.example/feed"/><outline text="A &amp; B" xmlUrl="https://y.example/feed"/>
 <outline title="" xmlUrl="https://www.z.example/rss"/><outline text="again" xmlURL="http://x.example/feed/"/>
 <outline text="bad" xmlUrl="javascript:x"/></outline></body></opml>"""


def test_opml_there_and_back(tmp_path):
    (tmp_path / "f.opml").write_bytes(OPML)
    feeds = read_opml(tmp_path / "f.opml")
    assert [f.name for f in feeds] == ["A & B", "A & B 2", "z.example"]
    assert parse_opml(feeds_as_opml(feeds).encode()) == feeds
    assert "pw" not in feeds_as_opml([Feed("x", "https://me:pw@x.example/", "third")])
    import tomllib

    assert tomllib.loads(feeds_as_toml(feeds))["feeds"][0] == {
        "name": "A & B",
        "url": "https://x.example/feed",
        "side": "third",
    }


@pytest.mark.parametrize(
    "body", [b"", b"<html/>", b"<opml><body>", b"<!DOCTYPE x [<!ENTITY a 'b'>]><opml/>", b"\x00\xff"]
)
def test_what_is_no_opml(body, tmp_path):
    with pytest.raises(ParseError):
        parse_opml(body)
    with pytest.raises(ParseError, match="cannot be read"):
        read_opml(tmp_path / "none.opml")


PAGE = b"""<html><head><link rel='alternate' type='application/rss+xml' title='News &amp; more' href='/rss.xml'>
 <link rel=alternate type=application/atom+xml href=atom.xml><link rel="stylesheet" href="/feed.css"></head>
 <body><a href="/about">About</a> <a href="/world/rss">World</a> <a href="/rss.xml">RSS</a> <a href="javascript:feed">x</a></body></html>"""


def test_feeds_in_page():
    found = feeds_in_page(PAGE, "https://x.example/dir/")
    assert found == [
        FoundFeed("https://x.example/rss.xml", "News & more"),
        FoundFeed("https://x.example/dir/atom.xml", ""),
        FoundFeed("https://x.example/world/rss", "World"),
    ]


def test_discovery_gives_feeds_that_work():
    with FeedServer() as server:
        server.play("/", Answer(PAGE, type="text/html"))
        server.play("/rss.xml", Answer(rss(item(1))))
        server.play("/world/rss", Answer(b"<html>not a feed</html>", type="text/html"))
        assert discover(server.url("/")) == [FoundFeed(server.url("/rss.xml"), "T")]
        assert discover(server.url("/rss.xml")) == [FoundFeed(server.url("/rss.xml"), "T")]
        server.play("/bare", Answer(b"<html><body>nothing</body></html>", type="text/html"))
        server.play("/feed", Answer(rss(item(2))))
        assert [f.url for f in discover(server.url("/bare"))] == [server.url("/feed"), server.url("/rss.xml")]
        with pytest.raises(RetrieveError, match="not found"):
            discover(server.url("/none"))
