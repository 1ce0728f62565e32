"""How fast this machine codes: articles a second by size and share on talks, and how much memory it takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forecast.case import Case
from forecast.coding import Coder
from forecast.engine import code_one, job_of
from forecast.records import Article
from forecast.sample_texts import made_articles

if TYPE_CHECKING:
    import pandas as pd

SIZES = (500, 2500, 20_000)  # letters
SHARES = (0.01, 0.1, 1.0)  # of articles on talks
CASE = "russia-ukraine"


@dataclass(frozen=True, slots=True)
class Rate:
    """How much was done in which time."""

    done: int  # texts
    letters: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Texts a second."""
        return self.done / self.seconds

    @property
    def megabytes_per_second(self) -> float:
        """Millions of letters a second."""
        return self.letters / self.seconds / 1e6


def made_once(size: int, share: float, letters: int = 2_000_000) -> list[Article]:
    """Articles of a size to measure with: enough of them, and some on talks, without filling the memory."""
    n = max(20, round(1 / share), min(400, letters // size))
    return list(made_articles(n, size, share))


def rate(work: Callable[[Article], object], articles: list[Article], seconds: float) -> Rate:
    """Do this work on the articles, over and over, whole rounds for at least `seconds`; one article goes ahead, to warm up."""
    work(articles[-1])
    begun = time.perf_counter()
    rounds = 0
    while rounds == 0 or time.perf_counter() - begun < seconds:
        for a in articles:
            work(a)
        rounds += 1
    passed = time.perf_counter() - begun
    return Rate(rounds * len(articles), rounds * sum(len(a.text) for a in articles), passed)


def coding_work(coder: Coder | None = None) -> Callable[[Article], object]:
    """The work of coding one article."""
    coder = coder or Coder(Case.bundled(CASE))
    return lambda article: code_one(coder, job_of(article))


def bench(
    sizes: Iterable[int] = SIZES, shares: Iterable[float] = SHARES, *, seconds: float = 1.0,
    progress: Callable[[str, int, int], None] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Speed of coding on one core with made-up news from the bundled samples.

    Columns: letters (of a text), share_on_talks, articles_per_second, mb_per_second, peak_mb (of this process so far).
    """
    import pandas as pd

    work = coding_work()
    rows = []
    todo = [(size, share) for size in sizes for share in shares]
    for n, (size, share) in enumerate(todo):
        if progress:
            progress(f"{size} letters", n, len(todo))
        r = rate(work, made_once(size, share), seconds)
        rows.append((size, share, r.per_second, r.megabytes_per_second, peak_memory()))
    return pd.DataFrame(rows, columns=["letters", "share_on_talks", "articles_per_second", "mb_per_second", "peak_mb"])


def peak_memory() -> float:
    """The most memory this process has held, in MB; not a number where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def stream(n: int, size: int = 2500, share: float = 0.1) -> Iterator[Article]:
    """So many articles, none of them kept: a short list over and over, each under a name of its own."""
    from dataclasses import replace

    kept = made_once(size, share)
    for i in range(n):
        yield replace(kept[i % len(kept)], article_id=f"stream-{i}")
