"""Speed side by side, in one run on one core: `python tests/benchmarks/speed.py [--seconds 3] [--parts coding,feeds,engines]`.

All read the same made-up articles (2,500 letters, see `forecast.sample_texts`). What is not installed is left out, with the
reason. Limits of our own stand beside the ratios; exit code 1 where one is missed.

spaCy: the small English model if one is installed; otherwise a pipeline of the same parts and the default (small) sizes that
has learnt nothing. What it predicts is worthless, the work it does for each token is that of the trained one.
"""

from __future__ import annotations

import argparse
import html
import platform
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from forecast.bench import CASE, Rate, coding_work, made_once, peak_memory, rate, stream
from forecast.case import Case
from forecast.coding_identity import coder_version
from forecast.records import Article, Feed
from forecast.sample_texts import LAST, made_articles

STANCES = {
    "rejects": r"reject\w*|refus\w*|rul\w+ out|dismiss\w*", "accepts": r"accept\w*|agree\w*|welcom\w*|back(?:s|ed)",
    "demands": r"demand\w*|call(?:s|ed)? for|insist\w*|urg\w+", "offers": r"offer\w*|propos\w*|ready to|suggest\w*",
}  # fmt: skip
ISSUES = {
    "ceasefire": r"ceasefire|cease-fire|truce", "talks": r"talks|negotiations|meeting", "prisoner_exchange": r"prisoners?|captives",
    "territory": r"territor\w+|regions", "security_guarantees": r"guarantees?", "sanctions_relief": r"sanctions", "withdrawal": r"withdraw\w*",
    "neutrality": r"neutral\w*|nato", "humanitarian_access": r"aid|corridors?", "settlement": r"settlement|peace (?:deal|agreement)",
}  # fmt: skip


class Skipped(Exception):
    """A competitor that is not there, and why."""


# -- who competes -------------------------------------------------------------------------------


def vader() -> Callable[[Article], object]:
    """Tone of the whole article."""
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    except ImportError as e:
        raise Skipped(f"{e.name} is not installed") from None
    analyser = SentimentIntensityAnalyzer()
    return lambda a: analyser.polarity_scores(a.text)


def spacy_small() -> Callable[[Article], object]:
    """Tokens, tags, parse and names of the whole article."""
    try:
        import spacy
    except ImportError as e:
        raise Skipped(f"{e.name} is not installed") from None
    if spacy.util.is_package("en_core_web_sm"):
        nlp = spacy.load("en_core_web_sm")
        return lambda a: nlp(a.text)
    from spacy.training import Example

    nlp = spacy.blank("en")
    for part in ("tok2vec", "tagger", "parser", "ner"):
        nlp.add_pipe(part)
    words = ["Russia", "rejected", "a", "truce", "."]
    doc = spacy.tokens.Doc(nlp.vocab, words=words, tags=["NNP", "VBD", "DT", "NN", "."], heads=[1, 1, 3, 1, 1],
                           deps=["nsubj", "ROOT", "det", "dobj", "punct"], ents=["B-GPE", "O", "O", "O", "O"])  # fmt: skip
    nlp.initialize(lambda: [Example(doc, doc)])
    return lambda a: nlp(a.text)


def keyword_script() -> Callable[[Article], object]:
    """What is written in an afternoon: in each sentence, a party's name, a word of an issue and a word of a stance."""
    parties = {p.name: "|".join(map(re.escape, [p.name, *p.names, *p.demonyms, *p.capitals])) for p in Case.bundled(CASE).data.parties}
    compiled = [{k: re.compile(rf"\b(?:{v})\b", re.I) for k, v in words.items()} for words in (parties, ISSUES, STANCES)]

    def read(a: Article) -> list[tuple[str, str, str]]:
        found = []
        for s in re.split(r"(?<=[.!?])\s+", a.text):
            who, what, how = ([k for k, p in patterns.items() if p.search(s)] for patterns in compiled)
            if who and how:
                found += [(who[0], issue, how[0]) for issue in what]
        return found

    return read


def automaton() -> Callable[[Article], object]:
    """The floor: one pass of one automaton over the lower-cased text, with all the phrases the coder knows."""
    from ahocorasick_rs import AhoCorasick

    try:
        from forecast.coding import lexicon
        from forecast.coding.actors import Gazetteer
    except ImportError as e:
        raise Skipped(f"the coder has no {e.name}") from None
    gazetteer = Gazetteer([Case.bundled(CASE).data])
    machine = AhoCorasick(sorted({p.lower() for _, p, _ in [*lexicon.phrases(), *gazetteer.phrases()]}))
    return lambda a: machine.find_matches_as_indexes(a.text.lower())


def reading_bytes() -> Callable[[Article], object]:
    """Less than nothing: the text from bytes."""
    return lambda a: bytes(a.text, "utf-8").decode("utf-8")


COMPETITORS: dict[str, Callable[[], Callable[[Article], object]]] = {
    "coding": coding_work, "VADER": vader, "spaCy small": spacy_small, "keyword script": keyword_script,
    "automaton alone": automaton, "reading bytes": reading_bytes,
}  # fmt: skip


# -- what is measured ---------------------------------------------------------------------------


class Report:
    """Lines with a ratio and, where we have one, a limit."""

    def __init__(self) -> None:
        self.missed = 0

    def line(self, what: str, value: float, unit: str, *, least: float | None = None, most: float | None = None) -> None:
        """Print a value beside its limit."""
        limit, right = "", True
        if least is not None:
            limit, right = f"at least {least:g}", value >= least
        if most is not None:
            limit, right = f"at most {most:g}", value <= most
        self.missed += not right
        print(f"{what:<52} {value:10.2f} {unit:<12} {limit:<14} {'' if right else 'MISSED'}", flush=True)


def coding(report: Report, seconds: float) -> None:
    """Articles a second of everybody, all of them on talks and one in a hundred."""
    rates: dict[tuple[str, float], Rate] = {}
    for name, make in COMPETITORS.items():
        try:
            work = make()
        except Skipped as e:
            print(f"{name}: left out, {e}")
            continue
        for share in (1.0, 0.01):
            articles = made_once(2500, share)
            if name == "spaCy small":
                articles = articles[:40]
            rates[name, share] = rate(work, articles, seconds)
            report.line(f"{name}, {share:.0%} on talks", rates[name, share].per_second, "articles/s")

    def ratio(what: str, other: str, share: float, *, least: float | None = None, most: float | None = None) -> None:
        if (other, share) in rates:
            times = rates["coding", share].per_second / rates[other, share].per_second
            value = 1 / times if most is not None else times
            report.line(what, value, "times", least=least, most=most)

    ratio("coding as fast as VADER, all on talks", "VADER", 1.0, least=5)
    ratio("coding as fast as spaCy, all on talks", "spaCy small", 1.0, least=100)
    ratio("coding as fast as the keyword script, all on talks", "keyword script", 1.0)
    ratio("time of the automaton alone, 1 % on talks", "automaton alone", 0.01, most=3)


def made_feed(n: int, entries: int = 100) -> bytes:
    """An RSS document of the size usual with newspapers: a hundred entries of some 600 letters of HTML."""
    items = [
        f"<item><title>{html.escape(a.title)} {n}-{i}</title><link>https://sample-{n}.example/{i}</link>"
        f"<pubDate>{format_datetime(a.effective)}</pubDate><description>{html.escape(f'<p>{html.escape(a.text)}</p>')}</description></item>"
        for i, a in enumerate(made_articles(entries, 600, 0.3, seed=n, days=20))
    ]
    return f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>Sample {n}</title>{''.join(items)}</channel></rss>".encode()


def feeds(report: Report, seconds: float) -> None:
    """Reading feeds into a new archive, which is open before the clock starts, against bare `feedparser.parse` of the same bytes."""
    import feedparser

    from forecast.archive import Archive
    from forecast.feeds import collect

    now = LAST + timedelta(hours=1)
    times: tuple[list[float], list[float]] = ([], [])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = [folder / f"{n}.xml" for n in range(10)]
        for n, file in enumerate(files):
            file.write_bytes(made_feed(n))
        read = [Feed(f.stem, f.as_uri(), "third") for f in files]
        begun = time.perf_counter()
        while time.perf_counter() - begun < 2 * seconds or len(times[0]) < 3:
            start = time.perf_counter()
            for file in files:
                feedparser.parse(file.read_bytes())
            times[0].append(time.perf_counter() - start)
            with Archive(folder / f"{len(times[0])}.sqlite") as archive:
                start = time.perf_counter()
                results = collect(read, archive, now=now)
                times[1].append(time.perf_counter() - start)
            assert sum(r.new for r in results) == 1000, results
    bare, whole = (statistics.median(t[1:]) for t in times)
    report.line("feeds of 100 entries parsed, cleaned and stored", len(files) / whole, "feeds/s")
    report.line("time of bare feedparser.parse", whole / bare, "times", most=1.3)


def engines(report: Report, seconds: float) -> None:
    """Two processes against one, and Dask on this machine against both; workers are running before the clock starts."""
    from forecast.engine import code_many

    case = Case.bundled(CASE)
    n = max(512, int(60 * seconds) * 10)

    def timed(**options: Any) -> float:
        coded = code_many(_warm_then(n), case, **options)
        for _, (a, _) in zip(range(256), coded, strict=False):
            assert a
        start = time.perf_counter()
        rest = sum(1 for _ in coded)
        return (time.perf_counter() - start) / rest

    one = timed(engine="processes", workers=1)
    two = timed(engine="processes", workers=2)
    report.line("one process", 1 / one, "articles/s")
    report.line("two processes as fast as one", one / two, "times", least=1.7)
    try:
        cluster = timed(engine="dask", workers=2)
    except Exception as e:  # noqa: BLE001  whatever keeps Dask from starting here
        print(f"dask: left out, {e}")
        return
    report.line("Dask, two workers, time of two processes", cluster / two, "times", most=1.3)


def _warm_then(n: int) -> Iterator[Article]:
    yield from stream(256 + n, 2500, 1.0)


def main() -> int:
    """Print the table; 1 where a limit is missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=3.0, help="for each measure, at least")
    options.add_argument("--parts", default="coding,feeds,engines")
    o = options.parse_args()
    print(f"{date.today()}, {platform.machine()}, Python {platform.python_version()}, coder {coder_version()}, {o.seconds:g} s each")
    report = Report()
    for name in o.parts.split(","):
        {"coding": coding, "feeds": feeds, "engines": engines}[name](report, o.seconds)
    print(f"peak memory {peak_memory():.0f} MB; {report.missed} limits missed")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
