"""Feeds over a real server on loopback: retrieval, parsing, dates, one story once, interruption."""

from __future__ import annotations

import gzip
import itertools
import random
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from feed_server import (
    Answer,
    FeedServer,
    bomb,
    break_off,
    drip,
    drip_headers,
    endless,
    garbage,
    hang_up,
    item,
    rss,
    silence,
    slowly,
)

from forecast import feed_formats
from forecast.addresses import without_credentials
from forecast.archive import Archive
from forecast.errors import ParseError, RetrieveError
from forecast.feed_dates import read_date
from forecast.feed_formats import clean_text, decode, parse
from forecast.feed_rss import entries_of
from forecast.feeds import collect, read_interval, watch
from forecast.records import Feed
from forecast.retrieve import Switch, retrieve

NOW = datetime(2025, 7, 20, 12, tzinfo=UTC)
FAST = {"timeout": (1.0, 0.6), "deadline": 3.0, "host_pause": 0.0, "now": NOW}


def feed(url, name="F", side="third"):
    return Feed(name, url, side)


def read(body, **kw):
    return parse(body, feed("https://news.example/feed"), NOW, **kw)


def texts(body, **kw):
    return [a.text for a in read(body, **kw).articles]


# -- what servers do ----------------------------------------------------------------------------

GOOD = rss(item(1), item(2))


def _latin(body):
    return body.decode().replace("utf-8", "iso-8859-1").encode("iso-8859-1", "xmlcharrefreplace")


SERVED = {
    "plain": Answer(GOOD),
    "as html type": Answer(GOOD, type="text/html"),
    "as octets": Answer(GOOD, type="application/octet-stream"),
    "no type": Answer(GOOD, type=""),
    "gzip": Answer(gzip.compress(GOOD), headers={"Content-Encoding": "gzip"}),
    "x-gzip": Answer(gzip.compress(GOOD), headers={"Content-Encoding": "x-gzip"}),
    "deflate with header": Answer(zlib.compress(GOOD), headers={"Content-Encoding": "deflate"}),
    "deflate without header": Answer(zlib.compress(GOOD)[2:-4], headers={"Content-Encoding": "deflate"}),
    "blank lines first": Answer(b"\n\n \r\n" + GOOD),
    "wrong charset header": Answer(GOOD, type="application/rss+xml; charset=utf-16"),
    "203": Answer(GOOD, 203),
}


@pytest.mark.parametrize("name", SERVED)
def test_served_oddly_but_readable(server, archive, name):
    r = collect([feed(server.play("/feed", SERVED[name]))], archive, **FAST)[0]
    assert (r.status, r.items, r.new) == ("ok", 2, 2)


FAILING = {
    "401": (Answer(b"", 401), "asks for a password"),
    "403": (Answer(b"", 403), "refuses access"),
    "404": (Answer(b"", 404), "was not found"),
    "410": (Answer(b"", 410), "gone for good"),
    "429": (Answer(b"", 429, {"Retry-After": "120"}), "come back later"),
    "500": (Answer(b"", 500), "answered with an error (500)"),
    "503": (Answer(b"", 503, {"Retry-After": "600"}), "come back later"),
    "204": (Answer(b"", 204), "nothing to read"),
    "empty": (Answer(b""), "answered with nothing"),
    "blank": (Answer(b" \n\t"), "answered with nothing"),
    "page": (
        Answer(b"<!doctype html><html><body>Hello</body></html>", type="text/html"),
        "a web page, not a feed",
    ),
    "text": (Answer(b"come in, the feed is elsewhere"), "not a feed"),
    "json": (Answer(b'{"error": 1}'), "not a JSON Feed"),
    "broken json": (Answer(b'{"version": "https://jsonfeed.org/version/1", "items": ['), "broken JSON"),
    "deep json": (Answer(b'{"a":' * 100_000), "broken JSON"),
    "drip": (drip, "took longer than 3 s"),
    "drip headers": (drip_headers, "took longer than 3 s"),
    "silence": (silence, "stopped sending for 0.6 s"),
    "hang up": (hang_up, "cannot be reached"),
    "garbage": (garbage, "cannot be"),
    "bomb": (bomb(60), "more than 20 MB"),
    "endless": (endless, "more than 20 MB"),
    "bad gzip": (Answer(b"\x1f\x8bnonsense", headers={"Content-Encoding": "gzip"}), "bad compression"),
    "brotli": (Answer(b"xyz", headers={"Content-Encoding": "br"}), "compressed in an unknown way"),
    "file redirect": (Answer(b"", 302, {"Location": "file:///etc/passwd"}), "to a file: address was refused"),
    "ftp redirect": (Answer(b"", 301, {"Location": "ftp://x.example/"}), "to a ftp: address was refused"),
    "bad redirect": (Answer(b"", 302, {"Location": "http://[bad"}), "cannot be asked"),
    "loop": (Answer(b"", 302, {"Location": "/feed"}), "redirects more than 5 times"),
    "private redirect": (
        Answer(b"", 302, {"Location": "http://127.0.0.1:1/"}),
        "private address 127.0.0.1 was refused",
    ),
    "local redirect": (
        Answer(b"", 301, {"Location": "http://localhost:1/x"}),
        "private address localhost was refused",
    ),
    "mapped redirect": (Answer(b"", 302, {"Location": "http://[::ffff:10.0.0.1]/"}), "private address"),
    "number redirect": (Answer(b"", 302, {"Location": "http://2130706433/"}), "private address"),
    "metadata redirect": (Answer(b"", 302, {"Location": "http://169.254.169.254/latest"}), "private address"),
}


@pytest.mark.parametrize("name", FAILING)
def test_failing_feed_is_a_value_and_stops_no_other(server, archive, name):
    answer, words = FAILING[name]
    feeds = [feed(server.play("/feed", answer), "bad"), feed(server.play("/good", Answer(GOOD)), "good")]
    began = time.monotonic()
    bad, good = collect(feeds, archive, **FAST)
    assert bad.status == "failed" and words in bad.detail
    assert len(bad.detail) > len(words) + 10  # it says what to do as well
    assert (good.status, good.new) == ("ok", 2)
    assert time.monotonic() - began < 6
    assert archive.fetch_log()[0]["status"] == "failed"


def test_no_server(archive):
    r = collect([feed("http://127.0.0.1:9/feed")], archive, **FAST)[0]
    assert r.status == "failed" and "cannot be reached" in r.detail


def test_passing_fault_is_tried_again(server, archive):
    url = server.play("/feed", Answer(b"", 503), Answer(b"", 502), Answer(GOOD))
    assert collect([feed(url)], archive, **FAST)[0].status == "ok"
    assert len(server.requests) == 3


def test_short_retry_after_is_waited_for(server, archive):
    url = server.play("/feed", Answer(b"", 429, {"Retry-After": "1"}), Answer(GOOD))
    began = time.monotonic()
    assert collect([feed(url)], archive, **FAST)[0].status == "ok"
    assert time.monotonic() - began >= 1


def test_long_retry_after_is_remembered_and_obeyed(server, archive):
    url = server.play("/feed", Answer(b"", 503, {"Retry-After": "3600"}), Answer(GOOD))
    options = {k: v for k, v in FAST.items() if k != "now"}
    collect([feed(url)], archive, now=NOW, **options)
    early = collect([feed(url)], archive, now=NOW + timedelta(minutes=59), **options)[0]
    assert "not to be read before 2025-07-20 13:00" in early.detail and len(server.requests) == 1
    assert collect([feed(url)], archive, now=NOW + timedelta(minutes=61), **options)[0].status == "ok"
    assert archive.feed_state("F", url).strikes == 0


@pytest.mark.parametrize(
    ("value", "hours"), [("99999999", 24), ("Mon, 01 Jan 2035 00:00:00 GMT", 24), ("soon", 0)]
)
def test_retry_after_is_capped(server, archive, value, hours):
    url = server.play("/feed", Answer(b"", 429, {"Retry-After": value}))
    collect([feed(url)], archive, **FAST)
    state = archive.feed_state("F", url)
    assert state.retry_at == (NOW + timedelta(hours=hours) if hours else None)


def test_repeated_refusals_back_off(server, archive):
    url = server.play("/feed", Answer(b"", 503))
    options = {**FAST, "deadline": 1.1}
    for hour in range(4):
        collect([feed(url)], archive, **{**options, "now": NOW + timedelta(hours=hour)})
    state = archive.feed_state("F", url)
    assert state.strikes == 4 and state.retry_at == NOW + timedelta(hours=3, minutes=20)


def test_gone_feed_is_not_asked_again_until_told(server, archive):
    url = server.play("/feed", Answer(b"", 410), Answer(GOOD))
    collect([feed(url)], archive, **FAST)
    r = collect([feed(url)], archive, **FAST)[0]
    assert "gone since 2025-07-20" in r.detail and "Take it out" in r.detail and len(server.requests) == 1
    archive.forget_feed("F")
    assert collect([feed(url)], archive, **FAST)[0].status == "ok"


# -- conditional requests and moves -------------------------------------------------------------


def test_nothing_new_makes_only_conditional_requests(server, archive):
    feeds = [
        feed(server.play("/a", Answer(rss(item("a")), headers={"ETag": '"1"'})), "a"),
        feed(
            server.play(
                "/b", Answer(rss(item("b")), headers={"Last-Modified": "Sat, 19 Jul 2025 10:00:00 GMT"})
            ),
            "b",
        ),
    ]
    collect(feeds, archive, **FAST)
    for _ in range(2):  # a 304 that repeats no validator must not make us forget it
        assert [r.status for r in collect(feeds, archive, **FAST)] == ["unchanged", "unchanged"]
    assert [h.get("if-none-match") for h in server.asked("/a")] == [None, '"1"', '"1"']
    assert [bool(h.get("if-modified-since")) for h in server.asked("/b")] == [False, True, True]


def test_cut_off_document_keeps_what_came_and_is_asked_for_in_full_again(server, archive):
    body = rss(*(item(n) for n in range(20)))
    url = server.play("/feed", break_off(body, len(body) // 2), Answer(body, headers={"ETag": '"x"'}))
    r = collect([feed(url)], archive, **FAST)[0]
    assert r.status == "ok" and 5 < r.new < 20 and "ended early" in r.detail
    r = collect([feed(url)], archive, **FAST)[0]
    assert archive.count_articles() == 20 and "if-none-match" not in server.asked("/feed")[1]


def test_truncated_but_complete_answer_is_asked_for_again(server, archive):
    body = rss(*(item(n) for n in range(20)))[:-900]
    url = server.play("/feed", Answer(body, headers={"ETag": '"x"'}))
    assert "ended early" in collect([feed(url)], archive, **FAST)[0].detail
    assert archive.last_validators("F", url) == (None, None)


@pytest.mark.parametrize("status", [301, 308])
def test_permanent_redirect_is_remembered(server, archive, status):
    url = server.play("/old", Answer(b"", status, {"Location": "/new"}))
    server.play("/new", Answer(GOOD, headers={"ETag": '"1"'}))
    r = collect([feed(url)], archive, **FAST)[0]
    assert r.new == 2 and "moved for good" in r.detail and "/new" in r.detail
    assert collect([feed(url)], archive, **FAST)[0].status == "unchanged"
    assert len(server.asked("/old")) == 1


@pytest.mark.parametrize("status", [302, 303, 307])
def test_passing_redirect_is_followed_and_not_remembered(server, archive, status):
    url = server.play("/old", Answer(b"", status, {"Location": "/new"}))
    server.play("/new", Answer(GOOD))
    collect([feed(url)], archive, **FAST)
    collect([feed(url)], archive, **FAST)
    assert len(server.asked("/old")) == 2


def test_old_address_is_tried_when_the_new_one_fails(server, archive):
    url = server.play("/old", Answer(b"", 301, {"Location": "/new"}), Answer(rss(item(3))))
    server.play("/new", Answer(GOOD), Answer(b"", 404))
    collect([feed(url)], archive, **FAST)
    assert collect([feed(url)], archive, **FAST)[0].new == 1
    assert archive.feed_state("F", url).moved_to is None


def test_move_to_a_page_is_not_remembered(server, archive):
    url = server.play("/old", Answer(b"", 301, {"Location": "/login"}))
    server.play("/login", Answer(b"<html><body>log in</body></html>"))
    assert collect([feed(url)], archive, **FAST)[0].status == "failed"
    assert archive.feed_state("F", url).moved_to is None


def test_private_redirect_is_followed_where_the_case_allows_it(archive):
    with FeedServer("127.0.0.1") as a, FeedServer("127.0.0.2") as b:
        url = a.play("/feed", Answer(b"", 302, {"Location": b.play("/x", Answer(GOOD))}))
        assert collect([feed(url)], archive, **FAST)[0].status == "failed" and not b.requests
        assert collect([feed(url)], archive, allow_private=True, **FAST)[0].new == 2


def test_untrusted_address_must_be_public(server):
    url = server.play("/page", Answer(b"x"))
    for address in (url, "file:///etc/passwd", "gopher://x.example/", "http://localhost:1/"):
        with pytest.raises(RetrieveError, match="refused"):
            retrieve(address, trusted=False)
    assert not server.requests
    assert retrieve(url, trusted=False, allow_private=True).body == b"x"


def test_credentials_reach_their_host_only_and_no_log(archive):
    with FeedServer("127.0.0.1") as a, FeedServer("127.0.0.2") as b:
        b.play("/x", Answer(GOOD))
        a.play("/feed", Answer(b"", 302, {"Location": b.url("/x")}))
        url = a.url("/feed?api_key=K3Y").replace("//", "//me:s3cret@")
        a.play("/feed?api_key=K3Y", Answer(b"", 302, {"Location": b.url("/x")}))
        results = collect([feed(url)], archive, allow_private=True, **FAST)
        failed = collect([feed(url.replace("/feed", "/none"), "G")], archive, **FAST)
        assert (
            a.requests[0][1]["authorization"].startswith("Basic ") and "authorization" not in b.requests[0][1]
        )
        dump = f"{results} {failed} {archive.fetch_log()} {archive.articles_as_of()}"
        assert "s3cret" not in dump and "K3Y" not in dump and "me:" not in dump


def test_credentials_are_masked_whatever_they_hold():
    assert (
        without_credentials("https://me:p@ss@x.example/a?Token=1&n=2") == "https://x.example/a?Token=***&n=2"
    )


# -- many feeds ---------------------------------------------------------------------------------


def test_one_host_is_not_asked_twice_at_once(server, archive):
    feeds = [feed(server.play(f"/{n}", slowly(Answer(rss(item(n))), 0.05)), f"F{n}") for n in range(8)]
    assert all(r.new == 1 for r in collect(feeds, archive, **FAST))
    assert server.most_open == 1


def test_hosts_are_asked_side_by_side_and_a_pause_is_kept(archive):
    with FeedServer("127.0.0.1") as a, FeedServer("127.0.0.2") as b:
        feeds = [
            feed(s.play(f"/{n}", slowly(Answer(rss(item(f"{s.host}{n}"))), 0.2)), f"{s.host}{n}")
            for n in range(2)
            for s in (a, b)
        ]
        began = time.monotonic()
        assert all(r.new == 1 for r in collect(feeds, archive, **{**FAST, "host_pause": 0.3}))
        assert 0.7 <= time.monotonic() - began < 1.3


def test_two_hundred_feeds_in_under_300_mb_and_again_with_conditional_requests(server, tmp_path):
    for f in range(200):
        items = [
            item(f"{f}-{n}", text=f"Feed {f} says in item {n}: " + "both sides met again " * 60)
            for n in range(50)
        ]
        server.play(f"/{f}", Answer(rss(*items), headers={"ETag": f'"{f}"'}))
    code = f"""
        from pathlib import Path
        from forecast.archive import Archive
        from forecast.feeds import collect
        from forecast.records import Feed
        feeds = [Feed(f"F{{n}}", f"{server.url("")}/{{n}}", "third") for n in range(200)]
        with Archive(Path({str(tmp_path / "a.sqlite")!r})) as a:
            results = collect(feeds, a, host_pause=0)
            assert sum(r.new for r in results) == 10_000 and [r.feed for r in results] == [f.name for f in feeds]
            assert all(r.status == "unchanged" for r in collect(feeds, a, host_pause=0))
        # The peak of this process alone: ru_maxrss also remembers the parent it was forked from.
        peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
        print(int(peak.split()[1]) // 1024)
    """
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert int(out.stdout) < 300
    assert len(server.requests) == 400 and all("if-none-match" in h for _, h in server.requests[200:])


def test_stored_in_the_order_of_the_case_whoever_answers_first(server, archive):
    text = "The delegations of both countries met in Istanbul on Saturday and agreed to meet again within two weeks."
    with FeedServer("127.0.0.2") as other:
        feeds = [
            feed(server.play("/a", slowly(Answer(rss(item(1, text=text))), 0.4)), "slow"),
            feed(other.play("/b", Answer(rss(item(2, text=text)))), "fast"),
        ]
        collect(feeds, archive, **FAST)
    first, second = sorted(archive.articles_as_of(), key=lambda a: a.source == "fast")
    assert first.copy_of is None and second.copy_of == first.article_id


def test_ctrl_c_keeps_what_has_arrived_and_ends_at_once(server, tmp_path):
    with FeedServer("127.0.0.2") as other:
        server.play("/slow", drip)
        other.play("/fast", Answer(GOOD))
        code = f"""
            from pathlib import Path
            from forecast.archive import Archive
            from forecast.feeds import collect
            from forecast.records import Feed
            feeds = [Feed("slow", "{server.url("/slow")}", "third"), Feed("fast", "{other.url("/fast")}", "third")]
            with Archive(Path({str(tmp_path / "a.sqlite")!r})) as a:
                collect(feeds, a)
        """
        child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stderr=subprocess.PIPE)
        for _ in range(200):
            if other.requests and server.requests:
                break
            time.sleep(0.05)
        time.sleep(0.3)
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=10)
        assert b"KeyboardInterrupt" in err and time.monotonic() - began < 3
    with Archive(tmp_path / "a.sqlite") as a:
        assert a.count_articles() == 2 and a.check() == []


def test_switch_ends_a_request(server):
    switch = Switch()
    threading.Timer(0.3, switch.turn_off).start()
    began = time.monotonic()
    with pytest.raises(RetrieveError):
        retrieve(server.play("/feed", silence), switch=switch, timeout=(1, 7))
    assert time.monotonic() - began < 2


def test_watch_survives_failures():
    calls, told = itertools.count(1), []

    def run():
        if next(calls) == 2:
            raise ValueError("once")

    assert watch(run, timedelta(seconds=0.01), times=3, on_error=told.append) == 1
    assert next(calls) == 4 and str(told[0]) == "once"
    with pytest.raises(ValueError, match="30m"):
        read_interval("often")


# -- documents ----------------------------------------------------------------------------------

RDF = b"""<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>T</title></channel>
 <item><title>Talks</title><link>https://x.example/1</link><dc:date>2025-07-19T17:30:00+03:00</dc:date></item></rdf:RDF>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://x.example/dir/"><title>T</title>
 <entry><id>1</id><title type="html">A &amp;lt;b&gt; Talks</title><link href="a/1"/>
 <published>2025-07-19T14:30:00Z</published>
 <content type="html">&lt;p&gt;Both sides met.&lt;/p&gt;&lt;script&gt;x()&lt;/script&gt;</content></entry></feed>"""
RSS091 = b"""<rss version="0.91"><channel><title>T</title><item><title>Talks</title>
 <link>https://x.example/1</link></item></channel></rss>"""
JSON = b"""{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": 1, "url": "https://x.example/1",
 "title": "Talks", "content_text": "5 < 6 & so on", "date_published": "2025-07-19T14:30:00Z"}, 7, {"id": 2}]}"""


@pytest.mark.parametrize(
    "body", [RDF, ATOM, RSS091, JSON, b"\xef\xbb\xbf" + JSON], ids=["rdf", "atom", "0.91", "json", "bom"]
)
def test_formats(body):
    (a,) = read(body).articles
    assert "Talks" in a.title and a.url.startswith("https://x.example/")
    assert a.published in (None, datetime(2025, 7, 19, 14, 30, tzinfo=UTC))


_NAMESPACES = (
    ' xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:media="http://search.yahoo.com/mrss/" xmlns:slash="http://purl.org/rss/1.0/modules/slash/"'
    ' xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:atom="http://www.w3.org/2005/Atom"'
)
_TEXTS = (
    "Talks &amp; truce", "<![CDATA[<p>Kyiv &amp; Moscow</p>]]>", "&lt;p&gt;a &amp;amp; b&lt;/p&gt;", "Caf\u00e9", "Caf\u00c3\u00a9",
    "  two \n lines ", "", "a<!-- c -->b", "&#x1F600; &nbsp; &eacute;", "x <![CDATA[ y ]]> z", "AT&T said 5", "<b>bold</b>",
    "\u0092 q", "&copy; &bogus;",
)  # fmt: skip
_LINKS = (
    "https://site.example/a?x=1&amp;y=2", "http://Other.example/b", "/rel", "rel?q=1&amp;z;", "", "https:///three.example/x", "  https://x.example/ \n",
    "https://u:p@site.example/x", "javascript:alert(1)", "//other.example/x", "https://[bad", "tag:site.example,2025:1", "?only=query",
    "https://site.example/&amp;amp;c;d",
)  # fmt: skip
_DATES = ("Sat, 19 Jul 2025 14:30:00 GMT", "2025-07-19T10:00:00Z", "", "soon")
_RARE = (
    "<title>again</title>", "<itunes:summary>i</itunes:summary>", "<updated>2025-07-01</updated>", "<atom:link href='https://site.example/at'/>",
    "<media:description>m</media:description>", "<dc:title>t</dc:title>", "<foo>bar</foo>",
)  # fmt: skip


def made_item(rng):
    def one(name, texts, attributes=("",)):
        return f"<{name}{rng.choice(attributes)}>{rng.choice(texts)}</{name}>"

    permanent = ("", " isPermaLink='false'", " isPermaLink='true'", " ispermalink='false'", " isPermaLink='TRUE'")
    parts = [
        one("title", _TEXTS), one("link", _LINKS), one("guid", _LINKS + _TEXTS, permanent), one("pubDate", _DATES),
        one("description", _TEXTS), one("content:encoded", _TEXTS), one("dc:date", _DATES), one("dc:creator", _TEXTS),
        one("category", _TEXTS, ("", " domain='d'")), one("slash:comments", ("7",)), one("media:content", ("",), (" url='https://x.example/i'",)),
        one("source", _TEXTS, (" url='https://s.example'",)), one("comments", _LINKS),
    ]  # fmt: skip
    parts = [p for p in parts if rng.random() < 0.6] + ([rng.choice(_RARE)] if rng.random() < 0.05 else [])
    rng.shuffle(parts)
    return f"<item>{''.join(parts)}</item>"


def test_the_short_way_through_rss_finds_what_feedparser_finds(monkeypatch):
    rng, short = random.Random(11), 0
    for _ in range(400):
        channel = "<title>T</title><link>https://site.example/</link><image><url>u</url><title>t</title><link>l</link></image>"
        items = "".join(made_item(rng) for _ in range(rng.randrange(1, 3)))
        body = f"<rss version='2.0'{_NAMESPACES}><channel>{channel}{items}</channel></rss>".encode()
        base = rng.choice(("https://site.example/dir/feed.xml", "http://site.example", "https://S.example//a/../c?x=1#f"))
        found = read(body, base_url=base)
        with monkeypatch.context() as m:
            m.setattr(feed_formats, "entries_of", lambda text, base: None)
            assert read(body, base_url=base) == found, body
        short += entries_of(feed_formats._mend_xml(body.decode())[0], base) is not None
    assert short > 100, "hardly any went the short way"


def test_atom_base_and_markup():
    (a,) = read(ATOM).articles
    assert a.url == "https://x.example/dir/a/1" and a.text == "Both sides met." and "script" not in a.text


def test_json_feed_faults():
    parsed = read(JSON)
    assert parsed.articles[0].text == "5 < 6 & so on" and "1 entries have neither" in parsed.faults[0]


UMLAUT = "Gespräche in Zürich – “heute”"


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        (rss(item(text=UMLAUT)), ""),
        (b"\xef\xbb\xbf" + rss(item(text=UMLAUT)), ""),
        (rss(item(text=UMLAUT)).decode().encode("utf-16"), ""),
        (rss(item(text=UMLAUT)).decode().encode("utf-16-le"), ""),
        (rss(item(text=UMLAUT)).decode().encode("utf-16-be"), ""),
        (rss(item(text=UMLAUT)).decode().encode("utf-32"), ""),
        (rss(item(text=UMLAUT), encoding="cp1252"), ""),
        (rss(item(text=UMLAUT)), "text/xml; charset=iso-8859-1"),
        (rss(item(text=UMLAUT)).decode().encode("cp1252"), ""),
        (rss(item(text=UMLAUT)).decode().encode("cp1252"), "text/xml; charset=nonsense"),
        (
            rss(item(text=UMLAUT + " Zürich"))
            .replace(" Zürich<".encode(), b"<")
            .replace("ä".encode(), b"\xe4"),
            "",
        ),
    ],
)
def test_encodings(body, type_):
    assert texts(body, content_type=type_) == [UMLAUT]


def test_cyrillic_under_a_false_flag():
    text = "Переговоры в Стамбуле завершились"
    assert texts(rss(item(text=text)).decode().encode("cp1251")) == [text]
    assert decode("日本".encode("iso-2022-jp"), "text/xml; charset=iso-2022-jp")[0] == "日本"


BOMB = (
    "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY a 'lol'>"
    + "".join(f"<!ENTITY {chr(98 + i)} '{f'&{chr(97 + i)};' * 10}'>" for i in range(9))
    + "]><rss version='2.0'><channel><item><title>Talks &j;</title><description>Met.</description></item></channel></rss>"
)


def test_entity_bomb_is_inert():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(texts(BOMB.encode())[0]) < 100 and len(texts(BOMB.encode("utf-16"))[0]) < 100
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_outside_entity_is_not_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    body = f"<!DOCTYPE r [<!ENTITY x SYSTEM '{secret.as_uri()}'>]>".encode() + rss(item(text="Met &x; again"))
    assert "s3cret" not in str(read(body))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Kyiv&nbsp;&mdash; Moscow", "Kyiv — Moscow"),
        ("AT&T and a &bogus; one", "AT&T and a &bogus; one"),
        ("<![CDATA[<p>One</p><p>Two &amp; three</p>]]>", "One\nTwo & three"),
        ("a\x0bb\x00c", "abc"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;Met.", "Met."),
        ("\u202eevil\u200f \u200btext\ufeff", "evil text"),
        ("=cmd() &amp;amp; more", "=cmd() & more"),
        ("&lt;b&gt;Cafe\u0301&lt;/b&gt;", "Café"),
    ],
)
def test_text_is_clean(text, seen):
    assert texts(rss(item(text=text))) == [seen]


@pytest.mark.parametrize(
    "unit",
    [
        "<script>",
        "<p ",
        "<!--",
        "<a href='",
        '<a b="',
        "<",
        "&",
        "<svg><figure>",
        "<![CDATA[",
        "</",
        "<b '\"",
    ],
)
def test_cleaning_takes_linear_time(unit):
    began = time.monotonic()
    clean_text(unit * (1_000_000 // len(unit)))
    assert time.monotonic() - began < 2


def test_huge_entry_is_shortened_and_flagged():
    (a,) = read(rss(item(text="word " * 2_000_000))).articles
    assert len(a.text) <= 200_000 and "cut_text" in a.flags


def test_too_many_entries():
    parsed = read(rss(*(f"<item><title>T{n}</title></item>" for n in range(5200))))
    assert len(parsed.articles) == 5000 and parsed.complete and "only the first 5000" in parsed.faults[0]


def test_too_many_tags():
    with pytest.raises(ParseError, match="hardly a feed"):
        read(rss(item(1), "<a>" * 400_000))


def test_truncated_xml_keeps_whole_entries():
    parsed = read(rss(item(1), item(2), item(3))[:-150])
    assert len(parsed.articles) >= 2 and not parsed.complete


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("/2025/a", "https://news.example/2025/a"),
        ("javascript:alert(1)", ""),
        ("http://[broken", ""),
        ("file:///etc/passwd", ""),
        ("<![CDATA[https://x.example/?a=1&b=2]]>", "https://x.example/?a=1&b=2"),
        ("https://x.example/?a=1&amp;b=2", "https://x.example/?a=1&b=2"),
        ("https://me:pw@x.example/a", "https://x.example/a"),
        ("https://x.example/a\u202eb", "https://x.example/ab"),
    ],
)
def test_links(link, url):
    assert read(rss(item(link=link)), base_url="https://news.example/feed").articles[0].url == url


def test_empty_feed_is_no_failure():
    assert read(rss()).faults == ("the feed is empty",)
    with pytest.raises(ParseError, match="nothing"):
        read(b"\x00 ")


# -- dates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("Sat, 19 Jul 2025 14:30:00 GMT", "2025-07-19 14:30"),
        ("Sat, 19 Jul 2025 14:30:00 MSK", "2025-07-19 11:30"),
        ("Sat, 19 Jul 2025 14:30 EEST", "2025-07-19 11:30"),
        ("Sat, 19 Jul 2025 14:30:00 TRT", "2025-07-19 11:30"),
        ("Sat, 19 Jul 2025 14:30:00 IRST", "2025-07-19 11:00"),
        ("19 Jul 25 14:30 +0300", "2025-07-19 11:30"),
        ("Сб, 19 июля 2025 14:30:00 +0300", "2025-07-19 11:30"),
        ("Cmt, 19 Tem 2025 14:30:00 +0300", "2025-07-19 11:30"),
        ("19 липня 2025, 14:30", "2025-07-19 14:30"),
        ("19 de julio de 2025 14:30", "2025-07-19 14:30"),
        ("19. Juli 2025 14:30", "2025-07-19 14:30"),
        ("19 يوليو 2025 14:30", "2025-07-19 14:30"),
        ("July 19, 2025 2:30 PM", "2025-07-19 14:30"),
        ("July 19th, 2025", "2025-07-19 00:00"),
        ("2025-07-19T14:30:00Z", "2025-07-19 14:30"),
        ("2025-07-19T14:30:00.123456789+03:00", "2025-07-19 11:30"),
        ("2025-07-19 14:30", "2025-07-19 14:30"),
        ("2025-07-19", "2025-07-19 00:00"),
        ("2025/7/9 4:05", "2025-07-09 04:05"),
        ("20250719T143000Z", "2025-07-19 14:30"),
        ("19.07.2025 14:30", "2025-07-19 14:30"),
        ("25/07/2025 14:30", "2025-07-25 14:30"),
        ("07/25/2025", "2025-07-25 00:00"),
        ("Sat Jul 19 14:30:00 UTC 2025", "2025-07-19 14:30"),
        ("Sat, 19 Jul 2025 14:30:00 GMT+3", "2025-07-19 11:30"),
        ("Sat, 19 Jul 2025 24:00:00 GMT", "2025-07-20 00:00"),
        ("Sat, 19 Jul 2025 14:30:00 +0300 (MSK)", "2025-07-19 11:30"),
        ("07/08/2025", None),
        ("Sat, 31 Feb 2025 10:00:00 GMT", None),
        ("Sat, 19 Jul 2025 14:30:00 XYZT", None),
        ("yesterday", None),
        ("2025-13-01", None),
        ("2025-07-19T14:30:00+99:00", None),
        ("9999-12-31T23:59:00-14:00", None),
        ("", None),
        ("19 Foo 2025", None),
        ("1752935400", None),
    ],
)
def test_dates(text, utc):
    when = read_date(text)
    assert (when and f"{when:%Y-%m-%d %H:%M}") == utc


@pytest.mark.parametrize(
    ("date", "flag"),
    [
        ("Sat, 19 Jul 2053 14:30:00 GMT", "future_date"),
        ("Thu, 01 Jan 1970 00:00:00 GMT", "implausibly_old"),
        ("soon", "unreadable_date"),
        ("none", "no_date"),
        ("Sun, 20 Jul 2025 15:00:00 GMT", "ahead_of_clock"),
    ],
)
def test_unsound_dates_are_kept_flagged_and_not_believed(date, flag):
    (a,) = read(rss(item(date=date))).articles
    assert flag in a.flags and a.effective == NOW
    assert (a.published is None) == (flag in ("unreadable_date", "no_date"))


def test_frozen_dates_and_an_outlier():
    same = read(rss(*(item(n) for n in range(6)))).articles
    assert all("frozen_date" in a.flags and a.effective == NOW for a in same)
    dates = [f"Sat, {d} Jul 2025 10:00:00 GMT" for d in range(10, 16)]
    mixed = read(
        rss(*(item(n, date=d) for n, d in enumerate(dates)), item(9, date="1 Jul 2012 10:00 GMT"))
    ).articles
    assert [a.flags for a in mixed] == [()] * 6 + [("implausibly_old",)]


def test_second_date_counts_where_the_first_is_unreadable():
    more = "<dc:date xmlns:dc='http://purl.org/dc/elements/1.1/'>2025-07-18T10:00:00Z</dc:date>"
    (a,) = read(rss(item(date="soon", more=more))).articles
    assert a.published in (datetime(2025, 7, 18, 10, tzinfo=UTC), None)


# -- one story once -----------------------------------------------------------------------------


def test_entries_that_share_a_link_stay_apart(server, archive):
    live = "https://news.example/live"
    two = rss(item(1, link=live, more="<guid>1</guid>"))
    three = rss(item(2, link=live, more="<guid>2</guid>"), item(1, link=live, more="<guid>1</guid>"))
    url = server.play(
        "/feed", Answer(two), Answer(three), Answer(rss(item(2, link=live, more="<guid>2</guid>")))
    )
    assert [collect([feed(url)], archive, **FAST)[0].new for _ in range(3)] == [1, 1, 0]
    assert archive.count_articles() == 2


def test_edited_entry_is_a_new_version_effective_when_seen(server, archive):
    url = server.play(
        "/feed", Answer(rss(item(text="They met."))), Answer(rss(item(text="They did not meet.")))
    )
    options = {k: v for k, v in FAST.items() if k != "now"}
    collect([feed(url)], archive, now=NOW, **options)
    r = collect([feed(url)], archive, now=NOW + timedelta(days=2), **options)[0]
    assert (r.new, r.changed) == (0, 1)
    assert archive.articles_as_of(NOW.date())[0].text == "They met."
    assert archive.articles_as_of((NOW + timedelta(days=2)).date())[0].text == "They did not meet."


def test_same_address_in_two_feeds_counts_once_and_nothing_is_lost(server, archive):
    a = feed(server.play("/a", Answer(rss(item(1, link="http://www.news.example/1?utm_source=x")))), "A")
    b = feed(
        server.play("/b", Answer(rss(item(1, link="https://news.example/1/", text="Longer. " * 9)))), "B"
    )
    for _ in range(2):
        collect([a, b], archive, **FAST)
    assert (
        archive.count_articles() == 1 and len(archive.versions(archive.articles_as_of()[0].article_id)) == 1
    )
    (seen,) = archive.sightings()
    assert seen["source"] == "B" and seen["text"].startswith("Longer.")


def test_file_feed(tmp_path, archive):
    (tmp_path / "a b.xml").write_bytes(GOOD)
    feeds = [feed((tmp_path / "a b.xml").as_uri()), feed((tmp_path / "none.xml").as_uri(), "G")]
    good, bad = collect(feeds, archive, **FAST)
    assert good.new == 2 and "cannot be read" in bad.detail


def test_bundled_samples(archive):
    samples = Path(__file__).resolve().parents[1] / "data" / "samples" / "feeds"
    feeds = [feed(p.as_uri(), p.stem) for p in sorted(samples.iterdir())]
    results = collect(feeds, archive, **FAST)
    assert all(r.status == "ok" for r in results) and archive.count_articles() == sum(
        r.items for r in results
    )
