"""Rounds over many articles: one meeting, one row; copies count once; what changed keeps its source."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import forecast as fc
from forecast.records import Article, Coding, Mention, Statement
from forecast.rounds import (
    Round,
    link_statements,
    position_table,
    rounds_table,
    statements_table,
    tone_table,
    track,
)

CASE = fc.Case.bundled("russia-ukraine")


def article(n: int, day: str, source: str = "Paper", copy_of: str | None = None, side: str = "third") -> Article:
    when = datetime.combine(date.fromisoformat(day), time(12), UTC)
    return Article(f"a{n:03d}", "T", "text", f"https://x.example/{n}", source, side, when, when, when, copy_of=copy_of)


def mention(status: str = "proposed", first: str | None = "2025-07-21", last: str | None = None, **kw: Any) -> Mention:
    values: dict[str, Any] = {
        "conflict_id": "russia-ukraine", "parties": ("Ukraine", "Russia"), "mediators": (), "venue": "Istanbul",
        "window_start": first and date.fromisoformat(first), "window_end": (last or first) and date.fromisoformat(last or first or ""),
        "granularity": "week" if last else "day" if first else None, "ordinal": 3, "level": None, "status": status,
        "quote": "text", "start": 0, "end": 4, "proposer": "Ukraine" if status == "proposed" else None,
    }  # fmt: skip
    return Mention(**(values | kw))


def coding(*mentions: Mention, tone: float | None = None, statements: tuple[Statement, ...] = ()) -> Coding:
    return Coding(True, "russia-ukraine", tone, statements, mentions)


PLAN = (article(1, "2025-07-19"), coding(mention("proposed", "2025-07-21", "2025-07-27")))
DATED = (article(2, "2025-07-21", "Wire"), coding(mention("confirmed", "2025-07-23")))
HELD = (article(3, "2025-07-24", "Post"), coding(mention("held", "2025-07-23")))


def test_one_round_through_its_life() -> None:
    (r,) = track([PLAN, DATED, HELD], "russia-ukraine")
    assert (r.ordinal, r.venue, r.status) == (3, "Istanbul", "held")
    assert r.window == (date(2025, 7, 23), date(2025, 7, 23), "day")
    assert [e["status"] for e in r.events()] == ["proposed", "confirmed", "held"]
    assert [e["source"] for e in r.events()] == ["Paper", "Wire", "Post"]


def test_order_of_articles_does_not_matter() -> None:
    plain = track([PLAN, DATED, HELD], "russia-ukraine")
    mixed = track([HELD, PLAN, DATED], "russia-ukraine")
    assert [(r.round_id, r.events()) for r in plain] == [(r.round_id, r.events()) for r in mixed]


def test_other_number_is_another_round() -> None:
    second = (article(0, "2025-06-02"), coding(mention("held", "2025-06-02", ordinal=2)))
    rounds = track([second, PLAN], "russia-ukraine")
    assert [r.ordinal for r in rounds] == [2, 3]
    assert len({r.round_id for r in rounds}) == 2


def test_copies_and_other_conflicts_are_passed_over() -> None:
    copy = (article(4, "2025-07-20", copy_of="a001"), coding(mention("confirmed", "2025-07-25")))
    other = (article(5, "2025-07-20"), Coding(True, "sudan-saf-rsf", None, (), (mention(),)))
    dull = (article(6, "2025-07-20"), Coding(False, "russia-ukraine", None, (), (mention(),)))
    (r,) = track([PLAN, copy, other, dull], "russia-ukraine")
    assert len(r.evidence) == 1


def test_sources_that_disagree_are_both_kept() -> None:
    rival = (article(2, "2025-07-20", "Wire"), coding(mention("confirmed", "2025-07-24")))
    (r,) = track([DATED, rival], "russia-ukraine")
    assert r.disagreement() == ["date: 2025-07-23 or 2025-07-24"]


def test_ids_never_hint_at_the_outcome() -> None:
    (a,) = track([PLAN], "russia-ukraine")
    (b,) = track([PLAN, DATED, HELD], "russia-ukraine")
    assert a.round_id == b.round_id
    assert "23" not in b.round_id


def table(coded: list[Any], day: str) -> pd.DataFrame:
    return rounds_table(track(coded, "russia-ukraine"), CASE, coded, date.fromisoformat(day))


def test_table_of_a_plan() -> None:
    (r,) = table([PLAN], "2025-07-20").itertuples()
    assert (r.status, r.proposer, r.proposed_by, str(r.proposed_on)[:10]) == ("proposed", "Ukraine", "one_side", "2025-07-19")
    assert (r.venue_country, r.process_id) == ("TR", "russia-ukraine-2025-istanbul")
    assert (r.n_articles, r.n_sources) == (1, 1)


def test_lapses_after_the_days_of_grace() -> None:
    assert table([PLAN], "2025-08-09").status.tolist() == ["proposed"]
    assert table([PLAN], "2025-08-12").status.tolist() == ["lapsed"]


def test_postponed_and_cancelled() -> None:
    off = (article(2, "2025-07-22"), coding(mention("cancelled", None, granularity=None)))
    assert table([PLAN, off], "2025-07-23").status.tolist() == ["cancelled"]
    late = (article(2, "2025-07-22"), coding(mention("postponed", None, granularity=None)))
    assert table([PLAN, late], "2025-07-23").status.tolist() == ["postponed"]


def test_no_articles() -> None:
    assert track([], "russia-ukraine") == []
    assert len(table([], "2025-07-20")) == 0


# -- statements ---------------------------------------------------------------------------------


def stance(actor: str, issue: str, word: str, start: int = 0) -> Statement:
    return Statement(0, actor, issue, word, None, None, "text", start, start + 4, 0.9)


def spoken(n: int, day: str, *s: Statement, **kw: Any) -> tuple[Article, Coding]:
    return article(n, day, **kw), coding(statements=s)


def test_positions_say_since_when_and_how_they_moved() -> None:
    coded = [
        spoken(1, "2025-07-01", stance("Russia", "ceasefire", "rejects")),
        spoken(2, "2025-07-05", stance("Russia", "ceasefire", "conditions")),
        spoken(3, "2025-07-09", stance("Russia", "ceasefire", "conditions")),
        spoken(4, "2025-07-02", stance("Ukraine", "ceasefire", "offers")),
        spoken(5, "2025-07-03", stance("Ukraine", "territory", "accepts")),
        spoken(6, "2025-07-04", stance("Ukraine", "territory", "rejects")),
    ]
    t = position_table(statements_table(coded, "russia-ukraine"), CASE.parties, date(2025, 7, 20)).set_index(["issue", "actor"])
    russia = t.loc[("ceasefire", "Russia")]
    assert (russia.stance, str(russia.since), russia.times, russia.moved) == ("conditions", "2025-07-05", 3, "softened")
    assert t.loc[("ceasefire", "Ukraine")].moved == "stated"
    assert t.loc[("territory", "Ukraine")].moved == "hardened"


def test_positions_as_of_a_day() -> None:
    coded = [spoken(1, "2025-07-01", stance("Russia", "talks", "accepts")), spoken(2, "2025-07-09", stance("Russia", "talks", "rejects"))]
    s = statements_table(coded, "russia-ukraine")
    assert position_table(s, CASE.parties, date(2025, 7, 5)).stance.tolist() == ["accepts"]


def test_copies_say_nothing_new() -> None:
    coded = [spoken(1, "2025-07-01", stance("Russia", "talks", "accepts")), spoken(2, "2025-07-02", stance("Russia", "talks", "accepts"), copy_of="a001")]
    assert len(statements_table(coded, "russia-ukraine")) == 1


def test_evidence_is_the_latest_stance_before_the_round() -> None:
    coded = [
        PLAN, spoken(2, "2025-07-10", stance("Russia", "talks", "rejects")), spoken(3, "2025-07-18", stance("Russia", "talks", "accepts")),
        spoken(4, "2025-03-01", stance("Russia", "ceasefire", "offers")),
    ]  # fmt: skip
    rounds = table(coded, "2025-07-20")
    e = link_statements(statements_table(coded, "russia-ukraine"), rounds, date(2025, 7, 20))
    assert e[["actor", "issue", "stance"]].to_numpy().tolist() == [["Russia", "talks", "accepts"]]


def test_tone_table() -> None:
    coded = [(article(1, "2025-07-01"), coding(tone=-0.5)), (article(2, "2025-07-02"), coding(tone=None)), (article(3, "2025-07-02", copy_of="a001"), coding(tone=1.0))]
    assert tone_table(coded, "russia-ukraine").tone.tolist() == [-0.5]


# -- properties ---------------------------------------------------------------------------------

STATUS = st.sampled_from(["proposed", "confirmed", "under_way", "held", "postponed", "cancelled"])
READING = st.tuples(st.integers(0, 60), STATUS, st.integers(-5, 20), st.sampled_from([None, 2, 3]), st.sampled_from([None, "Istanbul", "Rome"]))


def read(items: list[tuple[int, str, int, int | None, str | None]]) -> list[tuple[Article, Coding]]:
    out = []
    for n, (at, status, ahead, number, venue) in enumerate(items):
        day = date(2025, 6, 1) + timedelta(days=at)
        first = (day + timedelta(days=ahead)).isoformat()
        out.append((article(n, day.isoformat()), coding(mention(status, first, ordinal=number, venue=venue))))
    return out


@settings(max_examples=30, deadline=None)
@given(st.lists(READING, max_size=12))
def test_nothing_after_the_day_matters(items: Any) -> None:
    day = date(2025, 7, 1)
    coded = read(items)
    known = [c for c in coded if c[0].effective.date() <= day]
    a = fc.make_outlook(CASE, coded, day, 5)
    b = fc.make_outlook(CASE, known, day, 5)
    for name in ("rounds", "forecasts", "events"):
        pd.testing.assert_frame_equal(getattr(a, name), getattr(b, name))


@settings(max_examples=30, deadline=None)
@given(st.lists(READING, max_size=12), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_rounds(items: Any, random: Any) -> None:
    coded = read(items)
    mixed = coded[:]
    random.shuffle(mixed)
    a, b = (track(c, "russia-ukraine") for c in (coded, mixed))
    assert [(r.round_id, r.status, r.window) for r in a] == [(r.round_id, r.status, r.window) for r in b]
    assert len({r.round_id for r in a}) == len(a)


@pytest.mark.parametrize("status", ["held", "under_way"])
def test_a_round_that_began_is_not_proposed(status: str) -> None:
    o = fc.make_outlook(CASE, [PLAN, (article(9, "2025-07-23"), coding(mention(status, "2025-07-23")))], date(2025, 7, 24), 5)
    assert len(o.forecasts) == 0


@st.composite
def news(draw: st.DrawFn) -> list[tuple[Article, Coding]]:
    """Articles over two years, with mentions of every kind."""
    out = []
    for n in range(draw(st.integers(1, 14))):
        day = date(2024, 1, 1) + timedelta(days=draw(st.integers(0, 700)))
        found = []
        for _ in range(draw(st.integers(0, 3))):
            kind = draw(st.sampled_from(["day", "week", "month", "open", None]))
            first = day + timedelta(days=draw(st.integers(-150, 150))) if kind else None
            last = first + timedelta(days={"day": 0, "week": 6, "month": 30, "open": 70}[kind or "day"]) if first else None
            status = draw(st.sampled_from(["proposed", "confirmed", "under_way", "held", "postponed", "cancelled"]))
            found.append(
                mention(status, first and first.isoformat(), last and last.isoformat(), granularity=kind,
                        ordinal=draw(st.sampled_from([None, 1, 2])), venue=draw(st.sampled_from([None, "Istanbul", "Doha"])))
            )  # fmt: skip
        out.append((article(n, day.isoformat()), coding(*found)))
    return out


@given(news())
@settings(max_examples=60, deadline=None)
def test_looking_only_at_rounds_near_in_time_changes_nothing(found: list[tuple[Article, Coding]]) -> None:
    from forecast import rounds as module

    quick = track(found, "russia-ukraine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module._ByTime, "near", lambda self, e: list(range(len(self.rounds))))
        slow = track(found, "russia-ukraine")
    assert [(r.round_id, r.evidence) for r in quick] == [(r.round_id, r.evidence) for r in slow]


@given(news())
@settings(max_examples=30, deadline=None)
def test_a_round_counts_as_it_goes(found: list[tuple[Article, Coding]]) -> None:
    for r in track(found, "russia-ukraine"):
        again = Round(r.round_id, r.evidence)
        seen = [(x.ordinal, x.venue, x.level, x.window, x.status) for x in (r, again)]
        assert seen[0] == seen[1]
