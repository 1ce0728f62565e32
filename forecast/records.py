"""Frozen records that travel between modules. All datetimes are aware and in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """An address an analyst reads, as written in `case.toml`."""

    name: str
    url: str
    side: str  # a party's name, "third" or "agency"


@dataclass(frozen=True, slots=True)
class Article:
    """One version of one published text."""

    article_id: str  # stable over versions: hash of the canonical address, or of feed and entry id
    title: str
    text: str  # clean text; what quotes and offsets refer to
    url: str
    source: str  # outlet, i.e. the feed's name
    side: str  # a party's name, "third" or "agency"
    published: datetime | None  # as claimed by the source
    retrieved: datetime  # when we got it
    effective: datetime  # `published` where sane, else `retrieved`: the only time forecasts look at
    flags: tuple[str, ...] = ()  # what is odd about it, e.g. "future_date", "no_date"
    version: int = 1
    copy_of: str | None = None  # article_id of the earlier text this one repeats


@dataclass(frozen=True, slots=True)
class Statement:
    """A public stance by an identified actor on an issue, as reported (codebook section 3)."""

    sentence: int  # index of the sentence in the article, from 0
    actor: str
    issue: str
    stance: str  # demands, offers, accepts, rejects, conditions
    gate: str | None
    conditional_on: str | None
    quote: str
    start: int  # offsets into the article's text: text[start:end] == quote
    end: int
    confidence: float  # 0 to 1, how often readings of this kind are right on the labelled sets
    reporter: str | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """One article's reading of one round of talks (codebook section 1)."""

    conflict_id: str
    parties: tuple[str, ...]
    mediators: tuple[str, ...]
    venue: str | None
    window_start: date | None
    window_end: date | None
    granularity: str | None  # day, week, month, open
    ordinal: int | None
    level: str | None
    status: str  # proposed, confirmed, under_way, held, postponed, cancelled, lapsed
    quote: str
    start: int
    end: int
    proposer: str | None = None  # the actor who proposed it, where stated


@dataclass(frozen=True, slots=True)
class SentenceTone:
    """Outlook for the talks in one sentence, -1 (collapse expected) to +1 (deal imminent)."""

    sentence: int
    speaker: str | None
    tone: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Coding:
    """All that was read from one article."""

    relevant: bool
    conflict_id: str | None
    tone: float | None
    statements: tuple[Statement, ...] = ()
    mentions: tuple[Mention, ...] = ()
    tones: tuple[SentenceTone, ...] = ()
    cues: tuple[str, ...] = ()  # pre-round facts stated: "signing_expected", "draft_on_table", ...
    fault: str = ""  # why the article could not be coded; it then counts as not relevant


@dataclass(frozen=True, slots=True)
class FeedResult:
    """What came of reading one feed: a failure is a value, never an exception that stops the others."""

    feed: str
    status: str  # "ok", "unchanged" or "failed"
    items: int = 0
    new: int = 0
    changed: int = 0
    detail: str = ""
    faults: tuple[str, ...] = ()
