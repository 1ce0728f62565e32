"""Bytes to articles: decoding, RSS, RDF, Atom and JSON feeds, markup to plain text. No network, no clock."""

from __future__ import annotations

import codecs
import hashlib
import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html.entities import html5
from statistics import median
from typing import Any
from urllib.parse import urljoin, urlsplit

from forecast.addresses import canonical_url, split_credentials
from forecast.errors import ParseError
from forecast.feed_dates import read_date
from forecast.feed_rss import entries_of
from forecast.records import Article, Feed

MAX_ENTRIES = 5_000  # of one document
MAX_TAGS = 300_000  # in them: some seconds of work
_MAX_TEXT = 200_000  # characters of one entry that are kept


@dataclass(frozen=True, slots=True)
class Parsed:
    """Articles of one feed document and what was odd about it."""

    articles: tuple[Article, ...]
    faults: tuple[str, ...] = ()
    complete: bool = True  # False where the document was cut off: it must be asked for in full again


def parse(
    body: bytes, feed: Feed, retrieved: datetime, *, content_type: str = "", base_url: str = ""
) -> Parsed:
    """Articles in the bytes of an RSS, RDF, Atom or JSON feed; a pure function of its arguments.

    Raises ParseError where the bytes are no feed at all (HTML, an empty answer, something else).
    """
    if not body.strip(b"\x00 \t\r\n"):
        raise ParseError(
            f"{feed.name} answered with nothing", "Try again later; if it stays empty, check the address"
        )
    text, faults = decode(body, content_type)
    head = text[:2000].lstrip().lower()
    if head.startswith("{"):
        entries: list[Any] = _json_entries(text, feed)
        base, complete = base_url or feed.url, True
    else:
        text, complete, more = _mend_xml(text)
        if text.count("<") > MAX_TAGS:
            raise ParseError(
                f"{feed.name} sent more than {MAX_TAGS} tags", "This is hardly a feed; check the address"
            )
        faults += more
        base = base_url or feed.url
        entries = entries_of(text, base) or []
        if not entries:
            entries, base, more = _xml_entries(text, head, feed, base)
            faults += more
    if not entries:
        faults.append("the feed is empty")
    articles = _articles(entries, feed, retrieved, base)
    return Parsed(tuple(articles), tuple(faults + _faults_of(articles, len(entries))), complete)


_BOMS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_DECLARED = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']", re.I)
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]{1,40})", re.I)
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def decode(body: bytes, content_type: str = "") -> tuple[str, list[str]]:
    """Bytes of a document as text, whatever it claims to be; and what was wrong with the claim.

    A byte-order mark wins, then being valid UTF-8, then the document's claim, then the server's. Bytes that
    fit no claim are read as windows-1252 (or windows-1251 where they look like Cyrillic words).
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body.decode(name, "replace").lstrip("\ufeff"), []
    if body[:1] == b"<" and body[1:2] == b"\x00":
        return body.decode("utf-16-le", "replace"), []
    if body[:2] == b"\x00<":
        return body.decode("utf-16-be", "replace"), []
    m, c = _DECLARED.match(body[:400]), _CHARSET.search(content_type)
    claims = [x for x in (m and m[1].decode("ascii"), c and c[1]) if x]
    seven_bit = [x for x in claims if x.lower().startswith(("iso-2022", "utf-7", "hz"))]
    for name in [*seven_bit, "utf-8", *claims]:
        text = _strictly(body, name)
        if text is not None:
            odd = [
                f"the encoding is {name}, not {x} as claimed"
                for x in claims
                if not _same_encoding(x, name, body)
            ]
            return text, odd[:1]
    return _by_bytes(body), ["the declared encoding is wrong; another was used"]


def _strictly(body: bytes, name: str) -> str | None:
    try:
        text = body.decode(name)
    except (LookupError, UnicodeError, ValueError):
        return None
    return text if isinstance(text, str) else None


def _same_encoding(claimed: str, used: str, body: bytes) -> bool:
    try:
        return body.isascii() or codecs.lookup(claimed) == codecs.lookup(used)
    except LookupError:
        return False


def _by_bytes(body: bytes) -> str:
    """UTF-8 where it is valid; other bytes as windows-1252, or windows-1251 where words of them stand out."""
    high = re.findall(rb"[\x80-\xff]+", body)
    wordlike = sum(len(run) for run in high if len(run) >= 3 and all(c >= 0xC0 for c in run))
    single = "cp1251" if wordlike > 0.5 * sum(map(len, high)) else "cp1252"

    def spell(e: UnicodeError) -> tuple[str, int]:
        assert isinstance(e, UnicodeDecodeError)
        return e.object[e.start : e.end].decode(single, "replace"), e.end

    codecs.register_error("forecast-" + single, spell)
    return body.decode("utf-8", "forecast-" + single)


_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_BARE = re.compile(r"&(?!#[0-9]{1,8};|#x[0-9A-Fa-f]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)", re.I)
_XML_ENTITIES = {"amp", "lt", "gt", "quot", "apos"}
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[<>]{0,1000}(\[|>)", re.I)
_ROOT_END = re.compile(r"</\s*(?:[\w-]+:)?(?:rss|feed|RDF|channel)\s*>", re.I)
_ENTRY_END = re.compile(r"</\s*(?:[\w-]+:)?(?:item|entry)\s*>", re.I)


def _mend_xml(text: str) -> tuple[str, bool, list[str]]:
    """The document ready for the parser, whether it is complete, and what was wrong with it."""
    faults = []
    text = re.sub(r"^\s*<\?xml[^>]{0,300}\?>", "", text.lstrip("\ufeff \t\r\n"), count=1)
    clean = _ILLEGAL.sub("", text)
    if len(clean) < len(text):
        faults.append("characters that XML does not allow were left out")
    text = _without_doctype(clean)
    if "&" in text:
        text = _ENTITY.sub(_numbered, _BARE.sub("&amp;", text))
    complete = _ROOT_END.search(text, max(0, len(text) - 3000)) is not None
    ends = [m.end() for _, m in zip(range(MAX_ENTRIES + 1), _ENTRY_END.finditer(text), strict=False)]
    if len(ends) > MAX_ENTRIES:
        last = max(text.rfind("</item>"), text.rfind("</entry>"), text.rfind("</rss:item>"))
        tail = text[text.find(">", last) + 1 :] if last >= ends[MAX_ENTRIES - 1] else ""
        text = text[: ends[MAX_ENTRIES - 1]] + tail
        faults.append(f"only the first {MAX_ENTRIES} entries were read")
    return text, complete, faults


def _numbered(m: re.Match[str]) -> str:
    """A named entity as numbers, so that it needs no declaration."""
    if m[1] in _XML_ENTITIES:
        return m[0]
    characters = html5.get(m[1] + ";")
    return "".join(f"&#{ord(c)};" for c in characters) if characters else f"&amp;{m[1]};"


def _without_doctype(text: str) -> str:
    """A feed needs no document type; without it no entity can be declared, and none can blow up."""
    m = _DOCTYPE.search(text[:20_000])
    if not m:
        return text
    if m[1] == ">":
        return text[: m.start()] + text[m.end() :]
    end = re.compile(r"\]\s*>").search(text, m.end())
    root = re.compile(r"<(?:rss|feed|rdf:RDF)\b", re.I).search(text, m.end())
    if end and (not root or end.end() <= root.start()):
        return text[: m.start()] + text[end.end() :]
    return text[: m.start()] + (text[root.start() :] if root else "")


def _xml_entries(text: str, head: str, feed: Feed, base_url: str) -> tuple[list[Any], str, list[str]]:
    """The entries feedparser finds, the address that links are relative to, and faults."""
    import feedparser

    web_page = head.startswith(("<!doctype html", "<html")) or ("<html" in head and "<rss" not in head)
    where = {"content-type": "application/xml; charset=utf-8", "content-location": base_url}
    try:
        d = feedparser.parse(
            text.encode("utf-8", "replace"),
            sanitize_html=False,
            resolve_relative_uris=False,
            response_headers=where,
        )
    except Exception as e:  # noqa: BLE001  feedparser raises many kinds on hostile bytes
        kind = type(e).__name__
        raise ParseError(f"{feed.name} sent something unreadable ({kind})", "Check the address") from None
    if not d.entries and (web_page or not d.get("version")):
        what = "a web page, not a feed" if web_page else "something that is not a feed"
        raise ParseError(
            f"{feed.name} sent {what}", "Look for the feed's address on the site (often /rss or /feed)"
        )
    faults = []
    if d.get("bozo") and type(d.get("bozo_exception")).__name__ not in (
        "NonXMLContentType",
        "CharacterEncodingOverride",
    ):
        faults.append("the document is cut off or malformed; what could be read was kept")
    base = base_url if base_url.startswith("http") else str(d.feed.get("link") or "") or base_url
    return list(d.entries), base, faults


def _json_entries(text: str, feed: Feed) -> list[Any]:
    import json

    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ParseError(f"{feed.name} sent broken JSON", "Try again later; else check the address") from None
    if not isinstance(data, dict) or "jsonfeed.org" not in str(data.get("version", "")):
        raise ParseError(f"{feed.name} sent JSON that is not a JSON Feed", "Check the address")
    items = data.get("items")
    entries = []
    for item in items[:MAX_ENTRIES] if isinstance(items, list) else []:
        if isinstance(item, dict):
            plain = item.get("content_text") or item.get("summary") or ""
            entries.append({
                "title": item.get("title") or "", "link": item.get("url") or item.get("external_url") or "",
                "id": str(item.get("id") or ""),
                "summary": item.get("content_html") or html.escape(str(plain)),
                "published": item.get("date_published"), "updated": item.get("date_modified"),
            })  # fmt: skip
    return entries


# -- entries to articles ------------------------------------------------------------------------


def _articles(entries: list[Any], feed: Feed, retrieved: datetime, base_url: str) -> list[Article]:
    read = [(e, a) for e in entries if (a := _entry(e, feed, retrieved, base_url)) is not None]
    shared = Counter(a.article_id for _, a in read)
    out: list[Article] = []
    later: set[str] = set()
    for e, a in reversed(read):  # newest come first in nearly all feeds: the oldest keeps the plain address
        if shared[a.article_id] > 1:
            if a.article_id in later:
                own = str(e.get("id") or "") or a.title
                a = replace(a, article_id=article_id(f"{canonical_url(a.url)}|{own}"))
            else:
                later.add(a.article_id)
        out.append(a)
    return _doubt_dates(out[::-1])


def _entry(e: Any, feed: Feed, retrieved: datetime, base_url: str) -> Article | None:
    title = clean_text(str(e.get("title") or ""))[:1000].replace("\n", " ")
    content = e.get("content")
    bodies = (
        [c.get("value") or "" for c in content if isinstance(c, dict)] if isinstance(content, list) else []
    )
    markup = max((str(b) for b in (*bodies, e.get("summary") or "")), key=len)
    text = clean_text(markup)
    if not title and not text:
        return None
    published, flags = _published(e, retrieved)
    if len(text) > _MAX_TEXT or len(markup) > _MAX_MARKUP:
        flags.append("cut_text")
    text = text[:_MAX_TEXT] or title
    link = web_link(str(e.get("feedburner_origlink") or e.get("link") or ""), base_url)
    sane = published is not None and "future_date" not in flags and "implausibly_old" not in flags
    effective = min(published, retrieved) if published is not None and sane else retrieved
    own = f"{feed.name}|{e.get('id') or title or text[:200]}"
    return Article(
        article_id=article_id(canonical_url(link) if link else own), title=title, text=text, url=link,
        source=feed.name, side=feed.side, published=published, retrieved=retrieved, effective=effective,
        flags=tuple(flags),
    )  # fmt: skip


def article_id(key: str) -> str:
    """The id that stands for an address, or for a feed's name and its entry's id: 16 hexadecimal digits."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:16]


def web_link(link: str, base_url: str = "") -> str:
    """The absolute web address without credentials, or nothing where it is none."""
    link = _CONTROL.sub("", html.unescape(link.strip()[:4000]))
    if not link:
        return ""
    try:
        link = split_credentials(urljoin(base_url, link))[0]
        parts = urlsplit(link)
        return link if parts.scheme in ("http", "https") and parts.hostname else ""
    except ValueError:
        return ""


def _published(e: Any, retrieved: datetime) -> tuple[datetime | None, list[str]]:
    claims = [str(e.get(k)) for k in ("published", "created", "updated", "date", "dc_date") if e.get(k)]
    if not claims:
        return None, ["no_date"]
    when = next((d for d in map(read_date, claims) if d is not None), None)
    if when is None:
        return None, ["unreadable_date"]
    if when > retrieved + timedelta(hours=26):
        return when, ["future_date"]
    if when.year < 1995:
        return when, ["implausibly_old"]
    return when, ["ahead_of_clock"] if when > retrieved + timedelta(minutes=15) else []


def _doubt_dates(articles: list[Article]) -> list[Article]:
    """Flags what only the whole document shows: dates frozen at one moment, or far older than the rest."""
    dated = [a for a in articles if a.published is not None and a.effective != a.retrieved]
    if len(dated) < 5:
        return articles
    times = {a.published for a in dated}
    usual = datetime.fromtimestamp(median(a.effective.timestamp() for a in dated), UTC)
    out = []
    for a in articles:
        flag = ""
        if a.published is not None and a.effective != a.retrieved:
            if len(times) == 1 and (a.published.hour, a.published.minute) != (0, 0):
                flag = "frozen_date"
            elif a.effective < usual - timedelta(days=730):
                flag = "implausibly_old"
        out.append(replace(a, effective=a.retrieved, flags=(*a.flags, flag)) if flag else a)
    return out


def _faults_of(articles: list[Article], entries: int) -> list[str]:
    faults = []
    if len(articles) < entries:
        faults.append(f"{entries - len(articles)} entries have neither title nor text")
    for flags, what in (
        ({"no_date", "unreadable_date"}, "have no readable date"),
        ({"future_date"}, "are dated in the future"),
        ({"implausibly_old"}, "are dated implausibly long ago"), ({"frozen_date"}, "all have the same date"),
        ({"cut_text"}, "are too long and were shortened"),
    ):  # fmt: skip
        n = sum(bool(flags & set(a.flags)) for a in articles)
        if n:
            faults.append(f"{n} of {len(articles)} entries {what}")
    return faults


# -- markup to text -----------------------------------------------------------------------------

_MAX_MARKUP = 2_000_000
_MARKUP = re.compile(
    r"<(?P<end>/?)(?P<name>[A-Za-z][\w:-]{0,40}+)(?:[^<>\"']++|\"[^\"<>]*+\"|'[^'<>]*+'|[\"'])*+>|<[!?/][^<>]{0,2000}>"
)
_DROPPED = {"script", "style", "iframe", "noscript", "figure", "figcaption", "template", "svg"}
_BLOCKS = {
    "p", "br", "div", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "tr", "table",
    "section", "article", "header", "footer", "hr", "pre", "dt", "dd", "td",
}  # fmt: skip
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u2069\ufeff\ufffe\uffff\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean_text(markup: str) -> str:
    """Markup to plain text: blocks become lines, entities characters, control and direction marks go.

    Takes time in proportion to the length, whatever the markup.

    >>> clean_text("<p>Kyiv &amp; Moscow</p><script>x()</script><p>Talks</p>")
    'Kyiv & Moscow\\nTalks'
    """
    text = markup[:_MAX_MARKUP]
    if "<" in text:
        text = "".join(_outside_tags(_without_comments(text)))
    if "&" in text:
        text = html.unescape(text)
    text = text.replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n").replace("\x85", "\n")
    text = _SURROGATE.sub("\ufffd", _CONTROL.sub("", text))
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _without_comments(text: str) -> str:
    text = text.replace("<![CDATA[", "").replace("]]>", "") if "<![CDATA[" in text else text
    parts, at = [], 0
    while (start := text.find("<!--", at)) >= 0:
        end = text.find("-->", start + 4)
        if end < 0:
            break
        parts += [text[at:start], " "]
        at = end + 3
    return "".join(parts) + text[at:]


def _outside_tags(text: str) -> Iterator[str]:
    """What stands between tags; nothing from inside a dropped element that is closed again."""
    last_end: dict[str, int] = {}
    at = 0
    for m in _MARKUP.finditer(text):
        if m.start() < at:
            continue
        yield text[at : m.start()]
        at = m.end()
        name = (m["name"] or "").lower()
        if name in _BLOCKS:
            yield "\n"
        elif name in _DROPPED and not m["end"] and not m[0].endswith("/>"):
            if name not in last_end:
                last_end[name] = _last_end(text, name)
            if last_end[name] > at:
                close = re.compile(rf"</{name}\b[^<>]{{0,200}}>", re.I).search(text, at)
                if close:
                    yield " "
                    at = close.end()
    yield text[at:]


def _last_end(text: str, name: str) -> int:
    found = -1
    for m in re.finditer(rf"</{name}\b[^<>]{{0,200}}>", text, re.I):
        found = m.start()
    return found
