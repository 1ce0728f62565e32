"""Coding many articles gives what coding each of them gives, in the order given."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count, islice
from typing import Any

import forecast as fc
from forecast.records import Article

WHEN = datetime(2025, 7, 19, tzinfo=UTC)
TEXTS = (
    "Ukraine proposed a new round of talks with Russia in Istanbul next week.",
    "The bakery sells bread.",
    "Russia rejected a ceasefire before the talks with Ukraine.",
)


def articles() -> Any:
    for n in count():
        yield Article(f"a{n}", "", TEXTS[n % 3], "", "Paper", "third", WHEN, WHEN, WHEN)


def test_same_as_one_by_one(coder: Any) -> None:
    some = list(islice(articles(), 7))
    coded = list(fc.code_many(some, coder=coder))
    assert [a for a, _ in coded] == some
    assert [c for _, c in coded] == [coder.code(a.text, a.effective.date(), a.title) for a in some]


def test_works_on_an_endless_stream(coder: Any) -> None:
    assert len(list(islice(fc.code_many(articles(), coder=coder), 5))) == 5


def test_nothing_in_nothing_out() -> None:
    assert list(fc.code_many([], fc.Case.bundled("russia-ukraine"))) == []
