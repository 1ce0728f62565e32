"""The benchmark's own texts and clock: same seed, same texts; on talks or not, as asked for."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import forecast as fc
from forecast.bench import Rate, bench, made_once, rate, stream
from forecast.sample_texts import made_articles, sentence_pools

BENCHMARKS = Path(__file__).parent / "benchmarks"


def test_same_seed_same_texts() -> None:
    assert list(made_articles(20, 800, 0.5, seed=3)) == list(made_articles(20, 800, 0.5, seed=3))
    assert {a.text for a in made_articles(20, seed=3)} & {a.text for a in made_articles(20, seed=4)} == set()


@pytest.mark.parametrize("size", [500, 2500, 20_000])
def test_size_and_share_are_as_asked(size: int, coder: Any) -> None:
    made = list(made_articles(20, size, 0.25))
    assert all(0.7 * size < len(a.text) < 1.3 * size for a in made)
    relevant = [coder.code(a.text, a.effective.date(), a.title).relevant for a in made]
    assert sum(relevant) == 5
    assert [a.effective for a in made] == sorted(a.effective for a in made)


def test_pools_hold_enough() -> None:
    on_talks, other = sentence_pools()
    assert len(on_talks) > 300
    assert len(other) > 20
    assert not set(on_talks) & set(other)


def test_the_clock_counts_whole_rounds() -> None:
    done: list[str] = []
    articles = list(made_articles(3, 500))
    r = rate(lambda a: done.append(a.article_id), articles, 0.01)
    assert r.done == len(done) - 1  # one to warm up
    assert r.done % 3 == 0
    assert r.letters == r.done // 3 * sum(len(a.text) for a in articles)
    assert (Rate(10, 4_000_000, 2.0).per_second, Rate(10, 4_000_000, 2.0).megabytes_per_second) == (5.0, 2.0)


def test_a_measure_holds_some_of_each_kind() -> None:
    for share in (0.01, 0.1, 1.0):
        made = made_once(2500, share, 100_000)
        assert sum(a.title.startswith("Delegations") for a in made) == pytest.approx(share * len(made), abs=1)
    ids = [a.article_id for a in islice(stream(1000, 500), 700)]
    assert len(set(ids)) == 700


def test_table(cli: Any) -> None:
    table = bench((500,), (0.1, 1.0), seconds=0.05)
    assert list(table.columns) == ["letters", "share_on_talks", "articles_per_second", "mb_per_second", "peak_mb"]
    assert (table.articles_per_second > 0).all()
    assert fc.bench.peak_memory() > 20


@pytest.mark.parametrize("script", sorted(p.name for p in BENCHMARKS.glob("*.py")))
def test_benchmarks_start(script: str) -> None:
    """That they read their options; what they measure is for `python tests/benchmarks/...`."""
    if script == "startup.py":
        pytest.skip("it has no options and measures at once")
    ran = subprocess.run([sys.executable, str(BENCHMARKS / script), "--help"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
