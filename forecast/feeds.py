"""Feeds: retrieve bytes, parse them to articles, store what is new. Retrieval and parsing are kept apart.

A feed that fails is a value in the result, never an exception that stops the others.
"""

from __future__ import annotations

import hashlib
import html
import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from forecast.archive import Archive, canonical_url
from forecast.errors import ParseError, RetrieveError
from forecast.records import Article, Feed, FeedResult

USER_AGENT = "negotiation-outlook/0.1 (feed reader for analysts)"
TIMEOUT = (10.0, 20.0)  # seconds to connect, and between bytes
MAX_BYTES = 20_000_000  # after decompression
MAX_REDIRECTS = 5
_MAX_TEXT = 200_000  # characters of one entry that are kept
_ZONES = {
    "MSK": 3, "EET": 2, "EEST": 3, "TRT": 3, "IRST": 3.5, "IRDT": 4.5, "CET": 1, "CEST": 2, "BST": 1, "WEST": 1, "WET": 0,
    "IST": 5.5, "PKT": 5, "AST": 3, "GST": 4, "JST": 9, "KST": 9, "HKT": 8, "SGT": 8, "ICT": 7, "WIB": 7, "EAT": 3, "CAT": 2,
    "SAST": 2, "WAT": 1, "MSD": 4, "AZT": 4, "AMT": 4, "NPT": 5.75, "AFT": 4.5, "COT": -5, "UTC": 0, "GMT": 0, "Z": 0, "UT": 0,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "IDT": 3,
}  # fmt: skip
_RFC822 = re.compile(
    r"^\s*(?:[^\W\d]+\.?,?\s+)?(?P<d>\d{1,2})[\s-](?P<m>[^\W\d]+)\.?[\s-](?P<y>\d{2,4})(?:\s+|,\s*)(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2}))?\s*(?P<z>[A-Za-z]{1,5}|[+-]\d{2}:?\d{2})?\s*$"
)
_ISO = re.compile(
    r"^\s*(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})(?:[T\s](?P<H>\d{2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:\.\d+)?)?\s*(?P<z>Z|[A-Za-z]{2,5}|[+-]\d{2}:?\d{2})?)?\s*$"
)
_MONTHS = {
    name: i
    for i, names in enumerate(
        [
            "jan january januar janvier enero gennaio janeiro ocak янв января січ січня",
            "feb february februar février fevrier febrero febbraio fevereiro şubat фев февраля лют лютого",
            "mar march märz mars marzo março mart мар марта бер березня",
            "apr april avril abril aprile nisan апр апреля кві квітня",
            "may mai mayo maggio maio mayıs мая май тра травня",
            "jun june juni juin junio giugno junho haziran июн июня чер червня",
            "jul july juli juillet julio luglio julho temmuz июл июля лип липня",
            "aug august août aout agosto ağustos авг августа сер серпня",
            "sep sept september septembre septiembre settembre setembro eylül сен сентября вер вересня",
            "oct october oktober octobre octubre ottobre outubro ekim окт октября жов жовтня",
            "nov november novembre noviembre novembro kasım ноя ноября лис листопада",
            "dec december dezember décembre decembre diciembre dicembre dezembro aralık дек декабря гру грудня",
        ],
        start=1,
    )
    for name in names.split()
}


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What an address answered."""

    body: bytes
    status: int
    content_type: str
    etag: str | None
    modified: str | None
    url: str  # after redirects


@dataclass(frozen=True, slots=True)
class Parsed:
    """Articles of one feed document and what was odd about it."""

    articles: tuple[Article, ...]
    faults: tuple[str, ...] = ()


# -- retrieve -----------------------------------------------------------------------------------


def retrieve(
    url: str, *, etag: str | None = None, modified: str | None = None, allow_private: bool = False,
    timeout: tuple[float, float] = TIMEOUT, max_bytes: int = MAX_BYTES,
) -> Retrieved:  # fmt: skip
    """Fetch one address, with conditional headers where known.

    An address the analyst wrote is trusted; where it leads to is not: a redirect to a private address is
    refused unless `allow_private`. Raises RetrieveError in words an analyst can act on.
    """
    if url.startswith("file:"):
        return _read_file(url)
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    headers = {"User-Agent": USER_AGENT, "Accept": "application/rss+xml, application/atom+xml, application/xml, application/json;q=0.9, */*;q=0.5"}
    if etag:
        headers["If-None-Match"] = etag
    if modified:
        headers["If-Modified-Since"] = modified
    retry = Retry(total=2, connect=1, read=0, backoff_factor=0.5, backoff_jitter=0.5, status_forcelist=(429, 502, 503, 504), respect_retry_after_header=True, raise_on_status=False, redirect=0)
    shown = without_credentials(url)
    with requests.Session() as session:
        session.trust_env = True
        adapter = HTTPAdapter(max_retries=retry)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        try:
            at = url
            for _ in range(MAX_REDIRECTS + 1):
                with session.get(at, headers=headers, timeout=timeout, stream=True, allow_redirects=False) as r:
                    if r.status_code in (301, 302, 303, 307, 308) and r.headers.get("Location"):
                        at = urljoin(at, r.headers["Location"])
                        _refuse_private(at, allow_private or _same_host(at, url))
                        continue
                    return _answer(r, shown, max_bytes)
            raise RetrieveError(f"{shown} redirects more than {MAX_REDIRECTS} times", "Look for the feed's new address on its site")
        except requests.exceptions.ConnectTimeout:
            raise RetrieveError(f"{shown} did not answer within {timeout[0]:g} s", "Try again later") from None
        except (requests.exceptions.ReadTimeout, requests.exceptions.Timeout):
            raise RetrieveError(f"{shown} stopped sending for {timeout[1]:g} s", "Try again later") from None
        except requests.exceptions.SSLError:
            raise RetrieveError(f"{shown} has no valid certificate", "Check the address") from None
        except requests.exceptions.ConnectionError:
            raise RetrieveError(f"{shown} cannot be reached", "Check the network and the address") from None
        except requests.exceptions.RequestException as e:
            raise RetrieveError(f"{shown}: {type(e).__name__}", "Check the address") from None


def _answer(r: Any, shown: str, max_bytes: int) -> Retrieved:
    if r.status_code == 410:
        raise RetrieveError(f"{shown} is gone for good (410)", "Take it out of case.toml")
    if r.status_code == 404:
        raise RetrieveError(f"{shown} was not found (404)", "Look for the feed's new address on its site")
    if r.status_code in (401, 403):
        raise RetrieveError(f"{shown} refuses access ({r.status_code})", "The outlet may block scripts; read it another way or take it out")
    if r.status_code == 429 or r.status_code == 503:
        raise RetrieveError(f"{shown} asks to come back later ({r.status_code})", "Collect less often")
    if r.status_code >= 400:
        raise RetrieveError(f"{shown} answered with an error ({r.status_code})", "Try again later")
    body = bytearray()
    for chunk in r.iter_content(65536):
        body += chunk
        if len(body) > max_bytes:
            raise RetrieveError(f"{shown} sent more than {max_bytes // 1_000_000} MB", "This is hardly a feed; check the address")
    return Retrieved(bytes(body), r.status_code, r.headers.get("Content-Type", ""), r.headers.get("ETag"), r.headers.get("Last-Modified"), r.url)


def _read_file(url: str) -> Retrieved:
    path = Path(unquote(urlsplit(url).path))
    try:
        return Retrieved(path.read_bytes(), 200, "", None, None, url)
    except OSError as e:
        raise RetrieveError(f"{path} cannot be read: {e.strerror}", "Check the address in case.toml") from None


def without_credentials(url: str) -> str:
    """The address without user name and password, for logs and exports.

    >>> without_credentials("https://me:secret@example.org/feed")
    'https://example.org/feed'
    """
    return re.sub(r"(?<=://)[^/@]*@", "", url)


def _same_host(a: str, b: str) -> bool:
    return urlsplit(a).hostname == urlsplit(b).hostname and urlsplit(a).port == urlsplit(b).port


def _refuse_private(url: str, allowed: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise RetrieveError(f"a redirect to a {parts.scheme}: address was refused", "Check the feed's address")
    if allowed:
        return
    try:
        addresses = {i[4][0] for i in socket.getaddrinfo(parts.hostname, None)}
    except (socket.gaierror, UnicodeError):
        raise RetrieveError(f"{parts.hostname} cannot be found", "Check the network and the address") from None
    for a in addresses:
        if not ipaddress.ip_address(str(a).split("%")[0]).is_global:
            raise RetrieveError(
                f"a redirect to the private address {parts.hostname} was refused",
                "If you trust it, set allow_private = true in case.toml",
            )


# -- parse --------------------------------------------------------------------------------------


def parse(body: bytes, feed: Feed, retrieved: datetime, *, content_type: str = "", base_url: str = "") -> Parsed:
    """Articles in the bytes of an RSS, RDF, Atom or JSON feed.

    Raises ParseError where the bytes are no feed at all (HTML, an empty answer, something else).
    """
    if not body.strip():
        raise ParseError(f"{feed.name} answered with nothing", "Try again later; if it stays empty, check the address")
    head = body[:2000].lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t").lower()
    if head.startswith(b"{"):
        return _parse_json(body, feed, retrieved)
    looks_like_html = head.startswith((b"<!doctype html", b"<html")) or (b"<html" in head and b"<rss" not in head and b"<feed" not in head)
    import feedparser

    if b"<!entity" in body[:20000].lower():
        body = re.sub(rb"<!DOCTYPE[^>\[]*(\[.*?\]\s*)?>", b"", body, count=1, flags=re.S | re.I)
    try:
        d = feedparser.parse(body, sanitize_html=False, resolve_relative_uris=False, response_headers={"content-type": _xml_type(content_type)})
    except Exception as e:  # noqa: BLE001  feedparser raises many kinds on hostile bytes
        raise ParseError(f"{feed.name} sent something unreadable ({type(e).__name__})", "Check the address") from None
    faults = []
    if not d.entries and (looks_like_html or not d.get("version")):
        what = "a web page, not a feed" if looks_like_html else "something that is not a feed"
        raise ParseError(f"{feed.name} sent {what}", "Look for the feed's address on the site (often /rss or /feed)")
    if d.get("bozo"):
        name = type(d.get("bozo_exception")).__name__
        if name in ("CharacterEncodingOverride",):
            faults.append("the declared encoding is wrong; another was used")
        elif name != "NonXMLContentType":
            faults.append("the document is cut off or malformed; what could be read was kept")
    if not d.entries:
        faults.append("the feed is empty")
    articles = []
    for e in d.entries:
        a = _entry(e, feed, retrieved, base_url or d.feed.get("link", "") or feed.url)
        if a is not None:
            articles.append(a)
    if len(articles) < len(d.entries):
        faults.append(f"{len(d.entries) - len(articles)} entries have neither title nor text")
    undated = sum("no_date" in a.flags or "unreadable_date" in a.flags for a in articles)
    if undated:
        faults.append(f"{undated} of {len(articles)} entries have no readable date")
    future = sum("future_date" in a.flags for a in articles)
    if future:
        faults.append(f"{future} of {len(articles)} entries are dated in the future")
    return Parsed(tuple(articles), tuple(faults))


def _xml_type(content_type: str) -> str:
    """A feed served as text/html or octet-stream is still parsed as XML, with its charset kept."""
    charset = re.search(r"charset=[\"']?([\w-]+)", content_type or "")
    return "application/xml" + (f"; charset={charset.group(1)}" if charset else "")


def _parse_json(body: bytes, feed: Feed, retrieved: datetime) -> Parsed:
    import json

    try:
        data = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as e:
        raise ParseError(f"{feed.name} sent broken JSON ({e})", "Check the address") from None
    if not isinstance(data, dict) or "jsonfeed.org" not in str(data.get("version", "")):
        raise ParseError(f"{feed.name} sent JSON that is not a JSON Feed", "Check the address")
    articles = []
    for item in data.get("items") or []:
        if not isinstance(item, dict):
            continue
        entry = {
            "title": item.get("title") or "", "link": item.get("url") or item.get("external_url") or "", "id": str(item.get("id") or ""),
            "summary": item.get("content_html") or html.escape(str(item.get("content_text") or item.get("summary") or "")),
            "published": item.get("date_published"), "updated": item.get("date_modified"),
        }  # fmt: skip
        a = _entry(entry, feed, retrieved, feed.url)
        if a is not None:
            articles.append(a)
    return Parsed(tuple(articles))


def _entry(e: Any, feed: Feed, retrieved: datetime, base_url: str) -> Article | None:
    title = clean_text(str(e.get("title") or ""))[:1000]
    bodies = [c.get("value") or "" for c in e.get("content") or [] if isinstance(c, dict)]
    bodies += [str(e.get("summary") or "")]
    text = clean_text(max(bodies, key=len))[:_MAX_TEXT]
    if not title and not text:
        return None
    text = text or title
    link = str(e.get("link") or "").strip()
    link = urljoin(base_url, link) if link else ""
    if link and urlsplit(link).scheme not in ("http", "https"):
        link = ""
    published, flags = _published(e, retrieved)
    sane = published is not None and "future_date" not in flags and "implausibly_old" not in flags
    effective = published if published is not None and sane else retrieved
    identity = canonical_url(link) if link else f"{feed.name}|{e.get('id') or title}"
    return Article(
        article_id=hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:16],
        title=title, text=text, url=without_credentials(link), source=feed.name, side=feed.side, published=published,
        retrieved=retrieved, effective=effective, flags=tuple(flags),
    )  # fmt: skip


def _published(e: Any, retrieved: datetime) -> tuple[datetime | None, list[str]]:
    raw = next((str(e.get(k)) for k in ("published", "created", "updated", "date", "dc_date") if e.get(k)), "")
    if not raw:
        return None, ["no_date"]
    when = read_date(raw)
    if when is None:
        return None, ["unreadable_date"]
    if when > retrieved + timedelta(hours=26):
        return when, ["future_date"]
    if when.year < 1995:
        return when, ["implausibly_old"]
    return min(when, retrieved), []


def read_date(text: str) -> datetime | None:
    """A feed's date in UTC, or None. Strict: a half-understood date is no date.

    >>> read_date("Sat, 19 Jul 2025 14:30:00 MSK").isoformat()
    '2025-07-19T11:30:00+00:00'
    >>> read_date("soon") is None
    True
    """
    m = _RFC822.match(text) or _ISO.match(text)
    if not m:
        return None
    try:
        month = int(m["m"]) if m["m"].isdigit() else _MONTHS[m["m"].lower()]
        year = int(m["y"])
        year += 0 if year > 99 else (2000 if year < 70 else 1900)
        offset = _offset(m["z"])
        if offset is None:
            return None
        local = datetime(year, month, int(m["d"]), int(m["H"] or 0), int(m["M"] or 0), min(int(m["S"] or 0), 59), tzinfo=UTC)
        return local - offset
    except (KeyError, ValueError, OverflowError):
        return None


def _offset(zone: str | None) -> timedelta | None:
    if not zone:
        return timedelta(0)
    if zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        minutes = int(digits[:2]) * 60 + int(digits[2:])
        return timedelta(minutes=-minutes if zone[0] == "-" else minutes)
    hours = _ZONES.get(zone.upper())
    return None if hours is None else timedelta(hours=hours)


_DROP = re.compile(r"<(script|style|iframe|noscript|figure|figcaption)\b.*?</\1\s*>|<!--.*?-->", re.S | re.I)
_BLOCK = re.compile(r"<\s*/?\s*(?:p|br|div|li|ul|ol|h[1-6]|blockquote|tr|table|section|article)\b[^>]*>", re.I)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def clean_text(markup: str) -> str:
    """Markup to plain text: blocks become lines, entities characters, control and direction marks go.

    >>> clean_text("<p>Kyiv &amp; Moscow</p><script>x()</script><p>Talks</p>")
    'Kyiv & Moscow\\nTalks'
    """
    text = markup[:2_000_000]
    if "<" in text:
        text = _DROP.sub(" ", text)
        text = _BLOCK.sub("\n", text)
        text = _TAG.sub("", text)
    if "&" in text:
        text = html.unescape(text)
    text = _SURROGATE.sub("\ufffd", _CONTROL.sub("", text.replace("\r", "\n")))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


# -- collect ------------------------------------------------------------------------------------


def collect(
    feeds: Iterable[Feed], archive: Archive, *, now: datetime | None = None, allow_private: bool = False,
    workers: int = 8, progress: Callable[[FeedResult], None] | None = None, timeout: tuple[float, float] = TIMEOUT,
) -> list[FeedResult]:  # fmt: skip
    """Read every feed and store what is new; each feed is committed as it arrives, so Ctrl-C keeps the rest.

    Returns one FeedResult a feed, in the order given.
    """
    feeds = list(feeds)
    results: dict[str, FeedResult] = {}
    validators = {f.name: archive.last_validators(f.name, without_credentials(f.url)) for f in feeds}

    def fetch(feed: Feed) -> tuple[Feed, Retrieved | RetrieveError]:
        etag, modified = validators[feed.name]
        try:
            return feed, retrieve(feed.url, etag=etag, modified=modified, allow_private=allow_private, timeout=timeout)
        except RetrieveError as e:
            return feed, e

    pool = ThreadPoolExecutor(max_workers=max(1, min(workers, len(feeds) or 1)))
    try:
        for feed, answer in _as_ready(pool, fetch, feeds):
            at = now or datetime.now(UTC)
            result = _store(feed, answer, archive, at)
            results[feed.name] = result
            if progress:
                progress(result)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return [results[f.name] for f in feeds if f.name in results]


def _as_ready(pool: ThreadPoolExecutor, fetch: Callable[[Feed], Any], feeds: list[Feed]) -> Iterator[Any]:
    """Answers in the order of the feeds: what is stored does not depend on which host was faster."""
    yield from pool.map(fetch, feeds)


def _store(feed: Feed, answer: Retrieved | RetrieveError, archive: Archive, at: datetime) -> FeedResult:
    url = without_credentials(feed.url)
    if isinstance(answer, RetrieveError):
        archive.log_fetch(feed.name, url, at, "failed", 0, 0, answer.message, None, None)
        return FeedResult(feed.name, "failed", detail=str(answer))
    if answer.status == 304:
        archive.log_fetch(feed.name, url, at, "unchanged", 0, 0, "", answer.etag, answer.modified)
        return FeedResult(feed.name, "unchanged")
    try:
        parsed = parse(answer.body, feed, at, content_type=answer.content_type, base_url=answer.url)
    except ParseError as e:
        archive.log_fetch(feed.name, url, at, "failed", 0, 0, e.message, None, None)
        return FeedResult(feed.name, "failed", detail=str(e))
    new, changed = archive.add_articles(parsed.articles)
    detail = "; ".join(parsed.faults)
    archive.log_fetch(feed.name, url, at, "ok", len(parsed.articles), new, detail, answer.etag, answer.modified)
    return FeedResult(feed.name, "ok", len(parsed.articles), new, changed, detail, parsed.faults)
