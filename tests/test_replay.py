"""Replay: articles through the whole reading arm, against the outcomes of the table."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
from golden import labelled

import forecast as fc
from forecast.records import Article
from forecast.replay import naming, noise_table, replay, score_replay


def article(day: date, text: str) -> Article:
    when = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return Article(f"a{day}", "", text, "https://outlet.example/x", "Sample Paper", "third", when, when, when)


def test_found_beforehand_and_not_after() -> None:
    told = article(date(2025, 5, 30), "Russia and Ukraine will hold a second round of peace talks in Istanbul on Monday 2 June, the Kremlin said.")
    late = article(date(2025, 7, 30), "Russia and Ukraine met in Istanbul on 23 July for a third round of peace talks.")
    scores, codings = replay([late, told], fc.load_history(), date(2025, 5, 20), date(2025, 7, 31))
    mine = scores[scores.conflict_id == "russia-ukraine"].set_index("round_id")
    assert mine.loc["russia-ukraine-2025-istanbul-2", "found"]
    assert mine.found.sum() == 1  # what was told only after the round is no forecast of it
    assert score_replay(scores).n.eq(1).all()
    assert set(codings.round_id) == {"russia-ukraine-2025-istanbul-2"}


def test_noise_table() -> None:
    t = noise_table(pd.DataFrame({"round_id": list("abc"), "column": "expectation", "hand": [1, 0, None], "machine": [1, 1, 1]}))
    assert (t.rounds.iloc[0], t.both_coded.iloc[0], t.equal.iloc[0]) == (3, 2, 0.5)


def test_every_case_gets_the_articles_that_name_one_of_its_parties() -> None:
    cases = [fc.Case.bundled(name) for name in ("russia-ukraine", "sudan-saf-rsf", "cyprus", "colombia-eln")]
    stock = [a for n, a in enumerate(labelled()) if a.article_id.startswith("articles/") or n % 20 == 0]
    conflicts = {a.article_id: c.conflict_id for a, c in fc.code_many(stock, coder=fc.Coder())}
    for case, mine in zip(cases, naming(stock, cases), strict=True):
        about = {i for i, conflict in conflicts.items() if conflict == case.id}
        assert about <= {a.article_id for a in mine}
        assert len(about) <= len(mine) < len(stock)
        assert mine == sorted(mine, key=stock.index)
    assert {"russia-ukraine", "cyprus"} < set(conflicts.values())
