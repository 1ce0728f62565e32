
"""Kill `collect` with SIGKILL at random moments, run it again, and compare with an undisturbed run.

Run: `python tests/benchmarks/kill_collect.py --seed 1 --moments 300 --seconds 600`. The feeds come from a
server on loopback; each round (new items, edits, a copy across outlets, an issued forecast) is killed
several times and then finished. Articles, versions, links, search, forecasts and decisions must equal those
of a run that nobody killed, and the file must be sound. Exit code 1 on a difference. Not run by pytest.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from feed_server import Answer, FeedServer, item, rss

from forecast.archive import Archive
from forecast.feeds import collect
from forecast.records import Feed

START = datetime(2025, 7, 1, tzinfo=UTC)
FEEDS, ITEMS = 12, 40


def body(f: int, day: int) -> bytes:
    """What feed `f` shows on a day: its last items, some edited, some that another feed has too."""
    items = []
    for n in range(day * 10, day * 10 + ITEMS):
        edit = " Corrected." if n % 7 == 0 and day * 10 + ITEMS - n < 20 else ""
        wire = f" Agency report {n}: the delegations of both sides met again and spoke of matter {n} until {n % 24} o'clock"
        own = f" as the paper number {f} says of its item {n * 31 + f}, without naming anyone who was in room {n + f}"
        text = (wire if n % 3 == 0 else own) * 2 + edit
        date = f"{(START + timedelta(days=day, minutes=n)):%a, %d %b %Y %H:%M:%S} GMT"
        items.append(item(f"{f}-{n}", text=text, link=f"https://paper{f}.example/{n}", date=date))
    return rss(*reversed(items))


def one_round(path: Path, feeds: list[Feed], day: int) -> None:
    """What a run stores: articles, the log, a forecast, a decision."""
    now = START + timedelta(days=day + 1)
    with Archive(path) as a:
        collect(feeds, a, now=now, host_pause=0.0)
        record = {
            "round_id": "r",
            "reference_date": f"{now:%Y-%m-%d}",
            "model_id": "m",
            "evidence_hash": str(a.count_articles()),
        }
        a.log_forecasts([record], now)


def contents(path: Path) -> dict[str, Any]:
    """All that must not depend on being killed."""
    with Archive(path) as a:
        return {
            "faults": a.check(),
            "articles": [
                tuple(r)
                for r in a._db.execute(
                    "SELECT article_id, version, title, text, url, source, published, retrieved, effective, flags, content_hash,"
                    " copy_of FROM articles ORDER BY article_id, version"
                )
            ],
            "search": sorted(
                r[0]
                for r in a._db.execute(
                    "SELECT rowid FROM articles_text WHERE articles_text MATCH 'delegations'"
                )
            ),
            "shingles": a._db.execute("SELECT count(*) FROM shingles").fetchone()[0],
            "sightings": a.sightings(),
            "forecasts": a.forecasts(),
            "log": sorted({(r["feed"], r["at"], r["etag"]) for r in a.fetch_log() if r["status"] == "ok"}),
        }


def killed_round(
    path: Path, feeds: list[Feed], day: int, kills: int, rng: random.Random, usual: float
) -> int:
    """Start the round and kill it, so many times; then let it finish. Returns how often it was hit alive."""
    hits = 0
    for _ in range(kills):
        child = multiprocessing.get_context("fork").Process(target=one_round, args=(path, feeds, day))
        child.start()
        child.join(rng.random() * usual * 1.1)
        if child.exitcode is None and child.pid:
            os.kill(child.pid, signal.SIGKILL)
            hits += 1
        child.join()
    one_round(path, feeds, day)
    return hits


def main() -> int:
    """Run both and compare."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--moments", type=int, default=300)
    options.add_argument("--seconds", type=float, default=600)
    o = options.parse_args()
    rng, began, hits, day, wrong = random.Random(o.seed), time.monotonic(), 0, 0, 0
    with FeedServer() as server, tempfile.TemporaryDirectory() as folder:
        feeds = [Feed(f"F{f}", server.url(f"/{f}"), "third") for f in range(FEEDS)]
        calm, killed = Path(folder) / "calm.sqlite", Path(folder) / "killed.sqlite"
        one_round(Path(folder) / "warm.sqlite", feeds, 0)
        while hits < o.moments and time.monotonic() - began < o.seconds:
            for f in range(FEEDS):
                server.play(f"/{f}", Answer(body(f, day), headers={"ETag": f'"{f}-{day}"'}))
            start = time.monotonic()
            one_round(calm, feeds, day)
            hits += killed_round(killed, feeds, day, min(15, o.moments - hits), rng, time.monotonic() - start)
            a, b = contents(calm), contents(killed)
            different = [k for k in a if a[k] != b[k]]
            if different or b["faults"]:
                wrong += 1
                print(f"day {day}: {', '.join(different)} differ; faults {b['faults'][:3]}")
            day += 1
        print(
            f"killed at {hits} moments in {day} rounds, {time.monotonic() - began:.0f} s, {len(b['articles'])} versions,"
            f" {sum(r[-1] is not None for r in b['articles'])} copies linked; {wrong} rounds differ"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
