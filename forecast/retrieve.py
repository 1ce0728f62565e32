"""Retrieve what an address answers: redirects, second tries, limits of time and size, and what is refused.

Nothing here knows what a feed is; `feed_formats` reads the bytes.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import os
import random
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from forecast.addresses import same_host, split_credentials, without_credentials
from forecast.errors import RetrieveError

USER_AGENT = "negotiation-outlook/0.1 (feed reader for analysts)"
TIMEOUT = (10.0, 20.0)  # seconds to connect, and between bytes
DEADLINE = 60.0  # seconds for one address, with redirects and second tries
MAX_BYTES = 20_000_000  # as sent, and again after decompression
MAX_REDIRECTS = 5
HOST_PAUSE = 0.5  # seconds between two requests to one host
LONGEST_WAIT = timedelta(hours=24)  # that a Retry-After is obeyed
_TRIES = 3
_SHORT_WAIT = 10.0  # seconds that a Retry-After is waited for at once
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
        self.url, self.auth = split_credentials(url)
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
            known = self.trusted and same_host(self.at, self.url)
            self.guarded = not (self.allow_private or known)
            if self.guarded:
                _refuse_private(self.at)
            with self._ask(headers) as r:
                to = r.headers.get("Location")
                if r.status_code in (301, 302, 303, 307, 308) and to:
                    try:
                        self.at = split_credentials(urljoin(self.at, to))[0]
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

        auth = self.auth if same_host(self.at, self.url) else None
        try:
            return self._session.get(
                self.at, headers=headers, timeout=self.timeout, stream=True, allow_redirects=False, auth=auth,
                verify=_own_certificates() if self.at.lower().startswith("https:") else None,
            )  # fmt: skip
        except requests.exceptions.ProxyError as e:
            raise _proxy_fault(e, self.shown, self.at) from None
        except requests.exceptions.SSLError as e:
            raise _certificate_fault(e, self.shown) from None
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


_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")  # in the order in which they count


def _own_certificates() -> str | None:
    """The bundle of trusted authorities that the environment names; None for the one that requests ships.

    Raises RetrieveError where that file is not there or holds no certificate: the fault is not the feed's.
    """
    for name in _BUNDLES:
        path = os.environ.get(name)
        if path:
            break
    else:
        return None
    try:
        _read_bundle(path, Path(path).stat().st_mtime_ns)
    except OSError as e:  # ssl.SSLError is one
        why = e.strerror if isinstance(e, FileNotFoundError | PermissionError) else "it holds no certificates"
        raise RetrieveError(
            f"the trusted certificates in {path}, named by {name}, cannot be read ({why})",
            f"Mend or unset {name}",
        ) from None
    return path


@functools.lru_cache(maxsize=4)
def _read_bundle(path: str, changed: int) -> None:
    """Raises OSError where a bundle cannot be used. A sound one is read once for each time that it changed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if Path(path).is_dir():
        context.load_verify_locations(capath=path)
    else:
        context.load_verify_locations(cafile=path)


def _causes(e: BaseException) -> Iterator[BaseException]:
    """An exception and what lies behind it, however the libraries wrapped it."""
    seen: set[int] = set()
    waiting = [e]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inside = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        waiting += [x for x in inside if isinstance(x, BaseException)]


def _certificate_fault(e: BaseException, shown: str) -> RetrieveError:
    """Why a secure connection was refused, and what to do."""
    found = next((c for c in _causes(e) if isinstance(c, ssl.SSLCertVerificationError)), None)
    if found is None:
        return RetrieveError(
            f"{shown} does not speak HTTPS as it should", "Check the address; perhaps it begins with http://"
        )
    words = str(found.verify_message or "not valid").strip().rstrip(".")
    if found.verify_code == _EXPIRED:
        return RetrieveError(f"{shown} shows a certificate that has expired", "Try again later; check this machine's clock")
    if found.verify_code == _NOT_YET:
        return RetrieveError(f"{shown} shows a certificate that is not valid yet", "Check this machine's clock")
    if found.verify_code in (_OTHER_HOST, _OTHER_ADDRESS):
        return RetrieveError(f"{shown} shows the certificate of another host", "Check the address")
    return RetrieveError(
        f"{shown} shows a certificate of an authority that is not trusted here ({words})",
        "If your organisation issued it, set REQUESTS_CA_BUNDLE to the file with its certificate; if not, do not read this feed",
    )


_NOT_YET, _EXPIRED, _OTHER_HOST, _OTHER_ADDRESS = 9, 10, 62, 64  # verification codes of OpenSSL


def _proxy_fault(e: BaseException, shown: str, url: str) -> RetrieveError:
    """A proxy that cannot be reached, or refuses."""
    scheme = urlsplit(url).scheme.upper()
    told = re.search(r"Tunnel connection failed: (\d{3})", " ".join(str(c) for c in _causes(e)))
    if told and told[1] == "407":
        return RetrieveError(*_PROXY_LOGIN)
    if told:
        return _Passing(f"the proxy does not lead to {shown} ({told[1]})", f"Check the address, and {scheme}_PROXY and NO_PROXY")
    return _Passing(f"{shown} cannot be reached through the proxy", f"Check {scheme}_PROXY and NO_PROXY")


_PROXY_LOGIN = (
    "the proxy asks for a password (407)",
    "Write it into the proxy's address: http://name:password@...",
)


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
    if status == 407:
        raise HttpError(*_PROXY_LOGIN, status)
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
