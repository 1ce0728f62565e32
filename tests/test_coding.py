"""Coding: the codebook's own sentences, offsets on everything labelled, the same answer every time, and the seed article."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import forecast as fc
from forecast.coding import lexicon
from forecast.coding.text import PhraseBook, fold, inflect, sentences, words_only
from forecast.records import Coding
from forecast.tables import GATES, ISSUES, STANCES

LABELLED = Path(__file__).parent / "labelled"
DAY = date(2025, 7, 19)
CODEBOOK = lexicon.load("issues")


@pytest.fixture(scope="module")
def book() -> PhraseBook:
    return PhraseBook(lexicon.phrases())


def issues_in(book: PhraseBook, text: str) -> set[str]:
    return {h.value.split("|")[0] for h in book.find(text, words_only(fold(text))) if h.kind == "issue"}


def test_issues_are_those_of_the_codebook() -> None:
    assert list(CODEBOOK) == list(ISSUES)
    for issue, entry in CODEBOOK.items():
        if issue != "other":
            assert entry["match"], issue
            assert entry["no_match"], issue


@pytest.mark.parametrize(
    ("issue", "sentence"), [(i, s) for i, e in CODEBOOK.items() for s in e["match"]]
)
def test_must_match(book: PhraseBook, issue: str, sentence: str) -> None:
    assert issue in issues_in(book, sentence)


@pytest.mark.parametrize(("issue", "sentence"), [(i, s) for i, e in CODEBOOK.items() for s in e["no_match"]])
def test_must_not_match(coder: Any, issue: str, sentence: str) -> None:
    assert issue not in {s.issue for s in coder.code(sentence, DAY, force=True).statements}


def test_codebook_names_no_party_person_or_place() -> None:
    words = {w for name in ("issues", "stances") for e in lexicon.load(name).values() for k in ("nouns", "verbs", "states") for p in e.get(k, []) for w in p.lower().split()}
    names = {"ukraine", "russia", "istanbul", "kyiv", "moscow", "zelensky", "putin", "gaza", "hamas", "israel", "sudan", "iran", "trump", "geneva", "doha"}
    assert not words & names


@pytest.mark.parametrize(
    ("base", "forms"),
    [
        ("demand", {"demand", "demands", "demanded", "demanding"}),
        ("agree", {"agree", "agrees", "agreed", "agreeing"}),
        ("reject", {"rejects", "rejected", "rejecting"}),
        ("refuse", {"refuses", "refused", "refusing"}),
        ("deny", {"denies", "denied", "denying"}),
        ("insist on", {"insists on", "insisted on", "insisting on"}),
        ("rule out", {"rules out", "ruled out", "ruling out"}),
    ],
)
def test_inflection(base: str, forms: set[str]) -> None:
    assert forms <= set(inflect(base))


# -- offsets and determinism --------------------------------------------------------------------


def labelled() -> Iterator[tuple[str, date, str]]:
    for kind in ("sentences", "articles"):
        for file in sorted((LABELLED / kind).glob("*.jsonl")):
            for line in file.read_text(encoding="utf-8").splitlines():
                item = json.loads(line)
                yield item["text"], date.fromisoformat(item["published"]), item.get("title") or ""


def check(text: str, c: Coding) -> None:
    for x in (*c.statements, *c.mentions):
        assert text[x.start : x.end] == x.quote
        assert x.quote.strip()
    spans = {s.index: s for s in sentences(text)}
    for s in c.statements:
        assert s.stance in STANCES
        assert s.issue in ISSUES
        assert s.gate is None or s.gate in GATES
        assert s.conditional_on is None or s.conditional_on in ISSUES
        assert 0 <= s.confidence <= 1
        assert s.actor
        assert spans[s.sentence].start <= s.start < s.end <= spans[s.sentence].end
    for m in c.mentions:
        if m.window_start and m.window_end:
            assert m.window_start <= m.window_end
    for t in c.tones:
        assert -1 <= t.tone <= 1
    assert c.tone is None or -1 <= c.tone <= 1


def test_offsets_on_labelled_texts() -> None:
    coder = fc.Coder()
    texts = list(labelled())[::3]
    assert len(texts) > 1000
    for text, day, title in texts:
        check(text, coder.code(text, day, title, force=True))


def test_offsets_on_the_samples(demo: Any, coder: Any) -> None:
    with fc.Archive(demo.case.archive_path, readonly=True) as archive:
        articles = archive.articles_as_of(demo.reference_date)
    assert len(articles) >= 60
    for a in articles:
        check(a.text, coder.code(a.text, a.effective.date(), a.title))


TRICKY = "Zelensky’s aide said: “Ceasefire—now!” Türkiye’s İstanbul talks… 🕊 Ukraine demanded a ceasefire before talks with Russia.\n\nRussia rejected it. "


def test_offsets_with_typographic_marks(coder: Any) -> None:
    c = coder.code(TRICKY, DAY, force=True)
    check(TRICKY, c)
    assert ("Ukraine", "ceasefire", "demands") in {(s.actor, s.issue, s.stance) for s in c.statements}


PIECES = st.sampled_from(
    ["Ukraine", "Russia", "Moscow's", "“", "”", "’", "İ", "ß", "🕊", "demanded", "rejected", "a ceasefire", "talks", "until", "unless", "not", ".", "\n", ",", "—",
     "next week", "on July 23", "in Istanbul", "agreed to", "prisoners", "third round", "said", "Mr.", "\u00a0", "\t"]
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.lists(PIECES, max_size=25))
def test_offsets_on_anything(coder: Any, pieces: list[str]) -> None:
    text = " ".join(pieces)
    assert len(fold(text)) == len(text)
    check(text, coder.code(text, DAY, force=True))


def test_same_text_same_coding(coder: Any) -> None:
    other = fc.Coder(fc.Case.bundled("russia-ukraine"))
    for n, (text, day, title) in enumerate(labelled()):
        if n % 40 == 0:
            first = coder.code(text, day, title, force=True)
            assert first == coder.code(text, day, title, force=True)
            assert first == other.code(text, day, title, force=True)


# -- rules of the codebook ----------------------------------------------------------------------


def read(coder: Any, text: str, day: date = DAY) -> set[tuple[str, str, str]]:
    return {(s.actor, s.issue, s.stance) for s in coder.code(text, day, force=True).statements}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Ukraine demanded an immediate ceasefire.", ("Ukraine", "ceasefire", "demands")),
        ("The Kremlin rejected a ceasefire.", ("Russia", "ceasefire", "rejects")),
        ("Moscow ruled out a meeting of the leaders.", ("Russia", "leaders_summit", "rejects")),
        ("Russia agreed to an exchange of prisoners.", ("Russia", "prisoner_exchange", "accepts")),
        ("Kyiv is ready for talks without preconditions.", ("Ukraine", "talks", "offers")),
        ("A ceasefire was rejected by Russia.", ("Russia", "ceasefire", "rejects")),
        ("Turkey urged both sides to agree on a ceasefire.", ("Turkey", "ceasefire", "demands")),
        ("Ukraine and Russia agreed to exchange prisoners.", ("Ukraine", "prisoner_exchange", "accepts")),
        ("Ukraine and Russia agreed to exchange prisoners.", ("Russia", "prisoner_exchange", "accepts")),
    ],
)
def test_read_as(coder: Any, text: str, wanted: tuple[str, str, str]) -> None:
    assert wanted in read(coder, text)


@pytest.mark.parametrize(
    "text",
    [
        "Russia did not rule out a ceasefire.",
        "Would Ukraine accept a ceasefire?",
        "If Ukraine accepted a ceasefire, the front would freeze.",
        "Analysts believe Russia may reject a ceasefire.",
        "A ceasefire was demanded.",
    ],
)
def test_read_as_nothing(coder: Any, text: str) -> None:
    assert not {s for s in read(coder, text) if s[1] == "ceasefire"}


def test_condition(coder: Any) -> None:
    text = "Russia said there would be no summit until the terms of a settlement are agreed."
    found = [s for s in coder.code(text, DAY, force=True).statements if s.issue == "leaders_summit"]
    assert [(s.actor, s.stance, s.conditional_on) for s in found] == [("Russia", "conditions", "settlement")]


def test_office_counts_only_while_held(coder: Any) -> None:
    """Umerov was minister of defence until July 2025 and then secretary of the security council: Ukraine all the while."""
    text = "Umerov demanded a ceasefire before talks with Russia."
    assert ("Ukraine", "ceasefire", "demands") in read(coder, text)
    assert not any(s[0] == "Ukraine" for s in read(coder, text, date(1995, 1, 1)))


def test_irrelevant_text_is_left_alone(coder: Any) -> None:
    c = coder.code("The bakery on the square sells bread and cake.", DAY)
    assert not c.relevant
    assert c.statements == ()
    assert c.mentions == ()


def test_empty_text(coder: Any) -> None:
    assert not coder.code("", DAY).relevant
    assert coder.code("", DAY, force=True).statements == ()


# -- the seed article, as the issue asks --------------------------------------------------------


def test_seed_article_read(coder: Any) -> None:
    from test_outlook import ARTICLE, TITLE

    c = coder.code(ARTICLE, DAY, TITLE)
    assert c.relevant
    assert c.conflict_id == "russia-ukraine"
    check(ARTICLE, c)
    plans = [m for m in c.mentions if m.status == "proposed"]
    assert [(m.venue, m.ordinal, m.proposer) for m in plans] == [("Istanbul", 3, "Ukraine")]
    assert (plans[0].window_start, plans[0].window_end) == (date(2025, 7, 21), date(2025, 7, 27))
    held = {m.window_start for m in c.mentions if m.status == "held"}
    assert held == {date(2025, 5, 16), date(2025, 6, 2)}
    assert ("Ukraine", "talks", "offers") in read(coder, ARTICLE)
    assert not any(s[0] == "Russia" and s[2] == "accepts" for s in read(coder, ARTICLE))


def test_seed_article_is_negative(coder: Any) -> None:
    from test_outlook import ARTICLE, TITLE

    tone = coder.code(ARTICLE, DAY, TITLE).tone
    assert tone is not None
    assert tone < 0


def test_general_coder_finds_the_case_itself() -> None:
    from test_outlook import ARTICLE, TITLE

    assert fc.Coder().code(ARTICLE, DAY, TITLE).conflict_id == "russia-ukraine"


@pytest.mark.parametrize(
    ("text", "day", "conflict"),
    [
        ("Sudan's army and the Rapid Support Forces will resume talks in Jeddah on Sunday, the Saudi foreign ministry said. The army demanded a withdrawal before any ceasefire.", "2023-10-24", "sudan-saf-rsf"),
        ("Hamas rejected the latest proposal for a ceasefire and the release of hostages, and Israel recalled its negotiators from the talks in Doha.", "2025-07-24", "israel-hamas"),
    ],
)
def test_general_coder_on_other_conflicts(text: str, day: str, conflict: str) -> None:
    c = fc.Coder().code(text, date.fromisoformat(day))
    assert c.relevant
    assert c.conflict_id == conflict
    check(text, c)


def test_world_without_a_case() -> None:
    text = "Peru and Ecuador will hold a second round of peace talks in Brasilia on Monday, Brazil's foreign ministry said. Ecuador demanded a ceasefire."
    c = fc.Coder().code(text, date(1995, 2, 10))
    assert c.relevant
    check(text, c)
    assert {"Peru", "Ecuador"} <= {p for m in c.mentions for p in m.parties}
