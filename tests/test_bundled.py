"""What ships as data: samples that look like the real thing and belong to nobody."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import forecast as fc
from forecast.bundled import data_path
from forecast.feed_formats import parse
from forecast.records import Feed

NOW = datetime(2025, 7, 20, 23, 0, tzinfo=UTC)
with data_path("samples", "feeds.csv").open(encoding="utf-8", newline="") as _f:
    LISTED = list(csv.DictReader(_f))
# The agency whose staff were arrested in Baku in June 2025 is a subject of the news there, and not in this list.
REAL = (
    "reuters", "bbc", "tass", "interfax", "pravda", "ukrinform", "suspilne", "guardian", "new york times", "nytimes", "washington post",
    "associated press", "ap news", "afp", "agence france", "dpa", "anadolu", "hurriyet", "daily sabah", "trt", "al jazeera", "cnn", "politico",
    "le monde", "der spiegel", "financial times", "bloomberg", "kyiv independent", "kyiv post", "rt.com", "ria novosti",
    "novaya gazeta", "meduza", "deutsche welle", "euronews", "sky news", "xinhua", "kommersant", "axios", "libertarian institute",
)  # fmt: skip


@pytest.fixture(scope="module")
def parsed() -> dict[str, Any]:
    out = {}
    for row in LISTED:
        body = data_path("samples", "feeds", row["file"]).read_bytes()
        out[row["name"]] = parse(body, Feed(row["name"], "https://x.example/", row["side"]), NOW)
    return out


def test_enough_outlets_and_items(parsed: dict[str, Any]) -> None:
    assert len(LISTED) >= 6
    assert sum(len(p.articles) for p in parsed.values()) >= 60


@pytest.mark.parametrize("row", LISTED, ids=lambda r: r["name"])
def test_listed_count_is_what_is_there(row: dict[str, str], parsed: dict[str, Any]) -> None:
    assert len(parsed[row["name"]].articles) == int(row["items"])


def test_formats() -> None:
    starts = {
        "rss2.0": rb"<rss version=\"2\.0\"", "rss1.0": rb"<rdf:RDF", "atom1.0": rb"<feed xmlns=\"http://www\.w3\.org/2005/Atom\"",
    }  # fmt: skip
    assert {r["format"].removesuffix("-broken") for r in LISTED} == set(starts)
    for row in LISTED:
        body = data_path("samples", "feeds", row["file"]).read_bytes()
        assert re.search(starts[row["format"].removesuffix("-broken")], body[:1500]), row["file"]


def test_one_is_broken_in_its_encoding(parsed: dict[str, Any]) -> None:
    (broken,) = [r for r in LISTED if r["format"].endswith("-broken")]
    with pytest.raises(UnicodeDecodeError):
        data_path("samples", "feeds", broken["file"]).read_bytes().decode("utf-8")
    assert any("encoding" in f for f in parsed[broken["name"]].faults)


def test_wrong_dates_are_flagged(parsed: dict[str, Any]) -> None:
    flags = {f for p in parsed.values() for a in p.articles for f in a.flags}
    assert "future_date" in flags
    assert flags & {"unreadable_date", "no_date"}


def test_wire_copies_are_found(demo: Any) -> None:
    with fc.Archive(demo.case.archive_path, readonly=True) as archive:
        articles = archive.articles_as_of(demo.reference_date)
    assert sum(a.copy_of is not None for a in articles) >= 5


def test_sides(parsed: dict[str, Any]) -> None:
    sides = {r["side"] for r in LISTED}
    assert sides == {"Ukraine", "Russia", "third", "agency"}


def test_span_of_dates(parsed: dict[str, Any]) -> None:
    days = [a.published.date().isoformat() for p in parsed.values() for a in p.articles if a.published and not a.flags]
    assert min(days) >= "2025-05-10"
    assert max(days) <= "2025-07-20"


def test_outlets_are_plainly_samples() -> None:
    for row in LISTED:
        assert row["name"].startswith("Sample ")
        body = data_path("samples", "feeds", row["file"]).read_bytes().decode("utf-8", "replace")
        for address in re.findall(r"https?://([\w.-]+)", body):
            assert address.endswith(".example") or address in ("www.w3.org", "purl.org", "purl.org.", "search.yahoo.com"), address


@pytest.mark.parametrize("row", LISTED, ids=lambda r: r["name"])
def test_no_real_outlet_is_named(row: dict[str, str], parsed: dict[str, Any]) -> None:
    said = " ".join(f"{a.title} {a.text} {a.url}" for a in parsed[row["name"]].articles)
    assert not re.search(r"\b(?:" + "|".join(map(re.escape, REAL)) + r")\b", f"{row['name']} {said}", re.I)


def test_sources_are_listed() -> None:
    text = data_path("samples", "SOURCES.md").read_text(encoding="utf-8")
    rows = [x for x in text.splitlines() if re.match(r"\| 2025-\d\d-\d\d", x)]
    assert len(rows) >= 30
    assert all("http" in x for x in rows)


def test_data_path() -> None:
    assert data_path().is_dir()
    assert isinstance(data_path("rounds"), Path)
    assert data_path("rounds", "rounds.csv").is_file()


def test_dictionary_names_every_column() -> None:
    text = data_path("README.md").read_text(encoding="utf-8")
    for file in sorted(data_path("rounds").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as f:
            for column in next(csv.reader(f)):
                assert f"`{column}`" in text, f"{file.name}: {column}"
    for name in ("cases", "samples", "world", "rounds"):
        assert name in text
