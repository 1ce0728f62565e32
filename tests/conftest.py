"""What several test files share: a case folder, a feed document, the command line run in this process."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from feed_server import FeedServer

ROOT = Path(__file__).resolve().parents[1]
# The checkout is what the doctests import: let the tests see the same files, installed or not.
sys.path.insert(0, str(ROOT))

NOW = datetime(2025, 7, 20, 9, 0, tzinfo=UTC)  # the day on which the tests read the news


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def server() -> Iterator[FeedServer]:
    """A feed server on loopback, closed at the end of the test."""
    with FeedServer() as s:
        yield s


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Any]:
    """An empty archive, open for the test."""
    from forecast.archive import Archive

    with Archive(tmp_path / "archive.sqlite") as a:
        yield a


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run `forecast ARGS` in this process; returns exit code, output and error output."""
    from forecast.cli import main

    def run(*args: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["forecast", *map(str, args)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as e:
            code = int(e.code or 0)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture(scope="session")
def case_text() -> str:
    """The bundled case without its feeds, which no test may visit."""
    from forecast.bundled import data_path

    text = data_path("cases", "russia-ukraine", "case.toml").read_text(encoding="utf-8")
    return re.split(r"(?m)^\[\[feeds\]\]", text, maxsplit=1)[0]


@pytest.fixture(scope="session")
def make_case(case_text: str) -> Callable[..., Path]:
    """Write a case folder with the given feeds: (name, url) or (name, url, side)."""

    def make(folder: Path, *feeds: tuple[str, ...], extra: str = "") -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        parts = [case_text]
        for name, url, *side in feeds:
            parts.append(f'[[feeds]]\nname = "{name}"\nurl = "{url}"\nside = "{side[0] if side else "third"}"\n')
        (folder / "case.toml").write_text("\n".join([*parts, extra]), encoding="utf-8")
        return folder

    return make


def rss(items: Iterable[dict[str, Any]], title: str = "Test Outlet") -> str:
    """An RSS 2.0 document; an item has title, text, published (datetime), and optionally link."""
    out = [f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>{title}</title>']
    for n, i in enumerate(items):
        link = i.get("link", f"https://outlet.example/{title.lower().replace(' ', '-')}/{n}")
        out.append(
            f"<item><title>{escape(i['title'])}</title><link>{escape(link)}</link><guid>{escape(link)}</guid>"
            f"<pubDate>{format_datetime(i['published'])}</pubDate><description>{escape(i['text'])}</description></item>"
        )
    return "".join([*out, "</channel></rss>"])


@pytest.fixture(scope="session")
def feed() -> Callable[..., str]:
    """The function `rss`."""
    return rss


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The outlook of the bundled case on the sample feeds, made once and only read."""
    import os

    import forecast as fc

    folder = tmp_path_factory.mktemp("demo")
    before = Path.cwd()
    os.chdir(folder)
    try:
        outlook = fc.run()
    finally:
        os.chdir(before)
    outlook.case.path = folder / "outlook-demo"
    outlook.folder = folder / "outlook-demo" / "outlook" / "2025-07-20"
    return outlook


@pytest.fixture(scope="session")
def history() -> Any:
    """The bundled historical table."""
    import forecast as fc

    return fc.load_history()


@pytest.fixture(scope="session")
def features(history: Any) -> Any:
    """The features of every historical round, made once and only read."""
    return history.features()


@pytest.fixture(scope="session")
def model() -> Any:
    """The shipped model."""
    import forecast as fc

    return fc.LadderModel.default()


@pytest.fixture(scope="session")
def coder() -> Any:
    """A coder with the eyes of the bundled case."""
    import forecast as fc

    return fc.Coder(fc.Case.bundled("russia-ukraine"))
