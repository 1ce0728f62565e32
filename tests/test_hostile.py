"""Titles, texts and names that would like to act are only shown: in the terminal, in CSV and JSON, and in notebook cells.

They come over a real server on loopback and through files. The page and the pictures are in `test_report.py`.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from feed_server import Answer, FeedServer
from page_tags import Page

import forecast as fc
from forecast.charts import clip
from forecast.cli.console import Format, clean, print_table, progress
from forecast.feed_formats import clean_text

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
ESCAPES = "\x1b[31mred\x1b[0m \x1b]0;owned\x07 \x1b]8;;http://evil.example\x1b\\link \x9b2J"
MARKS = "\u202eevil\u202c \u2066left\u2069 \u200fright"
FORMULA = "=cmd|' /C calc'!A0"
TITLES = (SCRIPT, FORMULA, "@SUM(1)", "+1+1", "-2+3", "\t=1", ESCAPES, MARKS, "[red]x[/red] [/nonsense]", "a\x00b\x08c\rd", "Talks", "A" * 10_000)
SAID = ("Ukraine proposed a third round of talks with Russia in Istanbul next week.", "Russia rejected a ceasefire before any talks.", "Ukraine demanded a ceasefire before talks with Russia.")
NAME = r"=Outlet \u001b[31m\u202e[/nonsense] <b>x</b>"  # as TOML has it
LONG = 10_000_000


def document(texts: list[tuple[str, str]]) -> bytes:
    """An RSS document with these titles and texts, all in CDATA; what XML forbids stays in, as bad outlets send it."""
    items = [
        f"<item><title><![CDATA[{t}]]></title><description><![CDATA[{x}]]></description><link>https://o.example/{n}</link><guid>{n}</guid>"
        f"<pubDate>Sat, 19 Jul 2025 {n % 24:02}:30:00 GMT</pubDate></item>"
        for n, (t, x) in enumerate(texts)
    ]
    return ("<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>T</title>" + "".join(items) + "</channel></rss>").encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_case: Any) -> Path:
    """A case run once on a hostile feed of a hostile name, with a line of 10 MB in it, and on a hostile file."""
    where = tmp_path_factory.mktemp("hostile") / "case"
    texts = [(t, f"{SAID[n % 3]} {t[:200]} {SAID[(n + 1) % 3]}") for n, t in enumerate(TITLES)]
    texts.append(("Long", "word " * (LONG // 5)))
    with FeedServer() as server:
        make_case(where, (NAME, server.play("/feed", Answer(document(texts))), "Russia"))
        rows = [{"id": f"{FORMULA}{n}", "title": t, "text": f"{SAID[n % 3]} {t[:200]}", "source": t[:300], "published": "2025-07-18", "side": FORMULA} for n, t in enumerate(TITLES)]
        rows.append({"id": "long", "title": "Long", "text": "x" * LONG, "published": "2025-07-18"})
        (where / "articles.jsonl").write_text("\n".join(json.dumps(r) for r in rows), encoding="utf-8")
        fc.import_articles(fc.Case.open(where), where / "articles.jsonl")
        fc.run(where, reference_date=fc.day("2025-07-20"), now=pd.Timestamp("2025-07-20T09:00Z").to_pydatetime())
    return where


VERBS = ("run", "code", "rounds", "estimate", "log", "search", "feeds", "resolve")


def call(cli: Any, folder: Path, verb: str, *more: str) -> Any:
    day = ("--reference-date", "2025-07-20")
    args = {"run": (folder, "--offline", *day), "code": (folder, *day), "rounds": (folder, *day), "estimate": (folder, *day), "search": (folder, "talks OR ceasefire")}
    return cli(verb, *args.get(verb, (folder,)), *more)


@pytest.mark.parametrize("verb", VERBS)
def test_terminal_shows_and_obeys_nothing(cli: Any, folder: Path, verb: str) -> None:
    ran = call(cli, folder, verb)
    assert ran.out.strip()
    odd = {c for c in ran.out + ran.err if not c.isprintable() and c != "\n"}
    assert not odd
    assert max(map(len, ran.out.splitlines())) < 2000, "a text without end floods the terminal"


FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def formulas(text: str) -> list[str]:
    """Cells that a spreadsheet might carry out."""
    return [c for row in csv.reader(io.StringIO(text)) for c in row if c.startswith(FORMULAS) and not re.fullmatch(r"[+-]?[\d.]+(?:e[+-]?\d+)?", c)]


@pytest.mark.parametrize("verb", ["run", "code", "rounds", "estimate", "log", "search", "feeds"])
def test_csv_and_json_on_the_terminal(cli: Any, folder: Path, verb: str) -> None:
    ran = call(cli, folder, verb, "--format", "csv")
    assert formulas(ran.out) == []
    assert ran.out.isprintable() or all(c.isprintable() or c == "\n" for c in ran.out)
    ran = call(cli, folder, verb, "--format", "json")
    rows = json.loads(ran.out)
    assert isinstance(rows, list)
    assert all(c.isprintable() or c == "\n" for c in ran.out)


def test_the_test_has_a_point(cli: Any, folder: Path) -> None:
    found = json.loads(call(cli, folder, "search", "--format", "json").out)
    assert any(r["title"].startswith("=") for r in found)
    assert "'=" in call(cli, folder, "search", "--format", "csv").out
    assert any("\x1b" in f.name for f in fc.Case.open(folder).feeds)


def test_json_keeps_what_it_hides() -> None:
    t = pd.DataFrame({"x": ["\x1b[31m\u202e\x9b é"]})
    out: list[str] = []
    with pytest.MonkeyPatch.context() as m:
        m.setattr("forecast.cli.console.typer.echo", out.append)
        print_table(t, Format.json)
    assert all(c.isprintable() or c == "\n" for c in out[0])
    assert json.loads(out[0]) == [{"x": "\x1b[31m\u202e\x9b é"}]


def test_written_tables(folder: Path, cli: Any, tmp_path: Path) -> None:
    files = list((folder / "outlook").rglob("*.csv"))
    assert len(files) > 10
    (tmp_path / "r.jsonl").write_text(json.dumps({"id": FORMULA, "title": "T", "text": " ".join(SAID), "published": "2025-07-18"}), encoding="utf-8")
    assert cli("extract", tmp_path / "r.jsonl", "--out", tmp_path / "x").code == 0
    files += list((tmp_path / "x").glob("*.csv"))
    assert cli("estimate", folder, "--reference-date", "2025-07-20", "--out", tmp_path / "e.csv").code == 0
    assert cli("feeds", folder, "--csv", tmp_path / "f.csv").code in (0, 1)
    assert cli("archive", "export", folder, "--to", tmp_path / "a.csv").code == 0
    for file in [*files, tmp_path / "e.csv", tmp_path / "f.csv", tmp_path / "a.csv"]:
        csv.field_size_limit(LONG * 2)
        assert formulas(file.read_text(encoding="utf-8")) == [], file
    assert "'=cmd" in (tmp_path / "x" / "articles.csv").read_text(encoding="utf-8")


def test_notebook_cells(folder: Path) -> None:
    case = fc.Case.open(folder)
    o = fc.read_outlook(case, fc.day("2025-07-20"))
    shown = [case, o, *(fc.show_round(o, n) for n in range(len(o.rounds)))]
    pages = [x._repr_html_() for x in shown] + [t._repr_html_() for t in (o.rounds, o.statements, o.tone, o.evidence)]
    assert any(html.escape("<b>x</b>") in p for p in pages), "the outlet's name is in no cell: the test has lost its point"
    for page in pages:
        for tag, a in Page(page).tags:
            assert tag not in ("script", "img", "b", "iframe", "svg"), tag
            assert not any(k.startswith("on") for k in a), (tag, a)
            assert not str(a.get("href") or "").lower().startswith(("javascript:", "data:"))
    own = [x._repr_html_() for x in shown]
    assert not {c for page in own for c in page if not c.isprintable() and c not in "\n\t\u00a0"}
    assert max(map(len, own)) < 500_000


def test_page(folder: Path) -> None:
    page = (folder / "outlook" / "2025-07-20" / "report.html").read_text(encoding="utf-8")
    assert not set(page) & set("\x1b\x9b\x07\u202e\u202c\u2066\u2069\u200f")
    assert not [t for t, _ in Page(page).tags if t in ("script", "img", "iframe")]


# -- the pieces -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"), ("\x1b]0;title\x07x", "x"), ("\x1b]8;;http://e\x1b\\y\x1b]8;;\x1b\\", "y"), ("\x9b2Jx", "x"), ("\x9d0;t\x9cz", "z"),
        ("\x1b]52;c;never ended", ""), ("\x1b", ""), ("\x1bc", ""), ("a\x00b", "a b"), ("a\tb\rc", "a b c"), ("\u202eabc", " abc"), ("Київ 東京 عربي", "Київ 東京 عربي"),
    ],
)  # fmt: skip
def test_clean(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize("unit", ["\x1b", "\x1b[", "\x1b]", "\x9b1;", "\x1b\\", "\x1b]\x1b", "a\x00"])
def test_clean_takes_linear_time(unit: str) -> None:
    took = []
    for n in (100_000, 400_000):
        start = time.process_time()
        clean(unit * (n // len(unit)))
        took.append(time.process_time() - start)
    assert took[1] < 12 * took[0] + 0.2


def test_a_word_without_end_is_cut() -> None:
    assert len(clip("x" * LONG)) < 500
    assert clip("one two") == "one two"


def test_clean_text_of_a_line_of_10_mb() -> None:
    start = time.process_time()
    assert len(clean_text("<b>" * (LONG // 3))) < 1000
    assert time.process_time() - start < 5


def test_errors_name_things_safely(cli: Any, tmp_path: Path) -> None:
    ran = cli("run", tmp_path / "\x1b[31mno\u202efolder")
    assert ran.code == 2
    assert ran.err.rstrip("\n").isprintable()


def test_progress_takes_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setattr("sys.stdout", shown)
    with progress("reading") as bar:
        show: Callable[..., Any] = bar
        for name in ("[/nonsense]", "[red]x", "\x1b]0;owned\x07"):
            show(name, 1, 3)
            time.sleep(0.15)
    assert "owned" not in shown.getvalue()
