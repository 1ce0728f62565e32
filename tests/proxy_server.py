"""A small web proxy on loopback: forwards plain requests, tunnels CONNECT, and notes what it was asked for."""

from __future__ import annotations

import base64
import contextlib
import http.client
import selectors
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up is no news."""


class ProxyServer:
    """Use as a context manager. `asked` holds the lines of request; `to` maps names to ports of this machine.

    With `login` ("name:password") it refuses those who do not give it.
    """

    def __init__(self, to: dict[str, int] | None = None, login: str = "") -> None:
        self.asked: list[str] = []
        self.to = to or {}
        self.login = login
        self._server = _Server(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        """Its address, without a login."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ProxyServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def _may(self) -> bool:
                owner.asked.append(self.requestline)
                given = self.headers.get("Proxy-Authorization", "")
                if owner.login and given != "Basic " + base64.b64encode(owner.login.encode()).decode():
                    self.send_response(407)
                    self.send_header("Proxy-Authenticate", "Basic")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return False
                return True

            def _address(self, host: str, port: int) -> tuple[str, int]:
                return ("127.0.0.1", owner.to[host]) if host in owner.to else (host, port)

            def do_GET(self) -> None:
                if not self._may():
                    return
                at = urlsplit(self.path)
                there = http.client.HTTPConnection(*self._address(at.hostname or "", at.port or 80), timeout=5)
                try:
                    there.request("GET", at.path, headers={k: v for k, v in self.headers.items() if not k.lower().startswith("proxy-")})
                    answer = there.getresponse()
                    body = answer.read()
                except OSError:
                    self.send_error(502)
                    return
                finally:
                    there.close()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "content-length"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_CONNECT(self) -> None:
                if not self._may():
                    return
                host, _, port = self.path.rpartition(":")
                try:
                    there = socket.create_connection(self._address(host, int(port)), timeout=5)
                except OSError:
                    self.send_error(502)
                    return
                self.send_response(200)
                self.end_headers()
                with there, contextlib.suppress(OSError):
                    _both_ways(self.connection, there)
                self.close_connection = True

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


def _both_ways(a: socket.socket, b: socket.socket) -> None:
    """Carry bytes until one side has no more to say, or neither speaks for 5 s."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(a, selectors.EVENT_READ, b)
        waiting.register(b, selectors.EVENT_READ, a)
        while ready := waiting.select(5):
            for key, _ in ready:
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                if not data:
                    return
                key.data.sendall(data)
