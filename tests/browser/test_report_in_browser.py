"""The report as people see it: opened in Chromium, wide and narrow, light, dark and printed."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from browser.chromium import Page

WIDTHS = (360, 1280)
LOOKS = [("screen", False), ("screen", True), ("print", False)]
OPEN_ALL = "document.querySelectorAll('details').forEach(d => d.open = true)"
# What is under the finger when the focus is there: tag, text, and its number among its like.
WHERE = """(() => { const e = document.activeElement; if (!e || e === document.body) return null;
  return [...document.querySelectorAll('summary, a, [tabindex]')].indexOf(e); })()"""


@pytest.fixture(scope="module")
def address(demo: Any) -> str:
    return Path(demo.folder / "report.html").resolve().as_uri()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The accessibility checker axe-core, from the npm registry."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed (Debian: apt-get install npm)")
    folder = tmp_path_factory.mktemp("axe")
    ran = subprocess.run([npm, "pack", "axe-core@4", "--silent"], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    archive = next(folder.glob("axe-core-*.tgz"), None)
    if archive is None:
        pytest.skip(f"axe-core could not be fetched from the npm registry: {ran.stderr[-200:]}")
    with tarfile.open(archive) as tar:
        member = tar.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode("utf-8")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("media", "dark"), LOOKS)
def test_report_is_calm(page: Page, address: str, width: int, media: str, dark: bool) -> None:
    page.look(width=width, media=media, dark=dark)
    page.go(address)
    page.js(OPEN_ALL)
    assert [u for u in page.requests if u != address] == [], "an outside request"
    assert page.errors == []
    assert page.js("document.documentElement.scrollWidth") <= width
    wide = page.js(
        "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, .skip, thead') && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 120))"
    )
    assert wide == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dark", [False, True])
def test_no_serious_accessibility_fault(page: Page, address: str, axe: str, width: int, dark: bool) -> None:
    page.look(width=width, dark=dark)
    page.go(address)
    page.js(OPEN_ALL)
    page.js(axe)
    found = page.js("axe.run().then(r => r.violations.map(v => [v.id, v.impact, v.nodes[0].html.slice(0, 200)]))", wait=True)
    assert [v for v in found if v[1] in ("serious", "critical")] == []


def test_all_evidence_by_keyboard(page: Page, address: str, demo: Any) -> None:
    page.look(width=1280)
    page.go(address)
    page.js("document.querySelectorAll('details').forEach(d => d.open = false)")
    seen: set[int] = set()
    for _ in range(1500):
        page.press("Tab")
        at = page.js(WHERE)
        if at is None or at in seen:
            break
        seen.add(at)
        if page.js("document.activeElement.matches('summary')"):
            page.press("Enter")
            assert page.js("document.activeElement.parentElement.open"), "a summary that the keyboard does not open"
    total = page.js("document.querySelectorAll('summary, a, [tabindex]').length")
    assert seen == set(range(total))
    assert page.js("[...document.querySelectorAll('details')].every(d => d.open)")
    assert page.js("document.querySelectorAll('blockquote').length") >= len(demo.evidence)


def test_focus_is_seen(page: Page, address: str) -> None:
    page.look(width=1280)
    page.go(address)
    for _ in range(3):
        page.press("Tab")
    assert page.js("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_print_shows_what_is_folded(page: Page, address: str) -> None:
    page.look(width=900, media="print")
    page.go(address)
    if not page.js("CSS.supports('selector(::details-content)')"):
        pytest.skip("this Chromium cannot open details for print without a script")
    assert page.js("[...document.querySelectorAll('details:not([open]) blockquote')].every(q => q.getBoundingClientRect().height > 0)")
    assert page.js("document.querySelectorAll('details:not([open]) blockquote').length") > 0
    pdf = page.send("Page.printToPDF", printBackground=False)
    assert len(pdf["data"]) > 20_000


def test_works_without_scripts(page: Page, address: str) -> None:
    page.send("Emulation.setScriptExecutionDisabled", value=True)
    page.look(width=1280)
    page.go(address)
    assert page.js("[...document.querySelectorAll('figure svg')].filter(s => s.getBoundingClientRect().height > 100).length") >= 9
    assert page.errors == []
