"""What the coder makes of the labelled sets is pinned, and the same however it is come by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from golden import PINNED, digest, labelled

import forecast as fc
from forecast.archive import Archive
from forecast.case import Case
from forecast.coding_format import from_bytes, from_record, to_bytes, to_record
from forecast.reading import read_case, reader_of
from forecast.records import Article, Coding


@pytest.fixture(scope="module")
def inline() -> list[tuple[Article, Coding]]:
    """The articles and every twelfth sentence, coded one by one."""
    coder = fc.Coder(fc.Case.bundled("sudan-saf-rsf"))
    chosen = [a for n, a in enumerate(labelled()) if n % 12 == 0 or a.article_id.startswith("articles/")]
    return [(a, coder.code(a.text, a.effective.date(), a.title)) for a in chosen]


def test_codings_are_as_pinned() -> None:
    pinned, now = json.loads(PINNED.read_text(encoding="utf-8")), digest(fc.Coder())
    if pinned == now:
        return
    if pinned["texts_sha256"] != now["texts_sha256"]:
        why = "the labelled sets have changed"
    elif pinned["coder"] != now["coder"]:
        why = "a new CODER_VERSION"
    else:
        why = "other codings under the same CODER_VERSION: raise it, or undo the change"
    pytest.fail(f"{why}; pin what is meant with `python tests/golden.py`. Pinned {pinned}, now {now}")


@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_engines_agree_with_inline(inline: list[tuple[Article, Coding]], engine: str) -> None:
    if engine == "dask":
        pytest.importorskip("distributed")
    found = list(fc.code_many((a for a, _ in inline), fc.Case.bundled("sudan-saf-rsf"), engine=engine, workers=2))
    assert found == inline


def test_formats_agree(inline: list[tuple[Article, Coding]]) -> None:
    assert sum(c.relevant for _, c in inline) > 50
    for _, c in inline:
        assert from_bytes(to_bytes(c)) == c
        assert from_record(json.loads(json.dumps(to_record(c)))) == c


def test_the_archive_agrees(inline: list[tuple[Article, Coding]], tmp_path: Path) -> None:
    case = Case.create(tmp_path / "sudan", "sudan-saf-rsf")
    with Archive(case.archive_path) as archive:
        archive.add_articles(a for a, _ in inline)
        stored: dict[str, Any] = {a.article_id: a for a in archive.articles_as_of()}
    assert read_case(case).new == len(stored)
    mine = {a.article_id: c for a, c in inline if c.conflict_id == case.id}
    again = read_case(case)
    assert again.known == len(stored)
    assert {a.article_id: c for a, c in again.coded} == mine
    assert len(mine) > 20
    assert reader_of(case).coder_version.startswith(fc.coding.CODER_VERSION)
