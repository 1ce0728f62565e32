"""One browser for all tests in this folder; without one they are skipped, with the reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from browser.chromium import Chromium, Page, find_chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """Headless Chromium."""
    pytest.importorskip("websocket", reason="websocket-client is not installed")
    path = find_chromium()
    if path is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    b = Chromium(path)
    yield b
    b.close()


@pytest.fixture
def page(browser: Chromium) -> Iterator[Page]:
    """A new tab."""
    p = browser.page()
    yield p
    p.close()
