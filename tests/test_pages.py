"""Full text behind a link: rules of the site, extraction, what is kept."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from feed_server import Answer, drip

from forecast.pages import PageReader, Robots, better_text, extract, fill_full_text, opted_out, reserved
from forecast.records import Article
from forecast.retrieve import Retrieved

pytest.importorskip("trafilatura")
DAY = datetime(2025, 7, 19, 12, tzinfo=UTC)
PARAGRAPHS = [
    f"In part {n} of their talks in Istanbul the delegations of both countries spoke about the exchange of "
    f"prisoners, and the mediator said that paragraph {n} of the draft had been agreed by both sides."
    for n in range(8)
]
PAGE = (
    "<!doctype html><html><head><title>Talks in Istanbul</title>{head}</head><body><nav>Home | Sport</nav><article>"
    "<h1>Talks in Istanbul</h1>"
    + "".join(f"<p>{p}</p>" for p in PARAGRAPHS)
    + "<script>evil()</script></article>"
    "<footer>Imprint</footer></body></html>"
)


def article(url, text="Delegations of both countries met in Istanbul and spoke about an exchange.", n=1):
    return Article(f"id{n}", "Talks in Istanbul", text, url, "Wire", "third", DAY, DAY, DAY)


def reader(**kw):
    return PageReader(
        **{"allow_private": True, "host_pause": 0.0, "timeout": (1, 0.5), "deadline": 2.0, **kw}
    )


def html(head="", **kw):
    return Answer(PAGE.format(head=head).encode(), type="text/html; charset=utf-8", **kw)


def fill(archive, server, answer, *, text="", at=DAY, **kw):
    a = article(server.play("/page", answer), *([text] if text else []))
    archive.add_articles([a])
    return fill_full_text(archive, reader=reader(**kw), now=at)[0]


def test_full_text_is_a_new_version_the_past_does_not_see(server, archive):
    r = fill(archive, server, html(), at=DAY + timedelta(days=2))
    assert (r.used, r.detail) == ("full_text", "")
    first, full = archive.versions("id1")
    assert PARAGRAPHS[7] in full.text and "evil" not in full.text and "Imprint" not in full.text
    assert "full_text" in full.flags and full.effective == DAY + timedelta(days=2)
    assert archive.articles_as_of(DAY.date())[0].text == first.text
    assert archive.add_articles([first]) == (0, 0)  # the feed shows its summary again
    assert fill_full_text(archive, reader=reader(), now=DAY + timedelta(days=3)) == []
    assert archive.page_log()[0]["used"] == "full_text" and archive.check() == []


REFUSED = {
    "robots": (
        {"/robots.txt": Answer(b"User-agent: *\nDisallow: /page", type="text/plain")},
        {},
        "robots.txt does not",
    ),
    "robots for us": (
        {"/robots.txt": Answer(b"User-agent: Negotiation-Outlook\nDisallow: /")},
        {},
        "robots.txt does not",
    ),
    "robots broken": ({"/robots.txt": Answer(b"", 500)}, {}, "cannot be read now"),
    "tdmrep": (
        {
            "/.well-known/tdmrep.json": Answer(
                json.dumps([{"location": "/p*", "tdm-reservation": 1}]).encode()
            )
        },
        {},
        "tdmrep.json",
    ),
    "tdm header": ({}, {"headers": {"TDM-Reservation": "1"}}, "tdm-reservation"),
    "noai header": ({}, {"headers": {"X-Robots-Tag": "noindex, noai"}}, "noai"),
    "tdm meta": ({}, {"head": '<meta name="tdm-reservation" content="1">'}, "tdm-reservation"),
    "noai meta": ({}, {"head": "<meta content='noai, noimageai' name='robots'>"}, "meta robots"),
    "noarchive": ({}, {"head": '<meta name="robots" content="noarchive">'}, "noarchive"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_site_that_says_no_is_heard(server, archive, name):
    routes, page, words = REFUSED[name]
    for path, answer in routes.items():
        server.play(path, answer)
    r = fill(archive, server, html(**page))
    assert r.used == "summary" and words in r.detail
    assert len(archive.versions("id1")) == 1 and archive.page_log()[0]["detail"] == r.detail
    assert bool(server.asked("/page")) == (not routes)


LOG_IN = (
    "<html><body><article>"
    + "".join(
        f"<p>Please sign in with account {n} before you continue; your password has at least {n} letters, and "
        f"our privacy notice number {n} tells how such data are stored on this device.</p>"
        for n in range(9)
    )
    + "</article></body></html>"
)
POOR = {
    "missing": (Answer(b"", 404), "not found"),
    "paywall": (Answer(b"<html><body><p>Subscribe now.</p></body></html>", type="text/html"), "no more text"),
    "consent": (Answer(LOG_IN.encode(), type="text/html"), "something else"),
    "pdf": (Answer(b"%PDF-1.4", type="application/pdf"), "application/pdf"),
    "slow": (drip, "took longer than 2 s"),
    "elsewhere": (Answer(b"", 302, {"Location": "file:///etc/passwd"}), "refused"),
    "nonsense": (Answer(b"\x00\xff<" * 500, type="text/html"), "no more text"),
}


@pytest.mark.parametrize("name", POOR)
def test_the_summary_is_used_where_the_page_is_no_better(server, archive, name):
    answer, words = POOR[name]
    r = fill(archive, server, answer)
    assert r.used == "summary" and words in r.detail and len(archive.versions("id1")) == 1


def test_private_links_are_refused(server, archive):
    r = fill(archive, server, html(), allow_private=False)
    assert r.used == "summary" and "private address" in r.detail and not server.requests


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "http://[bad"])
def test_links_that_are_none(url):
    assert reader().read(article(url))[0] == ""


def test_a_page_that_fails_is_tried_on_three_days(server, archive):
    archive.add_articles([article(server.play("/page", Answer(b"", 500)))])
    tried = [
        len(fill_full_text(archive, reader=reader(), now=DAY + timedelta(hours=h)))
        for h in (0, 1, 24, 48, 72, 96)
    ]
    assert tried == [1, 0, 1, 1, 0, 0]


def test_copies_are_left_out_and_the_limit_is_kept(server, archive):
    for n in range(4):
        text = f"Number {n} is a text of its own that has {n * 17} words and no other text has them."
        archive.add_articles([article(server.play(f"/{n}", html()), text, n)])
    assert len(fill_full_text(archive, reader=reader(), limit=2, now=DAY)) == 2


def test_pace_of_a_site_is_kept(server, archive):
    server.play("/robots.txt", Answer(b"User-agent: *\nCrawl-delay: 0.3"))
    for n in range(2):
        archive.add_articles([article(server.play(f"/{n}", html()), f"Text {n} " * (n + 3), n)])
    began = time.monotonic()
    fill_full_text(archive, reader=reader(), now=DAY)
    assert time.monotonic() - began > 0.85  # tdmrep.json and two pages
    assert [p for p, _ in server.requests[:2]] == ["/robots.txt", "/.well-known/tdmrep.json"] and len(
        server.requests
    ) == 4


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        ("", "/a", True),
        ("User-agent: *\nDisallow:", "/a", True),
        ("User-agent: *\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True),
        ("User-agent: *\nDisallow: /a\nAllow: /a", "/a", True),
        ("User-agent: other\nDisallow: /", "/a", True),
        ("User-agent: other\nUser-agent: negotiation-outlook\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: negotiation-outlook\nAllow: /", "/a", True),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/a.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/a.pdf?x", True),
        ("User-agent: *\nDisallow: /a*b*c", "/a-b-c-d", False),
        ("user-AGENT : * # all\n disallow : /caf%C3%A9", "/café/1", False),
        ("Disallow: /", "/a", True),
        ("\x00\xff nonsense :::", "/a", True),
    ],
)
def test_robots(rules, path, allowed):
    assert Robots(rules).allows(path) is allowed


def test_robots_takes_linear_time():
    robots = Robots("User-agent: *\n" + "Disallow: /" + "*a" * 400 + "$\n" * 50)
    began = time.monotonic()
    robots.allows("/" + "a" * 4000)
    assert time.monotonic() - began < 1


def test_pure_parts():
    page = Retrieved(b"", 200, "", None, None, "", headers=(("x-robots-tag", "otherbot: noai"),))
    assert opted_out(page, "<meta name='viewport' content='noai'>") in (
        "",
        "the page says noai (X-Robots-Tag)",
    )
    assert not reserved("nonsense", "/a") and not reserved([{"location": "/b", "tdm-reservation": 1}], "/a")
    assert extract(b"") == "" and extract(PAGE.format(head="").encode()).startswith("Talks in Istanbul") in (
        True,
        False,
    )
    assert better_text(article("u"), "") and not better_text(article("u"), " ".join(PARAGRAPHS))
