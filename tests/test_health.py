"""The feed health table, its words, exit code, CSV and chart."""

from __future__ import annotations

import csv
import time
from datetime import UTC, datetime, timedelta

import pytest
from feed_server import Answer, item, rss, silence

from forecast.archive import FeedState
from forecast.errors import ArchiveError
from forecast.health import (
    COLUMNS,
    feed_health,
    health_exit_code,
    health_lines,
    reach_feeds,
    write_health_csv,
)
from forecast.records import Article, Feed

NOW = datetime(2025, 7, 20, 12, tzinfo=UTC)
START = NOW - timedelta(days=60)


def play(archive, name, *, every=12.0, until=0.0, flags=(), delay=2.0):
    """A feed with an item every so many hours, until so many days ago, each read some hours later."""
    f = Feed(name, f"https://me:pw@{name.lower()}.example/feed", "third")
    archive.log_fetch(name, f.url, START, "ok", 0, 0, "", None, None)
    t, n = START + timedelta(hours=1), 0
    while t < NOW - timedelta(days=until) - timedelta(hours=delay):
        seen = t + timedelta(hours=delay)
        a = Article(
            f"{name}{n}",
            f"{name} {n}",
            f"{name} {n}",
            "",
            name,
            "third",
            t,
            seen,
            seen if flags else t,
            flags,
        )
        archive.add_articles([a])
        t, n = t + timedelta(hours=every), n + 1
    archive.log_fetch(name, f.url, NOW - timedelta(hours=1), "ok", n, 0, "", None, None)
    return f


def one(archive, f):
    return feed_health(archive, [f], now=NOW).iloc[0]


def test_a_healthy_feed(archive):
    r = one(archive, play(archive, "Good"))
    assert r.state == "ok" and r.problem == "" and r.failures == 0
    assert r.items_a_week == pytest.approx(14, abs=0.5) and r.delay_hours == 2.0 and r.dated_share == 1.0
    assert r.usual_gap_hours == 12.0 and "pw" not in r.url


def test_silence_is_measured_against_the_feeds_own_pace(archive):
    assert one(archive, play(archive, "Daily", every=24, until=2.5)).state == "ok"
    r = one(archive, play(archive, "Dead", every=12, until=6))
    assert r.state == "stale" and "nothing new for 6 days (usually one every 12 hours)" in r.problem
    assert one(archive, play(archive, "Weekly", every=168, until=14)).state == "ok"


def test_never_failing_gone_and_waiting(archive):
    f = Feed("New", "https://new.example/feed", "third")
    assert one(archive, f).state == "never"
    f = play(archive, "Bad")
    for h in (3, 2):
        archive.log_fetch(
            "Bad", f.url, NOW - timedelta(minutes=h), "failed", 0, 0, "it was not found (404)", None, None
        )
    r = one(archive, f)
    assert r.state == "failing" and r.failures == 2 and "2 times in a row" in r.problem and "404" in r.problem
    archive.remember_feed("Bad", f.url, FeedState(gone_at=NOW))
    assert one(archive, f).state == "gone"
    archive.remember_feed("Bad", f.url, FeedState(retry_at=NOW + timedelta(hours=1)))
    assert one(archive, f).state == "waiting"
    f = play(archive, "Moved")
    archive.remember_feed("Moved", f.url, FeedState(moved_to="https://x.example/new"))
    r = one(archive, f)
    assert r.state == "ok" and "moved to https://x.example/new" in r.problem


def test_first_try_failed_and_no_item_yet(archive):
    f = Feed("X", "https://x.example/feed", "third")
    archive.log_fetch("X", f.url, NOW, "failed", 0, 0, "no answer", None, None)
    assert "from the first try on" in one(archive, f).problem
    archive.log_fetch("X", f.url, NOW, "ok", 0, 0, "", None, None)
    assert "no item yet" in one(archive, f).problem


def test_share_of_dated_items(archive):
    assert one(archive, play(archive, "Undated", flags=("no_date",))).dated_share == 0.0


def test_a_new_address_begins_anew(archive):
    f = play(archive, "Good")
    assert one(archive, Feed("Good", "https://other.example/feed", "third")).state == "never"
    assert one(archive, f).state == "ok"


def test_exit_codes_lines_and_columns(archive):
    good, dead = play(archive, "Good"), play(archive, "Dead", until=20)
    new = Feed("New", "https://new.example/feed", "third")
    table = feed_health(archive, [good, dead, new], now=NOW)
    assert tuple(table.columns) == COLUMNS and list(table.feed) == ["Good", "Dead", "New"]
    assert (
        health_exit_code(table) == 1 and health_exit_code(table[:1]) == 0 and health_exit_code(table[2:]) == 2
    )
    assert [line.split(":")[0] for line in health_lines(table)] == ["Dead", "New"]
    assert health_exit_code(feed_health(archive, [], now=NOW)) == 0


def test_csv_is_safe_and_its_place_is_checked(archive, tmp_path):
    table = feed_health(archive, [Feed("=cmd()", "https://x.example/", "third")], now=NOW)
    write_health_csv(table, tmp_path / "health.csv")
    rows = list(csv.DictReader((tmp_path / "health.csv").read_text().splitlines()))
    assert rows[0]["feed"] == "'=cmd()" and rows[0]["state"] == "never"
    with pytest.raises(ArchiveError, match="cannot be written"):
        write_health_csv(table, tmp_path / "none" / "health.csv")


# -- which feeds answer at all ---------------------------------------------------------------------


def test_reach_says_what_answers_and_stores_nothing(server, archive):
    page = Answer(b"<html><body>Welcome</body></html>", type="text/html")
    feeds = [
        Feed("good", server.play("/good", Answer(rss(item(1), item(2)))), "third"),
        Feed("gone", server.play("/gone", Answer(status=404)), "third"),
        Feed("page", server.play("/page", page), "third"),
        Feed("secret", server.url("/secret").replace("//", "//me:pw@"), "third"),
    ]
    seen = []
    found = reach_feeds(feeds, archive, progress=lambda *a: seen.append(a))
    assert [(r.feed, r.state, r.items) for r in found] == [("good", "ok", 2), ("gone", "failed", 0), ("page", "failed", 0), ("secret", "failed", 0)]
    assert "404" in found[1].detail
    assert "pw" not in found[3].detail
    assert sorted(n for _, n, _ in seen) == [1, 2, 3, 4]
    assert {total for _, _, total in seen} == {4}
    assert archive.fetch_log() == []
    assert archive.count_articles() == 0


def test_reach_gives_a_silent_server_a_few_seconds_only(server):
    began = time.monotonic()
    (found,) = reach_feeds([Feed("mute", server.play("/mute", silence), "third")], seconds=0.5)
    assert found.state == "failed"
    assert found.detail
    assert time.monotonic() - began < 4


def test_reach_leaves_alone_what_asked_for_it(server, archive):
    feeds = [Feed("gone", server.play("/gone", Answer(rss(item()))), "third"), Feed("busy", server.play("/busy", Answer(rss(item()))), "third")]
    archive.remember_feed("gone", feeds[0].url, FeedState(gone_at=NOW))
    archive.remember_feed("busy", feeds[1].url, FeedState(retry_at=datetime.now(UTC) + timedelta(hours=1)))
    assert [r.state for r in reach_feeds(feeds, archive)] == ["not asked", "not asked"]
    assert server.requests == []


def test_reach_of_nothing():
    assert reach_feeds([]) == []


def test_doctor_names_what_cannot_be_reached(server, cli, make_case, tmp_path):
    good, bad = server.play("/good", Answer(rss(item(1)))), server.play("/bad", Answer(status=500))
    folder = make_case(tmp_path / "c", ("Good outlet", good), ("Bad outlet", bad))
    ran = cli("doctor", folder)
    assert ran.code == 1
    assert "Good outlet: 1 items" in ran.out
    assert "Bad outlet: NOT REACHED" in ran.out
    assert "1 of 2 feeds can be reached" in ran.out
    asked = len(server.requests)
    ran = cli("doctor", folder, "--offline")
    assert (ran.code, len(server.requests)) == (0, asked)
    assert "reached" not in ran.out
