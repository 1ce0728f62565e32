"""Full text behind a link: fetched politely, where the site allows it; the feed's summary otherwise.

Needs the extra `fulltext` (trafilatura). A page is asked for only where robots.txt allows this reader and
no opt-out of machine reading is declared; what is used, and why, is noted in the archive.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from forecast.archive import Archive
from forecast.errors import ForecastError, ParseError, RetrieveError
from forecast.feed_formats import clean_text, decode
from forecast.records import Article
from forecast.retrieve import DEADLINE, HOST_PAUSE, TIMEOUT, HttpError, Retrieved, Switch, retrieve

MAX_PAGE_BYTES = 5_000_000
AGENT = "negotiation-outlook"  # the name robots.txt may address
TRIES = 3  # for one page, on different days
_LONGEST_PAUSE = 30.0  # seconds of Crawl-delay that are obeyed
_QUIET = logging.NullHandler()
_OPT_OUTS = ("noai", "noimageai", "noml", "noarchive", "none")


@dataclass(frozen=True, slots=True)
class PageResult:
    """Which text of one article is used."""

    article_id: str
    url: str
    used: str  # "full_text" or "summary"
    detail: str = ""  # why the summary, in words


# -- may we? ------------------------------------------------------------------------------------


class Robots:
    """The rules of a robots.txt (RFC 9309) for one reader: the longest rule that fits wins, Allow on a tie.

    >>> robots = Robots("User-agent: *\\nDisallow: /private/\\nAllow: /private/press*.html$")
    >>> robots.allows("/private/press1.html"), robots.allows("/private/x")
    (True, False)
    """

    def __init__(self, text: str, agent: str = AGENT) -> None:
        named: list[tuple[str, str]] = []
        general: list[tuple[str, str]] = []
        agents: list[str] = []
        open_group = False
        for line in text[:500_000].splitlines():
            key, _, value = line.split("#", 1)[0].partition(":")
            key, value = key.strip().lower(), value.strip()
            if key == "user-agent":
                agents = [*agents, value.lower()] if open_group else [value.lower()]
                open_group = True
            elif key in ("allow", "disallow", "crawl-delay"):
                open_group = False
                if any(a and a != "*" and a.split("/")[0] == agent for a in agents):
                    named.append((key, value))
                elif "*" in agents:
                    general.append((key, value))
        rules = named or general
        self._rules = [(k == "allow", unquote(v)[:1000]) for k, v in rules if k != "crawl-delay" and v][:2000]
        delays = [
            float(v) for k, v in rules if k == "crawl-delay" and re.fullmatch(r"\d{1,6}(\.\d{1,6})?", v)
        ]
        self.delay = min(max(delays, default=0.0), _LONGEST_PAUSE)  # seconds between requests

    def allows(self, path: str) -> bool:
        """Whether the path, with its query, may be asked for."""
        path = unquote(path or "/")[:4000]
        fitting = [(len(rule), allow) for allow, rule in self._rules if _fits(rule, path)]
        return max(fitting, default=(0, True))[1]


def _fits(rule: str, path: str) -> bool:
    """Whether a rule with `*` and a final `$` fits the beginning of a path; in linear time for each part."""
    ends = rule.endswith("$")
    first, *parts = rule.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    for i, part in enumerate(parts):
        if ends and i == len(parts) - 1:
            return path.endswith(part) and len(path) - len(part) >= at
        at = path.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return not ends or at == len(path)


def opted_out(page: Retrieved, text: str) -> str:
    """The words of a page or its headers that refuse machine reading or keeping, or an empty string."""
    for name, value in page.headers:
        if name == "tdm-reservation" and value.strip() == "1":
            return "the page reserves text and data mining (tdm-reservation)"
        if name == "x-robots-tag":
            for part in re.split(r"[,\s]+", value.lower().rpartition(f"{AGENT}:")[2]):
                if part in _OPT_OUTS:
                    return f"the page says {part} (X-Robots-Tag)"
    for tag in re.findall(r"<meta\b[^<>]{0,1000}>", text[:200_000], re.I):
        a = {
            k.lower(): v
            for k, _, v in re.findall(r"([\w-]{1,30})\s{0,3}=\s{0,3}([\"'])([^\"']{0,300})\2", tag)
        }
        name, value = a.get("name", "").lower(), a.get("content", "").lower()
        if name == "tdm-reservation" and value.strip() == "1":
            return "the page reserves text and data mining (tdm-reservation)"
        if name in ("robots", AGENT):
            for part in re.split(r"[,\s]+", value):
                if part in _OPT_OUTS:
                    return f"the page says {part} (meta robots)"
    return ""


def reserved(rules: Any, path: str) -> bool:
    """Whether a site's `tdmrep.json` reserves this path: the first fitting rule counts."""
    for rule in rules if isinstance(rules, list) else []:
        if isinstance(rule, dict) and _fits(str(rule.get("location") or "")[:1000], path[:4000]):
            return str(rule.get("tdm-reservation")) == "1"
    return False


# -- text ---------------------------------------------------------------------------------------


def extract(body: bytes, *, url: str = "", content_type: str = "") -> str:
    """The article in a web page, as clean text; empty where none is found.

    Raises ParseError where trafilatura is missing or the page cannot be taken apart.
    """
    try:
        import trafilatura
    except ImportError:
        raise ParseError(
            "full text needs trafilatura, which is not installed",
            'Run `pip install "negotiation-outlook[fulltext]"`',
        ) from None
    logging.getLogger("trafilatura").addHandler(_QUIET)  # else its warnings would be printed
    text, _ = decode(body[:MAX_PAGE_BYTES], content_type)
    try:
        found = trafilatura.extract(
            text, url=url or None, include_comments=False, include_tables=False, favor_precision=True
        )
    except Exception as e:  # noqa: BLE001  lxml and trafilatura raise many kinds on hostile pages
        raise ParseError(
            f"the page cannot be taken apart ({type(e).__name__})", "The summary is used"
        ) from None
    return "\n".join(
        clean_text(line.replace("<", "&lt;")) for line in (found or "").split("\n") if line.strip()
    )


def better_text(article: Article, text: str) -> str:
    """Why a page's text should not take the summary's place, or an empty string where it should.

    A consent or log-in page is longer than nothing but is not about the article.
    """
    if len(text) < max(200, len(article.text)):
        return "the page has no more text than the feed"
    words = set(re.findall(r"\w{4,}", f"{article.title} {article.text[:500]}".lower()))
    found = set(re.findall(r"\w{4,}", text.lower()))
    if words and len(words & found) < 0.3 * len(words):
        return "the page's text is about something else (a consent or log-in page?)"
    return ""


# -- fetch --------------------------------------------------------------------------------------


@dataclass
class _Host:
    """What is known of one site during one run."""

    robots: Robots
    tdm: Any = None
    closed: str = ""  # why nothing is asked of it
    last: float = 0.0


@dataclass
class PageReader:
    """Fetches pages one after another, minding each site's rules and pace.

    Parameters
    ----------
    allow_private : whether links to private and loopback addresses are followed.
    host_pause : seconds between two requests to one site; a longer Crawl-delay (up to 30 s) is obeyed.
    """

    allow_private: bool = False
    host_pause: float = HOST_PAUSE
    timeout: tuple[float, float] = TIMEOUT
    deadline: float = DEADLINE
    switch: Switch = field(default_factory=Switch)
    _hosts: dict[str, _Host] = field(default_factory=dict)

    def read(self, article: Article) -> tuple[str, str]:
        """The page's text, or an empty string and why the summary must do."""
        try:
            parts = urlsplit(article.url)
        except ValueError:
            return "", "the link is broken"
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "", "the article has no link"
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            host = self._host(f"{parts.scheme}://{parts.netloc}")
            refused = host.closed or self._refusal(host, path)
            if refused:
                return "", refused
            page = self._get(article.url, host, "text/html, application/xhtml+xml")
            return self._text(article, page)
        except ForecastError as e:
            return "", e.message

    def _refusal(self, host: _Host, path: str) -> str:
        if not host.robots.allows(path):
            return "robots.txt does not allow it"
        return "the site reserves text and data mining (tdmrep.json)" if reserved(host.tdm, path) else ""

    def _text(self, article: Article, page: Retrieved) -> tuple[str, str]:
        if "html" not in page.content_type.lower() and page.content_type:
            return "", f"the link leads to {page.content_type.split(';')[0][:60]}, not to a page"
        text, _ = decode(page.body, page.content_type)
        refused = opted_out(page, text)
        if refused:
            return "", refused
        found = extract(page.body, url=page.url, content_type=page.content_type)
        poor = better_text(article, found)
        return ("", poor) if poor else (found, "")

    def _host(self, root: str) -> _Host:
        if root not in self._hosts:
            host = self._hosts[root] = _Host(Robots(""))
            try:
                host.robots = Robots(decode(self._get(f"{root}/robots.txt", host, "text/plain").body)[0])
            except HttpError as e:
                if e.status >= 500 or e.status == 429:
                    host.closed = f"robots.txt cannot be read now ({e.status})"
            except RetrieveError as e:
                host.closed = e.message
            if not host.closed:
                try:
                    host.tdm = json.loads(
                        self._get(f"{root}/.well-known/tdmrep.json", host, "application/json").body
                    )
                except (RetrieveError, ValueError, RecursionError):
                    host.tdm = None
        return self._hosts[root]

    def _get(self, url: str, host: _Host, accept: str) -> Retrieved:
        pause = max(self.host_pause, host.robots.delay) - (time.monotonic() - host.last)
        if host.last and pause > 0 and self.switch.off.wait(pause):
            raise RetrieveError("the run was stopped", "Run again")
        try:
            return retrieve(
                url, allow_private=self.allow_private, timeout=self.timeout, max_bytes=MAX_PAGE_BYTES,
                deadline=self.deadline, trusted=False, accept=accept, switch=self.switch,
            )  # fmt: skip
        finally:
            host.last = time.monotonic()


def fill_full_text(
    archive: Archive, articles: Iterable[Article] | None = None, *, reader: PageReader | None = None,
    allow_private: bool = False, limit: int = 200, now: datetime | None = None,
    progress: Callable[[PageResult], None] | None = None,
) -> list[PageResult]:  # fmt: skip
    """Fetch the pages of articles that have only a summary, newest first; each is stored as it arrives.

    The page's text becomes a new version, effective when it was fetched: a forecast as of an earlier day
    still sees the summary. A page that failed is tried on three different days.

    Parameters
    ----------
    articles : to look at; all current ones of the archive by default (copies are left out).
    limit : pages to ask for at most.
    now : time of retrieval to note (UTC).

    Raises ParseError where trafilatura is missing, ArchiveError where storing fails.
    """
    extract(b"<html></html>")
    reader = reader or PageReader(allow_private=allow_private)
    at = now or datetime.now(UTC)
    chosen = articles if articles is not None else archive.articles_as_of()
    wanted = [a for a in sorted(chosen, key=lambda a: a.effective, reverse=True) if _wanted(a)]
    tried = _tries(archive)
    results: list[PageResult] = []
    for a in wanted:
        last, times = tried.get(a.article_id, (None, 0))
        if times >= TRIES or (last is not None and at - last < timedelta(hours=20)):
            continue
        if len(results) >= limit:
            break
        text, why = reader.read(a)
        when = now or datetime.now(UTC)
        with archive.transaction():
            if text and not archive.add_full_text(a, text, when):
                why = "the page's text is known already"
            result = PageResult(a.article_id, a.url, "full_text" if text else "summary", why)
            archive.log_page(a.article_id, when, result.used, why)
        results.append(result)
        if progress:
            progress(result)
    return results


def _wanted(a: Article) -> bool:
    return bool(a.url) and a.copy_of is None and "full_text" not in a.flags


def _tries(archive: Archive) -> dict[str, tuple[datetime | None, int]]:
    """When each page was last asked for in vain since it last succeeded, and how often."""
    tried: dict[str, tuple[datetime | None, int]] = {}
    for row in archive.page_log():
        if row["used"] == "full_text":
            tried.pop(row["article_id"], None)
        else:
            _, times = tried.get(row["article_id"], (None, 0))
            tried[row["article_id"]] = (datetime.fromisoformat(row["at"]), times + 1)
    return tried
