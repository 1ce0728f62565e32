"""How fast an archive takes 100,000 articles, how fast it knows them again, and how large it is beside its texts.

Run: `python tests/benchmarks/archive_size.py [--articles 100000] [--letters 970]`. The articles are made of a vocabulary
with the word frequencies of newspapers (Zipf) from a seed; one in twenty is an agency's text in the words of another.
Prints seconds of processor time and of the clock, and where the bytes of the file are. Exit code 1 where a limit of the
design is passed: insert 10 s, lookup 2 s (processor time), file without the search index 1.2 times the texts. Not run
by pytest.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

from forecast.archive import Archive
from forecast.records import Article

START = datetime(2025, 1, 1, tzinfo=UTC)


def articles(count: int, letters: int, seed: int = 1) -> list[Article]:
    """So many articles of about so many letters."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("etaoinshrdlucmfwypvbgk", k=max(2, round(rng.gauss(6, 2.2))))) for _ in range(40_000)]
    weights = list(accumulate(1 / (n + 2.7) for n in range(len(words))))
    out: list[Article] = []
    for n in range(count):
        at = START + timedelta(minutes=3 * n)
        if n % 20 == 19:
            text = out[-rng.randrange(1, 19)].text
        else:
            chosen = rng.choices(words, cum_weights=weights, k=letters // 5)
            text = " ".join(chosen)[:letters]
        url = f"https://outlet{n % 40}.example/news/{at:%Y/%m/%d}/article-{n}"
        out.append(Article(f"{n:016x}", text[:70], text, url, f"Outlet {n % 40}", "third", at, at, at))
    return out


def parts(path: Path) -> dict[str, int]:
    """Bytes of the file by table and index; empty where SQLite was built without `dbstat`."""
    found: dict[str, int] = defaultdict(int)
    with closing(sqlite3.connect(path)) as db:
        try:
            for name, size in db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"):
                found[name] += size
        except sqlite3.OperationalError:
            pass
    return dict(found)


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--articles", type=int, default=100_000)
    options.add_argument("--letters", type=int, default=970)
    o = options.parse_args()
    made = articles(o.articles, o.letters)
    texts = sum(len(a.text.encode()) + len(a.title.encode()) for a in made)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "archive.sqlite"
        took = []
        with Archive(path) as archive:
            for _ in range(2):
                cpu, clock = time.process_time(), time.perf_counter()
                new, _ = archive.add_articles(made)
                took.append((time.process_time() - cpu, time.perf_counter() - clock, new))
        size = path.stat().st_size
        found = parts(path)
    (insert, insert_clock, new), (again, again_clock, none) = took
    search = sum(v for k, v in found.items() if k.startswith("articles_text"))
    print(f"{o.articles} articles of {o.letters} letters, {texts / 1e6:.1f} MB of titles and texts; {new} new, then {none}")
    print(f"insert {insert:.1f} s of the processor ({insert_clock:.1f} s by the clock), again {again:.1f} s ({again_clock:.1f} s)")
    print(f"file {size / 1e6:.1f} MB, {size / texts:.2f} times the texts; without the search index {(size - search) / texts:.2f} times")
    for name, bytes_ in sorted(found.items(), key=lambda x: -x[1])[:12]:
        print(f"  {name:<32} {bytes_ / 1e6:7.1f} MB  {bytes_ / texts:5.2f}")
    return int(insert > 10 or again > 2 or (size - search) / texts > 1.2)


if __name__ == "__main__":
    sys.exit(main())
