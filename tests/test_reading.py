"""What an archive keeps of being read: nothing is coded twice, nothing stale is taken, and the outlook is the same."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from deadly import Deadly

import forecast as fc
from forecast import coding_identity, reading
from forecast.archive import Archive
from forecast.archive_codings import Reader
from forecast.case import Case, CaseData
from forecast.coding_format import from_bytes, from_record, to_bytes, to_record
from forecast.errors import ArchiveError
from forecast.near_copies import exact_hash
from forecast.reading import read_case, reader_of
from forecast.records import Article, Coding

DAY = datetime(2025, 7, 19, 12, tzinfo=UTC)
TEXTS = (
    "The Kremlin said on Saturday that a third round of talks with Kyiv would be held in Istanbul on 23 July.",
    "The bakery sells bread.",
    "Ukraine demanded an immediate ceasefire at the talks, but Russia rejected it.",
)


def article(n: int, text: str = "", *, at: datetime = DAY, source: str = "Paper") -> Article:
    return Article(f"a{n}", f"Title {n}", text or TEXTS[n % 3], f"https://x.example/{n}", source, "third", at, at, at)


@pytest.fixture
def case(tmp_path: Path, make_case: Callable[..., Path]) -> Case:
    """A case with nine articles in its archive."""
    case = Case.open(make_case(tmp_path / "case"))
    with Archive(case.archive_path) as archive:
        archive.add_articles(article(n) for n in range(9))
    return case


def rows(case: Case, sql: str) -> list[Any]:
    with sqlite3.connect(case.archive_path) as db:
        found = db.execute(sql).fetchall()
    db.close()
    return found


# -- the cache ----------------------------------------------------------------------------------


def test_only_what_is_new_is_coded(case: Case) -> None:
    first = read_case(case)
    assert (first.new, first.known) == (9, 0)
    again = read_case(case)
    assert (again.new, again.known, again.coded) == (0, 9, first.coded)
    with Archive(case.archive_path) as archive:
        archive.add_articles([article(20), article(21), replace(article(2), text="It was called off.", retrieved=DAY + timedelta(hours=1))])
    third = read_case(case)
    assert (third.new, third.known) == (3, 8)


def test_what_is_read_is_what_coding_gives(case: Case, coder: Any) -> None:
    with Archive(case.archive_path) as archive:
        fresh = [(a, coder.code(a.text, a.effective.date(), a.title)) for a in archive.articles_as_of()]
    mine = [(a, c) for a, c in fresh if c.conflict_id == case.id]
    assert read_case(case).coded == mine == read_case(case).coded
    assert any(c.statements for _, c in mine)
    assert any(c.mentions for _, c in mine)


def test_the_outlook_is_the_same_as_from_all_codings(demo: Any) -> None:
    with Archive(demo.case.archive_path, readonly=True) as archive:
        everything = fc.code_articles(archive.articles_as_of(demo.reference_date), demo.case)
    whole = fc.make_outlook(demo.case, everything, demo.reference_date, demo.headline)
    kept = fc.make_outlook(demo.case, read_case(demo.case, demo.reference_date).coded, demo.reference_date, demo.headline)
    for name in ("rounds", "forecasts", "contributions", "statements", "evidence", "positions", "tone", "events", "features"):
        pd.testing.assert_frame_equal(getattr(whole, name), getattr(kept, name))
    assert (whole.n_articles, whole.n_sources) == (kept.n_articles, kept.n_sources)


def test_the_same_text_under_two_ids_is_kept_once(case: Case) -> None:
    twin = replace(article(0), article_id="twin", url="https://y.example/", source="Other")
    with Archive(case.archive_path) as archive:
        archive.add_articles([twin])
    read = read_case(case)
    assert "twin" in {a.article_id for a, _ in read.coded}
    assert rows(case, "SELECT count(*) FROM codings") == [(9,)]
    assert read_case(case).known == 10


def test_an_earlier_day_sees_the_earlier_version(case: Case) -> None:
    later = replace(article(2), text="The talks of Russia and Ukraine were called off.", retrieved=DAY + timedelta(days=3))
    with Archive(case.archive_path) as archive:
        archive.add_articles([later])
    assert read_case(case).new == 9
    past = read_case(case, DAY.date())
    assert (past.new, past.known) == (1, 8)
    assert {a.text for a, _ in past.coded if a.article_id == "a2"} == {TEXTS[2]}


def test_irrelevant_articles_are_a_mark(case: Case) -> None:
    read_case(case)
    (marks,) = rows(case, "SELECT count(*), count(coding) FROM codings")
    assert marks == (9, 6)


def test_a_changed_case_or_coder_means_reading_all_again(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    read_case(case)
    file = case.folder / "case.toml"
    text = file.read_text()
    file.write_text(re.sub(r'(?m)^name = ".*"$', 'name = "Another heading"', text, count=1))
    assert read_case(Case.open(case.folder)).new == 0  # what the coder does not look at
    file.write_text(text.replace('demonyms = ["', 'demonyms = ["Muscovite", "', 1))
    assert read_case(Case.open(case.folder)).new == 9
    file.write_text(text)
    assert read_case(case).new == 0  # and back
    monkeypatch.setattr(reading, "coder_version", lambda: "2-newer")
    assert read_case(case).new == 9


def test_compacting_removes_what_nobody_will_ask_for(case: Case, cli: Any) -> None:
    read_case(case)
    with Archive(case.archive_path) as archive:
        archive.store_codings(Reader("0-older", "x"), [(article(0), Coding(False, None, None))])
        archive.store_codings(reader_of(case), [(article(77, "A text that is in no archive."), Coding(False, None, None))])
    done = cli("archive", "compact", case.folder)
    assert (done.code, done.out.splitlines()[0]) == (0, "2 codings of earlier versions removed")
    assert rows(case, "SELECT count(*) FROM coders") == [(1,)]
    assert read_case(case).known == 9


def test_what_cannot_be_coded_is_named_and_tried_again(case: Case, cli: Any) -> None:
    with sqlite3.connect(case.archive_path) as db:  # what no feed can bring: a text that is no text
        db.execute("UPDATE articles SET text=x'00ff' WHERE article_id='a4'")
    db.close()
    read = read_case(case)
    assert (read.new, [i for i, _ in read.faults]) == (8, ["a4"])
    ran = cli("rounds", case.folder)
    assert "0 articles coded, 8 known from before; 1 could not be coded, the first: TypeError" in ran.err


def test_an_archive_that_cannot_be_written_is_still_read(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Archive.__init__

    def readonly(self: Archive, path: Path, *, readonly: bool = False, timeout: float = 30.0) -> None:
        if not readonly:
            raise ArchiveError(f"{path} cannot be opened for writing")
        usual(self, path, readonly=True, timeout=timeout)

    with monkeypatch.context() as patch:
        patch.setattr(Archive, "__init__", readonly)
        unkept = read_case(case)
        assert (unkept.new, unkept.known) == (9, 0)
    assert rows(case, "SELECT count(*) FROM codings") == [(0,)]
    assert read_case(case).coded == unkept.coded


@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_every_engine_fills_the_same_archive(case: Case, engine: str) -> None:
    if engine == "dask":
        pytest.importorskip("distributed")
    other = Case(case.data, case.folder.parent / "copy")
    shutil.copytree(case.folder, other.folder)
    assert read_case(other, engine=engine, workers=1).coded == read_case(case).coded
    columns = "SELECT text_key, conflict_id, coding FROM codings ORDER BY 1"
    assert rows(case, columns) == rows(other, columns)


def test_a_deadly_article_stops_nothing(case: Case) -> None:
    pairs = list(fc.code_many([article(0), replace(article(1), text=Deadly("x")), article(2)], case, engine="processes", workers=1))
    with Archive(case.archive_path) as archive:
        archive.store_codings(reader_of(case), pairs[:1] + pairs[2:])
    assert pairs[1][1].fault
    assert read_case(case).known == 2


LONG = """
    import sys
    from pathlib import Path
    from forecast.case import Case
    from forecast.reading import read_case
    read_case(Case.open(Path(sys.argv[1])), progress=lambda what, n, of: print(n, flush=True))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_midway_it_goes_on_where_it_was(case: Case, how: signal.Signals) -> None:
    with Archive(case.archive_path) as archive:
        archive.add_articles(article(n, f"{TEXTS[n % 3]} This was said at {n} o'clock.") for n in range(100, 1100))
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(LONG), str(case.folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as p:
        assert p.stdout is not None
        for line in p.stdout:
            if int(line) >= reading.KEPT_AT_ONCE + 50:
                os.kill(p.pid, how)
                break
        p.wait(20)
    before = rows(case, "SELECT count(*) FROM codings")[0][0]
    assert before >= reading.KEPT_AT_ONCE
    if how is signal.SIGINT:
        assert before > reading.KEPT_AT_ONCE  # Ctrl-C loses nothing
    read = read_case(case)
    assert (read.known, read.new) == (before, 1009 - before)
    with Archive(case.archive_path) as archive:
        assert archive.check() == []


def test_a_rerun_is_proportionate(case: Case) -> None:
    """A quick guard at a tenth of the size; `tests/benchmarks/rerun.py` measures the whole."""
    with Archive(case.archive_path) as archive:
        archive.add_articles(article(n, f"The bakery number {n} sells bread and {n * 7} cakes. " * 20, at=DAY - timedelta(minutes=n)) for n in range(100, 10_100))
    read_case(case)
    start = time.process_time()
    assert read_case(case).new == 0
    assert time.process_time() - start < 0.5


# -- keys and formats ---------------------------------------------------------------------------


def test_an_exact_hash_knows_every_letter() -> None:
    keys = {exact_hash(t, x, d) for t in ("a", "A", "a ") for x in ("b", "b\n", "\ud800") for d in ("2025-07-19", "2025-07-20")}
    assert len(keys) == 18
    assert exact_hash("ab", "c", "") != exact_hash("a", "bc", "")
    assert all(-(2**63) <= k < 2**63 for k in keys)


def test_identity_of_the_coder_follows_its_data(tmp_path: Path) -> None:
    assert re.fullmatch(r"\S+-[0-9a-f]{12}", coding_identity.coder_version())
    shutil.copytree(Path(fc.__file__).parent, tmp_path / "forecast", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(fc.bundled.data_path(), tmp_path / "data", dirs_exist_ok=True)

    def version() -> str:
        code = "from forecast.coding_identity import coder_version; print(coder_version())"
        return subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert version().strip() == coding_identity.coder_version()
    seen = {version()}
    for file in (*sorted((tmp_path / "forecast" / "coding").rglob("*.toml")), tmp_path / "data" / "world" / "actors.csv"):
        with file.open("a") as f:
            f.write("\n")
        seen.add(version())
        if len(seen) > 3:
            break
    assert len(seen) == 4


def test_case_hash_covers_every_key_but_those_named() -> None:
    case = Case.bundled("russia-ukraine")
    assert set(CaseData.model_fields) > coding_identity.NOT_READ_BY_THE_CODER
    for key in CaseData.model_fields:
        other = {"id": "x", "name": "X", "conflict_type": "civil", "headline_level": 3, "began": date(1999, 1, 1), "allow_private": True}.get(key, [])
        changed = Case(case.data.model_copy(update={key: other}))
        same = coding_identity.case_hash(changed) == coding_identity.case_hash(case)
        assert same == (key in coding_identity.NOT_READ_BY_THE_CODER), key


def test_codings_do_not_depend_on_what_the_hash_leaves_out(coder: Any) -> None:
    data = coder.case.data.model_copy(update={"name": "X", "headline_level": 3, "feeds": [], "allow_private": True})
    other = fc.Coder(Case(data))
    for text in TEXTS:
        assert other.code(text, DAY.date(), "T") == coder.code(text, DAY.date(), "T")


def test_formats_give_back_what_they_took(demo: Any) -> None:
    codings = [c for _, c in read_case(demo.case, demo.reference_date).coded]
    assert [from_bytes(to_bytes(c)) for c in codings] == codings
    assert [from_record(to_record(c)) for c in codings] == codings
    failed = Coding(False, None, None, fault="ValueError: odd")
    assert from_record(to_record(failed)) == failed
    numpy = replace(codings[0], tone=pd.Series([0.25]).iloc[0], relevant=pd.Series([True]).iloc[0])
    assert from_bytes(to_bytes(numpy)) == replace(codings[0], tone=0.25, relevant=True)
