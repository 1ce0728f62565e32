"""Mutate feed documents and article texts; look for crashes, hangs over 2 s and memory over 500 MB.

Run: `python tests/benchmarks/fuzz_feeds.py --seed 1 --seconds 60 [--count 200000]`. Every case depends on
the seed and its number only, so that `--only N` plays one again. Ends with exit code 1 on the first kind
of fault. Not run by pytest.
"""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forecast.addresses import canonical_url, without_credentials
from forecast.errors import ForecastError
from forecast.feed_dates import read_date
from forecast.feed_formats import clean_text, parse
from forecast.imports import feeds_in_page, parse_opml
from forecast.near_copies import WordHashes, content_hash, sketches
from forecast.pages import Robots
from forecast.records import Feed

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples" / "feeds"
NOW = datetime(2025, 7, 20, 12, tzinfo=UTC)
FEED = Feed("Fuzz", "https://fuzz.example/feed", "third")
LIMIT_S, LIMIT_MB = 2.0, 500
ODD = [
    b"<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]>",
    b"&b;",
    b"&nbsp;",
    b"&#8238;",
    b"&#0;",
    b"&#x110000;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<script>",
    b"</script>",
    b"<p",
    b"<",
    b">",
    b'"',
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"\xed\xa0\x80",
    b"=cmd()",
    b"http://[",
    b"javascript:x()",
    b"<item>",
    b"</item>",
    b"</rss>",
    b"<pubDate>9999-99-99</pubDate>",
    b"<link>http://[::1</link>",
    b"<guid></guid>",
    b"A" * 3000,
    b"<a>" * 300,
    b"&" * 500,
    b"<b '" * 300,
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"<content type='xhtml'><div>",
    b"\r\n",
    b"\x1b[31m",
    b"<title type='html'>",
    b"<enclosure url='x' length='99999999999999999999'/>",
    b"xml:base='http://['",
    b"<svg>",
    b"<?php",
]
DATES = [
    "Sat, 19 Jul 2025 14:30:00 MSK",
    "2025-07-19T14:30:00Z",
    "19.07.2025 14:30",
    "July 19, 2025 2:30 PM",
    "20250719T143000Z",
]


def mutate(data: bytes, rng: random.Random) -> bytes:
    """A few random changes: cut, repeat, swap, flip, insert."""
    b = bytearray(data)
    for _ in range(rng.choice((1, 2, 4, 12))):
        at = rng.randrange(len(b) + 1)
        to = min(len(b), at + rng.choice((1, 5, 40, 400)))
        kind = rng.randrange(7)
        if kind == 0:
            del b[at:to]
        elif kind == 1:
            b[at:at] = b[at:to] * rng.choice((1, 3, 20))
        elif kind == 2:
            b[at:at] = rng.choice(ODD) * rng.choice((1, 1, 1, 30))
        elif kind == 3 and b:
            b[at % len(b)] = rng.randrange(256)
        elif kind == 4:
            del b[at:]
        elif kind == 5:
            b[at:to] = rng.randbytes(to - at)
        else:
            other = rng.randrange(len(b) + 1)
            b[at:at] = b[other : other + 200]
    return bytes(b[:400_000])


def seeds() -> list[bytes]:
    """Documents to start from: two entries of each sample feed, a JSON Feed, an OPML file, a page."""
    out = []
    for path in sorted(SAMPLES.iterdir()):
        body = path.read_bytes()
        end = [i for i in range(len(body)) if body.startswith((b"</item>", b"</entry>"), i)][1:2]
        last = max(body.rfind(b"</item>"), body.rfind(b"</entry>"))
        out.append(body[: end[0]] + body[last:] if end else body)
    out.append(
        b'{"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": [{"id": 1, "url": "https://x.example/1",'
        b' "title": "Talks", "content_html": "<p>Both sides met.</p>", "date_published": "2025-07-19T14:30:00Z"}]}'
    )
    out.append(b'<opml version="2.0"><body><outline text="A" xmlUrl="https://x.example/feed"/></body></opml>')
    out.append(
        b'<html><head><link rel="alternate" type="application/rss+xml" href="/feed"></head><body>x</body></html>'
    )
    return out


def try_document(case: bytes) -> None:
    """All that reads a document from outside."""
    for read in (
        lambda: parse(case, FEED, NOW, base_url="https://fuzz.example/feed"),
        lambda: parse_opml(case),
        lambda: feeds_in_page(case, "https://fuzz.example/"),
    ):
        try:
            found: Any = read()
        except ForecastError:
            continue
        for a in getattr(found, "articles", ()):
            assert a.text.isprintable() or not any(ord(c) < 32 and c not in "\n\t" for c in a.text), (
                "control character"
            )
            assert a.effective <= NOW, "effective in the future"
            assert len(a.text) <= 200_000


def try_text(case: bytes, rng: random.Random) -> None:
    """All that reads a piece of text."""
    text = case.decode("utf-8", "replace")
    clean = clean_text(text)
    content_hash(text[:200], clean)
    sketches([clean], [1], WordHashes())
    canonical_url(text[:300])
    without_credentials(text[:300])
    date = mutate(rng.choice(DATES).encode(), rng).decode("latin-1")
    when = read_date(date)
    assert when is None or when.tzinfo is UTC
    Robots(text[:5000]).allows("/" + text[:50])


def one(number: int, seed: int, starts: list[bytes]) -> None:
    """Case number N of this seed: even ones are documents, odd ones texts."""
    rng = random.Random(f"{seed}/{number}")
    case = mutate(rng.choice(starts), rng)
    if number % 2 == 0:
        try_document(case)
    else:
        try_text(case, rng)


def main() -> int:
    """Run the cases; print what went wrong and how many were tried."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--count", type=int, default=400_000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--only", type=int)
    o = options.parse_args()
    starts, began, worst, faults = seeds(), time.monotonic(), (0.0, -1), 0
    # Processor time, not the clock: on a busy machine, or one that is stopped for a while, waiting is no hang.
    signal.signal(signal.SIGPROF, lambda *_: (_ for _ in ()).throw(TimeoutError("hangs for more than 20 s")))
    n = 0
    for number in [o.only] if o.only is not None else range(o.first, o.first + o.count):
        if time.monotonic() - began > o.seconds:
            break
        start = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, 20)
        try:
            one(number, o.seed, starts)
        except Exception as e:
            faults += 1
            print(f"case {number}: {type(e).__name__}: {str(e)[:200]}")
            if o.only is not None:
                raise
        signal.setitimer(signal.ITIMER_PROF, 0)
        n += 1
        took = time.process_time() - start
        worst = max(worst, (took, number))
        if took > LIMIT_S:
            faults += 1
            print(f"case {number}: took {took:.1f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.monotonic() - began
    print(
        f"{n} cases in {seconds:.0f} s, slowest {worst[0]:.2f} s (case {worst[1]}), peak {peak:.0f} MB, {faults} faults"
    )
    return 1 if faults or peak > LIMIT_MB else 0


if __name__ == "__main__":
    sys.exit(main())
