"""The page: self-contained, complete, and inert whatever a feed's texts hold."""

from __future__ import annotations

import csv
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from page_tags import Page

import forecast as fc
from forecast.outlook import safe_csv
from forecast.report import clip, render

EVIL = '<script>alert(1)</script><img src=x onerror=alert(2)>'
STORY = (
    "Ukraine proposed a third round of talks with Russia in Istanbul next week. "
    f"Russia rejected a ceasefire {EVIL} before any talks."
)


@pytest.fixture(scope="module")
def page(demo: Any) -> str:
    return (demo.folder / "report.html").read_text(encoding="utf-8")


def test_nothing_is_fetched(page: str) -> None:
    tags = Page(page).tags
    assert not [t for t, _ in tags if t in ("script", "link", "iframe", "object", "embed", "base", "form")]
    for tag, a in tags:
        for key in ("src", "srcset", "poster", "data"):
            assert not (a.get(key) or "").startswith(("http", "//")), (tag, a)
        assert not any(k.startswith("on") for k in a), (tag, a)
    assert not re.search(r"url\(\s*['\"]?(?!#)", page)
    assert "default-src 'none'" in page


def test_every_probability_is_there_with_its_base_rate(page: str, demo: Any) -> None:
    for f in demo.forecasts.itertuples():
        for p in (f.p_held, f.p_ge3, f.p_ge4, f.p_ge5, f.base_rate):
            assert f"{p:.1%}" in page
    assert "base rate" in page
    assert demo.model_id in page


def test_quotes_open_to_their_source(page: str, demo: Any) -> None:
    assert page.count("<blockquote>") >= len(demo.evidence.groupby("round_id"))
    links = [a["href"] for t, a in Page(page).tags if t == "a"]
    assert links
    assert any(re.match(r"https?://", str(x)) for x in links)
    assert all(re.match(r"https?://|#", str(x)) for x in links), links


def test_reader_without_eyes(page: str) -> None:
    tags = Page(page).tags
    assert ("html", {"lang": "en"}) in tags
    figures = [a for t, a in tags if t == "figure"]
    assert figures
    assert all(a.get("aria-label") for a in figures)


def test_same_input_same_page(demo: Any, page: str) -> None:
    assert render(demo) == page


def test_quotes_are_short() -> None:
    assert clip("word " * 60).split()[:2] == ["word", "word"]
    assert len(clip("word " * 60).split()) == 26


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, make_case: Any) -> Any:
    """The outlook of articles whose titles, sources, links and texts would like to run."""
    folder = make_case(tmp_path_factory.mktemp("hostile") / "case")
    rows = [
        {"id": "1", "title": "=HYPERLINK(\"http://evil.example\")", "text": STORY, "source": EVIL, "published": "2025-07-19", "url": "javascript:alert(3)"},
        {"id": "2", "title": EVIL, "text": "Ukraine demanded a ceasefire before talks with Russia in Istanbul.", "source": "=1+1", "published": "2025-07-19", "url": "https://x.example/\"onmouseover=\"alert(4)"},
        {"id": "3", "title": "@cmd", "text": "Ukraine demanded a ceasefire and talks with Russia.", "source": "+cmd|' /C calc'!A0", "published": "2025-07-18", "side": "<b>side</b>"},
    ]  # fmt: skip
    file = folder / "a.jsonl"
    file.write_text("\n".join(json.dumps(r) for r in rows), encoding="utf-8")
    fc.import_articles(fc.Case.open(folder), file)
    return fc.run(folder, offline=True, reference_date=fc.day("2025-07-20"))


def test_hostile_texts_are_inert_in_the_page(hostile: Any) -> None:
    for text in ((hostile.folder / "report.html").read_text(encoding="utf-8"), hostile._repr_html_()):
        tags = Page(text).tags
        assert not [t for t, _ in tags if t in ("script", "img", "b") and t != "b"]
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "<b>side</b>" not in text
        for tag, a in tags:
            assert not any(k.startswith("on") for k in a), (tag, a)
            assert not str(a.get("href", "")).lower().startswith("javascript"), a


def test_hostile_texts_are_inert_in_the_pictures(hostile: Any) -> None:
    for svg in (hostile.folder / "charts").glob("*.svg"):
        text = svg.read_text(encoding="utf-8")
        assert "<script" not in text
        assert "onerror" not in re.sub(r"<!--.*?-->|>[^<]*<", "", text)


def test_hostile_texts_are_inert_in_the_tables(hostile: Any) -> None:
    seen = 0
    for file in (*hostile.folder.glob("*.csv"), *(hostile.folder / "charts").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as f:
            for row in csv.reader(f):
                for cell in row:
                    numeric = re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", cell)
                    assert numeric or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (file.name, cell)
                    seen += cell.startswith("'=")
    assert seen, "the hostile source name is in none of the tables: the test has lost its point"


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    t = pd.DataFrame({"n": [-1.5, 2.0], "t": ["-x", "plain"]})
    safe_csv(t, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == "n,t\n-1.5,'-x\n2.0,plain\n"
    assert t.t.tolist() == ["-x", "plain"]


def test_no_round_proposed(tmp_path: Path, make_case: Any) -> None:
    folder = make_case(tmp_path / "case")
    (folder / "a.jsonl").write_text(json.dumps({"id": "1", "text": "The bakery sells bread.", "published": "2025-07-19"}), encoding="utf-8")
    fc.import_articles(fc.Case.open(folder), folder / "a.jsonl")
    o = fc.run(folder, offline=True, reference_date=fc.day("2025-07-20"))
    assert len(o.forecasts) == 0
    assert o.folder is not None
    assert pd.read_csv(o.folder / "outlook.csv").columns[0] == "round_id"
    assert "No round is proposed as of this date" in (o.folder / "report.html").read_text(encoding="utf-8")


# -- strict policy, order of the page, cells -----------------------------------------------------------


def test_policy_is_strict_and_true(page: str) -> None:
    import base64
    import hashlib

    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    style = re.search(r"<style>(.*?)</style>", page, flags=re.S)
    assert policy
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy[1].replace("&#39;", "'").replace("&#43;", "+")
    assert "unsafe" not in policy[1]
    assert not [a for _, a in Page(page).tags if "style" in a], "a style attribute, which the policy forbids"


def test_ids_are_unique_and_links_within_the_page_lead_somewhere(page: str) -> None:
    tags = Page(page).tags
    ids = [a["id"] for _, a in tags if a.get("id")]
    assert len(ids) == len(set(ids))
    inner = {str(a[k])[1:] for _, a in tags for k in ("href", "xlink:href") if str(a.get(k, "")).startswith("#")}
    assert inner <= set(ids)
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)


def test_order_of_the_page(page: str) -> None:
    at = [page.index(f'id="{name}"') for name in ("changed", "rounds", "charts", "past", "def")]
    assert at == sorted(at)


def test_page_is_light_enough_to_mail(page: str) -> None:
    assert len(page.encode()) < 1_000_000


def test_cells_show_case_round_and_outlook(demo: Any) -> None:
    case, one, outlook = demo.case._repr_html_(), fc.show_round(demo, demo.forecasts.index[0]), demo._repr_html_()
    assert "Ukraine, Russia" in case
    assert f"{demo.forecasts.iloc[0].p_ge5:.1%}" in one._repr_html_()
    assert "<details>" in one._repr_html_()
    assert "<details>" in outlook
    assert "no forecast" in fc.show_round(demo, 0)._repr_html_()
    assert repr(one).startswith("Round(")
    with pytest.raises(fc.ForecastError, match="holds no round"):
        fc.show_round(demo, "nothing-of-that-name")


def test_hostile_texts_are_inert_in_the_cells(hostile: Any) -> None:
    assert len(hostile.rounds)
    for n in range(len(hostile.rounds)):
        text = fc.show_round(hostile, n)._repr_html_()
        assert not [t for t, _ in Page(text).tags if t in ("script", "img", "b")]
    case = fc.Case(fc.Case.bundled("cyprus").data.model_copy(update={"name": EVIL}))
    assert "<script" not in case._repr_html_()


def test_pre_round_reasons_open_to_their_sentences(demo: Any) -> None:
    """Every pre-round column that moved a forecast shows the sentences it was read from, word for word."""
    from forecast.charts import reasons_table

    columns = {"signing_expected", "draft_on_table", "entry_condition_unmet", "expectation", "violence_trend", "ceasefire_in_force"}
    round_id = str(demo.forecasts.index[0])
    moved = set(reasons_table(demo, round_id).dropna(subset=["moves"]).query("abs(moves) > 5e-4").column) & columns
    told = demo.preround[demo.preround.round_id == round_id]
    given = {c for c in moved if demo.rounds.set_index("round_id").loc[round_id, c] not in (0, None, "none")}  # 0 and none are read from silence
    assert given and given <= set(told.column)
    page = render(demo)
    assert any(" ".join(q.split()[:6]) in unescape(page) for q in told.quote)
