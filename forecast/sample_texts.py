"""Made-up news of any size, from the sentences of the bundled sample feeds: what benchmarks read. Same seed, same texts."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from urllib.request import url2pathname

from forecast.bundled import data_path
from forecast.records import Article, Feed

LAST = datetime(2025, 7, 20, 20, tzinfo=UTC)  # of the newest article
_TALKS = re.compile(
    r"\b(?:talk|negotiat|ceasefire|truce|delegat|peace|mediat|settle|agree|exchange|prisoner|summit|meet|met\b|round|envoy|deal|"
    r"offer|demand|reject|accept|condition|propos)", re.I,
)  # fmt: skip
_WAR = re.compile(
    r"\b(?:war|wars|army|troops?|militar|attack|drone|missile|fight|fire[ds]?\b|kill|shell|strike|rebel|front|soldier|Israel|Syria|Gaza|"
    r"Hamas|Congo|M23|Druze|Kurd|PKK|Azerbaijan|Armenia|Iran|Baku|sanction|Thai|Cambodia|Kosovo)", re.I,
)  # fmt: skip
_SIDES = re.compile(r"\b(?:Russia|Ukrain|Kyiv|Moscow|Kremlin|Putin|Zelensk|Istanbul|Lavrov|Peskov|Umerov|Medinsk)", re.I)


@cache
def sentence_pools() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sentences of the sample feeds: those of items on the talks, and those that have nothing to do with any."""
    import csv

    from forecast.feed_formats import parse

    on_talks: dict[str, None] = {}
    other: dict[str, None] = {}
    with data_path("samples", "feeds.csv").open(encoding="utf-8", newline="") as f:
        feeds = [(r["name"], data_path("samples", "feeds", r["file"])) for r in csv.DictReader(f)]
    for name, file in feeds:
        for a in parse(file.read_bytes(), Feed(name, Path(url2pathname(str(file))).as_uri(), "third"), LAST).articles:
            about = len(_SIDES.findall(a.text)) >= 2 and len(_TALKS.findall(a.text)) >= 3
            calm = not _WAR.search(a.text) and not _SIDES.search(a.text)
            for s in re.split(r"(?<=[.!?])\s+(?=[A-Z])", a.text):
                if about:
                    on_talks[s] = None
                elif calm and not _TALKS.search(s):
                    other[s] = None
    return tuple(on_talks), tuple(other)


def made_text(rng: random.Random, size: int, relevant: bool) -> str:
    """A text of about `size` letters (at least one sentence).

    Where it is not on talks, every fourth word is another one of the pool, so that no two are copies of each other.
    """
    on_talks, other = sentence_pools()
    pool = on_talks if relevant else other
    out: list[str] = []
    length = 0
    while length < size:
        s = pool[rng.randrange(len(pool))]
        if not relevant:
            words, spare = s.split(" "), pool[rng.randrange(len(pool))].split(" ")
            words[3::4] = [f"{spare[rng.randrange(len(spare))]}{rng.randrange(100) if n % 3 == 0 else ''}" for n in range(len(words[3::4]))]
            s = " ".join(words)
        out.append(s)
        length += len(s) + 1
    text = " ".join(out)
    return text if length < 1.2 * size else text[: int(1.1 * size)].rsplit(" ", 1)[0] + "."


def made_articles(n: int, size: int = 2500, share: float = 1.0, *, seed: int = 1, days: int = 365) -> Iterator[Article]:
    """Articles of about `size` letters, evenly over the last `days` before `LAST`, newest last.

    Parameters
    ----------
    share : of them on the talks, 0 to 1, evenly spread.
    """
    rng = random.Random(seed)
    for i in range(n):
        relevant = int((i + 1) * share) > int(i * share)
        at = LAST - timedelta(days=days) * ((n - 1 - i) / max(1, n))
        title = "Delegations meet for talks" if relevant else f"News item {i}"
        text = made_text(rng, size, relevant)
        yield Article(f"made-{seed}-{i}", title, text, f"https://sample-{i % 7}.example/{seed}/{i}", f"Sample {i % 7}", "third", at, at, at)
