"""Back-fill and discovery: articles from JSONL, CSV and Parquet files, feeds from OPML and from a web page.

A record that cannot be read is counted and named, never a reason to leave out the others.
"""

from __future__ import annotations

import csv
import gzip
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree

from forecast.addresses import canonical_url, without_credentials
from forecast.archive import Archive
from forecast.errors import ForecastError, ParseError, RetrieveError
from forecast.feed_dates import read_date
from forecast.feed_formats import article_id, clean_text, decode, parse, web_link
from forecast.records import Article, Feed
from forecast.retrieve import retrieve

_COLUMNS = {
    "title": ("title", "headline"),
    "text": ("text", "body", "content", "content_text", "summary", "description"),
    "url": ("url", "link", "href"),
    "published": ("published", "date", "pubdate", "published_at", "date_published", "datetime", "time"),
    "source": ("source", "outlet", "publisher", "feed"),
    "side": ("side",),
    "id": ("article_id", "id", "key", "guid"),
}
_MAX_CELL = 20_000_000


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What came of importing one file."""

    read: int  # records in the file
    new: int
    changed: int
    known: int  # stored before, or twice in the file
    skipped: int  # records that could not be used
    faults: tuple[str, ...] = ()  # the first ten, in words
    undated: int = 0  # records without a readable date: they count from the moment of import


class FoundFeed(NamedTuple):
    """A feed that a site offers."""

    url: str
    title: str


# -- articles -----------------------------------------------------------------------------------


def import_articles(
    path: Path, archive: Archive, *, source: str = "", side: str = "third", now: datetime | None = None,
) -> ImportResult:  # fmt: skip
    """Import a `.jsonl`, `.csv` or `.parquet` file (the first two also with `.gz`), all or nothing.

    Columns are found by name: title, text (or body, content, summary), url (link), published (date), source,
    side and id; title or text is needed. An article is effective when it was published, as in the feeds.

    Parameters
    ----------
    source, side : for records that name none; the file's name and "third" by default.
    now : time of retrieval to note (UTC); the present by default.

    Raises ParseError for a file that cannot be read, ArchiveError where storing fails.
    """
    path = Path(path)
    at = now or datetime.now(UTC)
    default = source or path.name.split(".")[0]
    return _import(archive, records(path), lambda r: _article(r, default, side, at))


def import_dated_news(
    path: Path, archive: Archive, *, source: str = "Wikipedia current events", side: str = "third",
    now: datetime | None = None, since: date | None = None, until: date | None = None,
) -> ImportResult:  # fmt: skip
    """Import an archive of dated news items: columns key, date (YYYY-MM-DD), category, text.

    The items have a day and no time: they count from the start of that day (UTC) and carry the flag
    "date_only". `since` and `until` (both inclusive) limit the days. Raises as `import_articles`.
    """
    at = now or datetime.now(UTC)
    first, last = (since or date.min).isoformat(), (until or date.max).isoformat()

    def item(record: dict[str, Any]) -> Article:
        day, text = str(record.get("date") or "")[:10], clean_text(str(record.get("text") or ""))
        when = read_date(day)
        if when is None or not text:
            raise ValueError("no date or no text")
        key = str(record.get("key") or f"{day}|{text}")
        flags = ("date_only",)
        effective = when if when <= at else at
        return Article(
            article_id(f"{source}|{key}"), _headline(text), text, "", source, side, when, at, effective, flags
        )

    def wanted(record: dict[str, Any] | str) -> bool:
        day = str(record.get("date"))[:10] if isinstance(record, dict) else ""
        return not re.fullmatch(r"\d{4}-\d\d-\d\d", day) or first <= day <= last

    chosen = filter(wanted, records(Path(path)))
    return _import(archive, chosen, item)


def _headline(text: str) -> str:
    """The beginning of a text without a title, whole words, at most 100 characters."""
    line = text.split("\n")[0]
    return line if len(line) <= 100 else line[:99].rsplit(" ", 1)[0] + "…"


def _import(
    archive: Archive, found: Iterable[dict[str, Any] | str], convert: Callable[[dict[str, Any]], Article]
) -> ImportResult:
    read = skipped = undated = 0
    faults: list[str] = []

    def articles() -> Iterator[Article]:
        nonlocal read, skipped, undated
        for record in found:
            read += 1
            try:
                if isinstance(record, str):
                    raise ValueError(record)
                article = convert(record)
            except (ValueError, TypeError, OverflowError) as e:
                skipped += 1
                if len(faults) < 10:
                    faults.append(f"record {read}: {e}")
                continue
            if {"no_date", "unreadable_date"} & set(article.flags):
                undated += 1
                if len(faults) < 10:
                    faults.append(f"record {read}: no readable date (write YYYY-MM-DD); it counts from now")
            yield article

    new, changed = archive.add_articles(articles())
    return ImportResult(read, new, changed, read - skipped - new - changed, skipped, tuple(faults), undated)


def named_values(record: dict[str, Any]) -> dict[str, Any]:
    """title, text, url, published, source, side and id of a record, under whatever name it has them; "" where it has not.

    >>> named_values({"Headline": "Talks", "body": None, "date": "2025-07-19"})["title"]
    'Talks'
    """
    low = {str(k).strip().lower(): v for k, v in record.items() if v is not None and v == v}
    return {k: next((low[n] for n in names if low.get(n) not in (None, "")), "") for k, names in _COLUMNS.items()}


def _article(record: dict[str, Any], source: str, side: str, at: datetime) -> Article:
    """Raises ValueError where a record has neither title nor text."""
    value = named_values(record)
    title = clean_text(str(value["title"]))[:1000].replace("\n", " ")
    text = clean_text(str(value["text"])) or title
    if not text:
        raise ValueError("neither title nor text")
    link = web_link(str(value["url"]))
    outlet = clean_text(str(value["source"])) or source
    published, flags = _date(value["published"], at)
    sane = published is not None and "future_date" not in flags
    effective = min(published, at) if published is not None and sane else at
    own = f"{outlet}|{value['id'] or title or text[:200]}"
    return Article(
        article_id(canonical_url(link) if link else own), title or _headline(text), text, link, outlet,
        str(value["side"]) or side, published, at, effective, flags,
    )  # fmt: skip


def _date(value: Any, at: datetime) -> tuple[datetime | None, tuple[str, ...]]:
    if isinstance(value, datetime):
        when: datetime | None = value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
    elif isinstance(value, date):
        when = datetime(value.year, value.month, value.day, tzinfo=UTC)
    else:
        if value in ("", None):
            return None, ("no_date",)
        when = read_date(str(value))
    if when is None:
        return None, ("unreadable_date",)
    return when, ("future_date",) if when > at + timedelta(hours=26) else ()


# -- files --------------------------------------------------------------------------------------


def records(path: Path) -> Iterator[dict[str, Any] | str]:
    """The records of a file; a line that cannot be read comes as words that say why.

    Raises ParseError for a file that is missing, of unknown kind or damaged.
    """
    kinds = {".jsonl": _json_lines, ".ndjson": _json_lines, ".csv": _csv_rows, ".tsv": _csv_rows}
    kind = Path(path.name.removesuffix(".gz")).suffix.lower()
    if kind == ".parquet":
        yield from _parquet_rows(path)
        return
    if kind not in kinds:
        raise ParseError(
            f"{path.name} is of an unknown kind", "Use .jsonl, .csv or .parquet (the first two also .gz)"
        )
    try:
        with _open(path) as f:
            yield from kinds[kind](f)
    except (OSError, EOFError) as e:
        why = getattr(e, "strerror", None) or str(e)
        raise ParseError(f"{path} cannot be read: {why}", "Check the path and the file") from None
    except csv.Error as e:
        raise ParseError(f"{path} is not a valid CSV file: {e}", "Save it again as CSV in UTF-8") from None


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _json_lines(f: IO[str]) -> Iterator[dict[str, Any] | str]:
    for line in f:
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            yield "not valid JSON"
            continue
        yield record if isinstance(record, dict) else "not a JSON object"


def _csv_rows(f: IO[str]) -> Iterator[dict[str, Any] | str]:
    csv.field_size_limit(_MAX_CELL)
    head = f.readline()
    sign = max(",;\t|", key=head.count)
    names = next(csv.reader([head], delimiter=sign), [])
    for row in csv.reader((line.replace("\0", "") for line in f), delimiter=sign):
        if row:
            yield (
                dict(zip(names, map(_plain_cell, row), strict=False))
                if len(row) <= len(names)
                else "too many cells"
            )


def _plain_cell(cell: str) -> str:
    """A cell without the apostrophe that keeps spreadsheets from taking it for a formula."""
    return cell[1:] if cell.startswith(("'=", "'+", "'-", "'@", "'\t", "'\r")) else cell


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ParseError(
            "Parquet needs pyarrow, which is not installed",
            'Run `pip install "negotiation-outlook[parquet]"`',
        ) from None
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(4000):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as e:
        raise ParseError(f"{path} cannot be read as Parquet ({type(e).__name__})", "Check the file") from None


# -- OPML ---------------------------------------------------------------------------------------


def read_opml(path: Path, *, side: str = "third") -> list[Feed]:
    """The feeds in an OPML file, as other feed readers write it. Raises ParseError where it is none."""
    try:
        return parse_opml(Path(path).read_bytes(), side=side)
    except OSError as e:
        raise ParseError(f"{path} cannot be read: {e.strerror}", "Check the path") from None


def parse_opml(body: bytes, *, side: str = "third") -> list[Feed]:
    """The feeds in the bytes of an OPML document, each address once, under names of their own."""
    text, _ = decode(body)
    text = re.sub(r"^\s*<\?xml[^>]{0,300}\?>", "", text)
    if "<!DOCTYPE" in text[:5000].upper():
        raise ParseError("the OPML file declares a document type, which is refused", "Export it again")
    try:
        root = ElementTree.fromstring(
            re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]", "", text)
        )
    except (ElementTree.ParseError, ValueError) as e:
        raise ParseError(f"this is not valid OPML ({str(e)[:80]})", "Export it again") from None
    feeds: dict[str, Feed] = {}
    names: set[str] = set()
    for outline in root.iter("outline"):
        attributes = {k.lower(): v for k, v in outline.attrib.items()}
        url = attributes.get("xmlurl", "").strip()
        if not re.match(r"https?://[^/\s]", url, re.I) or canonical_url(url) in feeds:
            continue
        name = clean_text(attributes.get("title") or attributes.get("text") or "")[:100] or _host(url)
        unique, n = name, 2
        while unique in names:
            unique, n = f"{name} {n}", n + 1
        names.add(unique)
        feeds[canonical_url(url)] = Feed(unique, url, side)
    if root.tag.lower() != "opml" and not feeds:
        raise ParseError("this is not an OPML file", "Export the feeds again as OPML")
    return list(feeds.values())


def feeds_as_toml(feeds: Iterable[Feed]) -> str:
    """The feeds as lines for `case.toml`."""
    quote = json.dumps  # a JSON string is a TOML string
    return "\n".join(
        f"[[feeds]]\nname = {quote(f.name)}\nurl = {quote(f.url)}\nside = {quote(f.side)}\n" for f in feeds
    )


def feeds_as_opml(feeds: Iterable[Feed], title: str = "Feeds") -> str:
    """The feeds as an OPML document for other feed readers; credentials in addresses are left out."""
    lines = [
        f'    <outline type="rss" text={_attribute(f.name)} xmlUrl={_attribute(without_credentials(f.url))}/>'
        for f in feeds
    ]
    head = f'<opml version="2.0">\n  <head><title>{html.escape(title)}</title></head>\n  <body>\n'
    return "<?xml version='1.0' encoding='utf-8'?>\n" + head + "\n".join(lines) + "\n  </body>\n</opml>\n"


def _attribute(value: str) -> str:
    return f'"{html.escape(value)}"'


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or url).removeprefix("www.")
    except ValueError:
        return url[:60]


# -- discovery ----------------------------------------------------------------------------------

_LINK = re.compile(r"<(link|a)\b([^<>]{0,3000})>([^<]{0,200})", re.I)
_ATTRIBUTE = re.compile(
    r"([\w:-]{1,40})\s{0,5}=\s{0,5}(?:\"([^\"]{0,2000})\"|'([^']{0,2000})'|([^\s\"'>]{1,2000}))"
)
_KINDS = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml")
_USUAL = ("/feed", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml")


def feeds_in_page(body: bytes, url: str, content_type: str = "") -> list[FoundFeed]:
    """The feeds a web page names: those it declares first, then links that look like feeds."""
    text, _ = decode(body[:3_000_000], content_type)
    declared: dict[str, FoundFeed] = {}
    linked: dict[str, FoundFeed] = {}
    for tag, inside, words in _LINK.findall(text):
        a = {k.lower(): html.unescape(v1 or v2 or v3) for k, v1, v2, v3 in _ATTRIBUTE.findall(inside)}
        address = web_link(a.get("href", ""), url)
        if not address:
            continue
        if tag.lower() == "link" and a.get("type", "").strip().lower() in _KINDS:
            declared.setdefault(address, FoundFeed(address, clean_text(a.get("title", ""))[:200]))
        elif tag.lower() == "a" and re.search(
            r"(?:^|[/._-])(?:rss|feeds?|atom|rdf)(?:$|[/._?-])", address.lower()
        ):
            linked.setdefault(address, FoundFeed(address, clean_text(words)[:200]))
    return [*declared.values(), *(f for k, f in linked.items() if k not in declared)]


def discover(url: str, *, allow_private: bool = False, look: int = 8) -> list[FoundFeed]:
    """The working feeds of a site, found from any of its pages; the address may be a feed itself.

    Asks at most `look` addresses besides the page. Raises RetrieveError where the page cannot be read; a
    site without feeds gives an empty list.
    """
    page = retrieve(url, allow_private=allow_private, accept="text/html, application/xml;q=0.9, */*;q=0.5")
    title = _feed_title(page.body, page.url, page.content_type)
    if title is not None:
        return [FoundFeed(page.url, title)]
    named = feeds_in_page(page.body, page.url, page.content_type)
    usual = [] if named else [FoundFeed(urljoin(page.url, path), "") for path in _USUAL]
    found = []
    for candidate in (named or usual)[:look]:
        own = urlsplit(candidate.url).netloc == urlsplit(page.url).netloc
        try:
            r = retrieve(candidate.url, allow_private=allow_private, trusted=own)
        except RetrieveError:
            continue
        title = _feed_title(r.body, r.url, r.content_type)
        if title is not None:
            found.append(FoundFeed(r.url, title or candidate.title))
    return list(dict.fromkeys(found))


def _feed_title(body: bytes, url: str, content_type: str) -> str | None:
    """The title of a feed, "" where it has none, None where the bytes are no feed."""
    try:
        parse(body, Feed("", url, "third"), datetime.now(UTC), content_type=content_type, base_url=url)
    except ForecastError:
        return None
    text, _ = decode(body[:20_000], content_type)
    m = re.search(r"<(?:\w{1,20}:)?title\b[^>]{0,200}>([^<]{0,300})", text) or re.search(
        r'"title"\s*:\s*"([^"]{0,300})', text
    )
    return clean_text(m[1].replace("<![CDATA[", "")) if m else ""
