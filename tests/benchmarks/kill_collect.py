"""Kill `collect` or a whole `run` with SIGKILL at random moments, do it again, and compare with an undisturbed one.

Run: `python tests/benchmarks/kill_collect.py --what run --seed 1 --moments 300 --seconds 1200`. The feeds come from a
server on loopback; each day (new items, edits, a copy across outlets) is killed several times and then finished.

For `collect`, articles, versions, links, search, forecasts and decisions must equal those of a run that nobody killed,
and the file must be sound. For `run`, so must the codings kept, the forecast log and every file written, to the byte:
tables, charts with their data, and the page but for its list of changes, since what a killed run had logged already
is no change to the next. Exit code 1 on a difference. Not run by pytest, but for a few moments of each.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
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


# -- the whole run --------------------------------------------------------------------------------

OUTLETS = 5
SAID = (
    "Ukraine proposed a third round of talks with Russia in Istanbul next week.",
    "Russia rejected a ceasefire before any talks.",
    "Ukraine demanded an immediate ceasefire and the return of deported children.",
    "The Kremlin said that Russia is ready for a third round of talks in Istanbul, but that much work lies ahead.",
    "Ukraine and Russia agreed on a new prisoner exchange.",
    "Turkey offered to host a meeting of the leaders of Russia and Ukraine.",
    "Russia demanded the withdrawal of troops from four regions as a condition of a ceasefire.",
    "A third round of talks between Russia and Ukraine will be held in Istanbul on 23 July, the Turkish foreign ministry said.",
)


def outlet_body(f: int, day: int) -> bytes:
    """What outlet `f` shows on a day: its last ten items on the talks, the newest of them edited on the next day."""
    items = []
    for n in range(day * 2, day * 2 + 10):
        edited = f" The {f + 1}th paragraph was corrected." if n % 3 == 0 and n < day * 2 + 6 else ""
        wire = n % 4 == 0  # an agency's text, which every outlet prints
        chosen = [SAID[(n * 5 + (0 if wire else f * 3) + i) % len(SAID)] for i in range(3)]
        if not wire:
            chosen.append(f"Outlet {f} heard so from member {n * 31 + f} of the party that came by train {n + f} and left hall {n * 7 + f} at noon.")
        date = f"{(START + timedelta(days=day - 4, hours=n)):%a, %d %b %Y %H:%M:%S} GMT"
        items.append(
            item(
                f"{f}-{n}", title=f"Talks, report {n}", text=" ".join(chosen) + edited, link=f"https://paper{f}.example/{n}", date=date
            )
        )
    return rss(*reversed(items))


def one_run(folder: Path, day: int) -> None:
    """A whole `forecast run` of one day."""
    from forecast.outlook import run

    now = START + timedelta(days=day, hours=20)
    run(folder, now=now, reference_date=now.date())


def run_contents(folder: Path) -> dict[str, Any]:
    """The archive, the codings, the log, and the digest of every file written."""
    import hashlib
    import re

    out = contents(folder / "archive.sqlite")
    with Archive(folder / "archive.sqlite") as a:
        out["codings"] = [tuple(r) for r in a._db.execute("SELECT text_key, conflict_id, coding FROM codings ORDER BY 1, 2, 3")]
    written = sorted(p for p in (folder / "outlook").rglob("*") if p.is_file())
    for p in written:
        body = p.read_bytes()
        if p.name == "report.html":
            body = re.sub(rb'<h2 id="changed">.*?<h2 id="rounds">', b"", body, flags=re.S)
        out[p.relative_to(folder).as_posix()] = hashlib.sha256(body).hexdigest()
    out["files"] = len(written)
    return out


def write_case(folder: Path, server: FeedServer) -> Path:
    """The bundled case with the outlets of this test, each a host of its own so that none waits for another."""
    from forecast.bundled import data_path

    text = data_path("cases", "russia-ukraine", "case.toml").read_text(encoding="utf-8").partition("[[feeds]]")[0]
    for f in range(OUTLETS):
        side = ("third", "Ukraine", "Russia")[f % 3]
        url = f"http://127.0.0.{f + 1}:{server.port}/outlet{f}"
        text += f'[[feeds]]\nname = "Outlet {f}"\nurl = "{url}"\nside = "{side}"\n'
    folder.mkdir()
    (folder / "case.toml").write_text(text, encoding="utf-8")
    return folder


# -- killing --------------------------------------------------------------------------------------


def killed_round(job: Callable[[], None], kills: int, rng: random.Random, usual: float) -> int:
    """Start the job and kill it, so many times; then let it finish. Returns how often it was hit alive."""
    hits = 0
    for _ in range(kills):
        child = multiprocessing.get_context("fork").Process(target=job)
        child.start()
        child.join(rng.random() * usual * 1.1)
        if child.exitcode is None and child.pid:
            os.kill(child.pid, signal.SIGKILL)
            hits += 1
        child.join()
    job()
    return hits


def main() -> int:
    """Run both and compare."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--what", choices=("collect", "run"), default="collect")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--moments", type=int, default=300)
    options.add_argument("--seconds", type=float, default=600)
    o = options.parse_args()
    rng, began, hits, day, wrong = random.Random(o.seed), time.monotonic(), 0, 0, 0
    whole = o.what == "run"
    with FeedServer("0.0.0.0" if whole else "127.0.0.1") as server, tempfile.TemporaryDirectory() as base:
        paths = [Path(base) / name for name in ("warm", "calm", "killed")]
        if whole:
            for p in paths:
                write_case(p, server)
        feeds = [Feed(f"F{f}", server.url(f"/{f}"), "third") for f in range(FEEDS)]
        bodies = {f"/outlet{f}": outlet_body for f in range(OUTLETS)} if whole else {f"/{f}": body for f in range(FEEDS)}

        def job(path: Path) -> Callable[[], None]:
            return functools.partial(one_run, path, day) if whole else functools.partial(one_round, path, feeds, day)

        while hits < o.moments and time.monotonic() - began < o.seconds:
            for f, (route, make) in enumerate(bodies.items()):
                server.play(route, Answer(make(f, day), headers={"ETag": f'"{f}-{day}"'}))
            if day == 0:
                job(paths[0])()  # what is loaded on first use is not to be timed
            start = time.monotonic()
            job(paths[1])()
            hits += killed_round(job(paths[2]), min(15, o.moments - hits), rng, time.monotonic() - start)
            a, b = (run_contents(p) if whole else contents(p) for p in paths[1:])
            different = sorted(k for k in {*a, *b} if a.get(k) != b.get(k))
            if different or b["faults"]:
                wrong += 1
                print(f"day {day}: {', '.join(different[:12])} differ; faults {b['faults'][:3]}")
            day += 1
        files = f", {b['files']} files written" if whole else ""
        print(
            f"{o.what}: killed at {hits} moments in {day} days, {time.monotonic() - began:.0f} s, {len(b['articles'])} versions,"
            f" {sum(r[-1] is not None for r in b['articles'])} copies linked, {len(b['forecasts'])} forecasts logged{files};"
            f" {wrong} days differ"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
