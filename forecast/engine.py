"""Coding many articles: iterators in, iterators out, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from forecast.case import Case
from forecast.coding import Coder
from forecast.records import Article, Coding


def code_many(articles: Iterable[Article], case: Case | None = None, *, coder: Coder | None = None) -> Iterator[tuple[Article, Coding]]:
    """Each article with its coding, in the order given; memory does not grow with the number of articles."""
    coder = coder or Coder(case)
    for article in articles:
        yield article, coder.code(article.text, article.effective.date(), article.title)
