"""Feeds: retrieve bytes, parse them to articles, store what is new. Retrieval and parsing are kept apart.

A feed that fails is a value in the result, never an exception that stops the others.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import html
import ipaddress
import random
import re
import socket
import threading
import time
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from html.entities import html5
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from forecast.archive import Archive, FeedState, canonical_url, without_credentials
from forecast.errors import ParseError, RetrieveError
from forecast.records import Article, Feed, FeedResult

USER_AGENT = "negotiation-outlook/0.1 (feed reader for analysts)"
TIMEOUT = (10.0, 20.0)  # seconds to connect, and between bytes
DEADLINE = 60.0  # seconds for one address, with redirects and second tries
MAX_BYTES = 20_000_000  # as sent, and again after decompression
MAX_REDIRECTS = 5
MAX_ENTRIES = 5_000  # of one document
MAX_TAGS = 300_000  # in them: some seconds of work
HOST_PAUSE = 0.5  # seconds between two requests to one host
LONGEST_WAIT = timedelta(hours=24)  # that a Retry-After is obeyed
_TRIES = 3
_SHORT_WAIT = 10.0  # seconds that a Retry-After is waited for at once
_MAX_TEXT = 200_000  # characters of one entry that are kept
_ACCEPT = "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What an address answered."""

    body: bytes
    status: int
    content_type: str
    etag: str | None
    modified: str | None
    url: str  # after redirects, without credentials
    moved_to: str | None = None  # where permanent redirects (301, 308) led, if anywhere
    cut: bool = False  # the connection broke before all had arrived
    headers: tuple[tuple[str, str], ...] = ()  # all response headers, names in lower case


class HttpError(RetrieveError):
    """An address answered with an error status; `retry_after` in seconds, where the server named it."""

    def __init__(self, message: str, hint: str, status: int, retry_after: float | None = None) -> None:
        super().__init__(message, hint)
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Parsed:
    """Articles of one feed document and what was odd about it."""

    articles: tuple[Article, ...]
    faults: tuple[str, ...] = ()
    complete: bool = True  # False where the document was cut off: it must be asked for in full again


# -- retrieve -----------------------------------------------------------------------------------


class Switch:
    """Ends all requests that were given it: their sockets are closed and their waits cut short."""

    def __init__(self) -> None:
        self.off = threading.Event()
        self._lock = threading.Lock()
        self._sockets: set[Any] = set()

    def add(self, sock: Any) -> None:
        """Watch one more socket."""
        with self._lock:
            self._sockets.add(sock)
        if self.off.is_set():
            self.turn_off()

    def drop(self, sockets: Iterable[Any]) -> None:
        """Watch these no longer."""
        with self._lock:
            self._sockets.difference_update(sockets)

    def turn_off(self) -> None:
        """End everything now."""
        self.off.set()
        with self._lock:
            for sock in self._sockets:
                _hang_up(sock)


def retrieve(
    url: str, *, etag: str | None = None, modified: str | None = None, allow_private: bool = False,
    timeout: tuple[float, float] = TIMEOUT, max_bytes: int = MAX_BYTES, deadline: float = DEADLINE,
    trusted: bool = True, accept: str = _ACCEPT, switch: Switch | None = None,
) -> Retrieved:  # fmt: skip
    """Fetch one address, with conditional headers where known.

    Parameters
    ----------
    url : http, https or file; user name and password in it are sent to that host only.
    etag, modified : of the last answer; the answer may then be status 304 with an empty body.
    allow_private : whether redirects may lead to private and loopback addresses.
    timeout : seconds to connect, and between two bytes.
    max_bytes : limit of the answer, as sent and after decompression.
    deadline : seconds for all of it: redirects, second tries and a server that drips.
    trusted : whether the analyst wrote this address. What it leads to is never trusted, and an address
        that is not trusted must be a public http or https one unless `allow_private`.

    Raises RetrieveError (HttpError for a status of 400 and above) in words an analyst can act on.
    """
    if trusted and url.lower().startswith("file:"):
        return _read_file(url, max_bytes)
    visit = _Visit(url, allow_private, timeout, max_bytes, deadline, trusted, switch or Switch())
    headers = {"User-Agent": USER_AGENT, "Accept": accept, "Accept-Encoding": "gzip, deflate"}
    if etag:
        headers["If-None-Match"] = etag
    if modified:
        headers["If-Modified-Since"] = modified
    with visit:
        answer = visit.go(headers)
    if answer.status == 304:
        return replace(answer, etag=answer.etag or etag, modified=answer.modified or modified)
    return answer


class _Visit:
    """One address, its redirects and second tries, under one deadline."""

    def __init__(
        self, url: str, allow_private: bool, timeout: tuple[float, float], max_bytes: int, deadline: float,
        trusted: bool, switch: Switch,
    ) -> None:  # fmt: skip
        self.url, self.auth = _split_credentials(url)
        self.shown = without_credentials(url)
        self.allow_private, self.trusted = allow_private, trusted
        self.timeout, self.max_bytes, self.deadline = timeout, max_bytes, deadline
        self.switch = switch
        self.sockets: list[Any] = []
        self.late = threading.Event()
        self.began = time.monotonic()
        self.guarded = True
        self._alarm = threading.Timer(deadline, self._time_is_up)
        self._alarm.daemon = True

    def __enter__(self) -> _Visit:
        self._alarm.start()
        self._session = _session(self)
        return self

    def __exit__(self, *exc: object) -> None:
        self._alarm.cancel()
        self.switch.drop(self.sockets)
        self._session.close()

    def _time_is_up(self) -> None:
        self.late.set()
        for sock in list(self.sockets):
            _hang_up(sock)

    def connected(self, sock: Any) -> None:
        """Called with every new socket, before anything is sent over it."""
        self.sockets.append(sock)
        self.switch.add(sock)
        if self.late.is_set():
            _hang_up(sock)
        if self.guarded and not self._session.proxies_in_use:
            _refuse_address(sock.getpeername()[0], urlsplit(self.at).hostname or "")

    def go(self, headers: dict[str, str]) -> Retrieved:
        for attempt in range(_TRIES):
            try:
                return self._follow(headers)
            except RetrieveError as e:
                pause = self._pause(e, attempt)
                if pause is None or self.switch.off.wait(pause):
                    raise
        raise AssertionError("the last try returns or raises")

    def _pause(self, e: RetrieveError, attempt: int) -> float | None:
        """Seconds to wait before trying again, or None where that is of no use."""
        status = getattr(e, "status", 0)
        if attempt == _TRIES - 1 or not (isinstance(e, _Passing) or status in (429, 502, 503, 504)):
            return None
        asked = e.retry_after if isinstance(e, HttpError) else None
        if asked is not None and asked > _SHORT_WAIT:
            return None
        jitter = random.random() * 0.3
        pause = max(asked or 0.0, 0.3 * 2**attempt) + jitter
        return pause if time.monotonic() + pause < self.began + self.deadline - 1 else None

    def _follow(self, headers: dict[str, str]) -> Retrieved:
        self.at = self.url
        moved_to, permanent = None, True
        for _ in range(MAX_REDIRECTS + 1):
            _refuse_scheme(self.at)
            known = self.trusted and _same_host(self.at, self.url)
            self.guarded = not (self.allow_private or known)
            if self.guarded:
                _refuse_private(self.at)
            with self._ask(headers) as r:
                to = r.headers.get("Location")
                if r.status_code in (301, 302, 303, 307, 308) and to:
                    try:
                        self.at = _split_credentials(urljoin(self.at, to))[0]
                    except ValueError:
                        raise RetrieveError(
                            f"{self.shown} redirects to nowhere", "Check the address"
                        ) from None
                    permanent = permanent and r.status_code in (301, 308)
                    moved_to = self.at if permanent else moved_to
                    continue
                return replace(self._answer(r), moved_to=moved_to)
        raise RetrieveError(
            f"{self.shown} redirects more than {MAX_REDIRECTS} times",
            "Look for the feed's new address on its site",
        )

    def _ask(self, headers: dict[str, str]) -> Any:
        import requests

        auth = self.auth if _same_host(self.at, self.url) else None
        try:
            return self._session.get(
                self.at, headers=headers, timeout=self.timeout, stream=True, allow_redirects=False, auth=auth
            )
        except requests.exceptions.SSLError:
            raise RetrieveError(f"{self.shown} has no valid certificate", "Check the address") from None
        except requests.exceptions.ConnectTimeout:
            raise _Passing(
                f"{self.shown} did not answer within {self.timeout[0]:g} s", "Try again later"
            ) from None
        except requests.exceptions.Timeout:
            raise self._stopped() from None
        except (requests.exceptions.ConnectionError, OSError):
            if self.late.is_set():
                raise self._stopped() from None
            raise _Passing(f"{self.shown} cannot be reached", "Check the network and the address") from None
        except (requests.exceptions.RequestException, ValueError) as e:
            raise RetrieveError(
                f"{self.shown} cannot be asked ({type(e).__name__})", "Check the address"
            ) from None

    def _stopped(self) -> RetrieveError:
        if self.late.is_set():
            return RetrieveError(f"{self.shown} took longer than {self.deadline:g} s", "Try again later")
        return RetrieveError(f"{self.shown} stopped sending for {self.timeout[1]:g} s", "Try again later")

    def _answer(self, r: Any) -> Retrieved:
        _check_status(r, self.shown)
        body, cut = (b"", False) if r.status_code == 304 else self._body(r)
        headers = tuple((k.lower(), v) for k, v in r.headers.items())
        return Retrieved(
            body, r.status_code, r.headers.get("Content-Type", ""), r.headers.get("ETag"),
            r.headers.get("Last-Modified"), without_credentials(self.at), cut=cut, headers=headers,
        )  # fmt: skip

    def _body(self, r: Any) -> tuple[bytes, bool]:
        """The body, decompressed here lest a small answer fill the memory; and whether it was cut."""
        import urllib3

        unpack = _decompressor(r.headers.get("Content-Encoding", ""), self.shown)
        body = bytearray()
        sent, cut = 0, False
        try:
            for chunk in r.raw.stream(65536, decode_content=False):
                sent += len(chunk)
                body += unpack(chunk, self.max_bytes + 1 - len(body))
                if max(sent, len(body)) > self.max_bytes:
                    raise RetrieveError(
                        f"{self.shown} sent more than {self.max_bytes / 1_000_000:g} MB",
                        "This is hardly a feed; check the address",
                    )
        except zlib.error:
            raise RetrieveError(
                f"{self.shown} sent damaged data (bad compression)", "Try again later"
            ) from None
        except (urllib3.exceptions.ReadTimeoutError, TimeoutError):
            raise self._stopped() from None
        except (urllib3.exceptions.HTTPError, OSError, ValueError):
            cut = True
        if self.late.is_set():
            raise self._stopped()
        if cut and not body:
            raise _Passing(f"{self.shown} broke off the connection", "Try again later")
        return bytes(body), cut


class _Passing(RetrieveError):
    """A fault that may be over in a moment."""


class _Refused(RetrieveError):
    """An address that must not be asked."""


def _session(visit: _Visit) -> Any:
    """A requests session that tells `visit` of every socket before it is used."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            visit.connected(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            visit.connected(self.sock)

    pools = {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": Plain}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": Secure}),
    }

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            session.proxies_in_use = True
            return super().proxy_manager_for(*args, **kwargs)

    class Session(requests.Session):
        proxies_in_use = False

    session = Session()
    session.mount("http://", Adapter(max_retries=0))
    session.mount("https://", Adapter(max_retries=0))
    return session


def _hang_up(sock: Any) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _check_status(r: Any, shown: str) -> None:
    status = r.status_code
    if status < 400 and (status in (200, 203, 226, 304)):
        return
    words = {
        410: ("is gone for good (410)", "Take it out of case.toml"),
        404: ("was not found (404)", "Look for the feed's new address on its site"),
        401: ("asks for a password (401)", "Write it into the address: https://name:password@..."),
        403: ("refuses access (403)", "The outlet may block scripts; read it another way or take it out"),
        429: ("asks to come back later (429)", "Collect less often"),
        503: ("asks to come back later (503)", "Collect less often"),
    }  # fmt: skip
    what, hint = words.get(status, (f"answered with an error ({status})", "Try again later"))
    if status < 400:
        what, hint = f"answered with nothing to read ({status})", "Check the address"
    raise HttpError(f"{shown} {what}", hint, status, _retry_after(r.headers.get("Retry-After", "")))


def _retry_after(value: str) -> float | None:
    """Seconds named by a Retry-After header (a number or a date), at most LONGEST_WAIT; else None."""
    try:
        seconds = float(value) if value.strip().isdigit() else _until(parsedate_to_datetime(value))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(0.0, seconds), LONGEST_WAIT.total_seconds())


def _until(when: datetime) -> float:
    return (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


def _decompressor(encoding: str, shown: str) -> Callable[[bytes, int], bytes]:
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return lambda chunk, room: chunk
    if encoding in ("gzip", "x-gzip"):
        return zlib.decompressobj(47).decompress
    if encoding == "deflate":
        return _Inflate()
    raise RetrieveError(f"{shown} is compressed in an unknown way ({encoding[:20]})", "Check the address")


class _Inflate:
    """Deflate with or without the zlib header: servers send either."""

    def __init__(self) -> None:
        self._engine: Any = None

    def __call__(self, chunk: bytes, room: int) -> bytes:
        if self._engine is None:
            wrapped = len(chunk) > 1 and chunk[0] & 0x0F == 8 and (chunk[0] * 256 + chunk[1]) % 31 == 0
            self._engine = zlib.decompressobj(15 if wrapped else -15)
        return bytes(self._engine.decompress(chunk, room))


def _read_file(url: str, max_bytes: int) -> Retrieved:
    path = Path(unquote(urlsplit(url).path))
    try:
        if path.stat().st_size > max_bytes:
            raise RetrieveError(
                f"{path} is longer than {max_bytes / 1_000_000:g} MB", "This is hardly a feed"
            )
        return Retrieved(path.read_bytes(), 200, "", None, None, url)
    except OSError as e:
        raise RetrieveError(
            f"{path} cannot be read: {e.strerror}", "Check the address in case.toml"
        ) from None


def _split_credentials(url: str) -> tuple[str, tuple[str, str] | None]:
    """The address without user name and password, and those apart. Raises ValueError for a broken address."""
    parts = urlsplit(url)
    user, at, where = parts.netloc.rpartition("@")
    if not at:
        return url, None
    name, _, password = user.partition(":")
    return urlunsplit(parts._replace(netloc=where)), (unquote(name), unquote(password))


def _same_host(a: str, b: str) -> bool:
    try:
        pa, pb = urlsplit(a), urlsplit(b)
        if pa.scheme == "http" and pb.scheme == "https":
            return False
        ports = {"http": 80, "https": 443}
        same_port = (pa.port or ports.get(pa.scheme)) == (pb.port or ports.get(pb.scheme))
        return pa.hostname == pb.hostname and (same_port or not (pa.port or pb.port))
    except ValueError:
        return False


def _refuse_scheme(url: str) -> None:
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "https"):
        raise _Refused(
            f"the way to a {scheme or 'nameless'}: address was refused", "Check the feed's address"
        )


def _refuse_private(url: str) -> None:
    """Look the host up and refuse a private one; behind a proxy, which looks up itself, as far as we can."""
    from requests.utils import get_environ_proxies

    host = urlsplit(url).hostname or ""
    try:
        found = {str(i[4][0]) for i in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        if get_environ_proxies(url):
            return
        raise _Passing(f"{host} cannot be found", "Check the network and the address") from None
    for address in found:
        _refuse_address(address, host)


def _refuse_address(address: str, host: str) -> None:
    ip = ipaddress.ip_address(address.split("%")[0])
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    if isinstance(ip, ipaddress.IPv6Address) and ip in _NAT64:
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    ip = inner or ip
    if not ip.is_global or ip.is_multicast:
        raise _Refused(
            f"the way to the private address {host} was refused",
            "If you trust it, set allow_private = true in case.toml",
        )


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


# -- parse --------------------------------------------------------------------------------------


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
        entries, base, more = _xml_entries(text, head, feed, base_url or feed.url)
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
        link = _split_credentials(urljoin(base_url, link))[0]
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


# -- dates --------------------------------------------------------------------------------------

_ZONES = {
    "MSK": 3, "EET": 2, "EEST": 3, "TRT": 3, "IRST": 3.5, "IRDT": 4.5, "CET": 1, "CEST": 2, "BST": 1,
    "WEST": 1, "WET": 0, "IST": 5.5, "PKT": 5, "AST": 3, "GST": 4, "JST": 9, "KST": 9, "HKT": 8, "SGT": 8,
    "ICT": 7, "WIB": 7, "EAT": 3, "CAT": 2, "SAST": 2, "WAT": 1, "MSD": 4, "AZT": 4, "AMT": 4, "NPT": 5.75,
    "AFT": 4.5, "COT": -5, "UTC": 0, "GMT": 0, "Z": 0, "UT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5,
    "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "IDT": 3, "AEST": 10, "AEDT": 11, "GET": 4, "UZT": 5,
    "MMT": 6.5, "PHT": 8, "BRT": -3, "ART": -3,
}  # fmt: skip
_MONTHS = {
    name: i
    for i, names in enumerate(
        [
            "jan january januar janvier janv enero ene gennaio gen "
            "janeiro ocak oca янв января січ січня stycznia يناير ינואר",
            "feb february februar février févr fevrier febrero febbraio fevereiro "
            "fev şubat şub фев февраля лют лютого lutego فبراير פברואר",
            "mar march märz mär mars marzo março mart мар марта бер березня marca مارس מרץ",
            "apr april avril avr abril abr aprile nisan "
            "nis апр апреля кві квітня kwietnia أبريل ابريل אפריל",
            "may mai mayo maggio mag maio mayıs мая май тра травня maja مايو מאי",
            "jun june juni juin junio giugno giu junho "
            "haziran haz июн июня чер червня czerwca يونيو יוני",
            "jul july juli juillet juil julio luglio lug julho "
            "temmuz tem июл июля лип липня lipca يوليو יולי",
            "aug august août aout agosto ago ağustos ağu "
            "авг августа сер серпня sierpnia أغسطس اغسطس אוגוסט",
            "sep sept september septembre septiembre settembre set setembro "
            "eylül eyl сен сентября вер вересня września سبتمبر ספטמבר",
            "oct october oktober okt octobre octubre ottobre ott outubro out "
            "ekim eki окт октября жов жовтня października أكتوبر اكتوبر אוקטובר",
            "nov november novembre noviembre novembro kasım kas "
            "ноя ноября лис листопада listopada نوفمبر נובמבר",
            "dec december dezember dez décembre déc decembre diciembre dic dicembre "
            "dezembro aralık ara дек декабря гру грудня grudnia ديسمبر דצמבר",
        ],
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_CLOCK = (
    r"(?:[\s,T]{1,4}(?:(?:at|um|в|à|о)\s)?(?P<H>\d{1,2})[:.](?P<M>\d{2})(?:[:.](?P<S>\d{2})(?:[.,]\d{1,9})?)?"
    r"\s{0,3}(?P<p>[AaPp]\.?[Mm]\.?)?\s{0,3}(?P<z>(?:GMT|UTC)?[+-]\d{1,2}:?(?:\d{2})?|[A-Za-z]{1,5})?"
    r"(?:\s\([A-Za-z ]{1,30}\))?)?\s{0,9}$"
)
_WEEKDAY = r"^\s{0,9}(?:[^\W\d]{1,15}\.?,?\s{1,3})?"
_DATES = [
    re.compile(
        _WEEKDAY
        + r"(?P<d>\d{1,2})\.?[\s-](?:de\s)?(?P<m>[^\W\d]{2,12})\.?,?[\s-](?:de\s)?(?P<y>\d{4}|\d{2})"
        + _CLOCK
    ),
    re.compile(
        _WEEKDAY + r"(?P<m>[^\W\d]{3,12})\.?\s(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s(?P<y>\d{4})" + _CLOCK
    ),
    re.compile(r"^\s{0,9}(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})" + _CLOCK),
    re.compile(_WEEKDAY + r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})" + _CLOCK),
    re.compile(r"^\s{0,9}(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:T?(?P<H>\d{2}):?(?P<M>\d{2}):?(?P<S>\d{2})(?P<p>)(?P<z>Z|[+-]\d{2}:?\d{2})?)?\s{0,9}$"),
    re.compile(r"^[^\W\d]{3}\s(?P<m>[^\W\d]{3})\s{1,2}(?P<d>\d{1,2})\s(?P<H>\d{2}):(?P<M>\d{2}):(?P<S>\d{2})\s(?P<p>)(?P<z>[A-Z]{3,5}\s)?(?P<y>\d{4})$"),
]  # fmt: skip
_SLASHED = re.compile(r"^\s{0,9}(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})" + _CLOCK)


def read_date(text: str) -> datetime | None:
    """A feed's date in UTC, or None. Strict: a half-understood date is no date.

    >>> read_date("Sat, 19 Jul 2025 14:30:00 MSK").isoformat()
    '2025-07-19T11:30:00+00:00'
    >>> read_date("soon") is None, read_date("03/04/2025") is None  # April or March?
    (True, True)
    """
    text = text[:100].replace("\u00a0", " ").replace("\u202f", " ").strip()
    m = next((m for m in (pattern.match(text) for pattern in _DATES) if m), None)
    swapped = False
    if not m:
        m = _SLASHED.match(text)
        if not m or (int(m["d"]) <= 12 and int(m["m"]) <= 12 and m["d"] != m["m"]):
            return None
        swapped = int(m["m"]) > 12
    try:
        month = int(m["m"]) if m["m"].isdigit() else _MONTHS[m["m"].lower().rstrip(".")]
        day = int(m["d"])
        if swapped:
            month, day = day, month
        year = int(m["y"])
        year += 0 if year > 99 else (2000 if year < 70 else 1900)
        offset = _offset((m["z"] or "").strip())
        if offset is None:
            return None
        hour, add = _hour(int(m["H"] or 0), m["p"])
        local = datetime(year, month, day, hour, int(m["M"] or 0), min(int(m["S"] or 0), 59), tzinfo=UTC)
        return local + add - offset
    except (KeyError, ValueError, OverflowError):
        return None


def _hour(hour: int, half: str | None) -> tuple[int, timedelta]:
    """The hour of the day, and a day more where 24 was written. Raises ValueError for a wrong hour."""
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(hour)
        return hour % 12 + (12 if half.lower().startswith("p") else 0), timedelta(0)
    return (0, timedelta(days=1)) if hour == 24 else (hour, timedelta(0))


def _offset(zone: str) -> timedelta | None:
    """Of a zone name or number; None where it is unknown or beyond 14 hours."""
    if not zone:
        return timedelta(0)
    number = re.sub(r"^(?:GMT|UTC)(?=[+-])", "", zone)
    if number[0] in "+-":
        digits = number[1:].replace(":", "")
        hours, minutes = (digits, "0") if len(digits) <= 2 else (digits[:-2], digits[-2:])
        total = int(hours) * 60 + int(minutes)
        if total > 14 * 60 or int(minutes) > 59:
            return None
        return timedelta(minutes=-total if number[0] == "-" else total)
    named = _ZONES.get(zone.upper())
    return None if named is None else timedelta(hours=named)


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


# -- collect ------------------------------------------------------------------------------------

_HELD = 64_000_000  # bytes that may wait for an earlier feed to be stored
_BACK_OFF = timedelta(minutes=5)  # after the second "come back later" in a row; doubles with each further one


def collect(
    feeds: Iterable[Feed], archive: Archive, *, now: datetime | None = None, allow_private: bool = False,
    workers: int = 8, progress: Callable[[FeedResult], None] | None = None,
    timeout: tuple[float, float] = TIMEOUT, deadline: float = DEADLINE, host_pause: float = HOST_PAUSE,
) -> list[FeedResult]:  # fmt: skip
    """Read every feed and store what is new; each feed is committed as it arrives, so Ctrl-C keeps the rest.

    Parameters
    ----------
    now : time of retrieval to note (UTC); the present by default.
    workers : hosts asked at the same time. One host is never asked twice at once.
    host_pause : seconds between two requests to one host.
    timeout, deadline : see `retrieve`.

    Returns one FeedResult a feed, in the order given. Raises ArchiveError where storing fails.
    """
    feeds = list(feeds)
    switch = Switch()
    results: dict[int, FeedResult] = {}
    asker = _Asker(archive, feeds, now or datetime.now(UTC), allow_private, timeout, deadline, switch)
    fetches = _Fetches(feeds, asker, max(1, workers), host_pause, switch)

    def keep(i: int, answer: Retrieved | RetrieveError) -> None:
        results[i] = _store(feeds[i], answer, archive, now or datetime.now(UTC))
        if progress:
            progress(results[i])

    try:
        for i, answer in fetches:
            keep(i, answer)
    except KeyboardInterrupt:
        switch.turn_off()
        for i, answer in fetches.arrived():
            if i not in results:
                keep(i, answer)
        raise
    finally:
        switch.turn_off()
        fetches.close()
    return [results[i] for i in range(len(feeds))]


class _Asker:
    """Asks one feed, minding what it told us before. Called from several threads."""

    def __init__(
        self, archive: Archive, feeds: list[Feed], at: datetime, allow_private: bool,
        timeout: tuple[float, float], deadline: float, switch: Switch,
    ) -> None:  # fmt: skip
        self.states = {f.name: archive.feed_state(f.name, f.url) for f in feeds}
        self.validators = {f.name: archive.last_validators(f.name, f.url) for f in feeds}
        self.at = at
        self.options: dict[str, Any] = {
            "allow_private": allow_private, "timeout": timeout, "deadline": deadline, "switch": switch,
        }  # fmt: skip

    def __call__(self, feed: Feed) -> Retrieved | RetrieveError:
        state, shown = self.states[feed.name], without_credentials(feed.url)
        if state.gone_at:
            return _NotAsked(
                f"{shown} has been gone since {state.gone_at:%Y-%m-%d} (410) and is not asked any more",
                "Take it out of case.toml or give its new address",
            )  # fmt: skip
        if state.retry_at and self.at < state.retry_at:
            return _NotAsked(
                f"{shown} asked not to be read before {state.retry_at:%Y-%m-%d %H:%M} UTC",
                "Nothing to do; it is asked again then",
            )
        try:
            return self._ask(feed, state.moved_to)
        except RetrieveError as e:
            return e
        except Exception as e:  # noqa: BLE001  whatever a hostile server provokes must not stop the others
            kind = type(e).__name__
            return RetrieveError(f"{shown} cannot be asked ({kind})", "Check the address")

    def _ask(self, feed: Feed, moved_to: str | None) -> Retrieved:
        etag, modified = self.validators[feed.name]
        if moved_to:
            trusted = _same_host(moved_to, feed.url)
            address = _with_credentials(moved_to, feed.url) if trusted else moved_to
            try:
                answer = retrieve(address, etag=etag, modified=modified, trusted=trusted, **self.options)
                return replace(answer, moved_to=answer.moved_to or moved_to)
            except RetrieveError:
                pass  # the new address fails: perhaps the old one works again
        return retrieve(feed.url, etag=etag, modified=modified, **self.options)


class _NotAsked(RetrieveError):
    """A feed that told us earlier not to ask."""


def _with_credentials(url: str, source: str) -> str:
    user, at, _ = urlsplit(source).netloc.rpartition("@")
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=user + at + parts.netloc)) if at else url


class _Fetches:
    """Answers in the order of the feeds, fetched by several threads, one at a time from each host.

    The order is kept so that what is stored does not depend on which host was faster.
    """

    def __init__(
        self, feeds: list[Feed], ask: Callable[[Feed], Retrieved | RetrieveError], workers: int, pause: float,
        switch: Switch,
    ) -> None:  # fmt: skip
        self._feeds, self._ask, self._workers, self._pause, self._switch = feeds, ask, workers, pause, switch
        self._hosts = [urlsplit(without_credentials(f.url)).hostname for f in feeds]
        self._pool = ThreadPoolExecutor(max_workers=max(1, min(workers, len(feeds) or 1)))
        self._waiting = list(range(len(feeds)))
        self._running: dict[Future[Retrieved | RetrieveError], int] = {}
        self._done: dict[int, Retrieved | RetrieveError] = {}
        self._last: dict[str | None, float] = {}

    def __iter__(self) -> Iterator[tuple[int, Retrieved | RetrieveError]]:
        for head in range(len(self._feeds)):
            while head not in self._done:
                self._start(head)
                finished, _ = wait(self._running, return_when=FIRST_COMPLETED)
                for future in finished:
                    i = self._running.pop(future)
                    self._done[i] = future.result()
                    self._last[self._hosts[i]] = time.monotonic()
            self._start(head)
            yield head, self._done[head]
            del self._done[head]

    def arrived(self) -> list[tuple[int, Retrieved | RetrieveError]]:
        """What was fetched and not yet given out whole; for an interruption."""
        for future, i in self._running.items():
            if future.done() and not future.cancelled():
                self._done[i] = future.result()
        return [(i, a) for i, a in sorted(self._done.items()) if isinstance(a, Retrieved)]

    def close(self) -> None:
        """Start nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, head: int) -> None:
        held = sum(len(a.body) for a in self._done.values() if isinstance(a, Retrieved))
        busy = {self._hosts[i] for i in self._running.values()} - {None}
        for i in list(self._waiting):
            if len(self._running) >= self._workers:
                return
            host = self._hosts[i]
            if host in busy or (held > _HELD and i != head):
                continue
            since = time.monotonic() - self._last[host] if host and host in self._last else self._pause
            self._waiting.remove(i)
            self._running[self._pool.submit(self._fetch, self._feeds[i], self._pause - since)] = i
            busy |= {host} - {None}

    def _fetch(self, feed: Feed, pause: float) -> Retrieved | RetrieveError:
        if pause > 0 and self._switch.off.wait(pause):
            return RetrieveError("the run was stopped", "Run again")
        return self._ask(feed)


def _store(feed: Feed, answer: Retrieved | RetrieveError, archive: Archive, at: datetime) -> FeedResult:
    """Store one answer, its line in the fetch log and what is to be remembered: all or nothing."""
    state = archive.feed_state(feed.name, feed.url)
    if isinstance(answer, RetrieveError):
        return _store_failure(feed, answer, _state_after(answer, state, at), archive, at)
    good = FeedState(moved_to=answer.moved_to)
    if answer.status == 304:
        with archive.transaction():
            archive.log_fetch(feed.name, feed.url, at, "unchanged", 0, 0, "", answer.etag, answer.modified)
            archive.remember_feed(feed.name, feed.url, good)
        return FeedResult(feed.name, "unchanged")
    try:
        parsed = parse(answer.body, feed, at, content_type=answer.content_type, base_url=answer.url)
    except ParseError as e:
        return _store_failure(feed, e, state, archive, at)
    except Exception as e:  # noqa: BLE001  a document no one foresaw must not stop the other feeds
        odd = ParseError(f"{feed.name} sent something unreadable ({type(e).__name__})", "Please report it")
        return _store_failure(feed, odd, state, archive, at)
    faults = list(parsed.faults)
    whole = parsed.complete and not answer.cut
    if not whole:
        faults.append("the document ended early; all of it is asked for next time")
    if answer.moved_to:
        faults.append(f"the feed has moved for good to {answer.moved_to}; write that into case.toml")
    detail = "; ".join(faults)
    with archive.transaction():
        new, changed = archive.add_articles(parsed.articles)
        archive.log_fetch(
            feed.name, feed.url, at, "ok", len(parsed.articles), new, detail,
            answer.etag if whole else None, answer.modified if whole else None,
        )  # fmt: skip
        archive.remember_feed(feed.name, feed.url, good)
    return FeedResult(feed.name, "ok", len(parsed.articles), new, changed, detail, tuple(faults))


def _store_failure(
    feed: Feed, e: RetrieveError | ParseError, state: FeedState, archive: Archive, at: datetime
) -> FeedResult:
    with archive.transaction():
        archive.log_fetch(feed.name, feed.url, at, "failed", 0, 0, e.message, None, None)
        archive.remember_feed(feed.name, feed.url, state)
    return FeedResult(feed.name, "failed", detail=str(e))


def _state_after(e: RetrieveError, state: FeedState, at: datetime) -> FeedState:
    """What to remember after a failure."""
    if not isinstance(e, HttpError):
        return state
    if e.status == 410:
        return state._replace(gone_at=at)
    if e.status not in (429, 503):
        return state
    strikes = state.strikes + 1
    own = _BACK_OFF * 2 ** min(strikes - 2, 6) if strikes > 1 else timedelta(0)
    pause = max(timedelta(seconds=e.retry_after or 0), min(own, timedelta(hours=6)))
    return state._replace(strikes=strikes, retry_at=at + pause if pause else None)


def watch(
    run: Callable[[], Any], every: timedelta, *, times: int | None = None,
    stop: threading.Event | None = None,
    on_error: Callable[[Exception], None] | None = None, jitter: float = 0.05,
) -> int:  # fmt: skip
    """Call `run` again and again, `every` so often from start to start; survives its failures.

    Parameters
    ----------
    times : how often at most; for ever by default.
    stop : ends the watch when set, also in the middle of a pause.
    on_error : told of each failure.
    jitter : share of `every` by which a pause may be longer, so that many machines do not ask at once.

    Returns the number of failures. Ctrl-C ends it.
    """
    stop = stop or threading.Event()
    failures = count = 0
    while not stop.is_set() and (times is None or count < times):
        began = time.monotonic()
        try:
            run()
        except Exception as e:  # noqa: BLE001  to survive failures is what it is for
            failures += 1
            if on_error:
                on_error(e)
        count += 1
        if times is not None and count >= times:
            break
        pause = every.total_seconds() * (1 + random.random() * jitter)
        stop.wait(max(0.0, began + pause - time.monotonic()))
    return failures


def read_interval(text: str) -> timedelta:
    """A length of time such as "30m", "2h", "1d" or "90s". Raises ValueError for anything else, or under 1 s.

    >>> read_interval("30m")
    datetime.timedelta(seconds=1800)
    """
    m = re.fullmatch(r"\s*(\d{1,6})\s*([smhd])\s*", text.lower())
    if not m or int(m[1]) == 0:
        raise ValueError(f"'{text}' is no length of time; write for example 30m, 2h or 1d")
    return timedelta(seconds=int(m[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[m[2]])
