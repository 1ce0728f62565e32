"""A headless Chromium spoken to over its DevTools protocol: what the browser tests need of it and no more."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest


def find_chromium() -> str | None:
    """Path of a Chromium or Chrome, if there is one."""
    return next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)


class Page:
    """One tab: navigate, evaluate, press keys, photograph; keeps every request and every console error."""

    def __init__(self, address: str) -> None:
        import websocket

        self._socket = websocket.create_connection(address, timeout=60, suppress_origin=True)
        self._ids = itertools.count(1)
        self.requests: list[str] = []
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Call one method and return its result; events that arrive meanwhile are noted."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return dict(message["result"])
            self._note(message.get("method", ""), message.get("params", {}))

    def _note(self, event: str, p: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(p["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.errors.append(str(p["exceptionDetails"].get("text")))
        elif event == "Runtime.consoleAPICalled" and p["type"] in ("error", "assert"):
            self.errors.append(str([a.get("value") for a in p["args"]]))
        elif event == "Log.entryAdded" and p["entry"]["level"] == "error":
            self.errors.append(p["entry"]["text"])

    def js(self, expression: str, *, wait: bool = False) -> Any:
        """Value of an expression in the page."""
        r = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=wait)
        assert "exceptionDetails" not in r, r["exceptionDetails"]
        return r["result"].get("value")

    def look(self, *, width: int, height: int = 900, media: str = "screen", dark: bool = False) -> None:
        """Set the window's width, the medium and the colour scheme."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def go(self, url: str) -> None:
        """Open an address and wait until it has loaded."""
        self.send("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'", 30)

    def until(self, condition: str, seconds: float) -> None:
        """Wait for a condition in the page; fails with it after so many seconds."""
        end = time.monotonic() + seconds
        while not self.js(condition):
            assert time.monotonic() < end, f"not within {seconds} s: {condition}"
            time.sleep(0.2)

    def press(self, key: str) -> None:
        """Press Tab, Enter or Space."""
        code, text = {"Tab": (9, ""), "Enter": (13, "\r"), "Space": (32, " ")}[key]
        name = " " if key == "Space" else key
        for kind in ("keyDown", "keyUp"):
            extra = {"text": text} if text and kind == "keyDown" else {}
            self.send("Input.dispatchKeyEvent", type=kind, key=name, code=key, windowsVirtualKeyCode=code, **extra)

    def photograph(self, to: Path, *, whole: bool = True) -> None:
        """A PNG of the page."""
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        to.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """Leave the tab."""
        self._socket.close()


class Chromium:
    """A browser process of its own, with a profile that is thrown away."""

    def __init__(self, path: str) -> None:
        self._profile = tempfile.mkdtemp(prefix="browser-test-")
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-background-networking", "--remote-debugging-port=0", f"--user-data-dir={self._profile}"]
        self._process = subprocess.Popen([path, *options, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": self._profile})
        port = Path(self._profile, "DevToolsActivePort")
        end = time.monotonic() + 60
        while not (port.exists() and port.read_text().strip()):
            if self._process.poll() is not None or time.monotonic() > end:
                self.close()
                pytest.skip("chromium is installed but does not start here")
            time.sleep(0.1)
        self.port = int(port.read_text().split()[0])

    def page(self) -> Page:
        """A new tab."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=30) as r:
            return Page(json.load(r)["webSocketDebuggerUrl"])

    def close(self) -> None:
        """End the process and remove its profile."""
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(15)
        shutil.rmtree(self._profile, ignore_errors=True)
