"""A web server on loopback that plays what feeds do to their readers: real HTTP, no mocks.

`FeedServer.play(path, *answers)` gives the answers in turn, the last one again and again. An answer is an
`Answer` or a function of the request handler for what no well-behaved server does.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RSS = "application/rss+xml"


@dataclass(frozen=True)
class Answer:
    """A status, a body and headers."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    type: str = RSS


def rss(*items: str, head: str = "", encoding: str = "utf-8") -> bytes:
    """An RSS 2.0 document around these items."""
    text = f"<?xml version='1.0' encoding='{encoding}'?><rss version='2.0'><channel><title>T</title>{head}"
    return (text + "".join(items) + "</channel></rss>").encode(encoding)


def item(
    n: int | str = 1, *, text: str = "", title: str = "", link: str = "", date: str = "", more: str = ""
) -> str:
    """One RSS item."""
    title = title or f"Talks {n}"
    text = text or f"Delegations met for round {n} and agreed to meet again."
    link = link or f"https://news.example/{n}"
    when = f"<pubDate>{date}</pubDate>" if date != "none" else ""
    if not date:
        when = "<pubDate>Sat, 19 Jul 2025 14:30:00 GMT</pubDate>"
    return (
        f"<item><title>{title}</title><link>{link}</link><description>{text}</description>{when}{more}</item>"
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that hangs up is no news."""


class FeedServer:
    """See the module. Use as a context manager; `url(path)` is the address of a path."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.open_now = 0  # answers of `slowly` under way
        self.most_open = 0
        self._routes: dict[str, list[Answer | Callable[[Any], None]]] = {}
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self._server = _Server((host, 0), self._handler())
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.scheme = "https" if tls else "http"
        self.host, self.port = host, self._server.server_address[1]

    def __enter__(self) -> FeedServer:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str = "/feed") -> str:
        return f"{self.scheme}://{self.host}:{self.port}{path}"

    def play(self, path: str, *answers: Answer | Callable[[Any], None]) -> str:
        self._routes[path] = list(answers)
        return self.url(path)

    def asked(self, path: str) -> list[dict[str, str]]:
        """Headers of the requests for a path, names in lower case."""
        return [h for p, h in self.requests if p == path]

    def _next(self, path: str) -> Answer | Callable[[Any], None]:
        with self._lock:
            answers = self._routes.get(path) or [Answer(b"not here", 404)]
            return answers.pop(0) if len(answers) > 1 else answers[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            server_owner = owner

            def do_GET(self) -> None:
                with owner._lock:
                    owner.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                try:
                    answer = owner._next(self.path)
                    if callable(answer):
                        self.close_connection = True
                        answer(self)
                    else:
                        send(self, answer)
                except OSError:
                    self.close_connection = True

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


def send(handler: Any, answer: Answer) -> None:
    """Send an answer as it should be sent; a matching validator gets a 304."""
    tag = answer.headers.get("ETag")
    same = tag is not None and handler.headers.get("If-None-Match") == tag
    since = answer.headers.get("Last-Modified")
    same = same or (since is not None and handler.headers.get("If-Modified-Since") == since)
    handler.send_response(304 if same else answer.status)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    if same:
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    handler.send_header("Content-Type", answer.type)
    if "Content-Length" not in answer.headers:
        handler.send_header("Content-Length", str(len(answer.body)))
    handler.end_headers()
    handler.wfile.write(answer.body)


# -- what no well-behaved server does --------------------------------------------------------------


def drip(handler: Any) -> None:
    """A byte now and then, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Type", RSS)
    handler.end_headers()
    while not handler.server_owner.stopping.wait(0.05):
        handler.wfile.write(b" ")


def drip_headers(handler: Any) -> None:
    """Headers that never end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for i in range(10_000):
        if handler.server_owner.stopping.wait(0.05):
            return
        handler.wfile.write(b"X-%d: y\r\n" % i)


def silence(handler: Any) -> None:
    """Takes the request and says nothing."""
    handler.server_owner.stopping.wait(8)


def hang_up(handler: Any) -> None:
    """Closes the connection without a word."""
    handler.connection.shutdown(socket.SHUT_RDWR)


def break_off(body: bytes, after: int) -> Callable[[Any], None]:
    """Promises all of the body and sends the first bytes."""

    def answer(handler: Any) -> None:
        send(handler, Answer(body[:after], headers={"Content-Length": str(len(body)), "ETag": '"x"'}))
        handler.wfile.flush()
        hang_up(handler)

    return answer


def endless(handler: Any) -> None:
    """As many bytes as the reader takes."""
    handler.send_response(200)
    handler.end_headers()
    while not handler.server_owner.stopping.is_set():
        handler.wfile.write(b"<item></item>" * 5000)


def garbage(handler: Any) -> None:
    """Not HTTP."""
    handler.wfile.write(b"\x16\x03\x01 this is no web server\r\n\r\n")


def bomb(megabytes: int) -> Answer:
    """A small answer that unpacks to many megabytes."""
    return Answer(gzip.compress(b" " * (megabytes * 1_000_000), 9), headers={"Content-Encoding": "gzip"})


def slowly(answer: Answer, seconds: float) -> Callable[[Any], None]:
    """The answer after a while."""

    def late(handler: Any) -> None:
        owner = handler.server_owner
        with owner._lock:
            owner.open_now += 1
            owner.most_open = max(owner.most_open, owner.open_now)
        time.sleep(seconds)
        with owner._lock:
            owner.open_now -= 1
        send(handler, answer)

    return late
